/**
 * Every error that the HTTP interface answers with, as RFC 9457 `application/problem+json`.
 *
 * `type` tells problems apart (`urn:kubernaut:problem:…`), `detail` says in a sentence what was wrong and what would be
 * right or what to do next. Headers that belong to a problem (`Retry-After`, `WWW-Authenticate`, `Allow`) are put on by
 * `failing`. No problem carries a stack, a secret or text of an upstream.
 */

import { Effect, Schema, SchemaIssue } from "effect"
import { HttpEffect, type HttpServerRequest, HttpServerResponse, ProblemDetails } from "effect/http"
import { HttpApiError } from "effect/http-api"

/** A part of a request that is wrong: `path` begins with `payload`, `query`, `params` or `headers`. */
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
    title: "The request is not right"
  },
  { errors: Schema.optionalKey(Schema.Array(Fault)) }
) {}

export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: urn("unauthorized"),
  status: 401,
  title: "A valid bearer token is needed"
}) {}

export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: urn("forbidden"),
  status: 403,
  title: "Not allowed"
}) {}

export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: urn("not-found"),
  status: 404,
  title: "There is no such thing"
}) {}

export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()("MethodNotAllowed", {
  type: urn("method-not-allowed"),
  status: 405,
  title: "The route does not know this method"
}) {}

export class Conflict extends HttpApiError.Problem<Conflict>()("Conflict", {
  type: urn("conflict"),
  status: 409,
  title: "The state does not allow it"
}) {}

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
    title: "Not available right now"
  },
  { retryAfterSeconds: Schema.Int }
) {}

export class Internal extends HttpApiError.Problem<Internal>()("Internal", {
  type: urn("internal"),
  status: 500,
  title: "Kubernaut made a mistake"
}) {}

export type Problem =
  | BadRequest
  | Unauthorized
  | Forbidden
  | NotFound
  | MethodNotAllowed
  | Conflict
  | BodyTooLarge
  | UnsupportedMediaType
  | TooManyRequests
  | Unavailable
  | Internal

/** The headers that a problem needs beside its body. */
const headersOf = (problem: Problem): Readonly<Record<string, string>> => {
  switch (problem._tag) {
    case "Unauthorized":
      return { "www-authenticate": `Bearer realm="kubernaut"` }
    case "TooManyRequests":
    case "Unavailable":
      return { "retry-after": String(problem.retryAfterSeconds) }
    case "BodyTooLarge":
      // What is left of the body is not read, so the connection can't be used again.
      return { connection: "close" }
    default:
      return {}
  }
}

/** Fails with a problem; its headers go out with the response. */
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

/** A problem as a response, for whatever never reaches a handler. */
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

// More than 20 say nothing new, and a body of 10,000 wrong alerts must not be answered with 10,000 faults.
const maxFaults = 20

/** The faults that a schema found, at most 20, each with its path and a text of bounded length. */
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

/** `alerts[0].startsAt`: a path as people write it. */
const pathText = (path: Fault["path"]): string =>
  path
    .slice(1)
    .reduce<string>(
      (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
      ""
    )

/** 400 that names the first fault in its `detail` and all of them in `errors`. */
export const badRequest = (faults: ReadonlyArray<Fault>): BadRequest => {
  const [first] = faults
  if (first === undefined) return new BadRequest({ detail: "The request could not be understood." })
  const place = pathText(first.path)
  const slot = String(first.path[0])
  return new BadRequest({
    detail: `${slot === "payload" ? "body" : slot}${place === "" ? "" : ` ${place}`}: ${first.message}`,
    errors: faults
  })
}
