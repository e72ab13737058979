/**
 * Whether a change may have been made about the alert itself, or about another alert of the same incident. Pure.
 *
 * Where an alert fires again, what changed while it fired before, or soon after, was probably meant to help: more
 * replicas, a larger pool. It may be the cause of the second firing all the same. Only a person can tell. One incident
 * also has several alerts, and people work on it from the first of them on.
 *
 * | the firing                                | a change may be meant to help                                  |
 * | ----------------------------------------- | -------------------------------------------------------------- |
 * | of the alert itself                       | while it fired, and 15 minutes longer                          |
 * | of another alert about the target, about  | likewise, for an hour from its beginning: some alerts fire for |
 * | what is next to it, or the changed object | days, and nobody works on them                                 |
 * | of another alert that Kubernaut has fixed | until then: nobody had to work on it                           |
 * | that is not known: there are too many     | for an hour from the last of them                              |
 */

import type { Firing } from "../domain/Firing.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import { type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { DependencyGraph } from "./DependencyGraph.ts"
import { skewMs } from "./FirstSymptom.ts"

/** People work on an incident for a while after its alert has ended. */
const soonMs = 15 * 60_000
/** An alert that fires for longer and is not over is one that nobody works on. */
const workedOnMs = 3_600_000

const untilMs = ({ from, other, to }: Firing): number => {
  const endMs = to === undefined ? Infinity : toMillis(to)
  if (other === undefined) return endMs + soonMs
  return Math.min(endMs + (other.fixed ? 0 : soonMs), toMillis(from) + workedOnMs)
}

const textOf = ({ from, other, to }: Firing): string =>
  other === undefined
    ? `The alert fired before, from ${from} to ${to ?? "now"}, so it may have been made to help.`
    : `Alert ${other.name} of ${displayName(other.target)} fired since ${from}, so it may have been made to help.`

/** The distance of what is next to the target. */
const nextTo = 1

/** Whether an object is next to the target of an alert, so that people who work on one of them may change the other. */
export const isNextTo =
  (target: ResourceRef, graph: DependencyGraph) =>
  (ref: ResourceRef): boolean =>
    ref.namespace === target.namespace && (graph.find(ref)?.distance ?? Infinity) <= nextTo

/** Why it may be meant to help, for people; `undefined` if nothing says so. Firings up to `cutAt` are not all known. */
export const mitigates = (
  { at, ref }: Pick<ObjectChange, "at" | "ref">,
  firings: ReadonlyArray<Firing>,
  isNear: (ref: ResourceRef) => boolean = () => true,
  cutAt?: Timestamp
): string | undefined => {
  const atMs = toMillis(at)
  const during = firings.find(
    (firing) =>
      (firing.other === undefined || sameRef(firing.other.target, ref) || isNear(firing.other.target))
      && atMs > toMillis(firing.from) + skewMs
      && atMs <= untilMs(firing)
  )
  if (during !== undefined) return textOf(during)
  return cutAt !== undefined && atMs <= toMillis(cutAt) + workedOnMs
    ? "More alerts fired around that time than are looked at, so it may have been made to help with one of them."
    : undefined
}
