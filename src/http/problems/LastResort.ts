/**
 * Middleware around all routes that turns every failure without a handler into problem+json without a stack trace:
 * unknown routes and methods, bodies that are too large, and defects.
 */

import { Cause, Effect, Option } from "effect"
import { HttpServerError, HttpServerRequest, HttpServerResponse, ProblemDetails } from "effect/http"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { RateLimit, type RateLimitSettings } from "../RateLimit.ts"
import {
  BadRequest,
  BodyTooLarge,
  Internal,
  MethodNotAllowed,
  NotFound,
  type Problem,
  TooManyRequests,
  toResponse,
  Unavailable,
  UnsupportedMediaType
} from "./Problem.ts"

export interface Route {
  readonly method: string
  /** Parameters are written as `:name`. */
  readonly path: string
}

/** Returns a function that lists the methods of a path: an empty list for an unknown path. */
export const methodsOf = (routes: ReadonlyArray<Route>): ((path: string) => ReadonlyArray<string>) => {
  const byPath = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>()
  for (const { method, path } of routes) {
    const source = path
      .replace(/\/$/, "")
      .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replace(/:[A-Za-z]+/g, "[^/]+")
    const entry = byPath.get(source) ?? { pattern: new RegExp(`^${source}/?$`), methods: new Set<string>() }
    entry.methods.add(method)
    if (method === "GET") entry.methods.add("HEAD")
    byPath.set(source, entry)
  }
  const entries = [...byPath.values()]
  return (path) =>
    [...new Set(entries.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => [...methods]))].sort()
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? url

const noRoute = (
  request: HttpServerRequest.HttpServerRequest,
  methods: ReturnType<typeof methodsOf>
): HttpServerResponse.HttpServerResponse => {
  const path = pathOf(request.url)
  const allowed = methods(path)
  if (allowed.length === 0) {
    return toResponse(
      new NotFound({
        detail: `There is no route ${path.length > 200 ? `${path.slice(0, 200)}…` : path}. See GET /docs for the routes.`
      })
    )
  }
  // The route and the method exist, so the router refused the encoding of the path, for example an invalid %-escape.
  if (allowed.includes(request.method))
    return toResponse(new BadRequest({ detail: "The path is not well-formed: check its percent-encoding." }))
  const allow = allowed.join(", ")
  return toResponse(
    new MethodNotAllowed({
      detail: `This route does not support ${request.method}. It supports ${allow}.`
    }),
    { allow }
  )
}

const tooLarge = (maxBytes: number) =>
  new BodyTooLarge({
    detail: `The body exceeds ${maxBytes} bytes. If Alertmanager sent it, group by more labels in its route (max_alerts would drop alerts). To raise the limit, set KUBERNAUT_MAX_BODY_SIZE.`,
    maxBytes
  })

const requestError = (cause: Cause.Cause<unknown>): HttpServerError.HttpServerError["reason"] | undefined => {
  const error = Cause.findErrorOption(cause)
  if (Option.isSome(error) && error.value instanceof HttpServerError.HttpServerError) return error.value.reason
  for (const reason of cause.reasons) {
    if (Cause.isDieReason(reason) && reason.defect instanceof HttpServerError.HttpServerError)
      return reason.defect.reason
  }
  return undefined
}

/** The problem for a response that the platform rendered itself, as text or without a body. */
const byStatus = (status: number, maxBytes: number): Problem => {
  switch (status) {
    case 404:
      return new NotFound({})
    case 413:
      return tooLarge(maxBytes)
    case 415:
      return new UnsupportedMediaType({ detail: "Send the header Content-Type: application/json." })
    case 503:
      return new Unavailable({ detail: "Kubernaut is stopping.", retryAfterSeconds: 5 })
    default:
      return status < 500
        ? new BadRequest({ detail: `The request ended with status ${status}.` })
        : new Internal({ detail: "See the log for details." })
  }
}

/** Whether the platform rendered the error itself: without a body, or, for a wrong content type, with text. */
const isBare = (response: HttpServerResponse.HttpServerResponse): boolean =>
  response.status >= 400
  && (response.body._tag === "Empty"
    || (response.status === 415 && response.headers["content-type"]?.startsWith(ProblemDetails.contentType) !== true))

/** The pages contain their scripts. The policy keeps a script from loading or sending data elsewhere. */
const pagePolicy =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; worker-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Adds the headers that keep a browser from running content that is not ours. A page gets its policy by the type of the
 * response, because a path has many spellings: `/docs`, `/docs/`, `/docs?x=1`.
 */
const protect = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  const type = "contentType" in response.body ? response.body.contentType : response.headers["content-type"]
  const isPage = type?.startsWith("text/html") === true
  return HttpServerResponse.setHeaders(response, {
    "x-content-type-options": "nosniff",
    ...(isPage && response.headers["content-security-policy"] === undefined
      ? { "content-security-policy": pagePolicy }
      : {})
  })
}

export interface LastResortOptions {
  readonly routes: ReadonlyArray<Route>
  readonly maxBodyBytes: number
  readonly rateLimit?: RateLimitSettings
}

type Handler<E> = Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest>

export const make = (options: LastResortOptions) => {
  const methods = methodsOf(options.routes)
  const limit = new RateLimit(options.rateLimit)
  const bodyTooLarge = tooLarge(options.maxBodyBytes)

  const rescue = (cause: Cause.Cause<unknown>, request: HttpServerRequest.HttpServerRequest): Handler<never> => {
    const reason = requestError(cause)
    if (reason?._tag === "RouteNotFound") return Effect.succeed(noRoute(request, methods))
    if (reason?._tag === "RequestParseError") {
      return Effect.succeed(
        toResponse(
          reason.reason === "BodyTooLarge" ? bodyTooLarge : new BadRequest({ detail: "The body could not be read." })
        )
      )
    }
    // Interrupted by a client that disconnected or by our own shutdown: the platform handles both.
    if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
    return Effect.as(
      Effect.logError("Request failed with a defect", cause, { method: request.method, path: pathOf(request.url) }),
      toResponse(new Internal({ detail: "See the log for details, under the trace id of this request." }))
    )
  }

  /** Refuses a request before its body is read: a declared body that is too large, or too many requests. */
  const refusal = (request: HttpServerRequest.HttpServerRequest, nowMs: number): Problem | undefined => {
    if (Number(request.headers["content-length"] ?? 0) > options.maxBodyBytes) return bodyTooLarge
    if (request.url.startsWith("/api/")) return undefined
    const waitMs = limit.take(
      Option.getOrElse(request.remoteAddress, () => ""),
      nowMs
    )
    return waitMs === 0
      ? undefined
      : new TooManyRequests({
          detail: "This address sends too many requests. Wait and retry.",
          retryAfterSeconds: Math.ceil(waitMs / 1000)
        })
  }

  // The router requires middleware to keep the error type in its signature. At run time only interruptions pass.
  return <E>(handler: Handler<E>): Handler<E> =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.flatMap(Monotonic.nowMs, (nowMs) => {
        const refused = refusal(request, nowMs)
        if (refused !== undefined) return Effect.succeed(toResponse(refused))
        return handler.pipe(
          Effect.catchCause((cause) => rescue(cause, request)),
          Effect.map((response) =>
            isBare(response) ? toResponse(byStatus(response.status, options.maxBodyBytes)) : response
          ),
          Effect.map(protect)
        )
      })
    )
}
