/** Failures on the wire, and how the client reports them. */

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { type Handler, json, kubeconfigFor, pod, status, withServer } from "./FakeApiServer.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const onePod = { namespace: "shop", kind: "Pod", name: "one" }
const scale: Change = { _tag: "Patch", ref: checkout, patch: [{ op: "replace", path: "/spec/replicas", value: 3 }] }

describe("ClientNode", () => {
  const hanging: Handler = () => {}

  it.live("closes the socket of an interrupted request", () =>
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
            const fiber = yield* Effect.forkChild((yield* KubernetesClient).apply(scale))
            yield* Deferred.await(arrived)
            yield* Fiber.interrupt(fiber)
            yield* Deferred.await(closed)
          })
      )
    })
  )

  it.live("reports a write without a timely response as unknown and not retryable, and a read as retryable", () =>
    withServer(
      hanging,
      () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
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

  it.live("reports a write as unknown when the body of its response never ends", () =>
    withServer(
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.write("{")
      },
      () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip((yield* KubernetesClient).apply(scale))).applied, "unknown")
        }),
      { requestTimeout: "150 millis" }
    )
  )

  it.live("reports a write as unknown when the server closes the connection, and a read as not applied", () =>
    withServer(
      (_, __, request) => request.socket.destroy(),
      () =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
          const write = yield* Effect.flip(kubernetes.apply(scale))
          assert.deepStrictEqual([write.reason._tag, write.applied], ["Timeout", "unknown"])
          const read = yield* Effect.flip(kubernetes.get(onePod))
          assert.deepStrictEqual([read.reason._tag, read.applied, read.retryable], ["Unavailable", "no", true])
        })
    )
  )

  it.live("sends a read again when the server closes a kept-alive connection, but never a write", () => {
    let closing = false
    return withServer(
      (_, response, request) => {
        if (!closing) return json(response, 200, pod("x"))
        closing = false
        request.socket.destroy()
      },
      ({ received }) =>
        Effect.gen(function* () {
          const kubernetes = yield* KubernetesClient
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

  it.live("reports a write as not applied and retryable when nothing listens", () =>
    Effect.gen(function* () {
      const kubeconfig = yield* kubeconfigFor({ server: "https://127.0.0.1:1" }, { token: "t" })
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.flatMap(KubernetesClient, (kubernetes) => kubernetes.apply(scale)),
          ClientNode.layer({ kubeconfig })
        )
      )
      if (error._tag !== "KubernetesError") return assert.fail(error.message)
      assert.deepStrictEqual(
        [error.reason, error.applied, error.retryable],
        [{ _tag: "Unavailable", fault: "refused" }, "no", true]
      )
    })
  )

  it.live("derives the error from status, body and Retry-After, without the text of the body", () =>
    withServer(
      (_, response) =>
        json(response, 429, status(429, "TooManyRequests", { message: "hunter2" }), { "retry-after": "7" }),
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip((yield* KubernetesClient).apply(scale))
          assert.deepStrictEqual(error.reason, { _tag: "TooManyRequests", retryAfterMs: 7000 })
          assert.notInclude(JSON.stringify(error) + String(error), "hunter2")
        })
    )
  )

  it.live("treats a success that is not JSON as Unavailable", () =>
    withServer(
      (_, response) => {
        response.writeHead(200, { "content-type": "text/html" })
        response.end("<html>login</html>")
      },
      () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip((yield* KubernetesClient).get(onePod))).reason._tag, "Unavailable")
        })
    )
  )

  it.live("fails to start with a missing kubeconfig, and names the file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(ClientNode.layer({ kubeconfig: "/no/such/kubeconfig" })))
      assert.strictEqual(error._tag, "ConnectionError")
      assert.include(error.message, "/no/such/kubeconfig")
    }).pipe(Effect.scoped)
  )

  it.live("fails to start in-cluster outside of a pod, and names the ServiceAccount", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(ClientNode.layer({ inCluster: true })))
      assert.strictEqual(error._tag, "ConnectionError")
      assert.include(error.message, "ServiceAccount")
    }).pipe(Effect.scoped)
  )
})
