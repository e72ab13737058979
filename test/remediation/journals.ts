/** Test journals: one alert about `shop/checkout`, and the events that can follow. */

import type { Alert } from "../../src/domain/Alert.ts"
import type { Decision } from "../../src/domain/Decision.ts"
import type { ExecutionOutcome, Intent } from "../../src/domain/Execution.ts"
import type { Investigation } from "../../src/domain/Investigation.ts"
import {
  type JournalEntry,
  type Remediation,
  RemediationId,
  type RemediationEvent,
  replay
} from "../../src/domain/Remediation.ts"
import type { Target } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { Verdict } from "../../src/domain/Verification.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"

export const id = RemediationId.make("rem-1")
export const target: Target = { cluster: "test", namespace: "shop", kind: "Deployment", name: "checkout" }
const at = Timestamp.fromMillis(0)

export const alert: Alert = {
  fingerprint: "f1",
  name: "KubeDeploymentRolloutStuck",
  severity: "warning",
  labels: { namespace: "shop", deployment: "checkout" },
  annotations: {},
  startsAt: at
}

export const action = {
  type: "RollbackDeployment",
  target: { namespace: "shop", kind: "Deployment", name: "checkout" }
} as const

export const investigation: Investigation = {
  investigator: "rules",
  rootCause: "The newest revision crash-loops.",
  evidence: [],
  action,
  confidence: 0.5
}

export const observed: WorkloadState = {
  ref: action.target,
  exists: true,
  observedAt: at,
  uid: "u1",
  resourceVersion: "7",
  generation: 2,
  observedGeneration: 2,
  desiredReplicas: 3,
  readyReplicas: 2,
  updatedReplicas: 1,
  availableReplicas: 2,
  restarts: 4,
  pods: [],
  endpoints: 2,
  revision: 2,
  conditions: [],
  managers: [],
  autoscaler: null,
  unschedulable: null
}

export const intent: Intent = {
  executionId: "rem-1-1",
  action,
  changes: [],
  inverse: { _tag: "NotNeeded", reason: "test" },
  baseline: observed,
  plannedAt: at
}

export const accepted = (provisional = false): RemediationEvent => ({ _tag: "Accepted", alert, target, provisional })
export const started: RemediationEvent = { _tag: "Started", traceId: "t1", spanId: "s1", epoch: 1 }
export const retargeted: RemediationEvent = { _tag: "Retargeted", target }
export const investigated: Extract<RemediationEvent, { _tag: "Investigated" }> = {
  _tag: "Investigated",
  level: 0,
  hops: [],
  investigation
}
export const decided = (outcome: Decision["outcome"]): Extract<RemediationEvent, { _tag: "Decided" }> => ({
  _tag: "Decided",
  level: 0,
  decision: {
    outcome,
    action,
    risk: "low",
    confidence: 0.5,
    reasons: [{ rule: "test", message: `The decision is to ${outcome}.` }]
  },
  observed
})
export const reviewed = (answer: "approved" | "rejected"): RemediationEvent => ({
  _tag: "Reviewed",
  review: { answer, by: "ann", at }
})
export const intended: RemediationEvent = { _tag: "Intended", intent }
export const executed = (outcome: Partial<ExecutionOutcome>): RemediationEvent => ({
  _tag: "Executed",
  outcome: { executionId: intent.executionId, applied: "yes", finishedAt: at, ...outcome }
})
export const verified = (verdict: Verdict): RemediationEvent => ({
  _tag: "Verified",
  verification: { verdict, reasons: [`The verdict is ${verdict}.`], observed: null, verifiedAt: at }
})
export const resolved: RemediationEvent = { _tag: "AlertResolved", endsAt: at }
export const concluded = (state: "Remediated" | "Escalated"): RemediationEvent => ({
  _tag: "Concluded",
  state,
  reason: "test"
})

export const journalOf = (...events: ReadonlyArray<RemediationEvent>): ReadonlyArray<JournalEntry> =>
  events.map((event, sequence) => ({ sequence, at, event }))

export const remediationOf = (...events: ReadonlyArray<RemediationEvent>): Remediation => {
  const remediation = replay(id, journalOf(...events))
  if (remediation === undefined) throw new Error("a journal begins with Accepted")
  return remediation
}
