/** Alerts, targets and events for the storage tests: one incident of a Deployment, with defaults for everything else. */

import { Effect, Option } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { Decision } from "../../src/domain/Decision.ts"
import { type Remediation, type RemediationEvent, RemediationId } from "../../src/domain/Remediation.ts"
import { type Target, targetKey } from "../../src/domain/Target.ts"
import { fromMillis, type Timestamp } from "../../src/domain/Timestamp.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { type Claim, type NewAlert, RemediationStore } from "../../src/storage/RemediationStore.ts"

/** Minutes after the incident began. */
export const minute = (count: number): Timestamp => fromMillis(Date.UTC(2026, 10, 24, 3) + count * 60_000)

export const remediationId = (name: string): RemediationId => RemediationId.make(`rem-${name}`)

export const deployment = (name: string): Target => ({ cluster: "test", namespace: "shop", kind: "Deployment", name })
export const pod = (name: string): Target => ({ cluster: "test", namespace: "shop", kind: "Pod", name })

export const alert = (fingerprint: string, overrides: Partial<Alert> = {}): Alert => ({
  fingerprint,
  name: "KubeDeploymentRolloutStuck",
  severity: "warning",
  labels: { alertname: "KubeDeploymentRolloutStuck", namespace: "shop" },
  annotations: {},
  startsAt: minute(0),
  ...overrides
})

export const newAlert = (
  id: string,
  fingerprint: string,
  target: Target,
  overrides: Partial<Alert> = {}
): NewAlert => ({
  id: remediationId(id),
  alert: alert(fingerprint, overrides),
  target,
  provisional: target.kind === "Pod"
})

const restart = (target: Target): Action => ({
  type: "RestartWorkload",
  target: { namespace: target.namespace, kind: target.kind, name: target.name }
})

export const stateOf = ({ kind, name, namespace }: Target): WorkloadState => ({
  ref: { kind, name, namespace },
  exists: true,
  observedAt: minute(1),
  uid: "1",
  resourceVersion: "10",
  generation: 1,
  observedGeneration: 1,
  desiredReplicas: 2,
  readyReplicas: 0,
  updatedReplicas: 2,
  availableReplicas: 0,
  restarts: 4,
  pods: [],
  endpoints: null,
  revision: 1,
  conditions: [],
  managers: [],
  autoscaler: null,
  unschedulable: null
})

export const started: RemediationEvent = { _tag: "Started", traceId: "trace", spanId: "span", epoch: 1 }

export const decided = (target: Target, outcome: Decision["outcome"] = "execute"): RemediationEvent => ({
  _tag: "Decided",
  level: 0,
  decision: {
    outcome,
    action: restart(target),
    risk: "low",
    confidence: 0.5,
    reasons: [{ rule: "mode", message: "the service runs in approve mode" }]
  },
  observed: null
})

export const intended = (target: Target, executionId: string): RemediationEvent => ({
  _tag: "Intended",
  intent: {
    executionId,
    action: restart(target),
    changes: [],
    inverse: { _tag: "NotNeeded", reason: "pods are recreated" },
    baseline: stateOf(target),
    plannedAt: minute(1)
  }
})

export const executed = (executionId: string): RemediationEvent => ({
  _tag: "Executed",
  outcome: { executionId, applied: "yes", finishedAt: minute(2) }
})

export const verified = (verdict: "fixed" | "not-fixed" | "unknown"): RemediationEvent => ({
  _tag: "Verified",
  verification: { verdict, reasons: [], observed: null, verifiedAt: minute(3) }
})

export const concluded = (state: "Remediated" | "Escalated" | "Cancelled"): RemediationEvent => ({
  _tag: "Concluded",
  state,
  reason: "test"
})

export const approval = { answer: "approved", by: "ann", at: minute(5) } as const

/** The kinds of the events in the journal of a remediation. */
export const kindsOf = (name: string) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    return (yield* store.journal(remediationId(name))).map((entry) => entry.event._tag)
  })

/** The current state of a remediation. */
export const remediationNamed = (name: string) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    return Option.getOrThrow(yield* store.get(remediationId(name)))
  })

/** Claims a target that has an open remediation. */
export const take = (target: Target) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const { claim, open } = yield* store.claim(targetKey(target))
    return { claim, remediation: Option.getOrThrow(open) }
  })

/** Takes a remediation to its end, with an action that fixed the target. */
export const remediate = (claim: Claim, self: Remediation, at: Timestamp) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const executionId = `exec-${self.id}`
    const acting = yield* store.append(
      claim,
      self,
      [started, decided(self.target), intended(self.target, executionId)],
      at
    )
    return yield* store.append(claim, acting, [executed(executionId), verified("fixed"), concluded("Remediated")], at)
  })
