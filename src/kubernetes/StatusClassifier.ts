/**
 * Classifies why a request to an API server failed: a pure function of the request and the response. Only this file and
 * `RefusalText` read the text of a `metav1.Status`. They pass on only names and quantities: of quotas, policies,
 * permissions, fields and managers.
 *
 * **Gotchas**
 *
 * - A 403 has five causes. RBAC uses a message of its own (`User "…" cannot patch resource …`). A 403 that neither an
 *   authorizer nor a known admission plugin wrote comes from an unknown admission plugin, hence `PolicyDenied`.
 * - A ValidatingAdmissionPolicy denies with 422 and reason `Invalid` by default. That is not a mistake in our request.
 * - A 429 comes from a PodDisruptionBudget (cause `DisruptionBudget`) or from an overloaded server. Only the latter says
 *   anything about the health of the server.
 * - The API server reports a server timeout as a 500 with reason `ServerTimeout`, and etcd without space as a plain 500.
 * - `retryable` refers to the same request, unchanged. A write with an unknown outcome is not retryable: read the object
 *   back first. A conflict is not retryable either: it needs a new plan.
 */

import type { Applied } from "../domain/Execution.ts"
import * as RetryAfter from "../resilience/RetryAfter.ts"
import type { ConnectionFault } from "./ConnectionFault.ts"
import { KubernetesError, type KubernetesErrorReason } from "./KubernetesClient.ts"
import { denialIn, refusalIn, unreachableWebhookIn } from "./RefusalText.ts"

/** What the classification depends on besides the response. */
export interface RequestContext {
  /** `verb Kind namespace/name`. */
  readonly operation: string
  /** `false` for reads and dry runs. */
  readonly writes: boolean
  /** `true` for creates, for which a 409 means `AlreadyExists`. */
  readonly creates?: boolean
}

/** The parts of a `metav1.Status` that the classification reads. */
export interface Status {
  readonly kind?: string
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly retryAfterSeconds?: number
    readonly causes?: ReadonlyArray<{ readonly reason?: string; readonly message?: string; readonly field?: string }>
  }
}

/** How a request ended without success. */
export type Outcome =
  | {
      readonly _tag: "Response"
      readonly status: number
      /** The parsed body; `undefined` when it is not JSON. */
      readonly body: unknown
      /** The body as it came, where it is not JSON. */
      readonly text?: string | undefined
      /** The `Retry-After` header. */
      readonly retryAfter: string | undefined
      /** When the response was received, for a `Retry-After` that is a date. */
      readonly received?: RetryAfter.Received
    }
  /**
   * `sent`: the request may have reached the server. `timeout`: our own time limit passed; `isExcused`: it says nothing
   * about the API server (`TimeLimit`). `fault`: why there is no response, if that is known.
   */
  | {
      readonly _tag: "NoResponse"
      readonly sent: boolean
      readonly timeout: boolean
      readonly isExcused?: boolean
      readonly fault?: ConnectionFault | undefined
    }

interface Verdict {
  readonly reason: KubernetesErrorReason
  /** For a write; a read never changes the cluster. */
  readonly applied: Applied
  readonly retryable: boolean
}

const refused = (reason: KubernetesErrorReason, retryable = false): Verdict => ({ reason, applied: "no", retryable })

const statusOf = (body: unknown): Status =>
  typeof body === "object" && body !== null && (body as Status).kind === "Status" ? (body as Status) : {}

type Response = Extract<Outcome, { _tag: "Response" }>

/** How long the server asks clients to wait, from the header or the status. */
const retryAfterMs = (status: Status, response: Response): { readonly retryAfterMs?: number } => {
  const seconds = status.details?.retryAfterSeconds
  const waitMs =
    RetryAfter.retryAfterMs(response.retryAfter, response.received)
    ?? (seconds === undefined ? undefined : seconds * 1000)
  return waitMs === undefined ? {} : { retryAfterMs: waitMs }
}

const denied = (message: string): Verdict | undefined => {
  const reason = denialIn(message)
  return reason === undefined ? undefined : refused(reason)
}

/** A 403 without a known text comes from a proxy if it has none, otherwise from an unknown admission plugin. */
const forbidden = (message: string): Verdict =>
  refused(refusalIn(message) ?? { _tag: message === "" ? "Forbidden" : "PolicyDenied" })

const conflict = (status: Status, creates: boolean): Verdict => {
  const causes = (status.details?.causes ?? []).filter((cause) => cause.reason === "FieldManagerConflict")
  if (causes.length > 0) {
    const managers = causes.flatMap((cause) => /conflict with "([^"]+)"/.exec(cause.message ?? "")?.[1] ?? [])
    return refused({ _tag: "FieldManagerConflict", managers: [...new Set(managers)] })
  }
  return refused({
    _tag: status.reason === "AlreadyExists" || (creates && status.reason === undefined) ? "AlreadyExists" : "Conflict"
  })
}

const invalid = (status: Status, code: number): Verdict =>
  refused({
    _tag: "Invalid",
    ...(code === 400 || code === 413 ? { status: code } : {}),
    fields: [...new Set((status.details?.causes ?? []).flatMap((cause) => cause.field ?? []))]
  })

const tooMany = (status: Status, response: Response): Verdict =>
  status.details?.causes?.some((cause) => cause.reason === "DisruptionBudget") === true
    ? refused({ _tag: "DisruptionBudget" }, true)
    : refused({ _tag: "TooManyRequests", ...retryAfterMs(status, response) }, true)

const serverError = (status: Status, response: Response): Verdict => {
  const message = status.message ?? ""
  const code = response.status
  const unavailable = { _tag: "Unavailable", status: code, ...retryAfterMs(status, response) } as const
  if (code === 507) return { reason: { _tag: "StorageFull" }, applied: "unknown", retryable: false }
  if (/etcdserver: .*database space exceeded/.test(message)) return refused({ _tag: "StorageFull" })
  if (code === 504 || status.reason === "ServerTimeout" || status.reason === "Timeout")
    return { reason: { _tag: "Timeout" }, applied: "unknown", retryable: true }
  // The API server reports the next two before it stores anything. A second budget does not go away by retrying.
  if (message.includes("has more than one PodDisruptionBudget"))
    return refused({ ...unavailable, because: "several-budgets" })
  if (message.includes("failed calling webhook")) {
    const webhook = unreachableWebhookIn(message)
    return refused({ ...unavailable, because: "webhook", ...(webhook === undefined ? {} : { webhook }) }, true)
  }
  if (status.reason === "StorageReadError")
    return { reason: { ...unavailable, because: "storage-read" }, applied: "unknown", retryable: false }
  return { reason: unavailable, applied: "unknown", retryable: true }
}

const responseVerdict = (context: RequestContext, response: Response): Verdict => {
  const status = statusOf(response.body)
  // A webhook chooses the status of its denial.
  const admission = denied(status.message ?? "")
  if (admission !== undefined) return admission
  if (response.status >= 500) return serverError(status, response)
  // The responses of Go and nginx to plain HTTP on a port that speaks TLS.
  if (
    response.status === 400
    && /^Client sent an HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port/.test(
      response.text ?? ""
    )
  )
    return refused({ _tag: "Unavailable", status: 400, fault: "plain-http" }, true)
  switch (response.status) {
    case 401:
      return refused({ _tag: "Unauthorized" })
    case 403:
      return forbidden(status.message ?? "")
    case 404:
      return refused({ _tag: "NotFound" })
    case 409:
      return conflict(status, context.creates === true)
    case 410:
      return refused({ _tag: "Expired" }, true)
    case 408:
      return { reason: { _tag: "Timeout" }, applied: "unknown", retryable: true }
    case 429:
      return tooMany(status, response)
    default:
      return response.status >= 400
        ? invalid(status, response.status)
        : { reason: { _tag: "Unavailable", status: response.status }, applied: "unknown", retryable: false }
  }
}

const noResponseVerdict = (
  context: RequestContext,
  { fault, sent, isExcused, timeout }: Extract<Outcome, { _tag: "NoResponse" }>
): Verdict => {
  // A request that was never sent changed nothing. A write that was sent but got no response is equivalent to a
  // timeout, whichever side closed the connection.
  const reason =
    timeout || (context.writes && sent)
      ? ({ _tag: "Timeout", ...(isExcused === true ? { isExcused } : {}) } as const)
      : ({ _tag: "Unavailable", ...(fault === undefined ? {} : { fault }) } as const)
  return { reason, applied: sent ? "unknown" : "no", retryable: true }
}

/** The error for a request that did not succeed. */
export const classify = (context: RequestContext, outcome: Outcome): KubernetesError => {
  const verdict = outcome._tag === "Response" ? responseVerdict(context, outcome) : noResponseVerdict(context, outcome)
  const applied = context.writes ? verdict.applied : "no"
  return new KubernetesError({
    reason: verdict.reason,
    operation: context.operation,
    applied,
    retryable: verdict.retryable && applied !== "unknown"
  })
}
