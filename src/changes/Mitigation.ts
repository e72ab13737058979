/**
 * Whether a change may have been made about the alert itself. Pure.
 *
 * Where an alert fires again, what changed while it fired before, or soon after, was probably meant to help: more
 * replicas, a larger pool. It may be the cause of the second firing all the same. Only a person can tell.
 */

import type { Firing } from "../domain/Firing.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { toMillis } from "../domain/Timestamp.ts"
import { skewMs } from "./FirstSymptom.ts"

/** People work on an incident for a while after its alert has ended. */
const soonMs = 15 * 60_000

/** Why it may be meant to help, for people; `undefined` if nothing says so. */
export const mitigates = ({ at }: Pick<ObjectChange, "at">, firings: ReadonlyArray<Firing>): string | undefined => {
  const atMs = toMillis(at)
  const during = firings.find(({ from, to }) => atMs > toMillis(from) + skewMs && atMs <= toMillis(to) + soonMs)
  return during === undefined
    ? undefined
    : `The alert fired before, from ${during.from} to ${during.to}, so it may have been made to help.`
}
