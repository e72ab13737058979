/** `AdjustResources`: changes the requests and limits of one container. */

import * as Quantity from "../../domain/Quantity.ts"
import { displayName } from "../../domain/Target.ts"
import type { Container, Quantities } from "../../kubernetes/ObjectModel.ts"
import { type Edit, patch, set } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  nothingToDo,
  type PlanContext,
  planned,
  type Planner,
  refuse,
  step,
  wrongKind
} from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { rolloutRefusal } from "./RolloutStart.ts"
import { evictionsOf, stuckPods } from "./StuckPods.ts"

type Resources = NonNullable<Container["resources"]>
interface Step {
  readonly list: "requests" | "limits"
  readonly resource: string
  readonly from: string | undefined
  readonly to: string
}

/** Two values that are not quantities are the same only if their text is. */
const sameQuantity = (left: string, right: string): boolean => {
  const [one, other] = [Quantity.parse(left), Quantity.parse(right)]
  return one === undefined || other === undefined ? left === right : one === other
}

const steps = (resources: Resources, requested: Resources): ReadonlyArray<Step> =>
  (["requests", "limits"] as const).flatMap((list) =>
    Object.entries(requested[list] ?? {})
      .map(([resource, to]) => ({ list, resource, from: resources[list]?.[resource], to }))
      .filter(({ from, to }) => from === undefined || !sameQuantity(from, to))
  )

const merged = (resources: Resources, requested: Resources, list: "requests" | "limits"): Quantities => ({
  ...resources[list],
  ...requested[list]
})

const asksOf = (changed: ReadonlyArray<Step>, context: PlanContext): ReadonlyArray<Ask> =>
  changed.flatMap(({ from, list, resource, to }) => {
    const figures = { field: `${list}.${resource}`, from: from ?? "none", to }
    if (from === undefined)
      return ask(
        "adds-resources",
        `Setting ${resource} ${list} to ${to} where there was none may get pods killed or leave them without a node, so it needs an approval.`,
        figures
      )
    const before = Quantity.parse(from)
    const after = Quantity.parse(to)
    if (before === undefined || after === undefined)
      return ask(
        "unreadable-quantity",
        `The change of ${resource} ${list} from ${from} to ${to} can't be compared, because ${before === undefined ? from : to} is not a quantity, so it needs an approval.`,
        figures
      )
    const what = `${resource} ${list} from ${from} to ${to}`
    if (after < before)
      return ask(
        "lowers-resources",
        `Lowering ${what} takes resources from a failing workload, so it needs an approval.`,
        figures
      )
    return after > Quantity.times(before, context.maximumResourceFactor)
      ? ask(
          "raises-resources-far",
          `Raising ${what} to more than ${context.maximumResourceFactor} times the current value needs an approval.`,
          figures
        )
      : []
  })

export const adjust: Planner<"AdjustResources"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined) return wrongKind(action)
  const refusal = rolloutRefusal(workload)
  if (refusal !== undefined) return refusal
  const index = workload.spec.template.spec.containers.findIndex((container) => container.name === action.container)
  const container = workload.spec.template.spec.containers[index]
  if (container === undefined)
    return refuse("no-such-container", `${displayName(action.target)} has no container ${action.container}.`)
  const requested: Resources = {
    ...(action.requests === undefined ? {} : { requests: action.requests as Quantities }),
    ...(action.limits === undefined ? {} : { limits: action.limits as Quantities })
  }
  if (Object.keys({ ...requested.requests, ...requested.limits }).length === 0) {
    return refuse("nothing-asked", "The action sets neither a request nor a limit.")
  }
  const resources = container.resources ?? {}
  const changed = steps(resources, requested)
  if (changed.length === 0) return nothingToDo
  const requests = merged(resources, requested, "requests")
  const limits = merged(resources, requested, "limits")
  for (const resource of Object.keys(requests)) {
    const limit = Quantity.parse(limits[resource])
    if (limit !== undefined && (Quantity.parse(requests[resource]) ?? 0n) > limit) {
      return refuse(
        "request-above-limit",
        `The ${resource} request ${requests[resource]} would exceed the limit ${limits[resource]}.`
      )
    }
  }
  const at = ["spec", "template", "spec", "containers", index, "resources"]
  const edits: ReadonlyArray<Edit> = changed.map(({ list, resource, to }) => set([...at, list, resource], to))
  const { change, inverse } = patch(subject, edits, context)
  const stuck = stuckPods(workload, objects)
  return planned(
    [change, ...evictionsOf(stuck.pods)],
    { _tag: "Exact", changes: [inverse] },
    {
      asks: [...asksOf(changed, context), ...rolloutAsks(workload, objects, false), ...stuck.asks],
      figures: {
        ...Object.fromEntries(changed.map(({ from, list, resource, to }) => [`${list}.${resource}`, step(from, to)])),
        ...stuck.figures
      }
    }
  )
}
