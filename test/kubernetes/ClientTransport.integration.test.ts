/** What goes over the wire, against an HTTP server that does on purpose what an API server does by accident. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"

interface Received {
  readonly method: string
  readonly path: string
  readonly contentType: string | undefined
  readonly accept: string | undefined
  readonly token: string | undefined
  readonly body: unknown
}

type Handler = (received: Received, response: http.ServerResponse, request: http.IncomingMessage) => void

const json = (response: http.ServerResponse, status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(JSON.stringify(body))
}

const status = (code: number, reason: string, rest: Record<string, unknown> = {}) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  ...rest
})

const pod = (name: string, resourceVersion = "1") => ({
  metadata: { name, namespace: "shop", uid: `uid-${name}`, resourceVersion }
})

/** A server, a kubeconfig for it with a token file, and the port on both. */
const withServer = <A, E>(
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
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    )
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-transport-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const setToken = (token: string) => writeFileSync(join(directory, "token"), token)
    setToken("first")
    const kubeconfig = join(directory, "kubeconfig")
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          {
            name: "c",
            cluster: {
              server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
              "insecure-skip-tls-verify": true
            }
          }
        ],
        users: [
          {
            name: "u",
            user: { "auth-provider": { name: "tokenFile", config: { tokenFile: join(directory, "token") } } }
          }
        ],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x"
      })
    )
    return yield* Effect.provide(
      test({ received, sockets, setToken }),
      ClientNode.layer({ kubeconfig, requestTimeout: "5 seconds", ...options })
    )
  }).pipe(Effect.scoped)

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const onePod = { namespace: "shop", kind: "Pod", name: "one" }
const scale: Change = { _tag: "Patch", ref: checkout, patch: [{ op: "replace", path: "/spec/replicas", value: 3 }] }
const client = KubernetesClient

describe("ClientNode's requests", () => {
  it.live("each verb is sent as the API server wants it", () =>
    withServer(
      (_, response) => json(response, 200, { kind: "x", ...pod("x") }),
      ({ received }) =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          yield* kubernetes.get({ namespace: "", kind: "Node", name: "node-1" })
          yield* kubernetes.list("Event", {
            namespace: "shop",
            involvedObject: { kind: "Pod", name: "one" },
            labelSelector: { a: "b", c: "d" },
            limit: 20
          })
          yield* kubernetes.list("Pod", { metadataOnly: true })
          yield* kubernetes.apply(scale)
          yield* kubernetes.apply(scale, { dryRun: true })
          yield* kubernetes.apply({ _tag: "Evict", ref: onePod, uid: "u-1" }, { dryRun: true })
          yield* kubernetes.apply({ _tag: "Delete", ref: onePod, uid: "u-1" })
          yield* kubernetes.apply({
            _tag: "Create",
            ref: { namespace: "shop", kind: "NetworkPolicy", name: "deny" },
            manifest: { spec: { podSelector: {} } }
          })
          yield* kubernetes.logs(onePod, { container: "main", previous: true, tailLines: 10 })
          yield* kubernetes.probe
          const lines = received.map((each) => `${each.method} ${decodeURIComponent(each.path)}`)
          assert.deepStrictEqual(lines, [
            "GET /api/v1/nodes/node-1",
            "GET /api/v1/namespaces/shop/events?labelSelector=a=b,c=d&fieldSelector=involvedObject.kind=Pod,involvedObject.name=one&limit=20",
            "GET /api/v1/pods?limit=500",
            "PATCH /apis/apps/v1/namespaces/shop/deployments/checkout?fieldManager=kubernaut",
            "PATCH /apis/apps/v1/namespaces/shop/deployments/checkout?dryRun=All&fieldManager=kubernaut",
            "POST /api/v1/namespaces/shop/pods/one/eviction?dryRun=All",
            "DELETE /api/v1/namespaces/shop/pods/one",
            "POST /apis/networking.k8s.io/v1/namespaces/shop/networkpolicies?fieldManager=kubernaut",
            "GET /api/v1/namespaces/shop/pods/one/log?container=main&previous=true&tailLines=10&limitBytes=1048576",
            "GET /readyz"
          ])
          assert.strictEqual(received[2]!.accept, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
          assert.strictEqual(received[3]!.contentType, "application/json-patch+json")
          assert.deepStrictEqual(received[3]!.body, [{ op: "replace", path: "/spec/replicas", value: 3 }])
          assert.deepStrictEqual(received[5]!.body, {
            apiVersion: "policy/v1",
            kind: "Eviction",
            metadata: { name: "one", namespace: "shop" },
            deleteOptions: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: "u-1" }, dryRun: ["All"] }
          })
          assert.deepStrictEqual(received[6]!.body, {
            apiVersion: "v1",
            kind: "DeleteOptions",
            preconditions: { uid: "u-1" },
            propagationPolicy: "Background"
          })
          assert.deepStrictEqual(received[7]!.body, {
            apiVersion: "networking.k8s.io/v1",
            kind: "NetworkPolicy",
            spec: { podSelector: {} },
            metadata: { name: "deny", namespace: "shop" }
          })
        })
    )
  )

  it.live("a name from outside stays one segment of the path", () =>
    withServer(
      (_, response) => json(response, 404, status(404, "NotFound")),
      ({ received }) =>
        Effect.gen(function* () {
          yield* Effect.flip((yield* client).get({ namespace: "shop/pods", kind: "Pod", name: "../../secrets?x=1" }))
          assert.strictEqual(received[0]!.path, "/api/v1/namespaces/shop%2Fpods/pods/..%2F..%2Fsecrets%3Fx%3D1")
        })
    )
  )

  it.live("a list is read to its last page, and no further than its limit", () =>
    withServer(
      ({ path }, response) => {
        const token = new URLSearchParams(path.split("?")[1]).get("continue")
        const page = token === null ? 1 : Number(token)
        json(response, 200, {
          metadata: { resourceVersion: "9", ...(page < 3 ? { continue: String(page + 1) } : {}) },
          items: [pod(`a-${page}`), pod(`b-${page}`)]
        })
      },
      ({ received }) =>
        Effect.gen(function* () {
          const all = yield* (yield* client).list("Pod", { namespace: "shop" })
          assert.deepStrictEqual(
            all.map((each) => `${each.apiVersion} ${each.kind} ${each.metadata.name}`),
            ["v1 Pod a-1", "v1 Pod b-1", "v1 Pod a-2", "v1 Pod b-2", "v1 Pod a-3", "v1 Pod b-3"]
          )
          assert.lengthOf(received, 3)
          assert.lengthOf(yield* (yield* client).list("Pod", { namespace: "shop", limit: 2 }), 2)
          assert.lengthOf(received, 4)
        })
    )
  )

  it.live("a hundred requests one after another use one connection", () =>
    withServer(
      (_, response) => json(response, 200, pod("x")),
      ({ sockets }) =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          for (let n = 0; n < 100; n++) yield* kubernetes.get(onePod)
          assert.strictEqual(sockets.size, 1)
        })
    )
  )

  it.live("a rotated token is read anew after a 401, and the caller notices nothing", () => {
    let valid = "first"
    return withServer(
      ({ token }, response) =>
        token === `Bearer ${valid}` ? json(response, 200, pod("x")) : json(response, 401, status(401, "Unauthorized")),
      ({ received, setToken }) =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          yield* kubernetes.probe
          setToken("second")
          valid = "second"
          yield* kubernetes.apply(scale)
          assert.deepStrictEqual(
            received.map((each) => each.token),
            ["Bearer first", "Bearer first", "Bearer second"]
          )
        })
    )
  })

  it.live("an identity that stays refused is asked with twice and then not hammered", () =>
    withServer(
      (_, response) => json(response, 401, status(401, "Unauthorized")),
      ({ received }) =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          const refused = yield* Effect.flip(kubernetes.apply(scale))
          assert.deepStrictEqual(
            [refused.reason._tag, refused.applied, refused.retryable],
            ["Unauthorized", "no", false]
          )
          assert.lengthOf(received, 2)
          yield* Effect.flip(kubernetes.apply(scale))
          assert.lengthOf(received, 3, "credentials are not read again within ten seconds")
        })
    )
  )
})

describe("ClientNode's failures", () => {
  const hanging: Handler = () => {}

  it.live("an interrupted request closes its socket", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      yield* withServer(
        (_, __, request) => {
          request.socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
          Deferred.doneUnsafe(arrived, Effect.void)
        },
        () =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild((yield* client).apply(scale))
            yield* Deferred.await(arrived)
            yield* Fiber.interrupt(fiber)
            yield* Deferred.await(closed)
          })
      )
    })
  )

  it.live("a write without an answer in time is unknown and not to be sent again; a read may be", () =>
    withServer(
      hanging,
      () =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          const write = yield* Effect.flip(kubernetes.apply(scale))
          assert.deepStrictEqual([write.reason._tag, write.applied, write.retryable], ["Timeout", "unknown", false])
          const dry = yield* Effect.flip(kubernetes.apply(scale, { dryRun: true }))
          assert.deepStrictEqual([dry.reason._tag, dry.applied, dry.retryable], ["Timeout", "no", true])
          const read = yield* Effect.flip(kubernetes.get(onePod))
          assert.deepStrictEqual([read.reason._tag, read.applied, read.retryable], ["Timeout", "no", true])
        }),
      { requestTimeout: "150 millis" }
    )
  )

  it.live("an answer whose body never ends is a timeout as well", () =>
    withServer(
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.write("{")
      },
      () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip((yield* client).apply(scale))).applied, "unknown")
        }),
      { requestTimeout: "150 millis" }
    )
  )

  it.live("a server that hangs up on a write leaves its outcome unknown", () =>
    withServer(
      (_, __, request) => request.socket.destroy(),
      () =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          const write = yield* Effect.flip(kubernetes.apply(scale))
          assert.deepStrictEqual([write.reason._tag, write.applied], ["Timeout", "unknown"])
          const read = yield* Effect.flip(kubernetes.get(onePod))
          assert.deepStrictEqual([read.reason._tag, read.applied, read.retryable], ["Unavailable", "no", true])
        })
    )
  )

  it.live("a read on a kept connection that the server closes is sent again on a new one; a write is not", () => {
    let closing = false
    return withServer(
      (_, response, request) => {
        if (!closing) return json(response, 200, pod("x"))
        closing = false
        request.socket.destroy()
      },
      ({ received }) =>
        Effect.gen(function* () {
          const kubernetes = yield* client
          yield* kubernetes.get(onePod)
          closing = true
          yield* kubernetes.get(onePod)
          assert.lengthOf(received, 3)
          closing = true
          assert.strictEqual((yield* Effect.flip(kubernetes.apply(scale))).applied, "unknown")
          assert.lengthOf(received, 4)
        })
    )
  })

  it.live("where nobody listens a write was not applied and may be tried again", () =>
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-transport-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const kubeconfig = join(directory, "kubeconfig")
      writeFileSync(
        kubeconfig,
        JSON.stringify({
          clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
          users: [{ name: "u", user: { token: "t" } }],
          contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
          "current-context": "x"
        })
      )
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.flatMap(client, (kubernetes) => kubernetes.apply(scale)),
          ClientNode.layer({ kubeconfig })
        )
      )
      if (error._tag !== "KubernetesError") return assert.fail(error.message)
      assert.deepStrictEqual([error.reason, error.applied, error.retryable], [{ _tag: "Unavailable" }, "no", true])
    })
  )

  it.live("an answer's status, body and Retry-After make the error, and none of its text is in it", () =>
    withServer(
      (_, response) =>
        json(response, 429, status(429, "TooManyRequests", { message: "hunter2" }), { "retry-after": "7" }),
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip((yield* client).apply(scale))
          assert.deepStrictEqual(error.reason, { _tag: "TooManyRequests", retryAfterMs: 7000 })
          assert.notInclude(JSON.stringify(error) + String(error), "hunter2")
        })
    )
  )

  it.live("a success that is not JSON is not an API server", () =>
    withServer(
      (_, response) => {
        response.writeHead(200, { "content-type": "text/html" })
        response.end("<html>login</html>")
      },
      () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip((yield* client).get(onePod))).reason._tag, "Unavailable")
        })
    )
  )

  it.live("a kubeconfig that can't be used is an error at start that names the file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(ClientNode.layer({ kubeconfig: "/no/such/kubeconfig" })))
      assert.strictEqual(error._tag, "ConnectionError")
      assert.include(error.message, "/no/such/kubeconfig")
    }).pipe(Effect.scoped)
  )

  it.live("outside of a pod there is no ServiceAccount to use, which is an error at start", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(ClientNode.layer({ inCluster: true })))
      assert.strictEqual(error._tag, "ConnectionError")
      assert.include(error.message, "ServiceAccount")
    }).pipe(Effect.scoped)
  )
})

describe("ClientNode's watch", () => {
  const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`
  const list = (response: http.ServerResponse) =>
    json(response, 200, { metadata: { resourceVersion: "10" }, items: [pod("one", "9")] })
  const isWatch = ({ path }: Received) => path.includes("watch=true")
  const names = (
    events: Iterable<{ readonly type: string; readonly object: { readonly metadata: { readonly name: string } } }>
  ) => [...events].map((each) => `${each.type} ${each.object.metadata.name}`)

  it.live("begins with a list, goes on from its version, and after the server ends it from the last bookmark", () => {
    let connections = 0
    return withServer(
      (request, response) => {
        if (!isWatch(request)) return list(response)
        connections++
        response.writeHead(200, { "content-type": "application/json" })
        if (connections === 1) {
          // Events come in pieces that do not end where lines do.
          const text =
            line("ADDED", pod("two", "11")) + line("BOOKMARK", { kind: "Pod", metadata: { resourceVersion: "25" } })
          response.write(text.slice(0, 40))
          setTimeout(() => response.end(text.slice(40)), 20)
        } else {
          response.write(line("DELETED", pod("one", "26")))
        }
      },
      ({ received }) =>
        Effect.gen(function* () {
          const events = yield* Stream.runCollect(
            Stream.take((yield* client).watch("Pod", { namespace: "shop", labelSelector: { app: "x" } }), 3)
          )
          assert.deepStrictEqual(names(events), ["ADDED one", "ADDED two", "DELETED one"])
          const versions = received
            .filter(isWatch)
            .map(({ path }) => new URLSearchParams(path.split("?")[1]).get("resourceVersion"))
          assert.deepStrictEqual(versions, ["10", "25"])
          assert.isTrue(received.every(({ path }) => path.includes("labelSelector=app%3Dx")))
        })
    )
  })

  it.live.each([
    [
      "in its stream",
      (response: http.ServerResponse) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.write(line("ERROR", status(410, "Expired")))
      }
    ],
    ["as its answer", (response: http.ServerResponse) => json(response, 410, status(410, "Expired"))]
  ] as ReadonlyArray<readonly [string, (response: http.ServerResponse) => void]>)(
    "ends with Expired when the server says so %s",
    ([, answer]) =>
      withServer(
        (request, response) => (isWatch(request) ? answer(response) : list(response)),
        () =>
          Effect.gen(function* () {
            const error = yield* Effect.flip(Stream.runDrain((yield* client).watch("Pod", { namespace: "shop" })))
            assert.deepStrictEqual([error.reason._tag, error.retryable], ["Expired", true])
          })
      )
  )

  it.live("closes its connection when nobody listens any more, even in the middle of waiting", () =>
    Effect.gen(function* () {
      const closed = yield* Deferred.make<void>()
      const watching = yield* Deferred.make<void>()
      yield* withServer(
        (request, response) => {
          if (!isWatch(request)) return list(response)
          response.writeHead(200, { "content-type": "application/json" })
          response.flushHeaders()
          response.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
          Deferred.doneUnsafe(watching, Effect.void)
        },
        () =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(Stream.runDrain((yield* client).watch("Pod", { namespace: "shop" })))
            yield* Deferred.await(watching)
            yield* Effect.sleep("50 millis")
            yield* Fiber.interrupt(fiber)
            yield* Deferred.await(closed)
          })
      )
    })
  )
})
