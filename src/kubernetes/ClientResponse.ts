/**
 * Sends a request and decodes the response: the body of a success, or a `KubernetesError` for any other response.
 *
 * After a 401 the request is sent again with other credentials, as `Identities` says. That is safe for writes too,
 * because the API server refused the first one before it did anything.
 */

import type { IncomingMessage } from "node:http"
import { Clock, type Duration, Effect } from "effect"
import { exchange, type Request, type Transport } from "./ClientTransport.ts"
import { KubernetesError } from "./KubernetesClient.ts"
import { classify, type RequestContext } from "./StatusClassifier.ts"

export interface Responses {
  /** The body of a success, as text. */
  readonly text: (context: RequestContext, request: Request) => Effect.Effect<string, KubernetesError>
  /** The body of a success, parsed. Its shape is not checked: the API server has validated it. */
  readonly json: <A>(context: RequestContext, request: Request) => Effect.Effect<A, KubernetesError>
}

/** The value, or `undefined` for text that is not JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The error for an unsuccessful response. `nowMs` is the wall clock. */
export const errorOf = (
  context: RequestContext,
  response: IncomingMessage,
  body: string,
  nowMs: number
): KubernetesError =>
  classify(context, {
    _tag: "Response",
    status: response.statusCode ?? 0,
    body: parseJson(body),
    text: body,
    retryAfter: response.headers["retry-after"],
    received: { date: response.headers.date, nowMs }
  })

/** The error of a request that is not made, because the kubeconfig no longer says which server is meant. */
export const serverChanged = (operation: string): KubernetesError =>
  new KubernetesError({
    reason: { _tag: "WrongCluster", why: "server-changed" },
    operation,
    applied: "no",
    retryable: false
  })

/** `timeout` applies to each exchange: connecting, sending and reading the whole body. */
export const make = (transport: Transport, timeout: Duration.Input): Responses => {
  const once = Effect.fnUntraced(function* (context: RequestContext, request: Request) {
    const { response, text } = yield* Effect.mapError(exchange(transport, request, timeout), (noResponse) =>
      classify(context, noResponse)
    )
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return text
    return yield* errorOf(context, response, text, yield* Clock.currentTimeMillis)
  })
  const { identities } = transport
  /** Each identity is used at most twice for one request: before and after its credentials are read again. */
  const maxResends = 2 * identities.count
  const send = (context: RequestContext, request: Request, resends: number): Effect.Effect<string, KubernetesError> =>
    Effect.suspend(() => {
      const sentWith = identities.generation()
      const isUnauthorized = (error: KubernetesError) => error.reason._tag === "Unauthorized"
      return once(context, request).pipe(
        Effect.tap(identities.accepted(sentWith)),
        Effect.catchIf(isUnauthorized, (error) =>
          Effect.flatMap(identities.afterUnauthorized(sentWith), (again) => {
            if (again && resends < maxResends) return send(context, request, resends + 1)
            return Effect.fail(identities.serverChanged() ? serverChanged(context.operation) : error)
          })
        )
      )
    })
  const text = (context: RequestContext, request: Request) => send(context, request, 0)
  return {
    text,
    json: <A>(context: RequestContext, request: Request) =>
      Effect.flatMap(text(context, request), (body) => {
        const value = parseJson(body)
        // A success that is not JSON comes from something other than an API server.
        return value === undefined
          ? Effect.fail(classify(context, { _tag: "NoResponse", sent: true, timeout: false, fault: "not-kubernetes" }))
          : Effect.succeed(value as A)
      })
  }
}
