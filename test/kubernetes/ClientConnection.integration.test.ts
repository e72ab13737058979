/** The server and the context of a client are those of the start, whatever the kubeconfig says later. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { json, kubeconfigFor, pod, status } from "./FakeApiServer.ts"

const scale: Change = {
  _tag: "Patch",
  ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
  patch: [{ op: "replace", path: "/spec/replicas", value: 3 }]
}

/** A server that accepts one token at a time and records those that it was sent. */
const server = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; valid: string; readonly tokens: Array<string>; readonly stop: () => void }>(
    (resume) => {
      const tokens: Array<string> = []
      const listener = http.createServer((request, response) => {
        const token = request.headers.authorization?.replace("Bearer ", "") ?? ""
        tokens.push(token)
        if (token === state.valid) json(response, 200, pod("x"))
        else json(response, 401, status(401, "Unauthorized"))
      })
      const state = {
        url: "",
        valid: "",
        tokens,
        stop: () => {
          listener.closeAllConnections()
          listener.close()
        }
      }
      listener.listen(0, "127.0.0.1", () => {
        state.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
        resume(Effect.succeed(state))
      })
    }
  ),
  ({ stop }) => Effect.sync(stop)
)

interface Contexts {
  readonly current: string
  readonly servers: Readonly<Record<string, string>>
  readonly tokens: Readonly<Record<string, string>>
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-contexts-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A kubeconfig with one context for each server, and what rewrites it. */
const kubeconfigOf = Effect.map(folder, (directory) => {
  const path = join(directory, "kubeconfig")
  const write = ({ current, servers, tokens }: Contexts) =>
    writeFileSync(
      path,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: Object.entries(servers).map(([name, server]) => ({
          name,
          cluster: { server, "insecure-skip-tls-verify": true }
        })),
        users: Object.entries(tokens).map(([name, token]) => ({ name, user: { token } })),
        contexts: Object.keys(servers).map((name) => ({ name, context: { cluster: name, user: name } })),
        "current-context": current
      })
    )
  return { path, write }
})

const world = Effect.gen(function* () {
  const prod = yield* server
  const staging = yield* server
  prod.valid = "prod-1"
  staging.valid = "staging-1"
  const { path, write } = yield* kubeconfigOf
  const before: Contexts = {
    current: "prod",
    servers: { prod: prod.url, staging: staging.url },
    tokens: { prod: "prod-1", staging: "staging-1" }
  }
  write(before)
  const client = yield* Effect.map(Layer.build(ClientNode.layer({ kubeconfig: path })), (context) =>
    Effect.provide(KubernetesClient, context)
  ).pipe(Effect.flatten)
  yield* client.probe
  return { prod, staging, before, write, client }
})

describe("a connection", () => {
  it.live("reads the token of its own context after a 401, although another context is the current one", () =>
    Effect.gen(function* () {
      const { before, client, prod, staging, write } = yield* world
      prod.valid = "prod-2"
      write({ ...before, current: "staging", tokens: { prod: "prod-2", staging: "staging-1" } })
      yield* client.apply(scale)
      assert.deepStrictEqual(prod.tokens, ["prod-1", "prod-1", "prod-2"])
      assert.deepStrictEqual(staging.tokens, [])
    }).pipe(Effect.scoped)
  )

  it.live("never sends its server the token of another context, even if its own is gone", () =>
    Effect.gen(function* () {
      const { client, prod, staging, write } = yield* world
      prod.valid = "prod-2"
      write({ current: "staging", servers: { staging: staging.url }, tokens: { staging: "staging-1" } })
      const error = yield* Effect.flip(client.apply(scale))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.notInclude(prod.tokens, "staging-1")
    }).pipe(Effect.scoped)
  )

  it.live("stops writes until a restart when its context leads to another server", () =>
    Effect.gen(function* () {
      const { before, client, prod, staging, write } = yield* world
      prod.valid = "prod-2"
      write({
        ...before,
        servers: { prod: staging.url, staging: staging.url },
        tokens: { prod: "other", staging: "s" }
      })
      const first = yield* Effect.flip(client.apply(scale))
      assert.deepStrictEqual(first.reason, { _tag: "WrongCluster", why: "server-changed" })
      prod.valid = "prod-1"
      const count = prod.tokens.length
      const second = yield* Effect.flip(client.apply(scale))
      assert.deepStrictEqual([second.reason, second.applied], [{ _tag: "WrongCluster", why: "server-changed" }, "no"])
      assert.lengthOf(prod.tokens, count, "the second write was not sent")
      assert.include(second.message, "restart the service")
      yield* client.get({ namespace: "shop", kind: "Pod", name: "x" })
      assert.deepStrictEqual(staging.tokens, [], "nothing was sent to the other server")
      assert.notInclude(prod.tokens, "other", "nor its token to ours")
    }).pipe(Effect.scoped)
  )

  const wrong: ReadonlyArray<readonly [what: string, cluster: Record<string, unknown>, said: ReadonlyArray<string>]> = [
    [
      "a CA file that does not exist",
      { server: "https://127.0.0.1:1", "certificate-authority": "/no/such/ca.crt" },
      ["certificate-authority (/no/such/ca.crt)", '"c"', "cannot be read"]
    ],
    [
      "CA data that is no certificate",
      { server: "https://127.0.0.1:1", "certificate-authority-data": Buffer.from("hunter2").toString("base64") },
      ["certificate-authority-data", "PEM"]
    ],
    ["a server that is no URL", { server: "127.0.0.1" }, ["field server", "https://"]],
    ["a server of another protocol", { server: "ftp://127.0.0.1" }, ["field server", "https://"]],
    ["plain HTTP to another machine", { server: "http://prod.example:6443" }, ["plain HTTP", "https://"]]
  ]
  for (const [what, cluster, said] of wrong)
    it.live(`is refused at start with ${what}, by the name of the file and the field`, () =>
      Effect.gen(function* () {
        const kubeconfig = yield* kubeconfigFor(cluster, { token: "hunter2" })
        const { message } = yield* Effect.flip(Layer.build(ClientNode.layer({ kubeconfig })))
        for (const each of [kubeconfig, ...said]) assert.include(message, each)
        assert.notInclude(message, "hunter2")
      }).pipe(Effect.scoped)
    )
})
