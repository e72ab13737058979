/**
 * The HTTP interface as data: routes, roles, shapes and errors. The server, the typed client, the OpenAPI document and
 * the page at `/docs` are all made from it.
 *
 * The handlers are in files of their own, so that a client can import this without the server.
 */

import { Schema, SchemaTransformation } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Action } from "../domain/Action.ts"
import { Alert } from "../domain/Alert.ts"
import { AuditEvent } from "../domain/AuditEvent.ts"
import { Decision, DecisionReason, Risk } from "../domain/Decision.ts"
import { Capabilities, DegradationLevel } from "../domain/DegradationLevel.ts"
import { DurationText } from "../domain/DurationText.ts"
import { Confidence, Hop, Investigation } from "../domain/Investigation.ts"
import { Execution, RemediationId, RemediationState } from "../domain/Remediation.ts"
import { ReviewAnswer } from "../domain/Review.ts"
import { Target } from "../domain/Target.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import { Verification } from "../domain/Verification.ts"
import { Webhook } from "../intake/AlertmanagerWebhook.ts"
import { Authentication, RequiredRole } from "./Authentication.ts"
import {
  BadRequest,
  BodyTooLarge,
  Conflict,
  NotFound,
  TooManyRequests,
  Unavailable,
  UnsupportedMediaType
} from "./problems/Problem.ts"
import { RequestFaults } from "./problems/RequestFaults.ts"

const queryInt = (minimum: number, maximum: number) => {
  const message = `Expected a whole number from ${minimum} to ${maximum}`
  return Schema.String.check(Schema.isPattern(/^\d{1,16}$/, { message })).pipe(
    Schema.decodeTo(
      Schema.Int.check(Schema.isBetween({ minimum, maximum }, { message })),
      SchemaTransformation.numberFromString
    )
  )
}

// ----------------------------------------------------------------------------
// Alerts
// ----------------------------------------------------------------------------

export const AlertResult = Schema.Struct({
  fingerprint: Schema.String,
  /** `shed`: not kept, because the queue is full and others are more severe. Alertmanager sends it again. */
  status: Schema.Literals(["accepted", "duplicate", "resolved", "shed"]),
  /** Absent for what was shed, and for a resolved alert that nobody knew. */
  remediationId: Schema.optionalKey(Schema.String)
})

export const AlertResults = Schema.Struct({ results: Schema.Array(AlertResult) }).annotate({
  identifier: "AlertResults"
})

class AlertsGroup extends HttpApiGroup.make("alerts")
  .add(
    HttpApiEndpoint.post("receive", "/api/v1/alerts", {
      payload: Webhook,
      success: AlertResults.pipe(HttpApiSchema.status(202)),
      error: [BadRequest, BodyTooLarge, UnsupportedMediaType, TooManyRequests, Unavailable]
    })
      .annotate(RequiredRole, "source")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Receive alerts from Alertmanager",
          description:
            "The webhook of Alertmanager, version 4. The answer comes after the commit: an accepted alert survives a crash."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Remediations
// ----------------------------------------------------------------------------

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

/** Where a page ended: the id of its last remediation. */
const Cursor = Schema.String.check(
  Schema.isPattern(/^rem-[0-9A-HJKMNP-TV-Z]{26}$/, {
    message: "Expected the nextCursor of the page before, such as rem-01M86T3XDTDHT0TBVYKQNQMMTH"
  })
)

export const RemediationList = Schema.Struct({
  remediations: Schema.Array(RemediationSummary),
  /** Pass as `cursor` for the next page; absent on the last. */
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
  /** The remediation that this one is evidence of. */
  joinedTo: Schema.optionalKey(RemediationId),
  /** The degradation level at the last investigation or decision. */
  level: Schema.optionalKey(DegradationLevel),
  hops: Schema.Array(Hop),
  investigation: Schema.optionalKey(Investigation),
  decision: Schema.optionalKey(Decision),
  review: Schema.optionalKey(ReviewAnswer),
  executions: Schema.Array(Execution),
  verification: Schema.optionalKey(Verification),
  traceId: Schema.optionalKey(Schema.String),
  alertResolvedAt: Schema.optionalKey(Timestamp),
  /** Why it ended as it did. */
  conclusion: Schema.optionalKey(Schema.String),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  events: Schema.Array(JournalLine)
}).annotate({ identifier: "Remediation" })
export type RemediationDetail = typeof RemediationDetail.Type

const Answer = Schema.Struct({
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1000)))
}).annotate({ identifier: "ReviewReason" })

export const ReviewAccepted = Schema.Struct({ id: RemediationId, state: RemediationState }).annotate({
  identifier: "ReviewAccepted"
})

const review = (answer: "approve" | "reject", summary: string) =>
  HttpApiEndpoint.post(answer, `/:id/${answer}`, {
    params: { id: RemediationId },
    // No body at all is the usual way to say yes.
    payload: [Schema.Null, Answer],
    success: ReviewAccepted.pipe(HttpApiSchema.status(202)),
    error: [BadRequest, NotFound, Conflict, UnsupportedMediaType, Unavailable]
  })
    .annotate(RequiredRole, "operator")
    .annotateMerge(OpenApi.annotations({ summary }))

class RemediationsGroup extends HttpApiGroup.make("remediations")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        state: Schema.optionalKey(RemediationState),
        limit: Schema.optionalKey(queryInt(1, 500)),
        cursor: Schema.optionalKey(Cursor)
      },
      success: RemediationList,
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "List remediations, newest first" })),
    HttpApiEndpoint.get("get", "/:id", {
      params: { id: RemediationId },
      success: RemediationDetail,
      error: [NotFound, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "One remediation whole, with its journal" })),
    review("approve", "Approve the action that waits; it is checked once more against cluster and guardrails"),
    review("reject", "Reject the action that waits; the remediation ends Cancelled")
  )
  .prefix("/api/v1/remediations")
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Reviews
// ----------------------------------------------------------------------------

export const PendingReview = Schema.Struct({
  id: RemediationId,
  alertName: Schema.String,
  severity: Schema.String,
  target: Target,
  action: Action,
  risk: Risk,
  confidence: Confidence,
  reasons: Schema.Array(DecisionReason),
  since: Timestamp
}).annotate({ identifier: "PendingReview" })

class ReviewsGroup extends HttpApiGroup.make("reviews")
  .add(
    HttpApiEndpoint.get("pending", "/api/v1/reviews", {
      query: { limit: Schema.optionalKey(queryInt(1, 500)) },
      success: Schema.Struct({ reviews: Schema.Array(PendingReview) }),
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "What waits for a person, oldest first" }))
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Status and breakers
// ----------------------------------------------------------------------------

/** A circuit breaker as operators see it. */
export const BreakerStatus = Schema.Struct({
  name: Schema.String,
  state: Schema.Literals(["closed", "open", "half-open", "isolated", "forced-closed"]),
  /** Since the window that trips are judged by. */
  requests: Schema.optionalKey(Schema.Int),
  failures: Schema.optionalKey(Schema.Int),
  failuresInARow: Schema.optionalKey(Schema.Int),
  /** When probes begin, or when an isolation or a forced closing ends. */
  retryAfterMs: Schema.optionalKey(Schema.Finite),
  /** The operator's, for isolated and forced-closed. */
  reason: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Breaker" })
export type BreakerStatus = typeof BreakerStatus.Type

export const Component = Schema.Struct({
  name: Schema.String,
  status: Schema.Literals(["up", "degraded", "down", "unknown"]),
  message: Schema.optionalKey(Schema.String),
  breaker: Schema.optionalKey(BreakerStatus)
}).annotate({ identifier: "Component" })
export type Component = typeof Component.Type

export const Status = Schema.Struct({
  level: DegradationLevel,
  reasons: Schema.Array(Schema.String),
  capabilities: Capabilities,
  components: Schema.Array(Component),
  version: Schema.String,
  cluster: Schema.String,
  mode: Schema.String
}).annotate({ identifier: "Status" })

const BreakerOrder = Schema.Union([
  Schema.Struct({ mode: Schema.Literal("auto"), reason: Schema.NonEmptyString.check(Schema.isMaxLength(1000)) }),
  Schema.Struct({
    mode: Schema.Literals(["isolated", "forced-closed"]),
    /**
     * More than nothing and at most 24 hours: a breaker that was forgotten in somebody's hand must come back by itself.
     */
    for: DurationText.check(
      Schema.makeFilter(
        (duration) =>
          duration.value._tag === "Millis" && duration.value.millis > 0 && duration.value.millis <= 86_400_000,
        {
          message: "Expected more than nothing and at most 24 hours"
        }
      )
    ),
    reason: Schema.NonEmptyString.check(Schema.isMaxLength(1000))
  })
]).annotate({ identifier: "BreakerOrder" })

class StatusGroup extends HttpApiGroup.make("status")
  .add(
    HttpApiEndpoint.get("status", "/api/v1/status", {
      success: Status,
      error: Unavailable
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "Level, why, what still works, and every component" })),
    HttpApiEndpoint.put("breaker", "/api/v1/breakers/:name", {
      params: { name: Schema.NonEmptyString },
      payload: BreakerOrder,
      success: BreakerStatus,
      error: [BadRequest, NotFound, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Take a circuit breaker by hand for a limited time, or give it back",
          description:
            "`isolated` rejects every call, `forced-closed` lets every call through, `auto` gives it back. Audited."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Audit and events
// ----------------------------------------------------------------------------

export const AuditPage = Schema.Struct({
  events: Schema.Array(AuditEvent),
  /** Pass as `after` to read on; the same as was asked for when there is nothing new. */
  next: Schema.Int
}).annotate({ identifier: "AuditPage" })

class AuditGroup extends HttpApiGroup.make("audit")
  .add(
    HttpApiEndpoint.get("read", "/api/v1/audit", {
      query: {
        /** A sequence number; 0 begins at the beginning. */
        after: Schema.optionalKey(queryInt(0, Number.MAX_SAFE_INTEGER)),
        limit: Schema.optionalKey(queryInt(1, 1000))
      },
      success: AuditPage,
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "The audit log in order" })),
    HttpApiEndpoint.get("verify", "/api/v1/audit/verification", {
      success: Schema.Struct({
        intact: Schema.Boolean,
        /** The first line that does not hold. */
        brokenAt: Schema.optionalKey(Schema.Int)
      }),
      error: Unavailable
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "Recompute the hash chain of the audit log" }))
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

/** `event` is `remediation`, `breaker`, `supervisor`, `level` or `ping`; `data` is JSON. */
export const ServerEvent = Schema.Struct({
  id: Schema.UndefinedOr(Schema.String),
  event: Schema.Literals(["remediation", "breaker", "supervisor", "level", "ping"]),
  data: Schema.fromJsonString(Schema.JsonObject)
})
export type ServerEvent = typeof ServerEvent.Type

class EventsGroup extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("stream", "/api/v1/events", {
      success: HttpApiSchema.StreamSse({ events: ServerEvent }),
      error: Unavailable
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(
        OpenApi.annotations({
          summary: "What happens, as it happens (server-sent events)",
          description:
            "From now on. A client that falls behind loses the oldest events and reads the truth by the other routes."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

/** All but the alerts, which have a route of their own (`AlertRoute`). */
export class ServedApi extends HttpApi.make("kubernaut")
  .add(RemediationsGroup)
  .add(ReviewsGroup)
  .add(StatusGroup)
  .add(AuditGroup)
  .add(EventsGroup) {}

export class Api extends ServedApi.add(AlertsGroup).annotateMerge(
  OpenApi.annotations({
    title: "Kubernaut",
    version: "1",
    description:
      "Kubernetes remediation that keeps going while the things it depends on fail. Errors are RFC 9457 problem+json.",
    license: { name: "Apache-2.0" }
  })
) {}
