/**
 * The HTTP server: routes, authentication, limits, and graceful shutdown.
 *
 * **Shutdown.** When the scope closes, the server stops accepting connections, ends event streams, and waits for
 * requests in flight, for at most `stopWithin`. The rest of the service stops after that.
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
import { respondToParserFaults } from "./problems/ParserFaults.ts"
import * as RequestFaults from "./problems/RequestFaults.ts"
import type { RateLimitSettings } from "./RateLimit.ts"
import * as AlertRoute from "./routes/AlertRoute.ts"
import { AuditHandlers } from "./routes/AuditHandlers.ts"
import { ChangeHandlers } from "./routes/ChangeHandlers.ts"
import { EmergencyHandlers } from "./routes/EmergencyHandlers.ts"
import { EventHandlers } from "./routes/EventHandlers.ts"
import * as Operations from "./routes/Operations.ts"
import { RemediationHandlers, ReviewHandlers } from "./routes/RemediationHandlers.ts"
import { StatusHandlers, type StatusOptions } from "./routes/StatusHandlers.ts"
import * as Stopping from "./Stopping.ts"

export interface ServerOptions
  extends Operations.OperationsOptions, Authentication.AuthenticationOptions, StatusOptions {
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
  /** Certificate and key in PEM. When present, the server uses HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly maxBodyBytes: number
  readonly rateLimit?: RateLimitSettings
  /**
   * How long requests in flight may take at shutdown. Default 20 seconds, which leaves 10 of the 30 seconds that
   * Kubernetes grants for the rest of the service.
   */
  readonly stopWithin?: Duration.Input
}

/** Every route with its method, for the `Allow` header of a 405. */
export const routes: ReadonlyArray<LastResort.Route> = [
  ...Object.values(Api.groups).flatMap((group) =>
    Object.values(group.endpoints).map(({ method, path }) => ({ method, path }))
  ),
  ...Operations.routes
]

/** All handlers of the API, without the server. */
export const handlers = (options: StatusOptions) =>
  Layer.mergeAll(
    RemediationHandlers,
    ReviewHandlers,
    StatusHandlers(options),
    EmergencyHandlers,
    AuditHandlers,
    ChangeHandlers,
    EventHandlers
  )

const app = (options: ServerOptions) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(ServedApi),
    AlertRoute.layer(options),
    HttpRouter.add("GET", "/openapi.json", HttpServerResponse.jsonUnsafe(OpenApi.fromApi(Api))),
    // The page contains its script, so it works without internet access.
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

/** Starts the server, and stops it when the scope closes. */
export const layer = (options: ServerOptions) => {
  const { tls } = options
  const listen = NodeHttpServer.layerServer(
    () =>
      respondToParserFaults(tls === undefined ? createServer() : (createSecureServer(tls) as unknown as HttpServer)),
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
