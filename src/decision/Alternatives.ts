/**
 * What may be done instead of an action that does not fit into the quotas and LimitRanges of its namespace: an ordered
 * list for each type of action.
 *
 * | action          | alternatives, in order                                                                      |
 * | --------------- | ------------------------------------------------------------------------------------------- |
 * | ScaleWorkload   | `fewer-replicas`: the largest count whose pods all fit                                      |
 * | AdjustResources | `allocation-that-fits`: of every resource the amount closest to the requested one that fits |
 * | every other one | none: a restart, a rollback or an eviction has no smaller form                              |
 *
 * An alternative never goes back behind the present state: it raises less than was proposed, or nothing. The guardrails
 * judge it and it is planned like any other action. Each is tried once.
 */

import { Equal } from "effect"
import type { Action, ActionType } from "../domain/Action.ts"
import type { DecisionReason } from "../domain/Decision.ts"
import type { Shortage } from "../domain/Failure.ts"
import * as Quantity from "../domain/Quantity.ts"
import type { ResourceBounds, Room } from "../domain/Room.ts"

/** An action instead of the proposed one, and why. */
export interface Alternative {
  readonly action: Action
  readonly reason: DecisionReason
}

interface Kind<Type extends ActionType> {
  readonly name: string
  readonly of: (action: Extract<Action, { readonly type: Type }>, room: Room) => Action | undefined
}

const fewerReplicas: Kind<"ScaleWorkload"> = {
  name: "fewer-replicas",
  of: (action, { replicas }) =>
    replicas !== undefined && replicas.most > replicas.now && replicas.most < action.replicas
      ? { ...action, replicas: replicas.most }
      : undefined
}

const isMore = (left: string, right: string): boolean => (Quantity.parse(left) ?? 0n) > (Quantity.parse(right) ?? 0n)

/** The requested amount within its bounds; `undefined` if there is none, or none above the present one. */
const within = (requested: string, { from, least, most }: ResourceBounds): string | undefined => {
  const atMost = most !== undefined && isMore(requested, most) ? most : requested
  const fitting = least !== undefined && isMore(least, atMost) ? least : atMost
  if (most !== undefined && isMore(fitting, most)) return undefined
  if (fitting === requested) return requested
  return from !== undefined && !isMore(fitting, from) ? undefined : fitting
}

const quantitiesWithin = (
  requested: Readonly<Record<string, string>> | undefined,
  list: ResourceBounds["list"],
  bounds: ReadonlyArray<ResourceBounds>
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(requested ?? {}).flatMap(([resource, amount]) => {
      const bound = bounds.find((each) => each.list === list && each.resource === resource)
      const fitting = bound === undefined ? amount : within(amount, bound)
      return fitting === undefined ? [] : [[resource, fitting]]
    })
  )

const allocationThatFits: Kind<"AdjustResources"> = {
  name: "allocation-that-fits",
  of: (action, { resources = [] }) => {
    const limits = quantitiesWithin(action.limits, "limits", resources)
    const fitting = quantitiesWithin(action.requests, "requests", resources)
    // A request above its own limit is invalid.
    const requests = Object.fromEntries(
      Object.entries(fitting).map(([resource, amount]) => {
        const limit = limits[resource]
        return [resource, limit !== undefined && isMore(amount, limit) ? limit : amount]
      })
    )
    if (Object.keys({ ...requests, ...limits }).length === 0) return undefined
    const { limits: _limits, requests: _requests, ...rest } = action
    return {
      ...rest,
      ...(Object.keys(requests).length === 0 ? {} : { requests }),
      ...(Object.keys(limits).length === 0 ? {} : { limits })
    } as Action
  }
}

const alternatives: { readonly [Type in ActionType]?: ReadonlyArray<Kind<Type>> } = {
  ScaleWorkload: [fewerReplicas],
  AdjustResources: [allocationThatFits]
}

/** Whether an action of this type has any. */
export const hasAlternatives = (type: ActionType): boolean => alternatives[type] !== undefined

const text = ({ hard, quota, requested, resource, used }: Shortage): string =>
  `${resource}: requested ${requested}, used ${used} of ${hard} by quota ${quota}`

const describe = (action: Action): string => {
  if (action.type === "ScaleWorkload") return `${action.replicas} replicas`
  if (action.type !== "AdjustResources") return action.type
  return (["requests", "limits"] as const)
    .flatMap((list) => Object.entries(action[list] ?? {}).map(([resource, amount]) => `${list}.${resource} ${amount}`))
    .join(", ")
}

/** The alternatives to an action that does not fit, in order, without those that were tried before. */
export const alternativesTo = (action: Action, room: Room, tried: ReadonlyArray<Action>): ReadonlyArray<Alternative> =>
  ((alternatives[action.type] ?? []) as ReadonlyArray<Kind<ActionType>>).flatMap(({ name, of }) => {
    const instead = of(action as never, room)
    if (instead === undefined || [action, ...tried].some((each) => Equal.equals(each, instead))) return []
    const cause = room.shortages.length === 0 ? "a LimitRange" : room.shortages.map(text).join("; ")
    const message = `${action.type} to ${describe(action)} does not fit (${cause}), so it is ${describe(instead)} instead.`
    return [
      {
        action: instead,
        reason: {
          rule: "alternative",
          message,
          figures: { alternative: name, proposed: describe(action), instead: describe(instead) }
        }
      }
    ]
  })
