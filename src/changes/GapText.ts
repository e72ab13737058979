/** Intervals in which nobody watched, for people. Pure. */

import type { WatchGap } from "../domain/ObjectChange.ts"
import type { Timestamp } from "../domain/Timestamp.ts"

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
  "not-served": "the cluster does not have them",
  dropped: "what was recorded then is no longer kept"
}

/** Why some kinds were not watched, as a clause. */
export const whyOf = (reason: WatchGap["reason"]): string => reasons[reason]

/**
 * The gaps that matter between two times, the newest first. A kind that the cluster does not have cannot have changed.
 * The kinds of one interval are put together.
 */
export const intervalsOf = (
  gaps: ReadonlyArray<WatchGap>,
  since: Timestamp,
  until: Timestamp
): ReadonlyArray<Interval> => {
  const intervals = new Map<string, Interval>()
  for (const { from, kind, reason, to } of gaps) {
    if (reason === "not-served" || (from !== null && from > until) || (to !== null && to < since)) continue
    const key = `${from} ${to} ${reason}`
    intervals.set(key, { from, to, reason, kinds: [...(intervals.get(key)?.kinds ?? []), kind] })
  }
  return [...intervals.values()]
    .map((each) => ({ ...each, kinds: [...new Set(each.kinds)].toSorted() }))
    .toSorted((left, right) => {
      const [first, second] = [left.to ?? "9", right.to ?? "9"]
      return first === second ? ((left.from ?? "") < (right.from ?? "") ? 1 : -1) : first < second ? 1 : -1
    })
}
