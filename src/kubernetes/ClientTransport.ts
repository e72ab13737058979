/**
 * HTTP to an API server: a pool of kept-alive connections, credentials, and interruption that closes the socket.
 *
 * The requests are raw HTTP, because the generated client of `@kubernetes/client-node` cannot abort a request, always
 * reads the whole body, and makes JSON Patch hard to send. That library reads kubeconfig files and applies
 * certificates, projected tokens and proxies. `ClientConnection` keeps the server fixed, and `ExecCredential` runs
 * plugins.
 */

import * as http from "node:http"
import * as https from "node:https"
import type { TLSSocket } from "node:tls"
import { type Duration, Effect } from "effect"
import * as TimeLimit from "../resilience/TimeLimit.ts"
import type { Credentials, Pinned } from "./ClientConnection.ts"
import { type ConnectionFault, faultOf } from "./ConnectionFault.ts"
import * as ExecCredential from "./ExecCredential.ts"
import * as Identities from "./Identities.ts"

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  /** Path and query. */
  readonly path: string
  readonly accept?: string | undefined
  readonly body?: { readonly contentType: string; readonly json: unknown } | undefined
  /** The response stays open for minutes. Default `false`. */
  readonly streams?: boolean | undefined
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
  /** Why no response arrived, if that is known. */
  readonly fault: ConnectionFault | undefined
  /** The time limit says nothing about the API server (`TimeLimit`). */
  readonly isExcused: boolean
  constructor(sent: boolean, timeout: boolean, more: Partial<Pick<NoResponse, "reused" | "fault" | "isExcused">> = {}) {
    this.sent = sent
    this.timeout = timeout
    this.reused = more.reused ?? false
    this.fault = more.fault
    this.isExcused = more.isExcused ?? false
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
  /**
   * As whom the requests are sent. If its context leads to another server than at start, it is not known which one is
   * meant, so nothing is written until a restart.
   */
  readonly identities: Identities.Identities
  /** Of requests that are not watches. */
  readonly excuses: TimeLimit.Excuses
}

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

/** A connection pool. It is replaced when the TLS settings change. */
class Agents {
  private agent: https.Agent | http.Agent | undefined
  private tls: TlsSettings = {}
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

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
      maxSockets: this.most,
      maxFreeSockets: Math.min(this.most, maxSockets)
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
const send = (
  url: URL,
  request: Request,
  options: https.RequestOptions,
  proxied: boolean
): Effect.Effect<Opened, NoResponse> =>
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
      // A kept-alive connection sends the request at once, a new one after its handshake. Behind a proxy the connection
      // exists before the handshake with the server.
      const isTls = url.protocol === "https:"
      const shakesHands = isTls && (socket as TLSSocket & { readonly secureConnecting?: boolean }).secureConnecting
      if (outgoing.reusedSocket || (!socket.connecting && shakesHands !== true)) sent = true
      else socket.once(isTls ? "secureConnect" : "connect", () => (sent = true))
    })
    outgoing.on("response", (response) => resume(Effect.succeed({ response, close: () => outgoing.destroy() })))
    outgoing.on("error", (error) =>
      resume(
        Effect.fail(
          new NoResponse(sent, false, { reused: outgoing.reusedSocket, fault: faultOf(error, proxied && !sent) })
        )
      )
    )
    outgoing.end(payload)
    return Effect.sync(() => outgoing.destroy())
  })

/** TLS settings and authorization of one request. May read a token file or wait for a credential plugin. */
const prepare = Effect.fnUntraced(function* (
  { config, exec }: Credentials,
  plugin: ExecCredential.ExecCredentials,
  info: ExecCredential.ClusterInfo
) {
  const options: https.RequestOptions = { headers: {} }
  yield* Effect.tryPromise({
    try: () => config.applyToHTTPSOptions(options),
    catch: () => new NoResponse(false, false, { fault: "credentials" })
  })
  if (exec === undefined) return options
  const { certificate, key, token } = yield* Effect.mapError(
    plugin.get(exec, info),
    ({ fault }) => new NoResponse(false, false, { fault })
  )
  return {
    ...options,
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    headers: { ...options.headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) }
  }
})

/** A transport whose connections, and whose credential plugin, are closed with the scope. */
export const make = Effect.fnUntraced(function* (
  pinned: Pinned,
  onIdentity: (change: Identities.IdentityChange) => Effect.Effect<void> = () => Effect.void
) {
  const { info, place, server } = pinned
  const agents = new Agents(maxSockets)
  // A watch keeps its connection for minutes, so watches have their own: they never take one from other requests.
  const streaming = new Agents(Infinity)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      agents.close()
      streaming.close()
    })
  )
  const plugin = yield* ExecCredential.make(place.file, ExecCredential.pluginTimeoutMs)
  const proxied = place.proxy !== undefined
  const identities = Identities.make(pinned, plugin.forget, onIdentity)

  const open = Effect.fnUntraced(function* (request: Request) {
    const { agent, ca, cert, key, rejectUnauthorized, servername, headers, auth } = yield* prepare(
      identities.credentials(),
      plugin,
      info
    )
    const url = new URL(server + request.path)
    const own = request.streams === true ? streaming : agents
    const pool = proxied ? agent : own.for(url.protocol, { ca, cert, key, rejectUnauthorized, servername })
    const options = { agent: pool, headers, ...(auth === undefined ? {} : { auth }) } as https.RequestOptions
    const attempt = Effect.suspend(() => send(url, request, options, proxied))
    // A read may be sent twice. A write without a response may have taken effect, so it is never sent twice.
    return yield* request.method === "GET"
      ? Effect.catchIf(
          attempt,
          (noResponse) => noResponse.reused,
          () => attempt
        )
      : attempt
  })

  const transport: Transport = { open, identities, excuses: new TimeLimit.Excuses() }
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
  ).pipe(
    TimeLimit.within(transport.excuses, timeout, (isExcused) => Effect.fail(new NoResponse(true, true, { isExcused })))
  )
