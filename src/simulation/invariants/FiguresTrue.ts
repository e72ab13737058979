/**
 * At the end of a run, the business figures equal what the journal says: every remediation counts once, by the state
 * that it has, and every action that writes by how it was applied. So restarts, crashes and commits that were rolled
 * back have neither lost nor doubled any.
 */

import { begin, evolve, type Remediation, RemediationId } from "../../domain/Remediation.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** Actions that write nothing are not counted. */
const readOnly: ReadonlySet<string> = new Set(["CollectDiagnostics", "Notify"])

const countsOf = (remediations: Iterable<Remediation>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const { executions, state } of remediations) {
    count(`remediation ${state}`)
    for (const { intent, outcome } of executions)
      if (!readOnly.has(intent.action.type)) count(`action:${intent.action.type} ${outcome?.applied ?? "pending"}`)
  }
  return counts
}

export const figuresTrue: Invariant = {
  name: "figures-true",
  description: "The business figures count every remediation and every action of the journal exactly once.",
  make: withTruth((_, report, { farEnds }) => {
    const remediations = new Map<string, Remediation>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { at, event, remediationId } of events) {
            const before = remediations.get(remediationId)
            if (event._tag === "Accepted")
              remediations.set(remediationId, begin(RemediationId.make(remediationId), event, at))
            else if (before !== undefined) remediations.set(remediationId, evolve(before, event, at))
          }
        }
      },
      atEnd: () => {
        const journal = countsOf(remediations.values())
        const figures: ReadonlyMap<string, number> = new Map(
          farEnds.database.figureRows().map(({ count, outcome, subject }) => [`${subject} ${outcome}`, count])
        )
        for (const name of new Set([...journal.keys(), ...figures.keys()])) {
          if (name.startsWith("verdict ")) continue
          const [truth, counted] = [journal.get(name) ?? 0, figures.get(name) ?? 0]
          if (truth !== counted) report(`the figures count ${counted} of "${name}", and the journal has ${truth}`)
        }
      }
    }
  })
}
