/**
 * Removes secrets from the words of the API server in an event before it is journaled. A refusal may quote what it
 * refuses, and the journal is kept for years and shown to everybody who may read remediations.
 */

import type { RemediationEvent } from "../domain/Remediation.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { redact } from "../investigation/evidence/Redaction.ts"

const ofState = (state: WorkloadState): WorkloadState =>
  typeof state.failedCreate === "string" ? { ...state, failedCreate: redact(state.failedCreate) } : state

interface Findings {
  readonly observed: WorkloadState | null
  readonly reasons: ReadonlyArray<string>
}

const ofFindings = <A extends Findings>(findings: A): A => ({
  ...findings,
  observed: findings.observed && ofState(findings.observed),
  reasons: findings.reasons.map(redact)
})

export const redacted = (event: RemediationEvent): RemediationEvent => {
  switch (event._tag) {
    case "Decided":
      return { ...event, observed: event.observed && ofState(event.observed) }
    case "Intended":
      return { ...event, intent: { ...event.intent, baseline: ofState(event.intent.baseline) } }
    case "Verified":
      return { ...event, verification: ofFindings(event.verification) }
    case "RollbackIntended":
      return { ...event, intent: { ...event.intent, before: ofState(event.intent.before) } }
    case "RollbackVerified": {
      const { pods } = event.verification
      const verification = ofFindings(event.verification)
      return pods === undefined
        ? { ...event, verification }
        : { ...event, verification: { ...verification, pods: { ...pods, reason: redact(pods.reason) } } }
    }
    default:
      return event
  }
}
