/**
 * Which other workloads depend on the present state of an object that is put back or removed. The alert is about one
 * workload, and a ConfigMap, a Service or an account may belong to many.
 *
 * | another object                                                          | then             |
 * | ----------------------------------------------------------------------- | ---------------- |
 * | does not start without a key of the ConfigMap that would go             | refused          |
 * | names the object that would be removed, and cannot do without           | refused          |
 * | relies on the object, and was created after the change                  | asks `relied-on` |
 * | relies on the object by fields that somebody has changed after it       | asks `relied-on` |
 * | names a key of the ConfigMap that would go, as a file or a variable     | asks `relied-on` |
 * | gets all keys of a ConfigMap, and was released after one that would go  | asks `relied-on` |
 * | relies on the object as it did before the change, also in a new release | no objection     |
 *
 * The last one ran with the earlier state, as the target of the alert did; a key that the change has added was not in
 * it, and a release may need that key. Fields rely on an object if they name it, if they give a pod the labels that a
 * policy selects, if they have a port that the change gave a policy or a Service, or a key that it gave a ConfigMap.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, listOf, selects, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { containersOf, hostsOf } from "../../changes/TemplateReferences.ts"
import * as FieldPath from "../../domain/FieldPath.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName, type ResourceRef, sameRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { controllerOf, type PodTemplate } from "../../kubernetes/ObjectModel.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, type PlanObjects, type PlanRefusal, refuse } from "../Plan.ts"
import { keysNeeded } from "./ConfigRestart.ts"
import { namedBy, reliesOn } from "./NamedObjects.ts"
import type { States } from "./RestoredEndpoints.ts"

/** The kinds that may depend on an object of their namespace. */
export const dependantKinds: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Ingress",
  "HTTPRoute",
  "GRPCRoute",
  "HorizontalPodAutoscaler",
  "RoleBinding"
])

const othersThan = (ref: ResourceRef, { related, target }: PlanObjects): ReadonlyArray<KubernetesObject> => [
  ...(target === undefined ? [] : [target]),
  ...related.filter((each) => dependantKinds.has(each.kind) && !sameRef(refOf(each), ref))
]

const keysIn = (object: KubernetesObject): ReadonlyArray<string> =>
  Object.keys({ ...fieldsOf(object["data"]), ...fieldsOf(object["binaryData"]) })

/** A workload that does not start without a key that goes. */
export const keyRefusal = ({ now, earlier }: States, objects: PlanObjects): PlanRefusal | undefined => {
  if (now.kind !== "ConfigMap") return undefined
  const gone = keysIn(now).filter((key) => !keysIn(earlier).includes(key))
  if (gone.length === 0) return undefined
  for (const workload of othersThan(refOf(now), objects)) {
    const template = templateOf(workload)
    const needed = template === undefined ? new Set() : keysNeeded(template as PodTemplate, now.metadata.name)
    const key = gone.find((each) => needed.has(each))
    if (key !== undefined)
      return refuse(
        "not-restorable",
        `Containers of ${displayName(refOf(workload))} do not start without key ${key} of ${displayName(refOf(now))}, which the change added.`
      )
  }
  return undefined
}

/** An object that cannot do without the one that would be removed. */
export const removalRefusal = (object: KubernetesObject, objects: PlanObjects): PlanRefusal | undefined => {
  const ref = refOf(object)
  const dependant = othersThan(ref, objects).find((each) => namedBy(each).some((named) => sameRef(named, ref)))
  return dependant === undefined
    ? undefined
    : refuse(
        "not-restorable",
        `${displayName(refOf(dependant))} names ${displayName(ref)} and cannot do without it, so it is not removed.`
      )
}

const leavesIn = (value: unknown): ReadonlyArray<unknown> =>
  typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesIn) : [value]

/** The numbers of ports that a change has given a policy or a Service. */
const portsGiven = ({ fields, ref: { kind } }: ObjectChange): ReadonlySet<string> =>
  new Set(
    kind === "NetworkPolicy" || kind === "Service"
      ? fields.flatMap(({ after, before }) => {
          const old = leavesIn(before)
          return leavesIn(after).flatMap((leaf) =>
            typeof leaf === "number" && !old.includes(leaf) ? [String(leaf)] : []
          )
        })
      : []
  )

/** The keys that a change has given a ConfigMap. */
const keysGiven = ({ fields, manifest, operation, ref: { kind } }: ObjectChange): ReadonlySet<string> => {
  if (kind !== "ConfigMap") return new Set()
  if (operation === "created") return new Set(keysIn({ ...manifest } as unknown as KubernetesObject))
  return new Set(
    fields.flatMap(({ after, before, path: [first, key] }) => {
      if (first !== "data" && first !== "binaryData") return []
      if (key !== undefined) return before === undefined && typeof key === "string" ? [key] : []
      return Object.keys(fieldsOf(after)).filter((each) => !Object.hasOwn(fieldsOf(before), each))
    })
  )
}

/** The keys that a text names as words of their own, such as the file in `--config=/etc/app/worker.yaml`. */
const keysNamed = (value: unknown, keys: ReadonlySet<string>): ReadonlyArray<string> =>
  keys.size === 0
    ? []
    : leavesIn(value).flatMap((leaf) =>
        typeof leaf === "string" ? leaf.split(/[^\w.-]+/).filter((word) => keys.has(word)) : []
      )

/** A plain word may stand for anything. */
const isTelling = (key: string): boolean => /[^a-z]/.test(key)

const specOf = (workload: KubernetesObject): unknown => valueOf(templateOf(workload), "spec")

/** What a volume takes of a ConfigMap. */
const sourcesIn = (volume: unknown, config: string): ReadonlyArray<unknown> =>
  [
    valueOf(volume, "configMap"),
    ...listOf(volume, "projected", "sources").map((source) => valueOf(source, "configMap"))
  ].filter((source) => textOf(source, "name") === config)

/** The mounts of the volumes whose sources in a ConfigMap are such. */
const mountsOf = (
  workload: KubernetesObject,
  config: string,
  isSuch: (source: unknown) => boolean = () => true
): ReadonlyArray<unknown> => {
  const volumes = listOf(specOf(workload), "volumes").filter((volume) => sourcesIn(volume, config).some(isSuch))
  const names = new Set(volumes.map((volume) => textOf(volume, "name")))
  return containersOf(specOf(workload))
    .flatMap((container) => listOf(container, "volumeMounts"))
    .filter((mount) => names.has(textOf(mount, "name")))
}

/** A key of a ConfigMap that the containers of a workload name: as the file of a mount, in a variable or an argument. */
const keyUsed = (workload: KubernetesObject, config: string, keys: ReadonlySet<string>): string | undefined => {
  if (keys.size === 0) return undefined
  const mounted = mountsOf(workload, config).flatMap((mount) => textOf(mount, "subPath") ?? [])
  const texts = containersOf(specOf(workload)).flatMap((container) => [
    ...listOf(container, "env").map((entry) => textOf(entry, "value")),
    ...listOf(container, "args"),
    ...listOf(container, "command")
  ])
  return mounted.find((each) => keys.has(each)) ?? keysNamed(texts, new Set([...keys].filter(isTelling)))[0]
}

/** Whether the containers of a workload get every key of a ConfigMap: as variables, or as files. */
const getsAllKeys = (workload: KubernetesObject, config: string): boolean =>
  containersOf(specOf(workload)).some((container) =>
    listOf(container, "envFrom").some((source) => textOf(source, "configMapRef", "name") === config)
  )
  || mountsOf(workload, config, (source) => listOf(source, "items").length === 0).some(
    (mount) => textOf(mount, "subPath") === undefined
  )

/** Whether a field is of what the containers of a workload are and run. A restart changes an annotation. */
const isRelease = ({ path }: FieldPath.FieldDifference): boolean =>
  path.includes("template") && !path.includes("metadata")

/** A part of an object that names another one. */
const naming = /(Ref|^configMap|^service)$/

/** Whether a field that somebody has changed may make its object rely on the object of a change. */
const beginsToRely = (workload: KubernetesObject, field: FieldPath.FieldDifference, change: ObjectChange): boolean => {
  const { after, before, path } = field
  const [parent, last] = [path.at(-2), path.at(-1)]
  const { kind, name } = change.ref
  const keys = keysGiven(change)
  if (keys.size > 0 && isRelease(field) && getsAllKeys(workload, name)) return true
  if (path[0] === "metadata" || last === "image") return false
  if (kind === "NetworkPolicy" && (parent === "labels" || last === "labels")) return true
  if (typeof parent === "string" && naming.test(parent))
    return textOf(FieldPath.valueAt(workload, path.slice(0, -1)), "name") === name
  const given = portsGiven(change)
  const leaves = leavesIn(after)
  const texts = leaves.filter((leaf): leaf is string => typeof leaf === "string")
  const named = keysNamed(before, keys)
  return (
    leaves.some((leaf) => leaf === name || given.has(String(leaf)))
    || keysNamed(after, keys).some((key) => !named.includes(key))
    || (kind === "Service"
      && hostsOf({ containers: [{ args: texts }] }, change.ref.namespace).some((host) => sameRef(host, change.ref)))
  )
}

const isRestricted = (object: KubernetesObject, by: KubernetesObject | undefined): boolean => {
  const labels = podLabelsOf(object)
  return by?.kind === "NetworkPolicy" && labels !== undefined && selects(labels, by, "spec", "podSelector")
}

/** What somebody has made to rely on the object since the change, perhaps because of it. */
export const dependantAsks = (
  restored: ObjectChange,
  now: KubernetesObject | undefined,
  objects: PlanObjects
): ReadonlyArray<Ask> => {
  const { ref } = restored
  const { later = [], target } = objects
  const others = othersThan(ref, objects).filter(
    (each) => controllerOf(each) === undefined && !(target !== undefined && sameRef(refOf(each), refOf(target)))
  )
  const keys = keysGiven(restored)
  const found = others.flatMap((each) => {
    const own = refOf(each)
    const change = later.find(
      ({ fields, operation, ref }) =>
        sameRef(ref, own) && (operation === "created" || fields.some((field) => beginsToRely(each, field, restored)))
    )
    const key = change === undefined ? keyUsed(each, ref.name, keys) : undefined
    const why = change === undefined ? key && `names its key ${key}` : `${change.operation} at ${change.at}`
    const relies = reliesOn(each).some((named) => sameRef(named, ref)) || isRestricted(each, now)
    return why === undefined || !relies ? [] : [{ name: displayName(own), why }]
  })
  return found.length === 0
    ? []
    : [
        ask(
          "relied-on",
          `${found.map(({ name, why }) => `${name} (${why})`).join(", ")} may rely on ${displayName(ref)} as it is since the change, so taking the change back needs an approval.`,
          { others: found.map(({ name }) => name).join(", ") }
        )
      ]
}
