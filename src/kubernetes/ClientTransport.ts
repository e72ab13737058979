/**
 * HTTP to an API server: a pool of kept-alive connections, credentials from `@kubernetes/client-node` (certificates,
 * exec plugins, projected tokens, proxies), and interruption that closes the socket.
 *
 * The requests are raw HTTP, because the generated client of that library cannot abort a request, always reads the
 * whole body, and makes JSON Patch hard to send. Its handling of kubeconfig files and credentials is used unchanged.
 */

import * as http from "node:http"
import * as https from "node:https"
import { KubeConfig } from "@kubernetes/client-node"
import { type Duration, Effect, Schema } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"

/** Which cluster to connect to, and as whom. */
export interface ConnectionOptions {
  /** Path of a kubeconfig file. Default: as kubectl finds it (`KUBECONFIG`, then `~/.kube/config`). */
  readonly kubeconfig?: string | undefined
  /** Use the ServiceAccount of the pod that this process runs in. Default `false`. */
  readonly inCluster?: boolean | undefined
}

/** The kubeconfig or the ServiceAccount cannot be used. `message` names the file, never its content. */
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

/** No response arrived. */
export class NoResponse {
  readonly _tag = "NoResponse"
  /** The request may have reached the server. */
  readonly sent: boolean
  /** Our own time limit passed. */
  readonly timeout: boolean
  /** The request used a kept-alive connection, which the server may have closed at that moment. */
  readonly reused: boolean
  constructor(sent: boolean, timeout: boolean, reused = false) {
    this.sent = sent
    this.timeout = timeout
    this.reused = reused
  }
}

/** A response whose body has not been read yet. */
export interface Opened {
  readonly response: http.IncomingMessage
  /** Closes the connection, whether or not the body has been read. */
  readonly close: () => void
}

export interface Transport {
  /** Sends a request and returns when the head of the response has arrived. Interruption closes the socket. */
  readonly open: (request: Request) => Effect.Effect<Opened, NoResponse>
  /** Reloads the credentials, at most once in 10 seconds. Returns whether it did. */
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

/** The TLS settings of a connection pool. A renewed client certificate needs new connections. */
interface TlsSettings {
  readonly ca?: unknown
  readonly cert?: unknown
  readonly key?: unknown
  readonly rejectUnauthorized?: boolean | undefined
  readonly servername?: string | undefined
}

const sameBytes = (a: unknown, b: unknown): boolean =>
  a === b || (a !== undefined && b !== undefined && String(a) === String(b))

// More parallel requests would only queue in the API server's priority and fairness.
const maxSockets = 64
// Common load balancers silently drop an idle connection after 60 s.
const keepAliveMs = 30_000
const renewEveryMs = 10_000

/** The connection pool. It is replaced when the TLS settings change. */
class Agents {
  private agent: https.Agent | http.Agent | undefined
  private tls: TlsSettings = {}

  for(protocol: string, tls: TlsSettings): https.Agent | http.Agent {
    const known = this.tls
    const same =
      this.agent !== undefined
      && sameBytes(known.ca, tls.ca)
      && sameBytes(known.cert, tls.cert)
      && sameBytes(known.key, tls.key)
      && known.rejectUnauthorized === tls.rejectUnauthorized
      && known.servername === tls.servername
    if (same) return this.agent!
    this.agent?.destroy()
    this.tls = tls
    const pool = {
      keepAlive: true,
      keepAliveMsecs: keepAliveMs,
      timeout: keepAliveMs,
      maxSockets,
      maxFreeSockets: maxSockets
    }
    this.agent =
      protocol === "http:" ? new http.Agent(pool) : new https.Agent({ ...pool, ...(tls as https.AgentOptions) })
    return this.agent
  }

  close(): void {
    this.agent?.destroy()
  }
}

/** Sends one request. A failure says whether the server may have received it. */
const send = (url: URL, request: Request, options: https.RequestOptions): Effect.Effect<Opened, NoResponse> =>
  Effect.callback<Opened, NoResponse>((resume) => {
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
      // A kept-alive connection sends the request at once, a new one after its handshake.
      if (outgoing.reusedSocket || !socket.connecting) sent = true
      else socket.once(url.protocol === "http:" ? "connect" : "secureConnect", () => (sent = true))
    })
    outgoing.on("response", (response) => resume(Effect.succeed({ response, close: () => outgoing.destroy() })))
    outgoing.on("error", () => resume(Effect.fail(new NoResponse(sent, false, outgoing.reusedSocket))))
    outgoing.end(payload)
    return Effect.sync(() => outgoing.destroy())
  })

/** A transport whose connections are closed with the scope. */
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

  /** TLS and authorization for one request. May run an exec plugin or read a token file. */
  const credentials = Effect.suspend(() => {
    const prepared: https.RequestOptions = { headers: {} }
    return Effect.as(
      Effect.tryPromise({ try: () => config.applyToHTTPSOptions(prepared), catch: () => new NoResponse(false, false) }),
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
    // A read may be sent twice. A write without a response may have taken effect, so it is never sent twice.
    return yield* request.method === "GET"
      ? Effect.catchIf(
          attempt,
          (noResponse) => noResponse.reused,
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

// Lists are paged, so no response that is expected here is larger.
const bodyLimit = 64 * 1024 * 1024

/** Reads a body to its end. Interruption closes the connection. */
export const readBody = ({ response, close }: Opened): Effect.Effect<string, NoResponse> =>
  Effect.callback<string, NoResponse>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    response.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > bodyLimit) close()
      else chunks.push(chunk)
    })
    response.on("end", () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8"))))
    response.on("error", () => resume(Effect.fail(new NoResponse(true, false))))
    response.on("close", () => resume(Effect.fail(new NoResponse(true, false))))
    return Effect.sync(close)
  })

/**
 * Sends a request and reads the whole response within `timeout`. Never leaves a connection open, even when it is
 * interrupted.
 */
export const exchange = (
  transport: Transport,
  request: Request,
  timeout: Duration.Input
): Effect.Effect<{ readonly response: http.IncomingMessage; readonly text: string }, NoResponse> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(transport.open(request)), (opened) =>
      restore(readBody(opened)).pipe(
        Effect.map((text) => ({ response: opened.response, text })),
        Effect.onInterrupt(() => Effect.sync(opened.close))
      )
    )
  ).pipe(Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(new NoResponse(true, true)) }))
