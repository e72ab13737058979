/** Another identity is used only after a 401, in the order of the list, and never on another server. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import * as ClusterIdentity from "../../src/kubernetes/ClusterIdentity.ts"
import type { IdentityChange } from "../../src/kubernetes/Identities.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { json, status } from "./FakeApiServer.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const scale: Change = {
  _tag: "Patch",
  ref: checkout,
  patch: [{ op: "replace", path: "/spec/replicas", value: 3 }]
}

/** What the server says to each token: a status, or the uid of the cluster that it shows. */
type Says = Record<string, 401 | 403 | string>

const server = (says: Says) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly tokens: Array<string>; readonly stop: () => void }>((resume) => {
      const tokens: Array<string> = []
      const listener = http.createServer((request, response) => {
        const token = request.headers.authorization?.replace("Bearer ", "") ?? ""
        tokens.push(`${request.method} ${token}`)
        const answer = says[token] ?? 401
        if (answer === 401) return json(response, 401, status(401, "Unauthorized"))
        if (answer === 403) return json(response, 403, status(403, "Forbidden"))
        json(response, 200, { metadata: { name: "x", uid: answer, resourceVersion: "1" } })
      })
      const stop = () => {
        listener.closeAllConnections()
        listener.close()
      }
      listener.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({ url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`, tokens, stop }))
      )
    }),
    ({ stop }) => Effect.sync(stop)
  )

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-identities-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A client with the context `main` and those of the other tokens; `elsewhere` leads to another server. */
const connected = Effect.fnUntraced(function* (says: Says, identities: ReadonlyArray<string>) {
  const { tokens, url } = yield* server(says)
  const directory = yield* folder
  const kubeconfig = join(directory, "kubeconfig")
  const spare = join(directory, "spare")
  writeFileSync(spare, "spare")
  const names = ["main", "backup", "third"]
  const cluster = (name: string, address: string) => ({
    name,
    cluster: { server: address, "insecure-skip-tls-verify": true }
  })
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [cluster("here", url), cluster("there", "http://127.0.0.1:1")],
      users: names.map((name) => ({ name, user: { token: name } })),
      contexts: [
        ...names.map((name) => ({ name, context: { cluster: "here", user: name } })),
        { name: "elsewhere", context: { cluster: "there", user: "backup" } }
      ],
      "current-context": "main"
    })
  )
  const changes: Array<IdentityChange> = []
  const context = yield* Layer.build(
    ClientNode.layer({
      kubeconfig,
      identities: identities.map((name) => (name === "file" ? `file:${spare}` : name)),
      onIdentity: (change) => Effect.sync(() => changes.push(change))
    })
  )
  return { client: Context.get(context, KubernetesClient), tokens, changes, spare }
})

describe("identities", () => {
  it.live("are used in their order after a 401 that fresh credentials do not cure, also for a write", () =>
    Effect.gen(function* () {
      const { changes, client, tokens } = yield* connected({ third: "one" }, ["backup", "third"])
      yield* client.apply(scale)
      assert.deepStrictEqual(
        tokens.map((each) => each.replace("PATCH ", "")),
        ["main", "main", "backup", "backup", "third"]
      )
      yield* client.get(checkout)
      assert.deepStrictEqual(changes, [{ from: "main", to: "third" }], "one line, with the names")
      assert.strictEqual(tokens.at(-1), "GET third")
    }).pipe(Effect.scoped)
  )

  it.live("are never used after a 403", () =>
    Effect.gen(function* () {
      const { changes, client, tokens } = yield* connected({ main: 403, backup: "one" }, ["backup"])
      const error = yield* Effect.flip(client.apply(scale))
      assert.strictEqual(error.reason._tag, "Forbidden")
      assert.deepStrictEqual(tokens, ["PATCH main"])
      assert.deepStrictEqual(changes, [])
    }).pipe(Effect.scoped)
  )

  it.live("that are forbidden what the first one was not asked for leave the 403 as the answer", () =>
    Effect.gen(function* () {
      const { client, tokens } = yield* connected({ backup: 403, third: "one" }, ["backup", "third"])
      const error = yield* Effect.flip(client.apply(scale))
      assert.strictEqual(error.reason._tag, "Forbidden")
      assert.notInclude(tokens, "PATCH third")
    }).pipe(Effect.scoped)
  )

  it.live("may be files with a token", () =>
    Effect.gen(function* () {
      const { changes, client, spare } = yield* connected({ spare: "one" }, ["file"])
      yield* client.get(checkout)
      assert.deepStrictEqual(changes, [{ from: "main", to: `file:${spare}` }])
    }).pipe(Effect.scoped)
  )

  it.live("that are all rejected end with Unauthorized, and are not tried again for each request", () =>
    Effect.gen(function* () {
      const { changes, client, tokens } = yield* connected({}, ["backup"])
      const error = yield* Effect.flip(client.get(checkout))
      assert.deepStrictEqual([error.reason._tag, error.applied], ["Unauthorized", "no"])
      assert.lengthOf(tokens, 4)
      yield* Effect.flip(client.get(checkout))
      assert.lengthOf(tokens, 5)
      assert.deepStrictEqual(changes, [])
    }).pipe(Effect.scoped)
  )

  it.live("are refused at start if a context leads to another server, or does not exist", () =>
    Effect.gen(function* () {
      const other = yield* Effect.flip(Effect.scoped(connected({}, ["elsewhere"])))
      assert.match(other.message, /context "elsewhere" .* leads to another server .* must be of the same cluster/)
      const absent = yield* Effect.flip(Effect.scoped(connected({}, ["nobody"])))
      assert.match(absent.message, /has no context "nobody", which the identities name/)
    })
  )

  it.live("that see another cluster write nothing", () =>
    Effect.gen(function* () {
      const says: Says = { main: "one", backup: "two" }
      const { client, tokens } = yield* connected(says, ["backup"])
      const guarded = ClusterIdentity.guard(client, (uid) => Effect.succeed(uid))
      yield* guarded.client.apply(scale)
      says["main"] = 401
      const error = yield* Effect.flip(guarded.client.apply(scale))
      assert.deepStrictEqual(error.reason, { _tag: "WrongCluster", why: "other-cluster" })
      assert.notInclude(tokens, "PATCH backup")
    }).pipe(Effect.scoped)
  )
})
