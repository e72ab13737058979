/**
 * Work on a critical alert starts before work on a warning that waits with it, unless the warning has waited for five
 * minutes longer. A warning that a critical alert has joined counts as critical from then on.
 *
 * It is checked while nothing is wrong: after a failure, a target rests before it is worked again.
 */

import type { Alert } from "../../domain/Alert.ts"
import { ClearTimes } from "../observation/ClearTimes.ts"
import type { Invariant } from "./Invariant.ts"

/** A start takes a commit, and a critical alert that arrives meanwhile is too late. */
const slackMs = 2000
const allowanceMs = 5 * 60_000

interface Waiting {
  readonly severity: Alert["severity"]
  readonly sinceMs: number
}

export const criticalFirst: Invariant = {
  name: "critical-first",
  description: "Work on a critical alert starts before work on a warning that waits with it.",
  make: (_, report) => {
    const clear = new ClearTimes()
    const waiting = new Map<string, Waiting>()
    const started = (remediationId: string, atMs: number) => {
      const self = waiting.get(remediationId)
      waiting.delete(remediationId)
      if (self === undefined || self.severity === "critical") return
      for (const [other, { severity, sinceMs }] of waiting) {
        if (severity !== "critical" || atMs - sinceMs < slackMs || !clear.since(Math.min(sinceMs, self.sinceMs)))
          continue
        if (self.sinceMs > sinceMs - allowanceMs + slackMs)
          report(`remediation ${remediationId} (${self.severity}) started before ${other}, which is critical`)
      }
    }
    const joined = (remediationId: string, lead: string, atMs: number) => {
      if (waiting.get(remediationId)?.severity === "critical" && waiting.has(lead))
        waiting.set(lead, { severity: "critical", sinceMs: atMs })
      waiting.delete(remediationId)
    }
    return {
      on: {
        ...clear.on,
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Accepted" && event._tag === "Accepted")
              waiting.set(remediationId, { severity: event.alert.severity, sinceMs: atMs })
            else if (kind === "Started") started(remediationId, atMs)
            else if (kind === "Joined" && event._tag === "Joined") joined(remediationId, event.joinedTo, atMs)
            else if (kind === "Concluded") waiting.delete(remediationId)
          }
        }
      }
    }
  }
}
