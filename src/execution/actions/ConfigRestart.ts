/**
 * Whether the alert's target has to be restarted before a restored ConfigMap takes effect.
 *
 * | the target's containers get it by           | and a pod                                 | then                              |
 * | ------------------------------------------- | ----------------------------------------- | --------------------------------- |
 * | `env`, `envFrom`, or a mount with `subPath` | runs a container started after the change | restart                           |
 * | the same                                    | crash-loops                               | restart                           |
 * | the same                                    | waits for the ConfigMap or a key of it    | the kubelet tries again by itself |
 * | the same                                    | runs since before the change              | it has the earlier value already  |
 * | a mounted volume                            | anything                                  | the kubelet refreshes the files   |
 *
 * A container keeps such values from its start. A crash loop would read them at its next start, which may be five
 * minutes away.
 */

import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import type { Container, Pod, PodTemplate } from "../../kubernetes/ObjectModel.ts"

type Fields = Readonly<Record<string, unknown>>

const listIn = (fields: Fields, name: string): ReadonlyArray<Fields> =>
  Array.isArray(fields[name]) ? (fields[name] as ReadonlyArray<Fields>) : []

const nameIn = (reference: unknown): unknown => (reference as Fields | undefined)?.["name"]

const isInEnvironment = (container: Container, config: string): boolean =>
  listIn(container, "envFrom").some(({ configMapRef }) => nameIn(configMapRef) === config)
  || listIn(container, "env").some(
    ({ valueFrom }) => nameIn((valueFrom as Fields | undefined)?.["configMapKeyRef"]) === config
  )

/** The volumes with content of a ConfigMap. */
const volumesWith = (template: PodTemplate, config: string): ReadonlySet<unknown> =>
  new Set(
    listIn(template.spec, "volumes")
      .filter(
        (volume) =>
          nameIn(volume["configMap"]) === config
          || listIn((volume["projected"] as Fields | undefined) ?? {}, "sources").some(
            ({ configMap }) => nameIn(configMap) === config
          )
      )
      .map(({ name }) => name)
  )

/** The keys of a ConfigMap without which the containers of a template do not start. */
export const keysNeeded = (template: PodTemplate, config: string): ReadonlySet<unknown> => {
  const needed = (reference: unknown): ReadonlyArray<unknown> => {
    const fields = (reference ?? {}) as Fields
    return fields["name"] !== config || fields["optional"] === true
      ? []
      : [fields["key"], ...listIn(fields, "items").map(({ key }) => key)]
  }
  const ofVolume = ({ configMap, projected }: Fields): ReadonlyArray<unknown> => [
    ...needed(configMap),
    ...listIn((projected as Fields | undefined) ?? {}, "sources").flatMap((source) => needed(source["configMap"]))
  ]
  return new Set([
    ...listIn(template.spec, "volumes").flatMap(ofVolume),
    ...[...template.spec.containers, ...(template.spec.initContainers ?? [])].flatMap((container) =>
      listIn(container, "env").flatMap(({ valueFrom }) =>
        needed((valueFrom as Fields | undefined)?.["configMapKeyRef"])
      )
    )
  ])
}

/** Whether containers of a template keep the values of a ConfigMap from their start. */
export const keepsFromStart = (template: PodTemplate, config: string): boolean => {
  const volumes = volumesWith(template, config)
  return [...template.spec.containers, ...(template.spec.initContainers ?? [])].some(
    (container) =>
      isInEnvironment(container, config)
      || listIn(container, "volumeMounts").some(
        ({ name, subPath, subPathExpr }) => volumes.has(name) && (subPath !== undefined || subPathExpr !== undefined)
      )
  )
}

/** Whether a container of the pod has read the changed values, or crash-loops. */
const needsStart = ({ status }: Pod, sinceMs: number): boolean =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].some(({ state }) => {
    if (state?.waiting?.reason === "CrashLoopBackOff") return true
    const startedAt = state?.running?.startedAt
    return startedAt !== undefined && toMillis(startedAt) >= sinceMs
  })

/** Whether a workload has to be restarted so that its pods get what a change of a ConfigMap had replaced. */
export const needsRestart = (
  template: PodTemplate,
  pods: ReadonlyArray<Pod>,
  { at, notBefore, ref }: Pick<ObjectChange, "at" | "notBefore" | "ref">
): boolean =>
  ref.kind === "ConfigMap"
  && keepsFromStart(template, ref.name)
  && pods.some((pod) => needsStart(pod, toMillis(notBefore ?? at)))
