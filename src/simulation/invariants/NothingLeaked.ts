/**
 * After healing the service is as it was when it had nothing to do: no remediation is open that does not wait for a
 * person, no actor is left, it has as many fibers and timers as after a boot, and every place of every bulkhead can be
 * taken.
 *
 * How many fibers and timers that are is measured: the least that its first process had while nothing had been asked of
 * it yet. So what grows from one quiet moment to the next, the length of a run later, is left over. What a lock or a
 * key that is not given back holds up is found by the false alarms of the `Drill`, which have to come to their end like
 * any other alert; it also tries the places.
 */

import { type Invariant, withTruth } from "./Invariant.ts"

/** Before the first alert is sent: a workload has to be broken for longer. */
const idleMs = [2_000, 15_000] as const

export const nothingLeaked: Invariant = {
  name: "nothing-leaked",
  description: "After healing no remediation is open, and no actor, fiber, timer or place in a bulkhead is left over.",
  make: withTruth(({ world }, report, { service }) => {
    /** Those that are not a person's to go on with. */
    const open = new Set<string>()
    const resolved = new Set<string>()
    let baseline: { readonly fibers: number; readonly timers: number } | undefined
    let healing = false
    const measure = () => {
      const process = service.process
      if (process?.state !== "running" || open.size > 0 || service.activeActors !== 0) return
      const { fibers, timers } = baseline ?? { fibers: Infinity, timers: Infinity }
      baseline = { fibers: Math.min(fibers, process.fibers), timers: Math.min(timers, world.timersOf(process)) }
    }
    for (let atMs: number = idleMs[0]; atMs < idleMs[1]; atMs += 1_700) world.at(atMs, measure)

    const grown = (): ReadonlyArray<string> => {
      const process = service.process
      if (baseline === undefined || process?.state !== "running") return []
      const fibers = process.fibers - baseline.fibers
      // Whose fibers wait for something still has its timers.
      if (fibers > 0) return [`${fibers} fibers more than at rest`]
      const timers = world.timersOf(process) - baseline.timers
      return timers > 0 ? [`${timers} timers more than at rest`] : []
    }
    const left = (): ReadonlyArray<string> => {
      if (!healing) return []
      const actors = service.activeActors
      return [
        ...[...open].map((id) => `remediation ${id} is open`),
        ...(actors === undefined || actors === 0 ? [] : [`${actors} actors are left`]),
        ...grown()
      ]
    }

    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Accepted" || kind === "Reviewed") open.add(remediationId)
            else if (kind === "AlertResolved") resolved.add(remediationId)
            else if (kind === "Concluded" || kind === "Joined") open.delete(remediationId)
            else if (
              kind === "Decided"
              && event._tag === "Decided"
              && event.decision.outcome === "review"
              && !resolved.has(remediationId)
            )
              open.delete(remediationId)
          }
        },
        HealingBegan: () => {
          healing = true
        },
        PlacesTried: ({ begun, limit, peer }) => {
          if (begun < limit) report(`of ${limit} places for calls to ${peer} only ${begun} can be taken`)
        }
      },
      atEnd: () => {
        for (const what of left()) report(what)
      },
      pending: left
    }
  })
}
