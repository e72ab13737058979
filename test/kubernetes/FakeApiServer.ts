/** An HTTP server that misbehaves as a real API server may, and a client that is connected to it. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import type { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"

/** A request as the server received it. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly contentType: string | undefined
  readonly accept: string | undefined
  readonly token: string | undefined
  readonly body: unknown
}

export type Handler = (received: Received, response: http.ServerResponse, request: http.IncomingMessage) => void

/** Sends a JSON response. */
export const json = (
  response: http.ServerResponse,
  status: number,
  body: unknown,
  headers: http.OutgoingHttpHeaders = {}
) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(JSON.stringify(body))
}

/** A `metav1.Status` of a failure. */
export const status = (code: number, reason: string, rest: Record<string, unknown> = {}) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  ...rest
})

/** A pod as it appears in a list. */
export const pod = (name: string, resourceVersion = "1") => ({
  metadata: { name, namespace: "shop", uid: `uid-${name}`, resourceVersion }
})

const listen = (handler: Handler, received: Array<Received>, sockets: Set<Socket>) => {
  const server = http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString()
      const one: Received = {
        method: request.method ?? "",
        path: request.url ?? "",
        contentType: request.headers["content-type"],
        accept: request.headers.accept,
        token: request.headers.authorization,
        body: text === "" ? undefined : JSON.parse(text)
      }
      received.push(one)
      handler(one, response, request)
    })
  })
  server.on("connection", (socket) => sockets.add(socket))
  return Effect.acquireRelease(
    Effect.callback<http.Server>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
}

/** A directory that is removed with the scope. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-transport-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** The path of a kubeconfig for a server and a user. It is removed with the scope. */
export const kubeconfigFor = (cluster: Record<string, unknown>, user: Record<string, unknown>) =>
  Effect.map(temporaryDirectory, (directory) => {
    const kubeconfig = join(directory, "kubeconfig")
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "c", cluster }],
        users: [{ name: "u", user }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x"
      })
    )
    return kubeconfig
  })

/** Runs a test with a client of the server. The client's token is in a file, which `setToken` rewrites. */
export const withServer = <A, E>(
  handler: Handler,
  test: (world: {
    readonly received: ReadonlyArray<Received>
    readonly sockets: ReadonlySet<Socket>
    readonly setToken: (token: string) => void
  }) => Effect.Effect<A, E, KubernetesClient>,
  options: ClientNode.ClientNodeOptions = {}
) =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    const sockets = new Set<Socket>()
    const server = yield* listen(handler, received, sockets)
    const tokenFile = join(yield* temporaryDirectory, "token")
    const setToken = (token: string) => writeFileSync(tokenFile, token)
    setToken("first")
    const kubeconfig = yield* kubeconfigFor(
      // The library allows plain HTTP only without TLS verification.
      {
        server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        "insecure-skip-tls-verify": true
      },
      { "auth-provider": { name: "tokenFile", config: { tokenFile } } }
    )
    return yield* Effect.provide(
      test({ received, sockets, setToken }),
      ClientNode.layer({ kubeconfig, requestTimeout: "5 seconds", ...options })
    )
  }).pipe(Effect.scoped)
