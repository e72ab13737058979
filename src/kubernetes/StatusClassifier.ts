/**
 * Tells apart why a request to an API server failed: a pure function of what was asked and what came back. The only
 * place where text of a `metav1.Status` is looked at, and none of that text goes into the error.
 *
 * **Gotchas**
 *
 * - 403 is five different things. RBAC's is told by its own sentence (`User "…" cannot patch resource …`); a 403 that no
 *   authorizer and no known admission plugin wrote is still an admission plugin's, hence `PolicyDenied`.
 * - A ValidatingAdmissionPolicy answers 422 with reason `Invalid` by default, which is not a mistake in our request.
 * - 429 is either a PodDisruptionBudget (cause `DisruptionBudget`) or an overloaded server. Only the second says anything
 *   of its health.
 * - The API server reports "server timeout, ask again" as a 500 with reason `ServerTimeout`, and etcd without space as a
 *   plain 500.
 * - `retryable` means the very same request. A write whose outcome is unknown never is: it has to be read back first. A
 *   conflict is not either: it needs a new plan.
 */

import type { Applied } from "../domain/Execution.ts"
import { KubernetesError, type KubernetesErrorReason } from "./KubernetesClient.ts"

export interface Asked {
  /** `verb Kind namespace/name`. */
  readonly operation: string
  /** `false` for reads and dry runs. */
  readonly writes: boolean
  /** 409 and 404 mean something else for a create. */
  readonly creates?: boolean
}

/** The parts of a `metav1.Status` that matter. */
export interface Status {
  readonly kind?: string
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly retryAfterSeconds?: number
    readonly causes?: ReadonlyArray<{ readonly reason?: string; readonly message?: string; readonly field?: string }>
  }
}

export type Answer =
  | {
      readonly _tag: "Response"
      readonly status: number
      /** The body if it was JSON, else `undefined`. */
      readonly body: unknown
      readonly retryAfter: string | undefined
    }
  /** No answer. `sent`: the request may have reached the server. `timeout`: our own patience ended. */
  | { readonly _tag: "NoAnswer"; readonly sent: boolean; readonly timeout: boolean }

interface Verdict {
  readonly reason: KubernetesErrorReason
  /** Of a write. */
  readonly applied: Applied
  readonly retryable: boolean
}

const refused = (reason: KubernetesErrorReason, retryable = false): Verdict => ({ reason, applied: "no", retryable })

const statusOf = (body: unknown): Status =>
  typeof body === "object" && body !== null && (body as Status).kind === "Status" ? (body as Status) : {}

/** Milliseconds to wait, from the header (seconds) or the status. */
const retryAfterMs = (status: Status, header: string | undefined): { readonly retryAfterMs?: number } => {
  const seconds = header !== undefined && /^\d+$/.test(header) ? Number(header) : status.details?.retryAfterSeconds
  return seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }
}

const named = <Key extends string>(key: Key, name: string | undefined): { readonly [K in Key]?: string } =>
  (name === undefined ? {} : { [key]: name }) as { readonly [K in Key]?: string }

/** What an admission plugin said, whatever code it chose; `undefined` where none spoke. */
const admissionVerdict = (message: string): Verdict | undefined => {
  const policy = /ValidatingAdmissionPolicy '([^']+)' with binding '[^']*' denied request/.exec(message)
  if (policy !== null) return refused({ _tag: "PolicyDenied", ...named("policy", policy[1]) })
  const webhook = /admission webhook "([^"]+)" denied the request/.exec(message)
  return webhook === null ? undefined : refused({ _tag: "PolicyDenied", ...named("policy", webhook[1]) })
}

const forbidden = (message: string): Verdict => {
  const quota = /(?:exceeded|failed) quota: ([^,:\s]+)/.exec(message)
  if (quota !== null) return refused({ _tag: "QuotaExceeded", ...named("quota", quota[1]) })
  if (
    /(?:maximum|minimum) \S+ usage per \S+ is|max limit to request ratio per \S+ is|must specify (?:limits|requests)\./.test(
      message
    )
  )
    return refused({ _tag: "QuotaExceeded" })
  const podSecurity = /violates (PodSecurity "[^"]+")/.exec(message)
  if (podSecurity !== null) return refused({ _tag: "PolicyDenied", ...named("policy", podSecurity[1]) })
  if (
    message === ""
    || /cannot \S+ (?:resource|path) "/.test(message)
    || message.includes("attempting to grant RBAC permissions not currently held")
  )
    return refused({ _tag: "Forbidden" })
  return refused({ _tag: "PolicyDenied" })
}

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

const invalid = (status: Status): Verdict =>
  refused({
    _tag: "Invalid",
    fields: [...new Set((status.details?.causes ?? []).flatMap((cause) => cause.field ?? []))]
  })

const tooMany = (status: Status, header: string | undefined): Verdict =>
  status.details?.causes?.some((cause) => cause.reason === "DisruptionBudget") === true
    ? refused({ _tag: "DisruptionBudget" }, true)
    : refused({ _tag: "TooManyRequests", ...retryAfterMs(status, header) }, true)

const serverError = (code: number, status: Status, header: string | undefined): Verdict => {
  const message = status.message ?? ""
  const unavailable = { _tag: "Unavailable", status: code, ...retryAfterMs(status, header) } as const
  if (code === 507) return { reason: { _tag: "StorageFull" }, applied: "unknown", retryable: false }
  if (/etcdserver: .*database space exceeded/.test(message)) return refused({ _tag: "StorageFull" })
  if (code === 504 || status.reason === "ServerTimeout" || status.reason === "Timeout")
    return { reason: { _tag: "Timeout" }, applied: "unknown", retryable: true }
  // Both are said before anything is stored. No number of retries makes two budgets one.
  if (message.includes("has more than one PodDisruptionBudget")) return refused(unavailable)
  if (message.includes("failed calling webhook")) return refused(unavailable, true)
  if (status.reason === "StorageReadError") return { reason: unavailable, applied: "unknown", retryable: false }
  return { reason: unavailable, applied: "unknown", retryable: true }
}

const responseVerdict = (asked: Asked, answer: Extract<Answer, { _tag: "Response" }>): Verdict => {
  const status = statusOf(answer.body)
  if (answer.status >= 500) return serverError(answer.status, status, answer.retryAfter)
  const admission = admissionVerdict(status.message ?? "")
  if (admission !== undefined) return admission
  switch (answer.status) {
    case 401:
      return refused({ _tag: "Unauthorized" })
    case 403:
      return forbidden(status.message ?? "")
    case 404:
      return refused({ _tag: "NotFound" })
    case 409:
      return conflict(status, asked.creates === true)
    case 410:
      return refused({ _tag: "Expired" }, true)
    case 408:
      return { reason: { _tag: "Timeout" }, applied: "unknown", retryable: true }
    case 429:
      return tooMany(status, answer.retryAfter)
    default:
      return answer.status >= 400
        ? invalid(status)
        : { reason: { _tag: "Unavailable", status: answer.status }, applied: "unknown", retryable: false }
  }
}

const noAnswerVerdict = (asked: Asked, { sent, timeout }: Extract<Answer, { _tag: "NoAnswer" }>): Verdict => {
  // What was never sent was never done. A write that was sent and lost its answer is as good as timed out, whoever hung
  // up.
  const reason = timeout || (asked.writes && sent) ? ({ _tag: "Timeout" } as const) : ({ _tag: "Unavailable" } as const)
  return { reason, applied: sent ? "unknown" : "no", retryable: true }
}

/** The error for an answer that is not a success. */
export const classify = (asked: Asked, answer: Answer): KubernetesError => {
  const verdict = answer._tag === "Response" ? responseVerdict(asked, answer) : noAnswerVerdict(asked, answer)
  const applied = asked.writes ? verdict.applied : "no"
  return new KubernetesError({
    reason: verdict.reason,
    operation: asked.operation,
    applied,
    retryable: verdict.retryable && applied !== "unknown"
  })
}
