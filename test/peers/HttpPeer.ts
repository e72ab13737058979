/**
 * A real HTTP server on loopback whose behaviour a test or a demo changes while it runs.
 *
 * It records its calls and their times in milliseconds, including calls that it does not respond to. In mode `Down` it
 * really stops listening, so clients get a refused connection. The port stays reserved.
 */

import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Clock, Effect, type Scope } from "effect"

/** How the peer handles requests: as its protocol requires, or with one kind of failure. */
export type Mode =
  | { readonly _tag: "Ok" }
  /** Refuses connections. */
  | { readonly _tag: "Down" }
  /** Accepts requests and never responds. */
  | { readonly _tag: "Hang" }
  /** Responds with this status and its protocol's error body. */
  | {
      readonly _tag: "Status"
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  /** Responds with 200 and this text as the model's answer. */
  | { readonly _tag: "Answer"; readonly text: string | null }
  /** Responds with 200 and this body. */
  | { readonly _tag: "Raw"; readonly body: string }
  /** Sends half of the response and closes the connection. */
  | { readonly _tag: "Cut" }
  /** Resets the connection before any of the response. */
  | { readonly _tag: "Reset" }
  /** One mode for each request, in order. The last one lasts. Not for `Down`. */
  | { readonly _tag: "Turns"; readonly modes: ReadonlyArray<Mode> }
  /** As its protocol requires, and only investigations hang: other routes respond. */
  | { readonly _tag: "HangOn"; readonly path: string }
  /** Streams these parts of a body, and then ends it, keeps the connection open, or closes it. */
  | { readonly _tag: "Parts"; readonly parts: ReadonlyArray<string>; readonly ending: "end" | "hang" | "close" }

export interface Call {
  readonly atMs: number
  readonly method: string
  readonly path: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
  /** The port of the client's socket. Calls over one connection have the same. */
  readonly port: number
  /** Whether the client disconnected before the response. */
  aborted: boolean
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export interface HttpPeer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly calls: ReadonlyArray<Call>
  /** Clears the recorded calls. */
  readonly forget: Effect.Effect<void>
  readonly setMode: (mode: Mode) => Effect.Effect<void>
}

export interface Protocol {
  /** The reply of a healthy peer. `answer` replaces the model's own. */
  readonly reply: (call: Call, answer: string | null | undefined) => Reply
  /** The body of an error. */
  readonly error: (status: number) => string
}

const listen = (server: Http.Server, port: number): Effect.Effect<number> =>
  Effect.callback<number>((resume) => {
    server.listen(port, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    server.once("error", (error) => resume(Effect.die(error)))
  })

const close = (server: Http.Server): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

const respond = (response: Http.ServerResponse, reply: Reply) => {
  response.writeHead(reply.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(reply.body),
    ...reply.headers
  })
  response.end(reply.body)
}

const cut = (response: Http.ServerResponse, reply: Reply) => {
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(reply.body),
    ...reply.headers
  })
  response.write(reply.body.slice(0, Math.floor(reply.body.length / 2)), () => response.destroy())
}

const stream = (response: Http.ServerResponse, { ending, parts }: Extract<Mode, { readonly _tag: "Parts" }>) => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.flushHeaders()
  for (const part of parts) response.write(part)
  if (ending === "end") response.end()
  else if (ending === "close") response.write(": end\n\n", () => response.destroy())
}

const treat = (
  mode: Mode,
  protocol: Protocol,
  call: Call,
  response: Http.ServerResponse,
  onTurn: (next: Mode) => void
): void => {
  switch (mode._tag) {
    case "Down":
      return void response.destroy()
    case "Hang":
      return
    case "HangOn":
      return call.path === mode.path ? undefined : respond(response, protocol.reply(call, undefined))
    case "Reset":
      return void response.socket?.resetAndDestroy()
    case "Turns": {
      const [now, ...later] = mode.modes
      if (later.length > 0) onTurn({ ...mode, modes: later })
      return treat(now ?? { _tag: "Ok" }, protocol, call, response, onTurn)
    }
    case "Status":
      return respond(response, {
        status: mode.status,
        body: mode.body ?? protocol.error(mode.status),
        ...(mode.headers === undefined ? {} : { headers: mode.headers })
      })
    case "Raw":
      return respond(response, { status: 200, body: mode.body })
    case "Parts":
      return stream(response, mode)
    case "Cut":
      return cut(response, protocol.reply(call, undefined))
    case "Ok":
      return respond(response, protocol.reply(call, undefined))
    case "Answer":
      return respond(response, protocol.reply(call, mode.text))
  }
}

/** Starts the peer. It stops with the scope. `port`: 0, the default, takes a free one. */
export const make = Effect.fnUntraced(function* (
  protocol: Protocol,
  options: { readonly port?: number } = {}
): Effect.fn.Return<HttpPeer, never, Scope.Scope> {
  let mode: Mode = { _tag: "Ok" }
  let calls: Array<Call> = []
  // Under a test clock the times do not advance, so they only show the order of calls.
  const clock = yield* Clock.Clock
  const startedNs = clock.currentTimeNanosUnsafe()
  const server = Http.createServer((request, response) => {
    const atMs = Number(clock.currentTimeNanosUnsafe() - startedNs) / 1e6
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (chunk: string) => {
      body += chunk
    })
    request.on("end", () => {
      const call: Call = {
        atMs,
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body,
        port: request.socket.remotePort ?? 0,
        aborted: false
      }
      calls.push(call)
      response.on("close", () => {
        call.aborted = !response.writableFinished
      })
      treat(mode, protocol, call, response, (next) => {
        mode = next
      })
    })
  })
  const port = yield* listen(server, options.port ?? 0)
  yield* Effect.addFinalizer(() => close(server))
  const peer: HttpPeer = {
    url: `http://127.0.0.1:${port}`,
    get calls() {
      return calls
    },
    forget: Effect.sync(() => {
      calls = []
    }),
    setMode: (next) =>
      Effect.suspend(() => {
        const before = mode
        mode = next
        if (next._tag === "Down" && before._tag !== "Down") return close(server)
        if (next._tag !== "Down" && before._tag === "Down") return Effect.asVoid(listen(server, port))
        return Effect.void
      })
  }
  return peer
})
