/** Watches over the wire: pages, bookmarks, reconnects and expiry. */

import type * as http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { json, pod, type Received, status, withServer } from "./FakeApiServer.ts"

describe("a watch", () => {
  const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`
  const list = (response: http.ServerResponse) =>
    json(response, 200, { metadata: { resourceVersion: "10" }, items: [pod("one", "9")] })
  const isWatch = ({ path }: Received) => path.includes("watch=true")
  const names = (
    events: Iterable<{ readonly type: string; readonly object: { readonly metadata: { readonly name: string } } }>
  ) => [...events].map((each) => `${each.type} ${each.object.metadata.name}`)

  it.live("starts with a list, continues from its version, and reconnects from the last bookmark", () => {
    let connections = 0
    return withServer(
      (request, response) => {
        if (!isWatch(request)) return list(response)
        connections++
        response.writeHead(200, { "content-type": "application/json" })
        if (connections === 1) {
          // The chunks of a response do not end where its lines do.
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
            Stream.take((yield* KubernetesClient).watch("Pod", { namespace: "shop", labelSelector: { app: "x" } }), 3)
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

  it.live("continues from a version, and says by a consistent list that it has caught up, before the server does", () =>
    withServer(
      (request, response) => {
        if (!isWatch(request)) return list(response)
        response.writeHead(200, { "content-type": "application/json" })
        response.write(line("MODIFIED", pod("two", "11")))
      },
      ({ received }) =>
        Effect.gen(function* () {
          const client = yield* KubernetesClient
          const events = yield* Stream.runCollect(
            Stream.take(client.watch("Pod", { namespace: "shop", from: "7", bookmarks: true }), 2)
          )
          assert.deepStrictEqual(names(events), ["MODIFIED two", "BOOKMARK "])
          assert.strictEqual(events[1]?.object.metadata.resourceVersion, "11")
          // The watch is open before the list is read: no change is between them.
          assert.deepStrictEqual(received.map(isWatch), [true, false])
          const [watch, listed] = received.map(({ path }) => new URLSearchParams(path.split("?")[1]))
          assert.strictEqual(watch?.get("resourceVersion"), "7")
          assert.isNull(listed?.get("resourceVersion"))
          assert.strictEqual(listed?.get("limit"), "1")
        })
    )
  )

  it.live("says nothing about what it has missed where the list fails", () =>
    withServer(
      (request, response) => {
        if (!isWatch(request)) return json(response, 500, status(500, "InternalError"))
        response.writeHead(200, { "content-type": "application/json" })
        response.write(line("MODIFIED", pod("two", "11")))
      },
      () =>
        Effect.gen(function* () {
          const client = yield* KubernetesClient
          const seen: Array<string> = []
          yield* client.watch("Pod", { namespace: "shop", from: "7", bookmarks: true }).pipe(
            Stream.runForEach(({ type }) => Effect.sync(() => seen.push(type))),
            Effect.timeoutOption("2 seconds")
          )
          assert.deepStrictEqual(seen, ["MODIFIED"])
        })
    )
  )

  it.live.each([
    [
      "in its stream",
      (response: http.ServerResponse) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.write(line("ERROR", status(410, "Expired")))
      }
    ],
    ["as its response", (response: http.ServerResponse) => json(response, 410, status(410, "Expired"))]
  ] as ReadonlyArray<readonly [string, (response: http.ServerResponse) => void]>)(
    "fails with Expired when the server reports it %s",
    ([, respond]) =>
      withServer(
        (request, response) => (isWatch(request) ? respond(response) : list(response)),
        () =>
          Effect.gen(function* () {
            const error = yield* Effect.flip(
              Stream.runDrain((yield* KubernetesClient).watch("Pod", { namespace: "shop" }))
            )
            assert.deepStrictEqual([error.reason._tag, error.retryable], ["Expired", true])
          })
      )
  )

  it.live("closes its connection when it is interrupted while it waits", () =>
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
            const fiber = yield* Effect.forkChild(
              Stream.runDrain((yield* KubernetesClient).watch("Pod", { namespace: "shop" }))
            )
            yield* Deferred.await(watching)
            yield* Effect.sleep("50 millis")
            yield* Fiber.interrupt(fiber)
            yield* Deferred.await(closed)
          })
      )
    })
  )
})
