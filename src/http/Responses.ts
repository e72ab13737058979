/** The bodies of successful responses. */

import { Schema } from "effect"
import { Action } from "../domain/Action.ts"
import { Alert } from "../domain/Alert.ts"
import { AuditEvent } from "../domain/AuditEvent.ts"
import { Decision, DecisionReason, Figures, Risk } from "../domain/Decision.ts"
import { Capabilities, DegradationLevel } from "../domain/DegradationLevel.ts"
import { Execution } from "../domain/Execution.ts"
import { Confidence, Hop, Investigation } from "../domain/Investigation.ts"
import { ModelCall } from "../domain/ModelCall.ts"
import { RemediationId, RemediationState } from "../domain/Remediation.ts"
import { Approval, ReviewAnswer, ReviewTimeout } from "../domain/Review.ts"
import { Rollback } from "../domain/Rollback.ts"
import { StandingOrder } from "../domain/StandingOrder.ts"
import { ResourceRef, Target } from "../domain/Target.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import { Verification } from "../domain/Verification.ts"
import { Finding } from "../health/HealthSupervisor.ts"
import { RecordedChange, UnwatchedInterval } from "./ChangeView.ts"
import { SuspectList, UndoneChange } from "./IncidentChanges.ts"

export const AlertResult = Schema.Struct({
  fingerprint: Schema.String,
  /** `shed`: not accepted, because the queue is full and other alerts are more severe. Alertmanager sends it again. */
  status: Schema.Literals(["accepted", "duplicate", "resolved", "shed"]),
  /** Absent for a shed alert, for a resolved alert without a remediation, and for a spooled alert. */
  remediationId: Schema.optionalKey(Schema.String),
  /**
   * The alert is on disk, and not yet in the database, which cannot store it now. Kubernaut works on it when the
   * database is back, as received now. Whether it repeats an alert that is known is found out then: it is called
   * `accepted`, or `resolved`, and has no remediation yet.
   */
  spooled: Schema.optionalKey(Schema.Literal(true))
})

export const AlertResults = Schema.Struct({
  results: Schema.Array(AlertResult),
  /**
   * The number of alerts that the sender left out of the request (`max_alerts` in Alertmanager's configuration). They
   * are not handled. Absent when there are none.
   */
  truncatedAlerts: Schema.optionalKey(Schema.Int)
}).annotate({
  identifier: "AlertResults"
})

export const RemediationSummary = Schema.Struct({
  id: RemediationId,
  state: RemediationState,
  alertName: Schema.String,
  severity: Schema.String,
  target: Target,
  joinedTo: Schema.optionalKey(RemediationId),
  receivedAt: Timestamp,
  updatedAt: Timestamp
}).annotate({ identifier: "RemediationSummary" })

export const RemediationList = Schema.Struct({
  remediations: Schema.Array(RemediationSummary),
  /** Pass as `cursor` to get the next page; absent on the last page. */
  nextCursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "RemediationList" })

/** One line of the journal. `data` depends on `kind`. */
export const JournalLine = Schema.Struct({
  sequence: Schema.Int,
  at: Timestamp,
  kind: Schema.String,
  data: Schema.JsonObject
})

export const RemediationDetail = Schema.Struct({
  id: RemediationId,
  state: RemediationState,
  alert: Alert,
  target: Target,
  /** The remediation that this one joined as evidence. */
  joinedTo: Schema.optionalKey(RemediationId),
  /** The joined remediation of the same alert whose work this one does. */
  continues: Schema.optionalKey(RemediationId),
  /** The remediation that took over, for a joined alert that still fires, after this one ended without an action. */
  handedOverTo: Schema.optionalKey(RemediationId),
  /** The degradation level at the last investigation or decision. */
  level: Schema.optionalKey(DegradationLevel),
  hops: Schema.Array(Hop),
  /** The calls to models that its hops made, in order, and what they cost. Absent if there are none. */
  calls: Schema.optionalKey(Schema.Array(ModelCall)),
  investigation: Schema.optionalKey(Investigation),
  /**
   * The changes that may be the cause, the best first, and how well they were watched. Absent where changes are not
   * recorded, or the alert was not investigated: then nothing is known of changes.
   */
  suspects: Schema.optionalKey(SuspectList),
  /** The recorded changes that were taken back, in order. Absent if there are none. */
  undone: Schema.optionalKey(Schema.Array(UndoneChange)),
  decision: Schema.optionalKey(Decision),
  /** The latest answer. An approval expires at `expiresAt`: nothing is done by it after that. */
  review: Schema.optionalKey(ReviewAnswer),
  /** What is approved, and until when. */
  approval: Schema.optionalKey(Approval),
  /** The end of the time for an answer to the question that was asked last. */
  answerBy: Schema.optionalKey(Timestamp),
  /** The question that nobody answered in time. */
  timedOut: Schema.optionalKey(ReviewTimeout),
  executions: Schema.Array(Execution),
  verification: Schema.optionalKey(Verification),
  /** The undo of its action: why, each attempt with the states before and after, and how it ended. */
  rollback: Schema.optionalKey(Rollback),
  traceId: Schema.optionalKey(Schema.String),
  alertResolvedAt: Schema.optionalKey(Timestamp),
  /** Why it ended in its final state. */
  conclusion: Schema.optionalKey(Schema.String),
  /** The positions of events that cannot be read. They are missing from `events`. */
  unreadable: Schema.optionalKey(Schema.Array(Schema.Int)),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  events: Schema.Array(JournalLine)
}).annotate({ identifier: "Remediation" })
export type RemediationDetail = typeof RemediationDetail.Type

export const ReviewAccepted = Schema.Struct({ id: RemediationId, state: RemediationState }).annotate({
  identifier: "ReviewAccepted"
})

export const RollbackAccepted = Schema.Struct({ id: RemediationId, state: RemediationState }).annotate({
  identifier: "RollbackAccepted"
})

export const PendingReview = Schema.Struct({
  id: RemediationId,
  alertName: Schema.String,
  severity: Schema.String,
  target: Target,
  action: Action,
  risk: Risk,
  confidence: Confidence,
  reasons: Schema.Array(DecisionReason),
  /** What the action would change, such as `{ "replicas": "3 -> 5" }`. Absent if it could not be planned. */
  figures: Schema.optionalKey(Figures),
  /** The number of the question. Send it with the answer, so that the answer is never taken for a later question. */
  question: Schema.optionalKey(Schema.Int),
  since: Timestamp,
  /** The end of the time for an answer. If nobody has answered by then, the question times out and nothing is done. */
  expiresAt: Schema.optionalKey(Timestamp)
}).annotate({ identifier: "PendingReview" })

/** The state of a circuit breaker. */
export const BreakerStatus = Schema.Struct({
  name: Schema.String,
  state: Schema.Literals(["closed", "open", "half-open", "isolated", "forced-closed", "suspended"]),
  /** Requests in the current window. */
  requests: Schema.optionalKey(Schema.Int),
  failures: Schema.optionalKey(Schema.Int),
  failuresInARow: Schema.optionalKey(Schema.Int),
  /** Time until probes begin, until an override by an operator ends, or until a call tries whether a suspension is over. */
  retryAfterMs: Schema.optionalKey(Schema.Finite),
  /** The operator's reason, for `isolated` and `forced-closed`; a code such as `out-of-money` for `suspended`. */
  reason: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Breaker" })
export type BreakerStatus = typeof BreakerStatus.Type

export const Component = Schema.Struct({
  name: Schema.String,
  status: Schema.Literals(["up", "degraded", "down", "unknown"]),
  message: Schema.optionalKey(Schema.String),
  /** For a sink of notifications: how many wait for it. Absent elsewhere, and when that could not be read. */
  waiting: Schema.optionalKey(Schema.Int),
  breaker: Schema.optionalKey(BreakerStatus)
}).annotate({ identifier: "Component" })
export type Component = typeof Component.Type

/** Counts of everything that the database has ever held, the archive included. A count that is missing is 0. */
export const BusinessFigures = Schema.Struct({
  /** Remediations by their state. `unrecorded`: an earlier version has archived them without their state. */
  alerts: Schema.Record(Schema.String, Schema.Int),
  /** Judged actions by their verdict. */
  verdicts: Schema.Record(Schema.String, Schema.Int),
  /** Actions on the cluster by whether they were applied; `pending`: that is not recorded yet. */
  actions: Schema.Array(
    Schema.Struct({
      action: Schema.String,
      outcome: Schema.Literals(["yes", "no", "unknown", "pending"]),
      count: Schema.Int
    })
  ),
  /** The share of the judged actions that have fixed the problem. Absent until one was judged. */
  investigationAccuracy: Schema.optionalKey(Schema.Finite),
  /** The share of the actions that were applied, among those that have ended. Absent until one has ended. */
  actionSuccess: Schema.optionalKey(Schema.Finite)
}).annotate({ identifier: "BusinessFigures" })

export const Status = Schema.Struct({
  level: DegradationLevel,
  reasons: Schema.Array(Schema.String),
  capabilities: Capabilities,
  components: Schema.Array(Component),
  /** What the health checks have found, by layer: component, integration, business. */
  health: Schema.Array(Finding),
  /** Present while the emergency stop is set. If it could not be read, `reasons` says so. */
  emergencyStop: Schema.optionalKey(StandingOrder),
  /** Present while an operator has declared an emergency. The level is then 3. */
  emergency: Schema.optionalKey(StandingOrder),
  /** Absent while the database cannot be read: `reasons` says so. */
  figures: Schema.optionalKey(BusinessFigures),
  version: Schema.String,
  cluster: Schema.String,
  mode: Schema.String
}).annotate({ identifier: "Status" })

export const OrderGiven = Schema.Struct({ set: Schema.Literal(true), order: StandingOrder }).annotate({
  identifier: "OrderGiven"
})

export const OrderTakenBack = Schema.Struct({
  set: Schema.Literal(false),
  /** The order that stood. Absent: none did. */
  lifted: Schema.optionalKey(StandingOrder)
}).annotate({ identifier: "OrderTakenBack" })

export const AuditPage = Schema.Struct({
  events: Schema.Array(AuditEvent),
  /** Pass as `after` to get the next page; equal to the requested `after` when there are no new events. */
  next: Schema.Int
}).annotate({ identifier: "AuditPage" })

export const ChangeList = Schema.Struct({
  since: Timestamp,
  until: Timestamp,
  /** The object that was asked for, and whether there is one now. */
  target: Schema.optionalKey(Schema.Struct({ ref: ResourceRef, exists: Schema.Literals(["yes", "no", "unknown"]) })),
  /**
   * `throughout`: every change of the interval that is still kept was seen. `partly`: see `gaps`, and in `unread` the
   * kinds that are not recorded. Only with `throughout` does a list without changes mean that nothing changed.
   */
  watched: Schema.Literals(["throughout", "partly"]),
  /** The intervals in which changes were not watched, the newest first. */
  gaps: Schema.Array(UnwatchedInterval),
  /** What could not be read from the cluster, or is not recorded: the target depends on it, or may do so. */
  unread: Schema.Array(Schema.String),
  /** The newest first. */
  changes: Schema.Array(RecordedChange),
  /** Pass as `cursor` to get the next page; absent on the last page. */
  nextCursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "ChangeList" })
export type ChangeList = typeof ChangeList.Type

/** `event` is `remediation`, `breaker`, `supervisor`, `level` or `ping`; `data` is JSON. */
export const ServerEvent = Schema.Struct({
  id: Schema.UndefinedOr(Schema.String),
  event: Schema.Literals(["remediation", "breaker", "supervisor", "level", "ping"]),
  data: Schema.fromJsonString(Schema.JsonObject)
})
export type ServerEvent = typeof ServerEvent.Type
