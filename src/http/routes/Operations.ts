/**
 * Routes without authentication: health checks by Kubernetes' conventions, Prometheus metrics, and the page at `/`.
 *
 * `/livez` reports that the process works and does not need a restart. `/readyz` reports that alerts can be stored
 * durably; `/healthz` is its old name. With `?verbose` each lists its checks. A failed AI provider does not make the
 * service unready, because the service works without it.
 */

import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Route } from "../problems/LastResort.ts"

/** A health check. `message` describes the failure. */
export interface Check {
  readonly name: string
  readonly check: Effect.Effect<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
}

export interface OperationsOptions {
  readonly live: ReadonlyArray<Check>
  readonly ready: ReadonlyArray<Check>
  /** The body of `/metrics` and its content type. */
  readonly metrics: Effect.Effect<{ readonly text: string; readonly contentType: string }>
  readonly page: string
}

export const routes: ReadonlyArray<Route> = [
  "/livez",
  "/readyz",
  "/healthz",
  "/metrics",
  "/openapi.json",
  "/docs",
  "/"
].map((path) => ({
  method: "GET",
  path
}))

const health = (name: string, checks: ReadonlyArray<Check>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const results = yield* Effect.forEach(checks, ({ check, name }) =>
      Effect.map(check, (result) => ({ name, ...result }))
    )
    const failed = results.filter((result) => !result.ok)
    const verbose = /[?&]verbose\b/.test(request.url)
    const lines = results.map((result) =>
      result.ok ? `[+]${result.name} ok` : `[-]${result.name} failed: ${result.message}`
    )
    const headers = { "cache-control": "no-store" }
    if (failed.length > 0)
      return HttpServerResponse.text([...lines, `${name} check failed`, ""].join("\n"), { status: 503, headers })
    return HttpServerResponse.text(verbose ? [...lines, `${name} check passed`, ""].join("\n") : "ok", { headers })
  })

/** The page may load nothing from elsewhere. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer"
}

export const layer = (options: OperationsOptions): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  Layer.mergeAll(
    HttpRouter.add("GET", "/livez", health("livez", options.live)),
    HttpRouter.add("GET", "/readyz", health("readyz", options.ready)),
    HttpRouter.add("GET", "/healthz", health("healthz", options.ready)),
    HttpRouter.add(
      "GET",
      "/metrics",
      Effect.map(options.metrics, ({ contentType, text }) => HttpServerResponse.text(text, { contentType }))
    ),
    HttpRouter.add(
      "GET",
      "/",
      HttpServerResponse.text(options.page, { contentType: "text/html; charset=utf-8", headers: pageHeaders })
    )
  )
