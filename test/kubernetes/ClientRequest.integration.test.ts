/** The requests of the client, as they arrive at an HTTP server. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { json, pod, status, withServer } from "./FakeApiServer.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const onePod = { namespace: "shop", kind: "Pod", name: "one" }
const scale: Change = { _tag: "Patch", ref: checkout, patch: [{ op: "replace", path: "/spec/replicas", value: 3 }] }

describe("ClientNode", () => {
  it.live("sends each operation as the API server expects it", () =>
    withServer(
      (_, response) => json(response, 200, { kind: "x", ...pod("x") }),
      ({ received }) =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
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

  it.live("encodes a name as a single path segment", () =>
    withServer(
      (_, response) => json(response, 404, status(404, "NotFound")),
      ({ received }) =>
        Effect.gen(function* () {
          yield* Effect.flip(
            (yield* KubernetesClient).get({ namespace: "shop/pods", kind: "Pod", name: "../../secrets?x=1" })
          )
          assert.strictEqual(received[0]!.path, "/api/v1/namespaces/shop%2Fpods/pods/..%2F..%2Fsecrets%3Fx%3D1")
        })
    )
  )

  it.live("reads a list to its last page, and no further than its limit", () =>
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
          const all = yield* (yield* KubernetesClient).list("Pod", { namespace: "shop" })
          assert.deepStrictEqual(
            all.map((each) => `${each.apiVersion} ${each.kind} ${each.metadata.name}`),
            ["v1 Pod a-1", "v1 Pod b-1", "v1 Pod a-2", "v1 Pod b-2", "v1 Pod a-3", "v1 Pod b-3"]
          )
          assert.lengthOf(received, 3)
          assert.lengthOf(yield* (yield* KubernetesClient).list("Pod", { namespace: "shop", limit: 2 }), 2)
          assert.lengthOf(received, 4)
        })
    )
  )

  it.live("sends a hundred consecutive requests over one connection", () =>
    withServer(
      (_, response) => json(response, 200, pod("x")),
      ({ sockets }) =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          for (let n = 0; n < 100; n++) yield* kubernetes.get(onePod)
          assert.strictEqual(sockets.size, 1)
        })
    )
  )

  it.live("reloads a rotated token after a 401, without an error for the caller", () => {
    let valid = "first"
    return withServer(
      ({ token }, response) =>
        token === `Bearer ${valid}` ? json(response, 200, pod("x")) : json(response, 401, status(401, "Unauthorized")),
      ({ received, setToken }) =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
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

  it.live("repeats a request once after a 401, and does not repeat the next one", () =>
    withServer(
      (_, response) => json(response, 401, status(401, "Unauthorized")),
      ({ received }) =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const refused = yield* Effect.flip(kubernetes.apply(scale))
          assert.deepStrictEqual(
            [refused.reason._tag, refused.applied, refused.retryable],
            ["Unauthorized", "no", false]
          )
          assert.lengthOf(received, 2)
          yield* Effect.flip(kubernetes.apply(scale))
          assert.lengthOf(received, 3, "credentials are not reloaded within ten seconds")
        })
    )
  )
})
