import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { SpoolFault } from "../../src/storage/spool/SpoolDisk.ts"
import { entryOf } from "../../src/storage/spool/SpoolFormat.ts"
import { SpoolStore } from "../../src/storage/spool/SpoolStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alert, ended, keyOf, of } from "./intaking.ts"
import { down, type Reason, service, states, unavailable } from "./spooling.ts"

describe("alerts while the database is down", () => {
  it.effect("are accepted to the spool, without a remediation", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, received, receive, spool } = yield* service()
        database.trouble = unavailable
        const receipt = yield* receive(alert("1", "a"), ended("2", "b"))
        assert.deepStrictEqual(receipt, {
          results: [
            { fingerprint: "1", status: "accepted", spooled: true },
            { fingerprint: "2", status: "resolved", spooled: true }
          ],
          shed: 0
        })
        assert.deepStrictEqual(received, ["spooled", "spooled"])
        assert.deepInclude(yield* spool.status, { posts: 2, alerts: 2 })
      })
    )
  )

  it.effect("are stored when it is back, as of the moment of receipt, and their actors wake", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, drained, fired, receive, received, store } = yield* service()
        database.trouble = unavailable
        yield* receive(alert("1", "a"))
        yield* TestClock.adjust("10 minutes")
        yield* receive(alert("2", "b"))
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(yield* states(store), [])
        database.trouble = undefined
        yield* drained
        assert.deepStrictEqual(yield* states(store), ["a 1970-01-01T00:00:00.000Z", "b 1970-01-01T00:10:00.000Z"])
        assert.deepStrictEqual(fired, [keyOf("a"), keyOf("b")])
        assert.deepStrictEqual(received, ["spooled", "spooled", "accepted", "accepted"])
      })
    )
  )

  it.effect.each<Reason>(["unavailable", "busy", "full", "failed", "damaged", "incompatible"])(
    "go to the spool when it is %s, and wait there until it is not",
    (reason) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { audit, database, drained, receive, spool, store } = yield* service()
          database.trouble = Effect.fail(down(reason))
          assert.isTrue((yield* receive(alert("1", "a"))).results[0]!.spooled)
          yield* TestClock.adjust("10 minutes")
          assert.deepInclude(yield* spool.status, { posts: 1 })
          database.trouble = undefined
          yield* drained
          assert.deepStrictEqual(yield* states(store), ["a 1970-01-01T00:00:00.000Z"])
          assert.isUndefined((yield* audit.read(0, 100)).find(({ kind }) => kind === "spool.refused"))
        })
      )
  )

  it.effect("go to the spool when it has not taken them after five seconds", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, receive } = yield* service()
        database.trouble = Effect.never
        const waiting = yield* Effect.forkChild(receive(alert("1", "a")), { startImmediately: true })
        yield* TestClock.adjust("4999 millis")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isTrue((yield* Fiber.join(waiting)).results[0]!.spooled)
      })
    )
  )

  it.effect.each<Reason>(["invalid", "corrupt", "refused"])("do not when what they say is refused as %s", (reason) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, receive, spool } = yield* service()
        database.trouble = Effect.fail(down(reason))
        assert.strictEqual((yield* Effect.flip(receive(alert("1", "a")))).reason, reason)
        assert.isFalse(spool.isInUse())
      })
    )
  )

  it.effect("are never overtaken by a newer post, even when the database is back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, drained, receive, store } = yield* service()
        database.trouble = unavailable
        yield* receive(alert("1", "a"))
        database.trouble = undefined
        // The alert has ended. Stored first, its end would be unknown, and the alert would fire for ever.
        assert.deepStrictEqual((yield* receive(ended("1", "a"))).results, [
          { fingerprint: "1", status: "resolved", spooled: true }
        ])
        yield* drained
        const { items } = yield* store.list({ limit: 10 })
        const journal = yield* store.journal(items[0]!.id)
        assert.deepStrictEqual(
          journal.map(({ event }) => event._tag),
          ["Accepted", "AlertResolved"]
        )
        // Nothing waits any more, so the next post is stored at once.
        assert.isDefined((yield* receive(alert("1", "a"))).results[0]!.remediationId)
      })
    )
  )

  it.effect("are refused when the spool takes them neither, with the error of the database", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, faults, receive } = yield* service()
        database.trouble = Effect.fail(down("full"))
        faults.push({ before: () => new SpoolFault({ reason: "full", detail: "ENOSPC" }) })
        const error = yield* Effect.flip(receive(alert("1", "a")))
        assert.deepInclude(error, { reason: "full", retryable: true, committed: "no" })
      })
    )
  )

  it.effect("are shed by severity as the spool fills up, as they would be in the queue", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, receive } = yield* service({ capacity: 4 })
        database.trouble = unavailable
        yield* receive(of("1", "critical"), of("2", "critical"))
        const receipt = yield* receive(of("3", "info"), of("4", "critical"))
        assert.deepStrictEqual(
          receipt.results.map(({ status }) => status),
          ["shed", "accepted"]
        )
      })
    )
  )

  it.effect("leave two lines in the audit log: when their replay begins, and when it ends", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { audit, database, drained, receive } = yield* service()
        database.trouble = unavailable
        yield* receive(alert("1", "a"))
        for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
        yield* receive(alert("2", "b"), alert("3", "c"))
        database.trouble = undefined
        yield* drained
        const lines = (yield* audit.read(0, 100)).filter(({ kind }) => kind.startsWith("spool."))
        assert.deepStrictEqual(
          lines.map(({ data, kind }) => [kind, data]),
          [
            ["spool.replay-began", { receivedFrom: "1970-01-01T00:00:00.000Z" }],
            [
              "spool.replayed",
              {
                receivedFrom: "1970-01-01T00:00:00.000Z",
                receivedUntil: "1970-01-01T00:01:00.000Z",
                posts: 2,
                alerts: 3
              }
            ]
          ]
        )
        assert.isUndefined(yield* audit.verify)
      })
    )
  )

  it.effect.each<Reason>(["invalid", "corrupt", "refused"])(
    "do not wait behind an entry that the database refuses as %s: it is kept in a file, and the audit log names it",
    (reason) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { audit, database, drained, receive, store } = yield* service()
          database.trouble = unavailable
          yield* receive(alert("1", "a"))
          yield* receive(alert("2", "b"))
          let attempts = 0
          database.trouble = Effect.suspend(() => (++attempts <= 3 ? Effect.fail(down(reason)) : Effect.void))
          yield* drained
          assert.deepStrictEqual(
            (yield* states(store)).map((each) => each.split(" ")[0]),
            ["b"]
          )
          const refused = (yield* audit.read(0, 100)).find(({ kind }) => kind === "spool.refused")
          assert.match(String(refused?.data["file"]), /^refused-.*-1\.spool$/)
        })
      )
  )

  const interruptions: ReadonlyArray<readonly [what: string, isIn: (operation: string, name: string) => boolean]> = [
    ["written", (operation, name) => operation === "write" && !name.startsWith("alerts-")],
    ["synced", (operation, name) => operation === "sync" && !name.startsWith("alerts-")],
    ["renamed", (operation) => operation === "rename"]
  ]
  it.effect.each(interruptions)(
    "are in the file that the audit log names as a whole, where the disk was full before that was %s",
    ([, isIn]) =>
      Effect.scoped(
        Effect.gen(function* () {
          const logged: Array<string> = []
          const logger = Logger.make<unknown, void>(({ message }) => void logged.push(JSON.stringify(message)))
          const started = Effect.provide(service(), Logger.layer([logger]))
          const { audit, database, drained, faults, files, receive } = yield* started
          database.trouble = unavailable
          yield* receive(alert("1", "a"))
          yield* receive(alert("2", "b"))
          let times = 2
          faults.push({
            before: (operation, name) =>
              isIn(operation, name) && times-- > 0
                ? new SpoolFault({ reason: "full", detail: `${name}: ENOSPC` })
                : undefined
          })
          let attempts = 0
          // One round of refusals for each attempt to keep the entry.
          database.trouble = Effect.suspend(() => (++attempts <= 5 ? Effect.fail(down("refused")) : Effect.void))
          yield* drained
          assert.isBelow(times, 1)
          assert.lengthOf(
            logged.filter((line) => line.includes("cannot be kept, and what is behind it waits")),
            1
          )
          const refused = (yield* audit.read(0, 100)).find(({ kind }) => kind === "spool.refused")
          const kept = entryOf(yield* files.diskOf(1).read(String(refused?.data["file"])))
          assert.deepStrictEqual(
            kept?.firing.map((each) => each.alert.fingerprint),
            ["1"]
          )
        })
      )
  )

  it.effect("are not set aside while the database is not healthy, whatever it says of them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, drained, receive, spool, store } = yield* service()
        database.trouble = unavailable
        yield* receive(alert("1", "a"))
        database.trouble = Effect.fail(down("corrupt"))
        database.status = { _tag: "Down", message: "test" }
        yield* TestClock.adjust("10 minutes")
        assert.deepInclude(yield* spool.status, { posts: 1 })
        database.trouble = undefined
        database.status = { _tag: "Up" }
        yield* drained
        assert.deepStrictEqual(yield* states(store), ["a 1970-01-01T00:00:00.000Z"])
      })
    )
  )
})

describe("an entry that is replayed twice", () => {
  it.effect("is stored once", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const storage = yield* Layer.build(Storage.layerMemory)
        const { replay } = Context.get(storage, SpoolStore)
        const store = Context.get(storage, RemediationStore)
        const at = "2026-11-24T03:00:00.000Z"
        const entry = { spool: "one", sequence: 1, at, firing: [], resolved: [], isLast: false }
        assert.deepInclude(yield* replay(entry, at), { isRepeat: false, missing: 0 })
        assert.deepInclude(yield* replay(entry, at), { isRepeat: true })
        // Entries 2 and 3 never came.
        assert.deepInclude(yield* replay({ ...entry, sequence: 4 }, at), { isRepeat: false, missing: 2 })
        assert.deepInclude(yield* replay({ ...entry, sequence: 3 }, at), { isRepeat: true })
        assert.deepInclude(yield* replay({ ...entry, spool: "two" }, at), { isRepeat: false, missing: 0 })
        assert.deepStrictEqual((yield* store.list({ limit: 10 })).items, [])
      })
    )
  )
})
