/**
 * After healing the service is as it was when it had nothing to do: no remediation is open that does not wait for a person, no actor is left, and it has as many fibers as after a boot.
 *
 * How many fibers that are is measured: the least that its first process had while nothing had been asked of it yet.
 */
import { type Invariant, withTruth } from "../Invariant.ts"

/** Before the first alert is sent: a workload has to be broken for longer. */
const idleMs = [2_000, 15_000] as const

export const nothingLeaked: Invariant = {
  name: "nothing-leaked",
  description: "After healing no remediation is open, and no actor or fiber is left over.",
  make: withTruth(({ world }, report, { service }) => {
    /** Those that are not a person's to go on with. */
    const open = new Set<string>()
    const resolved = new Set<string>()
    let baseline: number | undefined
    let healing = false
    const measure = () => {
      const process = service.process
      if (process?.state === "running" && open.size === 0 && service.activeActors === 0) baseline = Math.min(baseline ?? Infinity, process.fibers)
    }
    for (let atMs: number = idleMs[0]; atMs < idleMs[1]; atMs += 1_700) world.at(atMs, measure)

    const left = (): ReadonlyArray<string> => {
      if (!healing) return []
      const process = service.process
      const actors = service.activeActors
      return [
        ...[...open].map((id) => `remediation ${id} is open`),
        ...(actors === undefined || actors === 0 ? [] : [`${actors} actors are left`]),
        ...(baseline === undefined || process?.state !== "running" || process.fibers <= baseline ? [] : [`${process.fibers - baseline} fibers more than at rest`])
      ]
    }

    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Accepted" || kind === "Reviewed") open.add(remediationId)
            else if (kind === "AlertResolved") resolved.add(remediationId)
            else if (kind === "Concluded" || kind === "Joined") open.delete(remediationId)
            else if (kind === "Decided" && event._tag === "Decided" && event.decision.outcome === "review" && !resolved.has(remediationId)) open.delete(remediationId)
          }
        },
        HealingBegan: () => {
          healing = true
        }
      },
      atEnd: () => {
        for (const what of left()) report(what)
      },
      pending: left
    }
  })
}
