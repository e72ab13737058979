/**
 * A listening socket on which one application follows another, so that no connection is refused in between.
 *
 * The service listens before its database can be opened, with the few routes that work without it. When the database is
 * open, the whole API takes their place. A request that has begun is finished by the application that began it.
 *
 * When the scope of the application that is served now closes, the socket stops as that of a plain server does: it
 * accepts no more connections, and waits for the requests in flight.
 */

import { Context, Effect, Exit, Scope } from "effect"
import { HttpServer, type HttpServerRequest, HttpServerResponse } from "effect/http"

type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** The server in the context as one whose `serve` replaces the application that was served before. */
export const make: Effect.Effect<HttpServer.HttpServer["Service"], never, HttpServer.HttpServer | Scope.Scope> =
  Effect.gen(function* () {
    const socket = yield* HttpServer.HttpServer
    const open = yield* Scope.fork(yield* Effect.scope)
    let current: App = Effect.succeed(HttpServerResponse.empty({ status: 503 }))
    yield* Scope.provide(socket.serve(Effect.suspend(() => current)), open)
    return HttpServer.make({
      address: socket.address,
      serve: Effect.fnUntraced(function* (app, middleware) {
        const context = yield* Effect.context<never>()
        // The request, its scope and its span are those of the socket.
        const next: App = Effect.updateContext(
          middleware === undefined ? app : middleware(app),
          (ofRequest: Context.Context<HttpServerRequest.HttpServerRequest | Scope.Scope>) =>
            Context.merge(context, ofRequest)
        )
        current = next
        yield* Effect.addFinalizer(() =>
          Effect.suspend(() => (current === next ? Scope.close(open, Exit.void) : Effect.void))
        )
      })
    })
  })
