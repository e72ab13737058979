/**
 * The HTTP API as data: routes, roles, schemas and errors. The server, the typed client, the OpenAPI document and the
 * page at `/docs` are all derived from it.
 *
 * The handlers are in separate files, so that a client can import this without the server.
 */

import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { DurationText } from "../domain/DurationText.ts"
import { ChangeId } from "../domain/ObjectChange.ts"
import { RemediationId, RemediationState } from "../domain/Remediation.ts"
import { Webhook } from "../intake/AlertmanagerWebhook.ts"
import { Authentication, RequiredRole } from "./Authentication.ts"
import {
  BadRequest,
  BodyTooLarge,
  Conflict,
  NotFound,
  NotRecorded,
  RollbackRefused,
  TooManyRequests,
  Unavailable,
  UnsupportedMediaType
} from "./problems/Problem.ts"
import { RequestFaults } from "./problems/RequestFaults.ts"
import { queryInt } from "./QueryInt.ts"
import * as Responses from "./Responses.ts"
import { SpendGroup } from "./SpendApi.ts"
import { TimeText } from "./TimeQuery.ts"

// ----------------------------------------------------------------------------
// Alerts
// ----------------------------------------------------------------------------

class AlertsGroup extends HttpApiGroup.make("alerts")
  .add(
    HttpApiEndpoint.post("receive", "/api/v1/alerts", {
      payload: Webhook,
      success: Responses.AlertResults.pipe(HttpApiSchema.status(202)),
      error: [BadRequest, BodyTooLarge, UnsupportedMediaType, TooManyRequests, Unavailable]
    })
      .annotate(RequiredRole, "source")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Receive alerts from Alertmanager",
          description:
            "Accepts Alertmanager's webhook format, version 4, which Grafana sends as version 1. The response is sent after the commit, so an accepted alert survives a crash. While the database stores nothing, alerts are kept in a file (`spooled`), and the response is sent when they are on disk; a 503 means that nothing was stored."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Remediations
// ----------------------------------------------------------------------------

/** The end of a page: the id of its last remediation. */
const Cursor = Schema.String.check(
  Schema.isPattern(/^rem-[0-9A-HJKMNP-TV-Z]{26}$/, {
    message: "Expected the nextCursor of the previous page, such as rem-01M86T3XDTDHT0TBVYKQNQMMTH"
  })
)

const Answer = Schema.Struct({
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1000))),
  /**
   * The number of the question that is answered, from `GET /api/v1/reviews`. If the remediation asks another question
   * by now, an approval is refused with 409. Default: the first question.
   */
  question: Schema.optionalKey(Schema.Int)
}).annotate({ identifier: "ReviewReason" })

const review = (answer: "approve" | "reject", summary: string) =>
  HttpApiEndpoint.post(answer, `/:id/${answer}`, {
    params: { id: RemediationId },
    // The body is optional.
    payload: [Schema.Null, Answer],
    success: Responses.ReviewAccepted.pipe(HttpApiSchema.status(202)),
    error: [BadRequest, NotFound, Conflict, UnsupportedMediaType, Unavailable]
  })
    .annotate(RequiredRole, "operator")
    .annotateMerge(OpenApi.annotations({ summary }))

const RollbackBody = Schema.Struct({
  /** Why, for the audit log. */
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1000)))
}).annotate({ identifier: "RollbackReason" })

class RemediationsGroup extends HttpApiGroup.make("remediations")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        state: Schema.optionalKey(RemediationState),
        limit: Schema.optionalKey(queryInt(1, 500)),
        cursor: Schema.optionalKey(Cursor)
      },
      success: Responses.RemediationList,
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "List remediations, newest first" })),
    HttpApiEndpoint.get("get", "/:id", {
      params: { id: RemediationId },
      success: Responses.RemediationDetail,
      error: [NotFound, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "Get a remediation with its journal" })),
    review("approve", "Approve a pending action; it is checked again against the cluster and the guardrails"),
    review("reject", "Reject a pending action; the remediation ends as Cancelled"),
    HttpApiEndpoint.post("rollback", "/:id/rollback", {
      params: { id: RemediationId },
      // The body is optional.
      payload: [Schema.Null, RollbackBody],
      success: Responses.RollbackAccepted.pipe(HttpApiSchema.status(202)),
      error: [BadRequest, NotFound, RollbackRefused, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Undo the action of a remediation",
          description:
            "Puts back what the action wrote and nothing else, also after the remediation has ended, which opens it again as RollingBack. Refused with 409 if nothing can be undone, or if somebody has changed the same fields since: `code` and `fields` say what."
        })
      )
  )
  .prefix("/api/v1/remediations")
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Reviews
// ----------------------------------------------------------------------------

class ReviewsGroup extends HttpApiGroup.make("reviews")
  .add(
    HttpApiEndpoint.get("pending", "/api/v1/reviews", {
      query: { limit: Schema.optionalKey(queryInt(1, 500)) },
      success: Schema.Struct({ reviews: Schema.Array(Responses.PendingReview) }),
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "List actions that await review, oldest first" }))
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Status and breakers
// ----------------------------------------------------------------------------

const BreakerOrder = Schema.Union([
  Schema.Struct({ mode: Schema.Literal("auto"), reason: Schema.NonEmptyString.check(Schema.isMaxLength(1000)) }),
  Schema.Struct({
    mode: Schema.Literals(["isolated", "forced-closed"]),
    /** More than 0 and at most 24 hours, so that a forgotten override expires. */
    for: DurationText.check(
      Schema.makeFilter(
        (duration) =>
          duration.value._tag === "Millis" && duration.value.millis > 0 && duration.value.millis <= 86_400_000,
        {
          message: "Expected a duration of more than 0 and at most 24 hours"
        }
      )
    ),
    reason: Schema.NonEmptyString.check(Schema.isMaxLength(1000))
  })
]).annotate({ identifier: "BreakerOrder" })

class StatusGroup extends HttpApiGroup.make("status")
  .add(
    HttpApiEndpoint.get("status", "/api/v1/status", {
      success: Responses.Status,
      error: Unavailable
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Get the degradation level, its reasons, the remaining capabilities and every component"
        })
      ),
    HttpApiEndpoint.put("breaker", "/api/v1/breakers/:name", {
      params: { name: Schema.NonEmptyString },
      payload: BreakerOrder,
      success: Responses.BreakerStatus,
      error: [BadRequest, NotFound, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Override a circuit breaker for a limited time, or end the override",
          description:
            "`isolated` rejects every call, `forced-closed` allows every call, and `auto` ends the override, or a suspension. Every change is audited."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Changes
// ----------------------------------------------------------------------------

/** The end of a page: the id of its last change. */
const ChangeCursor = ChangeId.check(Schema.isMaxLength(30, { message: "Expected the nextCursor of the previous page" }))

class ChangesGroup extends HttpApiGroup.make("changes")
  .add(
    HttpApiEndpoint.get("list", "/api/v1/changes", {
      query: {
        /** `namespace/Kind/name`, or `Kind/name` for a kind without namespaces. */
        target: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(700))),
        /** How long ago, such as `1h`, or a time. Default `1h`. */
        since: Schema.optionalKey(TimeText),
        /** Likewise. Default: now. */
        until: Schema.optionalKey(TimeText),
        /** One or more kinds, separated by commas. */
        kind: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1000))),
        namespace: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(253))),
        limit: Schema.optionalKey(queryInt(1, 200)),
        cursor: Schema.optionalKey(ChangeCursor)
      },
      success: Responses.ChangeList,
      error: [BadRequest, NotRecorded, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(
        OpenApi.annotations({
          summary: "List what changed in the cluster, newest first",
          description:
            "Shows which fields changed, when, and who changed them. With `target` the list has the changes of the object and of everything that it depends on. `watched` and `gaps` say whether a change would have been seen: only with `throughout` does an empty list mean that nothing changed. Values that look like secrets are hidden, and of a Secret only the names of its keys are shown."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Emergency stop
// ----------------------------------------------------------------------------

const OrderBody = Schema.Struct({
  /** Why, for the audit log and for everybody who looks at the status. */
  reason: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(1000)))
}).annotate({ identifier: "OrderReason" })

class EmergencyGroup extends HttpApiGroup.make("emergency")
  .add(
    HttpApiEndpoint.put("stop", "/api/v1/emergency-stop", {
      // The body is optional.
      payload: [Schema.Null, OrderBody],
      success: Responses.OrderGiven,
      error: [BadRequest, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Set the emergency stop",
          description:
            "No new action starts from the response on. Actions that run finish or are rolled back. The stop survives restarts, until it is lifted. If one is set already, that one stays. Every order is audited."
        })
      ),
    HttpApiEndpoint.delete("lift", "/api/v1/emergency-stop", {
      payload: [Schema.Null, OrderBody],
      success: Responses.OrderTakenBack,
      error: [BadRequest, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Lift the emergency stop",
          description:
            "Actions start again. For an alert that the stop held back and that still fires, the next post begins new work."
        })
      ),
    HttpApiEndpoint.put("enter", "/api/v1/emergency", {
      payload: [Schema.Null, OrderBody],
      success: Responses.OrderGiven,
      error: [BadRequest, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Declare an emergency",
          description:
            "The level is 3 from the response on, also after a restart: alerts are stored and escalated, and nothing is investigated or acted on. Reviews, rollbacks, health checks and the audit log work as before."
        })
      ),
    HttpApiEndpoint.delete("leave", "/api/v1/emergency", {
      payload: [Schema.Null, OrderBody],
      success: Responses.OrderTakenBack,
      error: [BadRequest, UnsupportedMediaType, Unavailable]
    })
      .annotate(RequiredRole, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "End an emergency that was declared",
          description: "The level is again what the state of the dependencies says."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

// ----------------------------------------------------------------------------
// Audit and events
// ----------------------------------------------------------------------------

class AuditGroup extends HttpApiGroup.make("audit")
  .add(
    HttpApiEndpoint.get("read", "/api/v1/audit", {
      query: {
        /** A sequence number; 0 reads from the beginning. */
        after: Schema.optionalKey(queryInt(0, Number.MAX_SAFE_INTEGER)),
        limit: Schema.optionalKey(queryInt(1, 1000))
      },
      success: Responses.AuditPage,
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "Read the audit log in order" })),
    HttpApiEndpoint.get("verify", "/api/v1/audit/verification", {
      success: Schema.Struct({
        intact: Schema.Boolean,
        /** The sequence number of the first invalid line. */
        brokenAt: Schema.optionalKey(Schema.Int)
      }),
      error: Unavailable
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(OpenApi.annotations({ summary: "Verify the hash chain of the audit log" }))
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

class EventsGroup extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("stream", "/api/v1/events", {
      success: HttpApiSchema.StreamSse({ events: Responses.ServerEvent }),
      error: [TooManyRequests, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Stream events as they happen (server-sent events)",
          description:
            "Starts with the next event. A client that falls behind loses the oldest events; the other routes return the current state."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}

/** All groups except alerts, which `AlertRoute` serves. */
export class ServedApi extends HttpApi.make("kubernaut")
  .add(RemediationsGroup)
  .add(ReviewsGroup)
  .add(StatusGroup)
  .add(ChangesGroup)
  .add(EmergencyGroup)
  .add(SpendGroup)
  .add(AuditGroup)
  .add(EventsGroup) {}

export class Api extends ServedApi.add(AlertsGroup).annotateMerge(
  OpenApi.annotations({
    title: "Kubernaut",
    version: "1",
    description:
      "Remediates Kubernetes alerts, and keeps working while its dependencies fail. Errors are RFC 9457 problem+json.",
    license: { name: "Apache-2.0" }
  })
) {}
