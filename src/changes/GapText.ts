/** Intervals in which nobody watched, for people. Pure. */

import type { WatchGap } from "../domain/ObjectChange.ts"
import { type Timestamp, toMillis } from "../domain/Timestamp.ts"

/** One interval in which some kinds were not watched, all for the same reason. */
export interface Interval extends Omit<WatchGap, "kind"> {
  readonly kinds: ReadonlyArray<string>
}

const reasons: Readonly<Record<WatchGap["reason"], string>> = {
  "not-started": "they were not watched yet",
  stopped: "the service did not run",
  expired: "the API server no longer had the events (410)",
  forbidden: "RBAC does not allow the service to list and watch them",
  unavailable: "the API server did not respond",
  "not-served": "the cluster did not have them, and it takes minutes to notice that it does",
  dropped: "what was recorded then is no longer kept"
}

/** Why some kinds were not watched, as a clause. */
export const whyOf = (reason: WatchGap["reason"]): string => reasons[reason]

/** Watches that begin or end together do so one after the other. */
const togetherMs = 60_000

const areClose = (left: Timestamp | null, right: Timestamp | null): boolean =>
  left === null || right === null ? left === right : Math.abs(toMillis(left) - toMillis(right)) <= togetherMs

const earlier = (left: Timestamp | null, right: Timestamp | null) =>
  left === null || right === null ? null : left < right ? left : right

const later = (left: Timestamp | null, right: Timestamp | null) =>
  left === null || right === null ? null : left > right ? left : right

/**
 * Whether something may have happened in a gap between two times. A kind that the cluster does not have cannot have
 * changed; when it went, its objects did. One that the cluster has by now was there for a while before that was
 * noticed.
 */
export const matters = ({ from, reason, to }: WatchGap, since: Timestamp, until: Timestamp): boolean =>
  reason === "not-served" && to === null
    ? from !== null && from >= since && from <= until
    : (from === null || from <= until) && (to === null || to >= since)

/**
 * The gaps that matter between two times, the newest first. The kinds of about the same interval are put together: it
 * is then as long as all of theirs.
 */
export const intervalsOf = (
  gaps: ReadonlyArray<WatchGap>,
  since: Timestamp,
  until: Timestamp
): ReadonlyArray<Interval> => {
  const intervals: Array<Interval & { readonly first: WatchGap }> = []
  for (const gap of gaps) {
    const { from, kind, reason, to } = gap
    if (!matters(gap, since, until)) continue
    const index = intervals.findIndex(
      ({ first }) => first.reason === reason && areClose(first.from, from) && areClose(first.to, to)
    )
    const known = intervals[index]
    if (known === undefined) intervals.push({ from, to, reason, kinds: [kind], first: gap })
    else
      intervals[index] = {
        ...known,
        from: earlier(known.from, from),
        to: later(known.to, to),
        kinds: [...known.kinds, kind]
      }
  }
  return intervals
    .map(({ first: _first, ...each }) => ({ ...each, kinds: [...new Set(each.kinds)].toSorted() }))
    .toSorted((left, right) => {
      const [first, second] = [left.to ?? "9", right.to ?? "9"]
      return first === second ? ((left.from ?? "") < (right.from ?? "") ? 1 : -1) : first < second ? 1 : -1
    })
}
