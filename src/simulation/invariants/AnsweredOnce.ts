/** The service acts on a person's answer: soon, once, and as the person decided. */

import type { ReviewAnswer } from "../../domain/Review.ts"
import type { Invariant } from "./Invariant.ts"

/** How long a service may take to act on an answer, since it may be down, paused or cut off from its database. */
const soonMs = 6 * 60_000

export const answeredOnce: Invariant = {
  name: "answered-once",
  description: "A review is acted on within 6 minutes and not asked again, and a rejected action is not carried out.",
  make: (_, report) => {
    const answers = new Map<string, ReviewAnswer["answer"]>()
    /** Since when an answer waits, by remediation. */
    const waiting = new Map<string, number>()
    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Reviewed" && event._tag === "Reviewed") {
              answers.set(remediationId, event.review.answer)
              waiting.set(remediationId, atMs)
            } else if (kind === "Decided" || kind === "Concluded") {
              const sinceMs = waiting.get(remediationId)
              if (sinceMs !== undefined && atMs - sinceMs > soonMs)
                report(`nothing came of the answer about remediation ${remediationId} for ${atMs - sinceMs} ms`)
              waiting.delete(remediationId)
              if (event._tag === "Decided" && event.decision.outcome === "review" && answers.has(remediationId)) {
                report(
                  `remediation ${remediationId} asks again, and a person has ${answers.get(remediationId)} it before`
                )
              }
            } else if (kind === "Intended" && answers.get(remediationId) === "rejected")
              report(`remediation ${remediationId} acts, and a person has rejected it`)
          }
        }
      }
    }
  }
}
