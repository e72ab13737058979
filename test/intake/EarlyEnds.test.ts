/** The end of an alert is received while the disk hangs that has its beginning, and is in the database first. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { SpoolOperation } from "../../src/simulation/farEnds/SpoolFolder.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { SpoolStore } from "../../src/storage/spool/SpoolStore.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alert as incidentAlert, deployment, minute, remediationId } from "../storage/Incident.ts"
import { alert, ended } from "./intaking.ts"
import { service, unavailable } from "./spooling.ts"

const seconds = (count: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < count; second++) yield* TestClock.adjust("1 second")
  })

/** The next read hangs for a minute. */
const hangingRead = () => {
  let isOn = true
  return {
    takesMs: (operation: SpoolOperation) => {
      if (!isOn || operation !== "read") return 0
      isOn = false
      return 60_000
    }
  }
}

/** The remediations, oldest first, with whether their alert is resolved. */
const resolutions = Effect.fnUntraced(function* (store: RemediationStore["Service"]) {
  const { items } = yield* store.list({ limit: 10 })
  const found = yield* Effect.forEach(items.toReversed(), ({ id }) => store.get(id))
  return found.map((each) => (Option.getOrThrow(each).alertResolvedAt === undefined ? "fires" : "resolved"))
})

/** A service whose spool has accepted an alert, and whose disk has hung for more than 30 seconds since. */
const withHiddenAlert = (before: ReadonlyArray<ReturnType<typeof alert>> = []) =>
  Effect.gen(function* () {
    const made = yield* service()
    for (const each of before) {
      yield* made.receive(each)
      yield* seconds(1)
    }
    made.database.trouble = unavailable
    assert.isTrue((yield* made.receive(alert("1", "shop"))).results[0]!.spooled)
    made.faults.push(hangingRead())
    yield* seconds(2)
    made.database.trouble = undefined
    yield* seconds(33)
    return made
  })

describe("the end of an alert that overtakes its beginning", () => {
  it.effect("resolves it when that is replayed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { receive, store } = yield* withHiddenAlert()
        assert.isUndefined((yield* receive(ended("1", "shop"))).results[0]!.spooled)
        yield* seconds(60)
        assert.deepStrictEqual(yield* resolutions(store), ["resolved"])
      })
    )
  )

  it.effect("resolves it also where an earlier episode of the alert is known, which the end has changed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const early = { startsAt: "2026-11-24T01:00:00Z" }
        const { receive, store } = yield* withHiddenAlert([
          alert("1", "shop", early),
          alert("1", "shop", { ...early, status: "resolved", endsAt: "2026-11-24T02:00:00Z" })
        ])
        yield* receive(ended("1", "shop"))
        yield* seconds(60)
        assert.deepStrictEqual(yield* resolutions(store), ["resolved", "resolved"])
      })
    )
  )

  it.effect("does not resolve an alert that fires again, whether that is in the database or came later", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const again = alert("1", "shop", { startsAt: "2026-11-24T05:00:00Z" })
        for (const isLater of [false, true]) {
          const { receive, store } = yield* withHiddenAlert()
          yield* receive(ended("1", "shop"))
          if (!isLater) yield* receive(again)
          yield* seconds(60)
          if (isLater) yield* receive(again)
          yield* seconds(5)
          assert.strictEqual((yield* resolutions(store)).at(-1), "fires")
        }
      })
    )
  )

  it.effect("leaves an alert firing of which nothing has ended", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { receive, store } = yield* withHiddenAlert()
        yield* receive(ended("2", "other"))
        yield* seconds(60)
        assert.deepStrictEqual(yield* resolutions(store), ["fires"])
      })
    )
  )

  const start = { cluster: "test", fingerprint: "f", startsAt: minute(0) }
  const end = { ...start, endsAt: minute(9), mayOvertake: true }
  const replay = (at: number) => ({
    spool: "s",
    sequence: at,
    at: minute(at),
    firing: [
      {
        id: remediationId(`r${at}`),
        alert: incidentAlert("f", { startsAt: minute(0) }),
        target: deployment("f"),
        provisional: false
      }
    ],
    resolved: [],
    isLast: true
  })
  const stores = (storage: Context.Context<Storage.Services>) => ({
    remediations: Context.get(storage, RemediationStore),
    spool: Context.get(storage, SpoolStore)
  })

  it.effect("resolves it also after the process has ended in between", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const life = <A, E>(use: (all: ReturnType<typeof stores>) => Effect.Effect<A, E>) =>
        Effect.scoped(Effect.flatMap(Layer.build(Storage.layerDatabase(database)), (storage) => use(stores(storage))))
      yield* life(({ remediations }) => remediations.resolve([end], minute(10)))
      yield* life(({ spool }) => spool.replay(replay(1), minute(20)))
      assert.deepStrictEqual(yield* life(({ remediations }) => resolutions(remediations)), ["resolved"])
    })
  )

  it.effect("resolves it also where the wall clock was a month ahead in between", () =>
    Effect.gen(function* () {
      const { remediations, spool } = stores(yield* Layer.build(Storage.layerMemory))
      yield* remediations.resolve([end], minute(10))
      yield* remediations.resolve([{ ...end, fingerprint: "other" }], minute(31 * 24 * 60))
      yield* spool.replay(replay(1), minute(20))
      assert.deepStrictEqual(yield* resolutions(remediations), ["resolved"])
    }).pipe(Effect.scoped)
  )

  it.effect("is forgotten after 20000 others, so that they do not fill the database", () =>
    Effect.gen(function* () {
      const { remediations, spool } = stores(yield* Layer.build(Storage.layerMemory))
      yield* remediations.resolve([end], minute(10))
      yield* remediations.resolve(
        Array.from({ length: 20_000 }, (_, index) => ({ ...end, fingerprint: `other-${index}` })),
        minute(11)
      )
      yield* spool.replay(replay(1), minute(20))
      assert.deepStrictEqual(yield* resolutions(remediations), ["fires"])
    }).pipe(Effect.scoped)
  )

  it.effect("says nothing about a beginning that was received after it, or after everything was replayed", () =>
    Effect.gen(function* () {
      for (const { at, isEmptied } of [
        { at: 11, isEmptied: false },
        { at: 2, isEmptied: true }
      ]) {
        const { remediations, spool } = stores(yield* Layer.build(Storage.layerMemory))
        yield* remediations.resolve([end], minute(10))
        yield* spool.replay({ ...replay(1), firing: [], isLast: isEmptied }, minute(20))
        yield* spool.replay({ ...replay(at), sequence: 2 }, minute(21))
        assert.deepStrictEqual(yield* resolutions(remediations), ["fires"])
      }
    }).pipe(Effect.scoped)
  )
})
