/**
 * The HTTP server: routes, authentication, limits, and an end that leaves nobody hanging.
 *
 * **Stopping.** When the scope closes no new connection is taken, streams of events are ended, requests in flight are
 * finished (at most `stopWithin`), and only then the rest of the service goes.
 */

import { createServer, type Server as HttpServer } from "node:http"
import { createServer as createSecureServer } from "node:https"
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, type Duration, Effect, Latch, Layer } from "effect"
import { HttpIncomingMessage, HttpMiddleware, HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiScalar, OpenApi } from "effect/http-api"
import { Api, ServedApi } from "./Api.ts"
import * as Authentication from "./Authentication.ts"
import * as LastResort from "./problems/LastResort.ts"
import { answerParserFaults } from "./problems/ParserFaults.ts"
import * as RequestFaults from "./problems/RequestFaults.ts"
import type { RateLimitSettings } from "./RateLimit.ts"
import * as AlertRoute from "./routes/AlertRoute.ts"
import { AuditHandlers } from "./routes/AuditHandlers.ts"
import { EventHandlers } from "./routes/EventHandlers.ts"
import * as Operations from "./routes/Operations.ts"
import { RemediationHandlers, ReviewHandlers } from "./routes/RemediationHandlers.ts"
import { StatusHandlers, type StatusOptions } from "./routes/StatusHandlers.ts"
import * as Stopping from "./Stopping.ts"

export interface ServerOptions
  extends Operations.OperationsOptions, Authentication.AuthenticationOptions, StatusOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** PEM texts: the server speaks HTTPS with them. */
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly maxBodyBytes: number
  readonly rateLimit?: RateLimitSettings
  /**
   * How long requests in flight may take when the server stops. Default 20 s, which leaves 10 of Kubernetes' 30 for the
   * rest.
   */
  readonly stopWithin?: Duration.Input
}

/** Every route with its method, for 405 and its `Allow`. */
export const routes: ReadonlyArray<LastResort.Route> = [
  ...Object.values(Api.groups).flatMap((group) =>
    Object.values(group.endpoints).map(({ method, path }) => ({ method, path }))
  ),
  ...Operations.routes
]

/** All handlers of the API, without the server. */
export const handlers = (options: StatusOptions) =>
  Layer.mergeAll(RemediationHandlers, ReviewHandlers, StatusHandlers(options), AuditHandlers, EventHandlers)

const app = (options: ServerOptions) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(ServedApi),
    AlertRoute.layer(options),
    HttpRouter.add("GET", "/openapi.json", HttpServerResponse.jsonUnsafe(OpenApi.fromApi(Api))),
    // The script of the page comes with it: it works without the internet.
    HttpApiScalar.layer(Api, { path: "/docs", scalar: { withDefaultFonts: false } }),
    Operations.layer(options),
    HttpRouter.middleware(
      LastResort.make({
        routes,
        maxBodyBytes: options.maxBodyBytes,
        ...(options.rateLimit === undefined ? {} : { rateLimit: options.rateLimit })
      }),
      {
        global: true
      }
    )
  ).pipe(Layer.provide(handlers(options)), Layer.provide([Authentication.layer(options), RequestFaults.layer]))

const quiet = new Set(["/livez", "/readyz", "/healthz", "/metrics"])

/** Listens, serves, and stops when its scope closes. */
export const layer = (options: ServerOptions) => {
  const { tls } = options
  const listen = NodeHttpServer.layerServer(
    () => answerParserFaults(tls === undefined ? createServer() : (createSecureServer(tls) as unknown as HttpServer)),
    {
      host: options.host,
      port: options.port,
      gracefulShutdownTimeout: options.stopWithin ?? "20 seconds"
    }
  )
  const stop = Layer.effectDiscard(
    Effect.flatMap(Stopping.Stopping, (stopping) => Effect.addFinalizer(() => Latch.open(stopping)))
  )
  return stop.pipe(
    Layer.provideMerge(HttpRouter.serve(app(options), { disableLogger: true, disableListenLog: true })),
    Layer.provideMerge(listen),
    Layer.provide(NodeHttpServer.layerHttpServices),
    Layer.provide(Stopping.layer),
    Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(options.maxBodyBytes))),
    Layer.provide(
      Layer.succeed(HttpMiddleware.TracerDisabledWhen, (request) => quiet.has(request.url.split("?", 1)[0] ?? ""))
    )
  )
}
