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
import { HttpIncomingMessage, HttpMiddleware, HttpRouter, HttpServer as Socket, HttpServerResponse } from "effect/http"
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
import { SpendHandlers } from "./routes/SpendHandlers.ts"
import { StatusHandlers, type StatusOptions } from "./routes/StatusHandlers.ts"
import * as WaitingRoutes from "./routes/WaitingRoutes.ts"
import * as SharedSocket from "./SharedSocket.ts"
import * as Stopping from "./Stopping.ts"

export interface SocketOptions {
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
  /** Certificate and key in PEM. When present, the server uses HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly maxBodyBytes: number
  /**
   * How long requests in flight may take at shutdown. Default 20 seconds, which leaves 10 of the 30 seconds that
   * Kubernetes grants for the rest of the service.
   */
  readonly stopWithin?: Duration.Input
}

interface CommonOptions extends SocketOptions, Operations.OperationsOptions, Authentication.AuthenticationOptions {
  readonly rateLimit?: RateLimitSettings
}

export interface ServerOptions extends CommonOptions, StatusOptions {}

export interface WaitingOptions extends CommonOptions, WaitingRoutes.WaitingRoutesOptions {}

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
    SpendHandlers,
    AuditHandlers,
    ChangeHandlers,
    EventHandlers
  )

/** The routes that need no database but that of the intake, and what every request passes. */
const common = (options: CommonOptions) =>
  Layer.mergeAll(
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
  )

const app = (options: ServerOptions) =>
  Layer.merge(HttpApiBuilder.layer(ServedApi), common(options)).pipe(
    Layer.provide(handlers(options)),
    Layer.provide([Authentication.layer(options), RequestFaults.layer])
  )

const waitingApp = (options: WaitingOptions) => Layer.merge(WaitingRoutes.layer(Api, options), common(options))

const quiet = new Set(["/livez", "/readyz", "/healthz", "/metrics"])

/** What holds for every request, whichever application serves it. */
const rules = ({ maxBodyBytes }: SocketOptions) =>
  Layer.merge(
    Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBodyBytes)),
    Layer.succeed(HttpMiddleware.TracerDisabledWhen, (request) => quiet.has(request.url.split("?", 1)[0] ?? ""))
  )

/** Listens, and stops when the scope closes. */
const listen = ({ host, port, stopWithin = "20 seconds", tls }: SocketOptions) =>
  NodeHttpServer.layerServer(
    () =>
      respondToParserFaults(tls === undefined ? createServer() : (createSecureServer(tls) as unknown as HttpServer)),
    { host, port, gracefulShutdownTimeout: stopWithin }
  )

/** Listens for `waiting`, and then for `layer`. */
export const shared = (options: SocketOptions) =>
  Layer.effect(Socket.HttpServer, SharedSocket.make).pipe(Layer.provide([listen(options), rules(options)]))

type Listening = ReturnType<typeof listen>

/** Serves on a socket, and stops when the scope closes. */
const serve = <A, E, R>(app: Layer.Layer<A, E, R>, options: SocketOptions, socket: Listening) => {
  const stop = Layer.effectDiscard(
    Effect.flatMap(Stopping.Stopping, (stopping) => Effect.addFinalizer(() => Latch.open(stopping)))
  )
  return stop.pipe(
    Layer.provideMerge(HttpRouter.serve(app, { disableLogger: true, disableListenLog: true })),
    Layer.provideMerge(socket),
    Layer.provide(NodeHttpServer.layerHttpServices),
    Layer.provide(Stopping.layer),
    Layer.provide(rules(options))
  )
}

/** Starts the server, and stops it when the scope closes. `socket`: it listens already. */
export const layer = (options: ServerOptions, socket?: Socket.HttpServer["Service"]) =>
  serve(app(options), options, socket === undefined ? listen(options) : Layer.succeed(Socket.HttpServer, socket))

/** Serves the routes that work without a database, until `layer` takes their place on the socket. */
export const waiting = (options: WaitingOptions, socket: Socket.HttpServer["Service"]) =>
  serve(waitingApp(options), options, Layer.succeed(Socket.HttpServer, socket))
