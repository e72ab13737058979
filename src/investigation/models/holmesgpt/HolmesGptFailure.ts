/**
 * What a failure of HolmesGPT means: the reason of the hop, whether HolmesGPT is asked again, and whether its breaker
 * counts it. Pure.
 *
 * | HolmesGPT says                                                             | reason                   | retried                 | breaker   |
 * | -------------------------------------------------------------------------- | ------------------------ | ----------------------- | --------- |
 * | no connection, 500, 502, 503, 504, a stream that breaks off                | `Unavailable`            | early only              | failure   |
 * | nothing within the time for a first sign                                   | `Silent`                 | no                      | failure   |
 * | 401 about our key, any other 401                                           | `Authentication`         | with a new key only     | suspended |
 * | 403                                                                        | `Authentication`         | with a new key only     | run       |
 * | 401, or an error, because its own model rejected its own key               | `UpstreamAuthentication` | no                      | failure   |
 * | an error because the platform behind it refused the call                   | `UpstreamAuthentication` | no                      | failure   |
 * | 400, 413, 422, or an error because its model got a request that it rejects | `BadRequest`             | no                      | run       |
 * | an error because its model is out                                          | `Unavailable`            | no                      | failure   |
 * | 429, or an error, because its model is at its rate limit                   | `RateLimited`            | only with `Retry-After` | failure   |
 * | an error in its stream, because the quota of its model is used up          | `QuotaExhausted`         | no                      | suspended |
 * | an error because its model's context is too small                          | `ContextOverflow`        | no                      | run       |
 * | an error because its model refused, or a filter withheld it                | `Refused`                | no                      | run       |
 * | an error because its step limit was reached                                | `StepLimit`              | no                      | run       |
 * | the same tool call again and again                                         | `ToolLoop`               | no                      | run       |
 * | an answer that is none or cut off, or a tool waits for a person            | `InvalidAnswer`          | no                      | run       |
 * | a body that is not of this API                                             | `InvalidAnswer`          | no                      | failure   |
 * | any other status (404, a redirect)                                         | `Unavailable`            | no                      | failure   |
 *
 * - An investigation costs minutes and money. A failure is **early** if it comes within the time for a first sign and
 *   before the stream has shown any work. Only such a failure is retried.
 * - **run**: the text of an alert or a log may lead to it, so the breaker does not count it. See `AiFailure`.
 * - A 429, and any failure of its model, comes after the attempts of HolmesGPT itself, so an immediate retry only adds
 *   load, and the decision waits.
 * - `detail` of a response and `description` of an error event tell these cases apart, by how they begin: HolmesGPT puts
 *   the text of the exception there. They contain internals of the server, so they are never passed on. What is behind
 *   their beginning may quote the prompt, and says nothing. That a quota is used up is behind it, so it counts only in
 *   words that are neither in our request nor in what the tools have found. Without a stream it is not known what they
 *   have found, so no words count: the account is at its rate limit, or the request is at fault.
 * - A 403 may come from a firewall that looks at the text of the request, as at any model (`AiFailure`). It may also be
 *   how a gateway rejects a key, so a key that has changed is tried.
 */

import * as RetryAfter from "../../../resilience/RetryAfter.ts"
import { InvestigatorError, type InvestigatorErrorReason } from "../../Investigator.ts"
import { subjectOf } from "../providers/ErrorWording.ts"

/** The size of our request, for a context that is too small. */
export interface RequestSize {
  readonly tokens: number
  readonly limit: number
}

/** What is known when a failure is judged. */
export interface Circumstances {
  readonly size: RequestSize
  /** See the module comment. */
  readonly isEarly: boolean
  /** What the texts of an event may quote: our request, and what its tools have found. Absent: that is not known. */
  readonly quotable?: string
}

/** An error with the investigator's name. `countsAsFailure`: for the circuit breaker; default `true`. */
export const failure = (
  reason: InvestigatorErrorReason,
  retryable = false,
  countsAsFailure = true
): InvestigatorError => new InvestigatorError({ investigator: "holmesgpt", reason, retryable, countsAsFailure })

/** What a model has written is no answer. `problem` is a fixed text, and quotes nothing. */
export const invalid = (problem: string): InvestigatorError => failure({ _tag: "InvalidAnswer", problem }, false, false)

/** What came is not of HolmesGPT's API, such as a page of a gateway. No text of an alert leads to it. */
export const otherApi = (problem: string): InvestigatorError => failure({ _tag: "InvalidAnswer", problem })

export const toolLoop = (): InvestigatorError => failure({ _tag: "ToolLoop" }, false, false)

export const refused = (): InvestigatorError => failure({ _tag: "Refused" }, false, false)

/** `unsent`: it could not even be sent. */
export const badRequest = (unsent = false): InvestigatorError =>
  failure({ _tag: "BadRequest", ...(unsent ? { unsent } : {}) }, false, false)

/** `unsent`: it is too long by our own count. */
export const contextOverflow = (size: RequestSize, unsent = false): InvestigatorError =>
  failure({ _tag: "ContextOverflow", ...size, ...(unsent ? { unsent } : {}) }, false, false)

/** There is no response. */
export const disconnected = (isEarly: boolean, unsent = false): InvestigatorError =>
  failure({ _tag: "Unavailable", ...(unsent ? { unsent } : {}) }, isEarly)

/** The server was reached and has failed under a status of 200: its response broke off, or reports an error. */
export const brokenOff = (isEarly: boolean): InvestigatorError => failure({ _tag: "Unavailable", status: 200 }, isEarly)

/** The classes of exceptions with which a text begins: one may wrap another. */
const beginning = /^(?:\s*(?:litellm\.)?[A-Z][A-Za-z]*:)+/
const exceptionsIn = (text: string): ReadonlyArray<string> =>
  beginning.exec(text)?.[0].match(/[A-Z][A-Za-z]*(?=:)/g) ?? []

/** LiteLLM, through which HolmesGPT calls its model, begins each message with its name. */
const isOfModel = (text: string): boolean => /^\s*litellm\./.test(text)

const stepLimit = /^\s*Too many LLM calls\b/

/** The exceptions with which LiteLLM reports that an account has no money left, as well as other things. */
const mayBeQuota: ReadonlySet<string> = new Set([
  "RateLimitError",
  "APIError",
  "BadRequestError",
  "PermissionDeniedError"
])

/** What one exception means. `undefined`: nothing by itself. */
const reasonOf = (exception: string, size: RequestSize): InvestigatorError | undefined => {
  switch (exception) {
    case "AuthenticationError":
    case "PermissionDeniedError":
      return failure({ _tag: "UpstreamAuthentication" })
    case "BudgetExceededError":
      return failure({ _tag: "QuotaExhausted" })
    case "RateLimitError":
      return failure({ _tag: "RateLimited" })
    case "ContextWindowExceededError":
      return contextOverflow(size)
    case "ContentPolicyViolationError":
      return refused()
    // The model does not exist, or cannot do what HolmesGPT wants: only its operator can help.
    case "NotFoundError":
    case "UnsupportedParamsError":
      return failure({ _tag: "Unavailable" })
    default:
      return undefined
  }
}

/** The reason that a text names; `undefined` when it names none. Without `quotable`, no words of it mean a quota. */
const reasonIn = (
  text: string,
  { quotable, size }: Pick<Circumstances, "quotable" | "size">
): InvestigatorError | undefined => {
  if (stepLimit.test(text)) return failure({ _tag: "StepLimit" }, false, false)
  const exceptions = exceptionsIn(text)
  const vendor = { codes: [], message: text, request: quotable }
  const isQuota = quotable !== undefined && exceptions.some((name) => mayBeQuota.has(name))
  if (isQuota && subjectOf({ ...vendor, status: 429 }) === "quota") return failure({ _tag: "QuotaExhausted" })
  for (const name of exceptions) {
    const reason = reasonOf(name, size)
    if (reason !== undefined) return reason
  }
  if (!exceptions.includes("BadRequestError")) return undefined
  switch (subjectOf({ ...vendor, status: 400 })) {
    case "context-length":
      return contextOverflow(size)
    case "refusal":
      return refused()
    default:
      return badRequest()
  }
}

const detailIn = (body: string): string => {
  try {
    const parsed: unknown = JSON.parse(body)
    const detail =
      typeof parsed === "object" && parsed !== null ? (Reflect.get(parsed, "detail") as unknown) : undefined
    return typeof detail === "string" ? detail : ""
  } catch {
    return ""
  }
}

/** A response with an error status. `body`: as much of it as was read. */
export interface ErrorResponse {
  readonly status: number
  readonly body: string
  readonly retryAfter: string | undefined
  readonly received?: RetryAfter.Received
}

/** Applies the table above to a response. */
export const errorOfResponse = (
  { body, received = {}, retryAfter, status }: ErrorResponse,
  circumstances: Circumstances
): InvestigatorError => {
  const { isEarly, size } = circumstances
  const waitMs = RetryAfter.retryAfterMs(retryAfter, received)
  const wait = waitMs === undefined ? {} : { retryAfterMs: waitMs }
  const detail = detailIn(body)
  switch (status) {
    case 400:
    case 413:
    case 422:
      return badRequest()
    case 401:
      // A proxy that wants a key says so in its own words.
      return exceptionsIn(detail).includes("AuthenticationError")
        ? failure({ _tag: "UpstreamAuthentication" })
        : failure({ _tag: "Authentication" })
    case 403:
      return failure({ _tag: "Authentication", forbidden: true }, false, false)
    case 429: {
      const named = reasonIn(detail, { size })
      return named?.reason._tag === "QuotaExhausted"
        ? named
        : failure({ _tag: "RateLimited", ...wait }, waitMs !== undefined)
    }
    case 500: {
      const named = reasonIn(detail, { size })
      return named?.reason._tag === "Unavailable"
        ? failure({ _tag: "Unavailable", status })
        : (named ?? failure({ _tag: "Unavailable", status, ...wait }, isEarly && !isOfModel(detail)))
    }
    case 502:
    case 503:
    case 504:
      return failure({ _tag: "Unavailable", status, ...wait }, isEarly)
    default:
      return failure({ _tag: "Unavailable", status })
  }
}

/** HolmesGPT's codes for a rate limit, and for a 401 and a 403 of its platform. Every other error has the code 1. */
const rateLimitCode = 5204
const refusalCodes: ReadonlySet<unknown> = new Set([5206, 5207])

/** Applies the table above to an `error` event. The response has the status 200 then. */
export const errorOfEvent = (
  event: { readonly code: unknown; readonly description: string },
  circumstances: Circumstances
): InvestigatorError => {
  const { isEarly } = circumstances
  if (refusalCodes.has(event.code)) return failure({ _tag: "UpstreamAuthentication" })
  const named = reasonIn(event.description, circumstances)
  if (named !== undefined) return named.reason._tag === "Unavailable" ? brokenOff(false) : named
  return event.code === rateLimitCode
    ? failure({ _tag: "RateLimited" })
    : brokenOff(isEarly && !isOfModel(event.description))
}

/**
 * The error of a probe. Only a failure of the server itself counts. A proxy that wants a key from everybody, a limit on
 * requests, or a server without that route says nothing about investigations: only real calls show whether they work.
 */
export const refusedProbe = (status: number): InvestigatorError => {
  const { reason, retryable } = errorOfResponse(
    { status, body: "", retryAfter: undefined },
    { size: { tokens: 0, limit: 0 }, isEarly: true }
  )
  return failure(reason, retryable, status >= 500 && status !== 501)
}
