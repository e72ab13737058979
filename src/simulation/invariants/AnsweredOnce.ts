/**
 * The service acts on a person's answer: soon, once, and as the person decided. It asks again only with something that
 * the person has not seen, and an approved action is the one that was shown, with its figures and findings.
 */

import { Equal } from "effect"
import { maxQuestions } from "../../decision/Decider.ts"
import { type Decision, sameFigures, sameFinding } from "../../domain/Decision.ts"
import type { ReviewAnswer } from "../../domain/Review.ts"
import { ClearTimes } from "../observation/ClearTimes.ts"
import { FullTime } from "../observation/FullTime.ts"
import type { CommittedEvent, Handlers } from "../observation/Observation.ts"
import { ReadyTime } from "../observation/ReadyTime.ts"
import type { Invariant } from "./Invariant.ts"

/**
 * How long a service may take to act on an answer: it may be paused or cut off from its database meanwhile. The time in
 * which no process of it is ready does not count: with the database of a cluster that was replaced it refuses to start.
 * Nor does that in which a fault keeps the database from storing what it has done.
 */
const soonMs = 6 * 60_000
/** The service's patience with a cluster that does not respond. */
const patienceMs = 5 * 60_000

/** Reasons that say why a person is asked, and are no findings about the action. */
const isRemark = (rule: string): boolean =>
  rule === "changed-since-approval" || rule === "approve-mode" || rule === "approved"

/** What a decision says that an earlier one did not; `undefined` if there is nothing new for the person. */
const newsOf = (shown: Decision, now: Decision): string | undefined => {
  if (!Equal.equals(shown.action, now.action)) return "another action"
  if (now.figures !== undefined && !sameFigures(shown.figures, now.figures)) return "other figures"
  const unseen = now.reasons.filter(
    (reason) => !isRemark(reason.rule) && !shown.reasons.some((seen) => sameFinding(seen, reason))
  )
  return unseen.length === 0 ? undefined : unseen.map(({ rule }) => rule).join()
}

/** Whether the action of this commit has nothing to write: somebody else has done what was approved. */
const writesNothing = (id: string, events: ReadonlyArray<CommittedEvent>) =>
  events.some(
    ({ event, kind, remediationId }) =>
      kind === "Intended" && remediationId === id && event._tag === "Intended" && event.intent.changes.length === 0
  )

/** The time of a full database is that of a ready service: no moment is left out twice. */
const faultsOf = (
  clear: ClearTimes,
  ready: ReadyTime,
  full: FullTime
): Pick<Handlers, "FaultBegan" | "FaultHealed"> => ({
  FaultBegan: (began, atMs) => {
    clear.on.FaultBegan?.(began, atMs)
    full.on.FaultBegan(began, ready.at(atMs))
  },
  FaultHealed: (healed, atMs) => {
    clear.on.FaultHealed?.(healed, atMs)
    full.on.FaultHealed(healed, ready.at(atMs))
  }
})

export const answeredOnce: Invariant = {
  name: "answered-once",
  description:
    "A review is acted on within 6 minutes of a running service, or 11 while something is wrong, asked again only with something new, and an approved action is the one that was shown.",
  make: (_, report) => {
    const clear = new ClearTimes()
    const ready = new ReadyTime()
    const full = new FullTime()
    const workingAt = (atMs: number): number => ready.at(atMs) - full.at(ready.at(atMs))
    const answers = new Map<string, ReviewAnswer["answer"]>()
    /** Remediations whose question timed out, and those whose approval expired: nothing more is done by it. */
    const timedOut = new Set<string>()
    const expired = new Set<string>()
    /** The latest question of each remediation, and how many there were. */
    const asked = new Map<string, { readonly decision: Decision; readonly times: number }>()
    const decide = (id: string, decision: Decision, isDone: boolean) => {
      const before = asked.get(id)
      const answer = answers.get(id)
      const news = before && newsOf(before.decision, decision)
      if (decision.outcome === "review") {
        if (before !== undefined && answer !== undefined && news === undefined)
          report(`remediation ${id} asks again, and a person has ${answer} it before`)
        const times = (before?.times ?? 0) + 1
        if (times > maxQuestions) report(`remediation ${id} asks a person for the ${times}th time`)
        asked.set(id, { decision, times })
      } else if (decision.reasons[0]?.rule === "approved" && expired.has(id))
        report(`remediation ${id} acts by an approval that has expired`)
      else if (
        decision.outcome === "execute"
        && decision.reasons[0]?.rule === "approved"
        && news !== undefined
        && !isDone
      )
        report(`remediation ${id} acts by an approval, and nobody has seen ${news}`)
    }
    /** Since when an answer waits, by remediation: by the clock, and by the time that counts. */
    const waiting = new Map<string, { readonly atMs: number; readonly workingMs: number }>()
    return {
      on: {
        ...clear.on,
        ...ready.on,
        ...faultsOf(clear, ready, full),
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Reviewed" && event._tag === "Reviewed") {
              answers.set(remediationId, event.review.answer)
              expired.delete(remediationId)
              waiting.set(remediationId, { atMs, workingMs: workingAt(atMs) })
            } else if (kind === "ReviewTimedOut") timedOut.add(remediationId)
            else if (kind === "ApprovalExpired") {
              answers.delete(remediationId)
              expired.add(remediationId)
            } else if (kind === "Decided" || kind === "Concluded") {
              const since = waiting.get(remediationId)
              if (since !== undefined) {
                const waitedMs = workingAt(atMs) - since.workingMs
                if (waitedMs > (clear.since(since.atMs) ? soonMs : soonMs + patienceMs))
                  report(`nothing came of the answer about remediation ${remediationId} for ${waitedMs} ms`)
              }
              waiting.delete(remediationId)
              if (event._tag === "Decided") decide(remediationId, event.decision, writesNothing(remediationId, events))
            } else if (kind === "Intended" && answers.get(remediationId) === "rejected")
              report(`remediation ${remediationId} acts, and a person has rejected it`)
            else if (kind === "Intended" && timedOut.has(remediationId))
              report(`remediation ${remediationId} acts, and its review has timed out`)
          }
        }
      }
    }
  }
}
