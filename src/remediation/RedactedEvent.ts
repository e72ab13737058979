/**
 * Removes secrets from the words of the API server in an event before it is journaled. A refusal may quote what it
 * refuses, and the journal is kept for years and shown to everybody who may read remediations.
 */

import type { RemediationEvent } from "../domain/Remediation.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { redact } from "../investigation/evidence/Redaction.ts"

const ofState = (state: WorkloadState): WorkloadState =>
  typeof state.failedCreate === "string" ? { ...state, failedCreate: redact(state.failedCreate) } : state

export const redacted = (event: RemediationEvent): RemediationEvent => {
  switch (event._tag) {
    case "Decided":
      return { ...event, observed: event.observed && ofState(event.observed) }
    case "Intended":
      return { ...event, intent: { ...event.intent, baseline: ofState(event.intent.baseline) } }
    case "Verified": {
      const { observed, reasons } = event.verification
      const verification = {
        ...event.verification,
        observed: observed && ofState(observed),
        reasons: reasons.map(redact)
      }
      return { ...event, verification }
    }
    case "RollbackIntended":
      return { ...event, intent: { ...event.intent, before: ofState(event.intent.before) } }
    case "RollbackVerified": {
      const { observed, reasons } = event.verification
      const verification = {
        ...event.verification,
        observed: observed && ofState(observed),
        reasons: reasons.map(redact)
      }
      return { ...event, verification }
    }
    default:
      return event
  }
}
