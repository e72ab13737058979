/** Watches over the wire: pages, bookmarks, reconnects and expiry. */

import type * as http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, type Duration, Effect, Fiber, Stream } from "effect"
import { KubernetesClient, type KubernetesError, type WatchEvent } from "../../src/kubernetes/KubernetesClient.ts"
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

  /** A server that lists at version 10, and whose watches send these lines at these times. */
  const continuing = (
    sends: ReadonlyArray<readonly [afterMs: number, line: string]>,
    read: (watch: Stream.Stream<WatchEvent, KubernetesError>, received: ReadonlyArray<Received>) => Effect.Effect<void>
  ) =>
    withServer(
      (request, response) => {
        if (!isWatch(request)) return list(response)
        response.writeHead(200, { "content-type": "application/json" })
        response.flushHeaders()
        for (const [afterMs, text] of sends) setTimeout(() => response.write(text), afterMs)
      },
      ({ received }) =>
        Effect.flatMap(KubernetesClient, (client) =>
          read(client.watch("Pod", { namespace: "shop", from: "7", bookmarks: true }), received)
        )
    )
  const bookmarkOf = (resourceVersion: string) => line("BOOKMARK", { kind: "Pod", metadata: { resourceVersion } })
  /** What a watch says in a time, with the versions. */
  const within = (watch: Stream.Stream<WatchEvent, KubernetesError>, time: Duration.Input) =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const note = ({ object, type }: WatchEvent) =>
        Effect.sync(() => seen.push(`${type} ${object.metadata.resourceVersion}`))
      yield* watch.pipe(Stream.runForEach(note), Effect.timeoutOption(time), Effect.orDie)
      return seen
    })

  it.live("continues from a version, and has caught up at the version that a consistent list has by then", () =>
    continuing([[0, line("MODIFIED", pod("two", "11"))]], (watch, received) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* within(Stream.take(watch, 2), "2 seconds"), ["MODIFIED 11", "BOOKMARK 11"])
        // The watch is open before the list is read: no change is between them.
        assert.deepStrictEqual(received.map(isWatch), [true, false])
        const [opened, listed] = received.map(({ path }) => new URLSearchParams(path.split("?")[1]))
        assert.strictEqual(opened?.get("resourceVersion"), "7")
        assert.isNull(listed?.get("resourceVersion"))
        assert.strictEqual(listed?.get("limit"), "1")
      })
    )
  )

  it.live("has not caught up before what the list has seen has arrived, however long that takes", () =>
    continuing(
      [
        [0, line("MODIFIED", pod("one", "8"))],
        // A server whose cache is behind.
        [200, bookmarkOf("9")],
        [1800, line("DELETED", pod("one", "10"))]
      ],
      (watch) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* within(watch, "1500 millis"), ["MODIFIED 8"])
          assert.deepStrictEqual(yield* within(watch, "2200 millis"), ["MODIFIED 8", "DELETED 10", "BOOKMARK 10"])
        })
    )
  )

  it.live("has caught up by the server's own bookmark where nothing of the kind has happened", () =>
    continuing([[100, bookmarkOf("12")]], (watch, received) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* within(watch, "600 millis"), ["BOOKMARK 12"])
        // The server sends a bookmark before it ends a response: a short one makes it send one soon.
        const [opened] = received.filter(isWatch).map(({ path }) => new URLSearchParams(path.split("?")[1]))
        assert.strictEqual(opened?.get("timeoutSeconds"), "3")
      })
    )
  )

  it.live("fails where the list fails: then it is not known what it has missed", () =>
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
          const error = yield* client.watch("Pod", { namespace: "shop", from: "7", bookmarks: true }).pipe(
            Stream.runForEach(({ type }) => Effect.sync(() => seen.push(type))),
            Effect.flip
          )
          assert.strictEqual(error.reason._tag, "Unavailable")
          assert.notInclude(seen, "BOOKMARK")
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
