/**
 * The service says that nothing changed only of an interval in which it can have seen everything: since a list, and
 * without another list in between. In a gap, the world knows better.
 *
 * The truth is what arrived on the watches (`WatchPath`), not what the service recorded of its gaps.
 */

import { toMillis } from "../../domain/Timestamp.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** Those that every alert depends on, whatever its target. */
const kinds = ["Deployment", "Service", "ConfigMap", "ResourceQuota", "NetworkPolicy", "Namespace", "Node"]

export const gapsNeverQuiet: Invariant = {
  name: "gaps-never-quiet",
  description:
    "The service says that nothing changed only of an interval in which it has watched every kind throughout.",
  make: withTruth(({ world }, report, { farEnds }) => {
    /** The service compares with its own clock, which a fault may have set. */
    let isClockRight = true
    let quiet = 0
    return {
      on: {
        FaultBegan: ({ fault }) => {
          if (fault.kind === "wall-clock-jump") isClockRight = false
        },
        Committed: ({ events }, atMs) => {
          for (const { event, remediationId } of events) {
            if (event._tag !== "Investigated" || event.suspects?.finding !== "nothing-changed" || !isClockRight)
              continue
            quiet++
            const sinceMs = toMillis(event.suspects.since) - world.wallStartMs
            const symptomMs = Math.min(atMs, toMillis(event.suspects.symptomAt) - world.wallStartMs)
            const { watches } = farEnds.cluster
            const unseen = watches.unseenIntervals.find(
              (each) => kinds.includes(each.kind) && each.toMs > sinceMs && each.fromMs < symptomMs
            )
            const never = kinds.find((kind) => watches.lastHeardMs(kind) === undefined)
            if (unseen !== undefined)
              report(
                `${remediationId} says that nothing changed, but ${unseen.kind} was not watched from ${unseen.fromMs} ms to ${unseen.toMs} ms`
              )
            else if (never !== undefined)
              report(`${remediationId} says that nothing changed, but ${never} was never watched`)
          }
        }
      },
      figures: () => ({ saidNothingChanged: quiet })
    }
  })
}
