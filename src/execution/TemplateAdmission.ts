/**
 * Whether the pods of a changed template would be admitted. Admission refuses pods, not workloads: the API server
 * accepts a template of which not one pod can be created, and the rollout then ends with `FailedCreate`.
 *
 * `podOf` makes a pod of the new template for a server-side dry run, and `admissionOf` judges the response together
 * with the quotas of the namespace:
 *
 * | the dry run of a pod                             | result                                                           |
 * | ------------------------------------------------ | ---------------------------------------------------------------- |
 * | is accepted                                      | accepted, unless every pod together would exceed a quota: ask    |
 * | is refused by a quota, and old pods go first     | accepted, if every new pod together fits: the old ones make room |
 * | is refused by anything else, or there is no room | refuse: `pods-refused`                                           |
 * | is not permitted to Kubernaut, or not supported  | ask: `unread`                                                    |
 */

import { JsonPatch } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Change } from "../domain/Change.ts"
import * as Quantity from "../domain/Quantity.ts"
import { displayName } from "../domain/Target.ts"
import { countOrPercent } from "../kubernetes/CountOrPercent.ts"
import { failureOf } from "../kubernetes/FailureOfReason.ts"
import type { KubernetesErrorReason, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { LimitRange, PodTemplate, Quantities } from "../kubernetes/ObjectModel.ts"
import { desiredOf, isZero, strategyOf, type Workload } from "./actions/RolloutStart.ts"
import { refOf } from "./ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, type PlanRefusal, refuse, relatedOf, unreadAsk } from "./Plan.ts"
import { amountOf, containersOf, countedOf } from "./PodAmounts.ts"

interface ClaimTemplate {
  readonly metadata: { readonly name: string }
}

/** The workload after a change; `undefined` for a change that does not patch it. */
export const changed = (workload: Workload, change: Change | undefined): Workload | undefined =>
  change?._tag === "Patch"
    ? (JsonPatch.apply(
        change.patch.filter(({ path }) => path !== "/metadata/resourceVersion"),
        workload as never
      ) as unknown as Workload)
    : undefined

/** A pod of the workload's template, as its controller would create it. It is never stored. */
export const podOf = (workload: Workload, executionId: string): Extract<Change, { _tag: "Create" }> => {
  const { metadata, spec } = workload.spec.template
  const { name, namespace = "" } = workload.metadata
  const suffix = executionId
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .slice(-10)
  const podName = `${name.slice(0, 40).replace(/[^a-z0-9]+$/, "")}-dry-run-${suffix}`
  const claims = (workload.spec["volumeClaimTemplates"] as ReadonlyArray<ClaimTemplate> | undefined) ?? []
  const volumes = [
    ...((spec["volumes"] as ReadonlyArray<unknown> | undefined) ?? []),
    ...claims.map((claim) => ({
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: `${claim.metadata.name}-${name}-0` }
    }))
  ]
  return {
    _tag: "Create",
    ref: { namespace, kind: "Pod", name: podName },
    manifest: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: podName, labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} },
      spec: { ...spec, ...(volumes.length === 0 ? {} : { volumes }) }
    } as Extract<Change, { _tag: "Create" }>["manifest"]
  }
}

/** The lines of quotas that the workload would exceed once every pod has the new template. */
const exceeded = (before: Workload, after: Workload, objects: PlanObjects): ReadonlyArray<string> => {
  const pods = BigInt(desiredOf(before) ?? 1)
  return relatedOf(objects, "ResourceQuota").flatMap((quota) =>
    Object.entries(quota.status?.hard ?? quota.spec?.hard ?? {}).flatMap(([line, hard]) => {
      const [old, next] = [countedOf(before.spec.template, line), countedOf(after.spec.template, line)]
      const [limit, used] = [Quantity.parse(hard), Quantity.parse(quota.status?.used?.[line])]
      if (old === undefined || next === undefined || next <= old || limit === undefined) return []
      // A quota whose use is not known counts this workload alone.
      const total = used === undefined ? pods * next : used + pods * (next - old)
      return total <= limit ? [] : [`${quota.metadata.name} (${line}: ${Quantity.format(total)} of ${hard})`]
    })
  )
}

/** Whether the rollout removes an old pod before it needs room for a new one. */
export const oldPodsGoFirst = (workload: Workload): boolean => {
  const { rollingUpdate = {}, type } = strategyOf(workload)
  if (type === "Recreate" || workload.kind === "StatefulSet") return true
  if (workload.kind === "DaemonSet") return rollingUpdate.maxSurge === undefined || isZero(rollingUpdate.maxSurge)
  // By default a quarter of the pods, rounded down, may be unavailable. Without surge it is at least one.
  const desired = desiredOf(workload) ?? 1
  const unavailable = countOrPercent(rollingUpdate.maxUnavailable ?? "25%", desired, Math.floor)
  return unavailable > 0 || (isZero(rollingUpdate.maxSurge) && desired > 0)
}

/** The limit of a LimitRange that a template violates, in words; `undefined` if none is found. */
const limitViolation = (template: PodTemplate, ranges: ReadonlyArray<LimitRange>): string | undefined => {
  for (const range of ranges) {
    for (const { max = {}, min = {}, type } of range.spec?.limits ?? []) {
      const subjects =
        type === "Pod"
          ? [{ what: "the pod", of: (list: "requests" | "limits", name: string) => amountOf(template, list, name) }]
          : type === "Container"
            ? containersOf(template).map(({ name: container, resources }) => ({
                what: `container ${container}`,
                of: (list: "requests" | "limits", name: string) =>
                  Quantity.parse((resources?.[list] as Quantities | undefined)?.[name])
              }))
            : []
      for (const { of, what } of subjects) {
        const above = Object.entries(max).find(
          ([name, most]) => (of("limits", name) ?? 0n) > (Quantity.parse(most) ?? 0n)
        )
        if (above !== undefined)
          return `LimitRange ${range.metadata.name} allows at most ${above[1]} of ${above[0]} per ${type}, and ${what} would have ${Quantity.format(of("limits", above[0])!)}`
        const below = Object.entries(min).find(([name, least]) => {
          const request = of("requests", name)
          return request !== undefined && request < (Quantity.parse(least) ?? 0n)
        })
        if (below !== undefined)
          return `LimitRange ${range.metadata.name} requires at least ${below[1]} of ${below[0]} per ${type}, and ${what} would request ${Quantity.format(of("requests", below[0])!)}`
      }
    }
  }
  return undefined
}

const describe = (reason: KubernetesErrorReason, after: Workload, objects: PlanObjects): string => {
  switch (reason._tag) {
    case "QuotaExceeded":
      return reason.quota === undefined
        ? (limitViolation(after.spec.template, relatedOf(objects, "LimitRange")) ?? "a LimitRange does not allow them")
        : `they would exceed the quota ${reason.quota}`
    case "PolicyDenied":
      return `${reason.policy ?? "an admission policy"} denies them`
    case "Invalid":
      return `they are invalid (${reason.fields.join(", ")})`
    default:
      return "the API server refuses them"
  }
}

/** What the dry run of a pod says: accepted (`undefined`), or why not. */
export type PodDryRun = KubernetesErrorReason | undefined

/** Whether the new pods would be admitted; see the table above. */
export const admissionOf = (
  before: Workload,
  after: Workload,
  refused: PodDryRun,
  objects: PlanObjects
): PlanRefusal | ReadonlyArray<Ask> => {
  const name = displayName(refOf(before))
  if (refused?._tag === "Forbidden") return [unreadAsk("Pod", `whether new pods of ${name} would be admitted`)]
  // A webhook that does not support dry runs makes it a 400 without a field.
  if (refused?._tag === "Invalid" && refused.fields.length === 0)
    return [ask("unread", `The API server did not say whether new pods of ${name} would be admitted.`)]
  const quotas = exceeded(before, after, objects)
  const makesRoom =
    refused?._tag === "QuotaExceeded" && refused.quota !== undefined && quotas.length === 0 && oldPodsGoFirst(before)
  if (refused !== undefined && !makesRoom)
    return {
      ...refuse(
        "pods-refused",
        `New pods of ${name} could not be created (FailedCreate): ${describe(refused, after, objects)}. Nothing was changed.`
      ),
      failure: failureOf(refused)
    }
  if (isUnread(objects, "ResourceQuota")) return [unreadAsk("ResourceQuota", name)]
  return quotas.length === 0
    ? []
    : [
        ask(
          "beyond-quota",
          `Not every pod of ${name} would fit: together they would exceed the quota ${quotas.join(", ")}, so it needs an approval.`,
          { quotas: quotas.join(", ") }
        )
      ]
}

/** Whether an action changes a pod template, so that new pods replace the old ones. */
export const replacesPods = ({ type }: Action): boolean =>
  type === "RestartWorkload" || type === "RollbackDeployment" || type === "AdjustResources"

/** Whether a failed dry run of a pod says something about the pod, and not about the API server. */
export const saysWhetherAdmitted = ({ _tag }: KubernetesErrorReason): boolean =>
  _tag === "Forbidden" || _tag === "QuotaExceeded" || _tag === "PolicyDenied" || _tag === "Invalid"

/** The workload of an action that changes a pod template. */
export const workloadOf = (subject: KubernetesObject | undefined): Workload | undefined =>
  subject?.kind === "Deployment" || subject?.kind === "StatefulSet" || subject?.kind === "DaemonSet"
    ? (subject as Workload)
    : undefined
