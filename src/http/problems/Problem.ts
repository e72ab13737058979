/**
 * The errors of the HTTP API, as RFC 9457 `application/problem+json`.
 *
 * `type` identifies the problem (`urn:kubernaut:problem:…`). `detail` states in a sentence what is wrong, and what is
 * expected or what to do next. `failing` adds the headers of a problem (`Retry-After`, `WWW-Authenticate`). A problem
 * never contains a stack trace, a secret, or text from an upstream service.
 */

import { Effect, Schema, SchemaIssue } from "effect"
import { HttpEffect, type HttpServerRequest, HttpServerResponse, ProblemDetails } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { ReviewDifference } from "../../domain/Review.ts"
import { AnswerRefusal } from "../../storage/RemediationStore.ts"

/** An invalid part of a request. `path` begins with `payload`, `query`, `params` or `headers`. */
export const Fault = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Finite])),
  message: Schema.String
})
export type Fault = typeof Fault.Type

const urn = <const Name extends string>(name: Name) => `urn:kubernaut:problem:${name}` as const

export class BadRequest extends HttpApiError.Problem<BadRequest>()(
  "BadRequest",
  {
    type: urn("bad-request"),
    status: 400,
    title: "Bad request"
  },
  { errors: Schema.optionalKey(Schema.Array(Fault)) }
) {}

export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: urn("unauthorized"),
  status: 401,
  title: "A valid bearer token is required"
}) {}

export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: urn("forbidden"),
  status: 403,
  title: "Not allowed"
}) {}

export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: urn("not-found"),
  status: 404,
  title: "Not found"
}) {}

/** Nobody knows what changed, which is not the same as that nothing changed. */
export class NotRecorded extends HttpApiError.Problem<NotRecorded>()("NotRecorded", {
  type: urn("changes-not-recorded"),
  status: 404,
  title: "Changes are not recorded"
}) {}

export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()("MethodNotAllowed", {
  type: urn("method-not-allowed"),
  status: 405,
  title: "Method not allowed"
}) {}

export class Conflict extends HttpApiError.Problem<Conflict>()(
  "Conflict",
  {
    type: urn("conflict"),
    status: 409,
    title: "The current state does not allow this"
  },
  {
    /** Why an answer to a review is refused. `changed`: the target or the plan is no longer what was shown. */
    code: Schema.optionalKey(Schema.Literals([...AnswerRefusal.literals, "changed"])),
    /** The question that is asked now, if there is one. */
    question: Schema.optionalKey(Schema.Int),
    /** For `changed`: how what was shown differs from what holds now. */
    difference: Schema.optionalKey(ReviewDifference)
  }
) {}

export class RollbackRefused extends HttpApiError.Problem<RollbackRefused>()(
  "RollbackRefused",
  {
    type: urn("conflict"),
    status: 409,
    title: "The action cannot be undone"
  },
  {
    /** Why, for programs, such as `changed-by-another`. */
    code: Schema.String,
    /** The fields of the object that somebody else has changed, such as `spec.replicas`. */
    fields: Schema.optionalKey(Schema.Array(Schema.String))
  }
) {}

export class BodyTooLarge extends HttpApiError.Problem<BodyTooLarge>()(
  "BodyTooLarge",
  {
    type: urn("body-too-large"),
    status: 413,
    title: "The body is too large"
  },
  { maxBytes: Schema.Int }
) {}

export class UnsupportedMediaType extends HttpApiError.Problem<UnsupportedMediaType>()("UnsupportedMediaType", {
  type: urn("unsupported-media-type"),
  status: 415,
  title: "The body must be JSON"
}) {}

export class TooManyRequests extends HttpApiError.Problem<TooManyRequests>()(
  "TooManyRequests",
  {
    type: urn("too-many-requests"),
    status: 429,
    title: "Too many requests"
  },
  { retryAfterSeconds: Schema.Int }
) {}

export class Unavailable extends HttpApiError.Problem<Unavailable>()(
  "Unavailable",
  {
    type: urn("unavailable"),
    status: 503,
    title: "Temporarily unavailable"
  },
  { retryAfterSeconds: Schema.Int }
) {}

export class Internal extends HttpApiError.Problem<Internal>()("Internal", {
  type: urn("internal"),
  status: 500,
  title: "Internal error"
}) {}

export type Problem =
  | BadRequest
  | Unauthorized
  | Forbidden
  | NotFound
  | NotRecorded
  | MethodNotAllowed
  | Conflict
  | RollbackRefused
  | BodyTooLarge
  | UnsupportedMediaType
  | TooManyRequests
  | Unavailable
  | Internal

/** The headers of a problem. */
const headersOf = (problem: Problem): Readonly<Record<string, string>> => {
  switch (problem._tag) {
    case "Unauthorized":
      return { "www-authenticate": `Bearer realm="kubernaut"` }
    case "TooManyRequests":
    case "Unavailable":
      return { "retry-after": String(problem.retryAfterSeconds) }
    case "BodyTooLarge":
      // The rest of the body is not read, so the connection cannot be reused.
      return { connection: "close" }
    default:
      return {}
  }
}

/** Fails with a problem and adds its headers to the response. */
export const failing = <P extends Problem>(
  problem: P
): Effect.Effect<never, P, HttpServerRequest.HttpServerRequest> => {
  const headers = headersOf(problem)
  const failure = Effect.fail(problem)
  return Object.keys(headers).length === 0
    ? failure
    : HttpEffect.withPreResponseHandler(failure, (_request, response) =>
        Effect.succeed(HttpServerResponse.setHeaders(response, headers))
      )
}

/** A problem as a response, for requests that no handler of `HttpApi` handles. */
export const toResponse = (
  problem: Problem,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse => {
  const { _tag, ...members } = problem as Problem & { readonly _tag: string }
  return HttpServerResponse.jsonUnsafe(members, {
    status: problem.status,
    contentType: ProblemDetails.contentType,
    headers: { ...headersOf(problem), ...headers }
  })
}

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const shortened = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text)

// Keeps the response small: a body of 10,000 invalid alerts would otherwise return 10,000 faults.
const maxFaults = 20

/** The faults in a schema issue: at most 20, each with its path and a message of bounded length. */
export const faultsOf = (
  slot: "payload" | "query" | "params" | "headers",
  issue: SchemaIssue.Issue
): ReadonlyArray<Fault> =>
  formatIssues(issue)
    .issues.slice(0, maxFaults)
    .map(({ message, path }) => ({
      path: [
        slot,
        ...(path ?? []).map((segment) => {
          const key = typeof segment === "object" ? segment.key : segment
          return typeof key === "number" ? key : shortened(String(key), 100)
        })
      ],
      message: shortened(message, 300)
    }))

/** A path in dot notation, such as `alerts[0].startsAt`. */
const pathText = (path: Fault["path"]): string =>
  path
    .slice(1)
    .reduce<string>(
      (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
      ""
    )

/** A 400 that names the first fault in `detail` and lists all faults in `errors`. */
export const badRequest = (faults: ReadonlyArray<Fault>): BadRequest => {
  const [first] = faults
  if (first === undefined) return new BadRequest({ detail: "The request is not valid." })
  const place = pathText(first.path)
  const slot = String(first.path[0])
  return new BadRequest({
    detail: `${slot === "payload" ? "body" : slot}${place === "" ? "" : ` ${place}`}: ${first.message}`,
    errors: faults
  })
}
