/**
 * How much of an action fits into its namespace: the largest replica count, or the bounds of a container's resources.
 * Pure. `decision/Alternatives` makes alternative actions from it.
 *
 * A quota bounds what every pod of the workload has together, and during a rollout that creates new pods first also the
 * first new pod. A LimitRange bounds each container, or each pod. A quota with a scope may not count the pods, so it is
 * left out: the API server still has the last word.
 */

import type { Action } from "../domain/Action.ts"
import type { Shortage } from "../domain/Failure.ts"
import * as Quantity from "../domain/Quantity.ts"
import type { ResourceBounds, Room } from "../domain/Room.ts"
import type { Container, LimitRange, ReplicaSet, ResourceQuota } from "../kubernetes/ObjectModel.ts"
import { desiredOf, type Workload } from "./actions/RolloutStart.ts"
import { asKind, type PlanObjects, relatedOf } from "./Plan.ts"
import { amountOf, amountOfContainer, countedBy, countedOf, type List } from "./PodAmounts.ts"
import { oldPodsGoFirst, workloadOf } from "./TemplateAdmission.ts"

interface Line {
  readonly quota: string
  readonly resource: string
  readonly hard: Quantity.Amount
  readonly used: Quantity.Amount
}

/** The lines of quotas whose use is known. */
const linesOf = (objects: PlanObjects): ReadonlyArray<Line> =>
  (relatedOf(objects, "ResourceQuota") as ReadonlyArray<ResourceQuota>)
    .filter(({ spec }) => spec?.["scopes"] === undefined && spec?.["scopeSelector"] === undefined)
    .flatMap(({ metadata, status }) =>
      Object.entries(status?.hard ?? {}).flatMap(([resource, limit]) => {
        const [hard, used] = [Quantity.parse(limit), Quantity.parse(status?.used?.[resource])]
        return hard === undefined || used === undefined ? [] : [{ quota: metadata.name, resource, hard, used }]
      })
    )

const shortage = ({ hard, quota, resource, used }: Line, requested: Quantity.Amount): Shortage => ({
  quota,
  resource,
  requested: Quantity.format(requested),
  used: Quantity.format(used),
  hard: Quantity.format(hard)
})

/** The room for more replicas of a workload. */
export const roomForReplicas = (workload: Workload | ReplicaSet, to: number, objects: PlanObjects): Room => {
  const now = desiredOf(workload) ?? 1
  // Pods that could not be created count nothing yet.
  const existing = Math.min(now, (workload.status as { readonly replicas?: number } | undefined)?.replicas ?? now)
  const lines = linesOf(objects).flatMap((line) => {
    const each = countedOf(workload.spec.template, line.resource)
    return each === undefined || each <= 0n ? [] : [{ ...line, each }]
  })
  const fitting = lines.map(({ each, hard, used }) => existing + Math.max(0, Number((hard - used) / each)))
  return {
    shortages: lines.flatMap((line) => {
      const requested = BigInt(to - existing) * line.each
      return line.used + requested > line.hard ? [shortage(line, requested)] : []
    }),
    replicas: { now, most: Math.min(to, ...fitting) }
  }
}

/** The least of the amounts that are known. */
const least = (amounts: ReadonlyArray<Quantity.Amount | undefined>): Quantity.Amount | undefined =>
  amounts.reduce((low, each) => (each === undefined || (low !== undefined && low <= each) ? low : each), undefined)

const greatest = (amounts: ReadonlyArray<Quantity.Amount | undefined>): Quantity.Amount | undefined =>
  amounts.reduce((high, each) => (each === undefined || (high !== undefined && high >= each) ? high : each), undefined)

const mebi = Quantity.unit << 20n

/** Rounded down to what people write: whole mebibytes, or thousandths of a core. */
const rounded = (amount: Quantity.Amount, resource: string): Quantity.Amount => {
  const grain = resource === "cpu" ? Quantity.unit / 1000n : amount < mebi ? Quantity.unit : mebi
  return amount < 0n ? 0n : amount - (amount % grain)
}

const byQuota = (
  workload: Workload,
  container: Container,
  list: List,
  resource: string,
  { hard, used }: Line
): Quantity.Amount | undefined => {
  const old = amountOfContainer(container, list, resource)
  const pods = BigInt(Math.max(1, desiredOf(workload) ?? 1))
  const together = old + (hard - used) / pods
  const others = amountOf(workload.spec.template, list, resource) - old
  return oldPodsGoFirst(workload) ? together : least([together, hard - used - others])
}

const byRange = (workload: Workload, container: Container, list: List, resource: string, range: LimitRange) =>
  (range.spec?.limits ?? []).map(({ max, min, type }) => {
    const [most, atLeast] = [Quantity.parse(max?.[resource]), Quantity.parse(min?.[resource])]
    const others = amountOf(workload.spec.template, list, resource) - amountOfContainer(container, list, resource)
    if (type === "Container") return { most, atLeast }
    return type === "Pod" && most !== undefined ? { most: most - others, atLeast: undefined } : {}
  })

const boundsOf = (
  workload: Workload,
  container: Container,
  list: List,
  resource: string,
  objects: PlanObjects
): ResourceBounds => {
  // A container without a request requests its limit.
  const lists: ReadonlyArray<List> =
    list === "limits" && container.resources?.requests?.[resource] === undefined ? ["limits", "requests"] : [list]
  const quotas = linesOf(objects).flatMap((line) => {
    const counted = countedBy(line.resource)
    return counted !== undefined && counted.resource === resource && lists.includes(counted.list)
      ? [byQuota(workload, container, counted.list, resource, line)]
      : []
  })
  const ranges = relatedOf(objects, "LimitRange").flatMap((range) =>
    byRange(workload, container, list, resource, range)
  )
  const most = least([...quotas, ...ranges.map((range) => range.most)])
  const atLeast = greatest(ranges.map((range) => range.atLeast))
  const from = container.resources?.[list]?.[resource]
  return {
    list,
    resource,
    ...(from === undefined ? {} : { from: String(from) }),
    ...(most === undefined ? {} : { most: Quantity.format(rounded(most, resource)) }),
    ...(atLeast === undefined ? {} : { least: Quantity.format(atLeast) })
  }
}

const shortagesOf = (workload: Workload, asked: Container, container: Container, objects: PlanObjects) => {
  const pods = BigInt(desiredOf(workload) ?? 1)
  return linesOf(objects).flatMap((line) => {
    const counted = countedBy(line.resource)
    if (counted === undefined) return []
    const { list, resource } = counted
    const more = pods * (amountOfContainer(asked, list, resource) - amountOfContainer(container, list, resource))
    return more > 0n && line.used + more > line.hard ? [shortage(line, more)] : []
  })
}

/** The room for an action that does not fit; `undefined` for an action that has no smaller form. */
export const roomOf = (action: Action, objects: PlanObjects): Room | undefined => {
  if (action.type === "ScaleWorkload") {
    const scaled = objects.subject && asKind(objects.subject, "Deployment", "StatefulSet", "ReplicaSet")
    return scaled && roomForReplicas(scaled, action.replicas, objects)
  }
  const workload = workloadOf(objects.subject)
  if (action.type !== "AdjustResources" || workload === undefined) return undefined
  const container = workload.spec.template.spec.containers.find(({ name }) => name === action.container)
  if (container === undefined) return undefined
  const resources = (["requests", "limits"] as const).flatMap((list) =>
    Object.keys(action[list] ?? {}).map((resource) => boundsOf(workload, container, list, resource, objects))
  )
  const asked = {
    ...container,
    resources: {
      requests: { ...container.resources?.requests, ...action.requests },
      limits: { ...container.resources?.limits, ...action.limits }
    }
  } as Container
  return { shortages: shortagesOf(workload, asked, container, objects), resources }
}
