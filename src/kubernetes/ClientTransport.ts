/**
 * HTTP to an API server: connections that are kept and shared, credentials from `@kubernetes/client-node`
 * (certificates, exec plugins, projected tokens, proxies), and interruption that closes the socket.
 *
 * Raw requests, because the library's generated client can neither send a JSON Patch without being talked into it, nor
 * abort, nor leave a body unread. What it knows about kubeconfig files and credentials is used as it is.
 */

import * as http from "node:http"
import * as https from "node:https"
import { KubeConfig } from "@kubernetes/client-node"
import { type Duration, Effect, Schema } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"

export interface ConnectionOptions {
  /** Path of a kubeconfig file. Absent: as kubectl finds it (`KUBECONFIG`, then `~/.kube/config`). */
  readonly kubeconfig?: string | undefined
  /** Use the pod's own ServiceAccount. Default `false`. */
  readonly inCluster?: boolean | undefined
}

/** The kubeconfig or the ServiceAccount cannot be used. The message names the file, never its content. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  message: Schema.String
}) {}

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  /** Path and query. */
  readonly path: string
  readonly accept?: string | undefined
  readonly body?: { readonly contentType: string; readonly json: unknown } | undefined
}

/** No answer came. `sent`: the request may have reached the server. */
export class NoAnswer {
  readonly _tag = "NoAnswer"
  readonly sent: boolean
  readonly timeout: boolean
  /** It went out on a kept connection, which the server may have closed at that moment. */
  readonly kept: boolean
  constructor(sent: boolean, timeout: boolean, kept = false) {
    this.sent = sent
    this.timeout = timeout
    this.kept = kept
  }
}

/** An answer whose body has not been read. Closing the request closes it. */
export interface Opened {
  readonly response: http.IncomingMessage
  readonly close: () => void
}

export interface Transport {
  /** Sends a request and answers when the head of the response is here. Interruption closes the socket. */
  readonly open: (request: Request) => Effect.Effect<Opened, NoAnswer>
  /** Credentials are read anew before the next request; at most once in ten seconds. `true` where they were. */
  readonly renew: Effect.Effect<boolean>
}

const load = (options: ConnectionOptions): KubeConfig => {
  const config = new KubeConfig()
  if (options.inCluster === true) config.loadFromCluster()
  else if (options.kubeconfig !== undefined) config.loadFromFile(options.kubeconfig)
  else config.loadFromDefault()
  return config
}

const source = (options: ConnectionOptions): string =>
  options.inCluster === true ? "the pod's ServiceAccount" : (options.kubeconfig ?? "the default kubeconfig")

/** TLS material, by which an agent is told from the next: a renewed client certificate needs connections of its own. */
interface Secured {
  readonly ca?: unknown
  readonly cert?: unknown
  readonly key?: unknown
  readonly rejectUnauthorized?: boolean | undefined
  readonly servername?: string | undefined
}

const sameBytes = (a: unknown, b: unknown): boolean =>
  a === b || (a !== undefined && b !== undefined && String(a) === String(b))

// A node's worth of parallel actors; more would only queue in the server's own fairness.
const maxSockets = 64
// An idle connection is kept for less than the 60 s after which common load balancers drop it without a word.
const keepAliveMs = 30_000
const renewEveryMs = 10_000

class Agents {
  private agent: https.Agent | http.Agent | undefined
  private secured: Secured = {}

  /** The agent for these credentials, with the connections of the ones before if they are the same. */
  for(protocol: string, secured: Secured): https.Agent | http.Agent {
    const known = this.secured
    const same =
      this.agent !== undefined
      && sameBytes(known.ca, secured.ca)
      && sameBytes(known.cert, secured.cert)
      && sameBytes(known.key, secured.key)
      && known.rejectUnauthorized === secured.rejectUnauthorized
      && known.servername === secured.servername
    if (same) return this.agent!
    this.agent?.destroy()
    this.secured = secured
    const pool = {
      keepAlive: true,
      keepAliveMsecs: keepAliveMs,
      timeout: keepAliveMs,
      maxSockets,
      maxFreeSockets: maxSockets
    }
    this.agent =
      protocol === "http:" ? new http.Agent(pool) : new https.Agent({ ...pool, ...(secured as https.AgentOptions) })
    return this.agent
  }

  close(): void {
    this.agent?.destroy()
  }
}

/** Sends one request. `connected` is asked when no answer comes, to tell whether it may have been received. */
const send = (url: URL, request: Request, options: https.RequestOptions): Effect.Effect<Opened, NoAnswer> =>
  Effect.callback<Opened, NoAnswer>((resume) => {
    const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body.json))
    let sent = false
    const outgoing = (url.protocol === "http:" ? http : https).request(url, {
      ...options,
      method: request.method,
      headers: {
        ...options.headers,
        accept: request.accept ?? "application/json",
        "user-agent": "kubernaut",
        ...(payload === undefined
          ? {}
          : { "content-type": request.body!.contentType, "content-length": String(payload.length) })
      }
    })
    outgoing.on("socket", (socket) => {
      // On a kept connection the request goes out at once; on a new one when the handshake is over.
      if (outgoing.reusedSocket || !socket.connecting) sent = true
      else socket.once(url.protocol === "http:" ? "connect" : "secureConnect", () => (sent = true))
    })
    outgoing.on("response", (response) => resume(Effect.succeed({ response, close: () => outgoing.destroy() })))
    outgoing.on("error", () => resume(Effect.fail(new NoAnswer(sent, false, outgoing.reusedSocket))))
    outgoing.end(payload)
    return Effect.sync(() => outgoing.destroy())
  })

/** Opens a transport; its connections are closed with the scope. */
export const make = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const reload = Effect.try({
    try: () => load(options),
    catch: () =>
      new ConnectionError({
        message: `The connection to Kubernetes cannot be set up: ${source(options)} cannot be read as a kubeconfig`
      })
  })
  let config = yield* reload
  const server = config.getCurrentCluster()?.server
  if (
    server === undefined
    || !URL.canParse(server)
    || (options.inCluster !== true && options.kubeconfig === undefined && server === "http://localhost:8080")
  ) {
    return yield* new ConnectionError({
      message: `The connection to Kubernetes cannot be set up: ${source(options)} names no reachable cluster in its current context`
    })
  }
  const agents = new Agents()
  yield* Effect.addFinalizer(() => Effect.sync(() => agents.close()))
  let renewedAtMs = -Infinity

  /** TLS and authorization for one request. An exec plugin may run, a token file may be read. */
  const credentials = Effect.suspend(() => {
    const prepared: https.RequestOptions = { headers: {} }
    return Effect.as(
      Effect.tryPromise({ try: () => config.applyToHTTPSOptions(prepared), catch: () => new NoAnswer(false, false) }),
      prepared
    )
  })

  const open = Effect.fnUntraced(function* (request: Request) {
    const { agent, ca, cert, key, rejectUnauthorized, servername, headers, auth } = yield* credentials
    const url = new URL(server.replace(/\/$/, "") + request.path)
    const proxied = config.getCurrentCluster()?.proxyUrl !== undefined
    const pool = proxied ? agent : agents.for(url.protocol, { ca, cert, key, rejectUnauthorized, servername })
    const attempt = send(url, request, {
      agent: pool,
      headers,
      ...(auth === undefined ? {} : { auth })
    } as https.RequestOptions)
    // A write that got no answer is never sent twice; a read costs nothing.
    return yield* request.method === "GET"
      ? Effect.catchIf(
          attempt,
          (noAnswer) => noAnswer.kept,
          () => attempt
        )
      : attempt
  })

  const renew = Effect.gen(function* () {
    const nowMs = yield* Monotonic.nowMs
    if (nowMs - renewedAtMs < renewEveryMs) return false
    renewedAtMs = nowMs
    const next = yield* Effect.option(reload)
    if (next._tag === "None") return false
    config = next.value
    return true
  })

  const transport: Transport = { open, renew }
  return transport
})

// Lists are paged, so a larger body than this is not one of ours.
const bodyLimit = 64 * 1024 * 1024

/** Reads a body to its end. The request is closed when this is interrupted. */
export const readBody = ({ response, close }: Opened): Effect.Effect<string, NoAnswer> =>
  Effect.callback<string, NoAnswer>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    response.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > bodyLimit) close()
      else chunks.push(chunk)
    })
    response.on("end", () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8"))))
    response.on("error", () => resume(Effect.fail(new NoAnswer(true, false))))
    response.on("close", () => resume(Effect.fail(new NoAnswer(true, false))))
    return Effect.sync(close)
  })

/** The whole answer within a time. Nothing of it stays open, whenever it is interrupted. */
export const exchange = (
  transport: Transport,
  request: Request,
  timeout: Duration.Input
): Effect.Effect<{ readonly response: http.IncomingMessage; readonly text: string }, NoAnswer> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(transport.open(request)), (opened) =>
      restore(readBody(opened)).pipe(
        Effect.map((text) => ({ response: opened.response, text })),
        Effect.onInterrupt(() => Effect.sync(opened.close))
      )
    )
  ).pipe(Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(new NoAnswer(true, true)) }))
