/**
 * The path from the service to a real API server, and the moment at which a write arrives there: an admission webhook
 * hears of each write before it is stored, and a proxy can hold back the responses.
 */

import { readFileSync, writeFileSync } from "node:fs"
import * as https from "node:https"
import * as net from "node:net"
import { join } from "node:path"
import { KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, type Scope } from "effect"
import { temporaryDirectory } from "../integration/Service.ts"
import { tlsFile } from "./TlsServer.ts"

/** An update as the API server shows it to admission. */
export interface Arrival {
  readonly name: string
  /** `spec` or annotations: whatever the write changes. */
  readonly object: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }
}

export interface HeldPath {
  /** The kubeconfig of the service. */
  readonly kubeconfig: string
  /** The writes of the service that have arrived, dry runs excepted. */
  readonly arrivals: ReadonlyArray<Arrival>
  /** Called with each arrival. The API server stores the write once this has returned. */
  onArrival: (arrival: Arrival) => Promise<void>
  /** Holds back every response from now on. */
  readonly hold: () => void
  /** Closes all connections, and no response is held back any more. */
  readonly cut: () => void
}

const listen = (server: net.Server) =>
  new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port))
  )

interface Pair {
  readonly client: net.Socket
  readonly server: net.Socket
}

/** A proxy in front of a port on loopback. */
const proxy = Effect.fnUntraced(function* (port: number) {
  const pairs = new Set<Pair>()
  let held = false
  const server = net.createServer((client) => {
    const pair = { client, server: net.connect(port, "127.0.0.1") }
    pairs.add(pair)
    client.on("data", (bytes) => pair.server.write(bytes))
    pair.server.on("data", (bytes) => {
      if (!held) client.write(bytes)
    })
    for (const socket of [client, pair.server]) {
      socket.on("error", () => {})
      socket.on("close", () => {
        // A client that is gone does not end a request that has arrived.
        if (socket === pair.server && !held) client.destroy()
        if (socket === client && !held) pair.server.destroy()
      })
    }
  })
  const cut = () => {
    held = false
    for (const pair of pairs) {
      pair.client.destroy()
      pair.server.destroy()
    }
    pairs.clear()
  }
  const at = yield* Effect.acquireRelease(
    Effect.promise(() => listen(server)),
    () =>
      Effect.sync(() => {
        cut()
        server.close()
      })
  )
  return { port: at, hold: () => void (held = true), cut }
})

/** The webhook for the Deployments of a namespace. */
const configurationOf = (namespace: string, port: number) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: namespace },
  webhooks: [
    {
      name: "arrivals.example.com",
      clientConfig: {
        url: `https://127.0.0.1:${port}/`,
        caBundle: readFileSync(tlsFile("ca.pem")).toString("base64")
      },
      rules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"] }],
      matchConditions: [
        { name: "writes", expression: "request.dryRun != true" },
        { name: "kubernaut", expression: "request.options.fieldManager == 'kubernaut'" }
      ],
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      failurePolicy: "Fail",
      timeoutSeconds: 30
    }
  ]
})

/** A path to the API server of an administrator's kubeconfig, for the Deployments of a namespace. */
export const make = Effect.fnUntraced(function* (
  admin: string,
  namespace: string
): Effect.fn.Return<HeldPath, never, Scope.Scope> {
  const config = new KubeConfig()
  config.loadFromFile(admin)
  const address = new URL(config.getCurrentCluster()!.server)
  const { cut, hold, port } = yield* proxy(Number(address.port))
  const kubeconfig = join(yield* temporaryDirectory, "kubeconfig")
  writeFileSync(kubeconfig, readFileSync(admin, "utf8").replaceAll(address.host, `127.0.0.1:${port}`))
  const arrivals: Array<Arrival> = []
  const path: HeldPath = { kubeconfig, arrivals, onArrival: () => Promise.resolve(), hold, cut }
  const webhook = https.createServer(
    { cert: readFileSync(tlsFile("server.pem")), key: readFileSync(tlsFile("server-key.pem")) },
    async (request, response) => {
      const chunks: Array<Buffer> = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const review = JSON.parse(Buffer.concat(chunks).toString()) as { readonly request: Arrival & { uid: string } }
      arrivals.push(review.request)
      await path.onArrival(review.request)
      response.setHeader("content-type", "application/json")
      response.end(
        JSON.stringify({
          apiVersion: "admission.k8s.io/v1",
          kind: "AdmissionReview",
          response: { uid: review.request.uid, allowed: true }
        })
      )
    }
  )
  const webhookPort = yield* Effect.acquireRelease(
    Effect.promise(() => listen(webhook)),
    () =>
      Effect.sync(() => {
        webhook.closeAllConnections()
        webhook.close()
      })
  )
  const api = KubernetesObjectApi.makeApiClient(config)
  const configuration = configurationOf(namespace, webhookPort)
  yield* Effect.acquireRelease(
    Effect.promise(() => api.create(configuration)),
    () => Effect.promise(() => api.delete(configuration))
  )
  return path
})
