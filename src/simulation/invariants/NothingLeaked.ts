/**
 * After healing the service is back at rest: no remediation is open that does not wait for a person, no actor is left,
 * it has as many fibers and timers as after a boot, and every permit of every bulkhead is available.
 *
 * The baseline is measured before any alert arrived, if the database was well and the process has been there for two
 * seconds: the fewest fibers, and the most timers. What has grown by the end of the run has leaked. A lock that is
 * never released is found by the false alarms of the `Drill`, which must complete like any other alert. The drill also
 * tests the permits.
 */

import { type Invariant, withTruth } from "./Invariant.ts"

/** Before the first alert: it fires only after a workload has been broken for longer. */
const idleMs = [2_000, 15_000] as const

/**
 * The watch that looks out for what becomes due in the sandbox waits by two fibers of its own. It has been woken in
 * some moments, and not in others.
 */
const lookout = 2

export const nothingLeaked: Invariant = {
  name: "nothing-leaked",
  description: "After healing no remediation is open, and no actor, fiber, timer or permit has leaked.",
  make: withTruth(({ scenario, world }, report, { farEnds, service }) => {
    const allowed = scenario.service.changes === undefined ? 0 : lookout
    /** Open remediations that do not wait for a person. */
    const open = new Set<string>()
    const resolved = new Set<string>()
    let baseline: { readonly fibers: number; readonly timers: number } | undefined
    let healing = false
    let bootedMs = 0
    const measure = () => {
      const process = service.process
      if (process?.state !== "running" || open.size > 0 || service.activeActors !== 0) return
      // What reads the database before it begins, such as the watches, may not have begun.
      if (farEnds.database.disturbedUntilMs > -Infinity || world.nowMs - bootedMs < idleMs[0]) return
      const { fibers, timers } = baseline ?? { fibers: Infinity, timers: 0 }
      // A fiber that waits for a response has no timer in that moment.
      baseline = { fibers: Math.min(fibers, process.fibers), timers: Math.max(timers, world.timersOf(process)) }
    }
    for (let atMs: number = idleMs[0]; atMs < idleMs[1]; atMs += 1_700) world.at(atMs, measure)

    const grown = (): ReadonlyArray<string> => {
      const process = service.process
      if (baseline === undefined || process?.state !== "running") return []
      const fibers = process.fibers - baseline.fibers - allowed
      // Waiting fibers have timers, so fibers come first.
      if (fibers > 0) return [`${fibers} fibers more than at rest`]
      const timers = world.timersOf(process) - baseline.timers - allowed
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
            if (kind === "Accepted" || kind === "Reviewed" || kind === "ReviewTimedOut") open.add(remediationId)
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
        ProcessBooted: (booted, atMs) => {
          if (booted.process === "service") bootedMs = atMs
        },
        HealingBegan: () => {
          healing = true
        },
        PermitsTried: ({ begun, limit, peer }) => {
          if (begun < limit) report(`of ${limit} permits for calls to ${peer} only ${begun} can be acquired`)
        }
      },
      atEnd: () => {
        for (const what of left()) report(what)
      },
      pending: left
    }
  })
}
