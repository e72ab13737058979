import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Degradation from "../../src/health/Degradation.ts"
import type { Finding } from "../../src/health/HealthSupervisor.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"
import { Levels } from "../../src/storage/Levels.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { conditionSink, start, testSink, type TestSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass. */
const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))
const minutes = (count: number) => Effect.repeat(pass(5), { times: count * 12 - 1 })

const filename = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-levels-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))

const shownBy = ({ refreshed }: TestSink) => refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)
const titlesOf = ({ arrived }: TestSink) =>
  arrived.flatMap(({ notifications }) => notifications.map(({ title }) => title))

/** A process with its level, on a connection of its own. `full`: the emergency that only it can see. */
const process = Effect.fnUntraced(function* (file: string) {
  const database = yield* Sqlite.open({ filename: file })
  const levels = Context.get(yield* Layer.build(Storage.layerDatabase(database)), Levels)
  const kept = Option.getOrUndefined(yield* levels.latest)
  const breakerOf = (service: string) => CircuitBreaker.make(service)
  const holmesgpt = yield* breakerOf("holmesgpt")
  const changes = EventHub.make<Finding>()
  let full = false
  const degradation = yield* Degradation.make({
    tiers: [
      { name: "holmesgpt", service: "holmesgpt", circuitBreaker: holmesgpt },
      { name: "llm", service: "llm", circuitBreaker: yield* breakerOf("llm") }
    ],
    health: {
      changes,
      findings: Effect.succeed([]),
      emergencies: Effect.sync(() =>
        full ? [{ check: "pressure", key: "memory", cause: "memory is above 95 % of the limit" }] : []
      )
    },
    store: levels,
    ...(kept === undefined ? {} : { kept })
  })
  const scope = yield* Effect.scope
  const running = yield* Effect.forkScoped(degradation.run)
  return {
    /** It says nothing any more. Its database is not closed. */
    crashes: Fiber.interrupt(running),
    /** It only stood still. */
    runsAgain: Effect.forkIn(degradation.run, scope),
    dismiss: degradation.dismiss("ann"),
    level: Effect.map(degradation.current, ({ level }) => level),
    isFull: (next: boolean) =>
      Effect.suspend(() => {
        full = next
        return degradation.refresh
      }),
    losesHolmes: Effect.repeat(Effect.exit(holmesgpt.call(Effect.fail("down"))), { times: 4 })
  }
})

/** The notifications of a process that is well, and one beside it that is in an emergency. */
const withEmergency = Effect.gen(function* () {
  const file = yield* filename
  const [shows, tells] = [conditionSink("alertmanager"), testSink("slack")]
  yield* start(yield* Sqlite.open({ filename: file }), [shows, tells])
  const life = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(life, Exit.void))
  const one = yield* Scope.provide(process(file), life)
  yield* pass(30)
  yield* one.isFull(true)
  yield* minutes(2)
  assert.deepStrictEqual(shownBy(shows), ["emergency"])
  return { file, one, stops: Scope.close(life, Exit.void), shows, tells }
})

const entered = "Emergency: alerts are stored and escalated, and nothing is acted on"
const over = "The emergency is over"
const ended = "A condition that is still shown does not last any more"

describe("an emergency of one of two processes on a database", () => {
  it.effect("lasts while the level of the other one falls and rises, and is over when its own process leaves it", () =>
    Effect.gen(function* () {
      const { file, one, shows, tells } = yield* withEmergency
      const other = yield* process(file)
      yield* minutes(10)
      assert.strictEqual(yield* other.level, 0)
      yield* other.losesHolmes
      yield* minutes(20)
      assert.strictEqual(yield* one.level, 3)
      assert.strictEqual(yield* other.level, 1)
      assert.sameMembers([...(shownBy(shows) ?? [])], ["emergency", "level"])
      assert.notInclude(titlesOf(tells), over)
      yield* one.isFull(false)
      yield* minutes(10)
      assert.deepStrictEqual(shownBy(shows), ["level"])
      assert.lengthOf(
        titlesOf(tells).filter((title) => title === over),
        1
      )
    })
  )

  it.effect("lasts while the other one starts with its level and rises from there", () =>
    Effect.gen(function* () {
      const { file, one, shows, tells } = yield* withEmergency
      const other = yield* process(file)
      assert.strictEqual(yield* other.level, 3, "it begins where the database was")
      yield* minutes(40)
      assert.strictEqual(yield* one.level, 3)
      assert.strictEqual(yield* other.level, 0)
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
      assert.deepStrictEqual(titlesOf(tells), [
        entered,
        "A process works again, and another one is still in an emergency"
      ])
      yield* one.isFull(false)
      yield* minutes(10)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.deepStrictEqual(titlesOf(tells).slice(2), [over])
    })
  )

  it.effect("is over when its process has died, and the next one rises from there", () =>
    Effect.gen(function* () {
      const { file, one, shows, tells } = yield* withEmergency
      yield* one.crashes
      const next = yield* process(file)
      yield* minutes(6)
      assert.strictEqual(yield* next.level, 0)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.deepStrictEqual(titlesOf(tells), [entered, over])
      yield* minutes(30)
      assert.lengthOf(titlesOf(tells), 2)
    })
  )

  it.effect("is over some time after its process has died for ever", () =>
    Effect.gen(function* () {
      const { one, shows, tells } = yield* withEmergency
      yield* one.crashes
      yield* minutes(25)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.deepStrictEqual(titlesOf(tells), [entered, ended])
    })
  )

  it.effect("is over at once where an operator ends it soon after its process was restarted in order", () =>
    Effect.gen(function* () {
      const { file, shows, stops, tells } = yield* withEmergency
      yield* stops
      const next = yield* process(file)
      yield* pass(10)
      yield* next.dismiss
      yield* minutes(1)
      assert.strictEqual(yield* next.level, 0)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.strictEqual(titlesOf(tells).at(-1), over)
    })
  )

  it.effect("lasts over a restart in order of the process that is in it", () =>
    Effect.gen(function* () {
      const { file, shows, stops, tells } = yield* withEmergency
      yield* stops
      const again = testSink("again")
      yield* start(yield* Sqlite.open({ filename: file }), [again])
      const next = yield* process(file)
      yield* next.isFull(true)
      yield* minutes(30)
      assert.strictEqual(yield* next.level, 3)
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
      assert.deepStrictEqual(titlesOf(tells), [entered])
    })
  )

  it.effect("lasts over each restart of its process, although the other one is at a better level", () =>
    Effect.gen(function* () {
      const { file, one, stops, tells } = yield* withEmergency
      const other = yield* process(file)
      yield* minutes(6)
      yield* other.losesHolmes
      yield* minutes(1)
      assert.deepStrictEqual([yield* one.level, yield* other.level], [3, 1])
      const before = titlesOf(tells)
      let ends = stops
      for (let restart = 0; restart < 4; restart++) {
        yield* ends
        yield* pass(5)
        yield* pass(2)
        const life = yield* Scope.make()
        const next = yield* Scope.provide(process(file), life)
        assert.strictEqual(yield* next.level, 3)
        yield* next.isFull(true)
        yield* pass(5)
        yield* pass(5)
        ends = Scope.close(life, Exit.void)
      }
      yield* ends
      assert.deepStrictEqual(titlesOf(tells), before)
    })
  )

  it.effect("stays dismissed over a restart of its process, although the other one says what it is in", () =>
    Effect.gen(function* () {
      const { file, one, stops, tells } = yield* withEmergency
      const other = yield* process(file)
      yield* minutes(6)
      yield* other.losesHolmes
      yield* one.dismiss
      yield* minutes(10)
      assert.strictEqual(yield* one.level, 0)
      yield* stops
      yield* pass(5)
      const next = yield* process(file)
      yield* next.isFull(true)
      yield* minutes(10)
      assert.isBelow(yield* next.level, 3)
      assert.lengthOf(
        titlesOf(tells).filter((title) => title === entered),
        1
      )
    })
  )

  it.effect("that was told as over while its process stood still is told again, and ends with it", () =>
    Effect.gen(function* () {
      const { file, one, shows, tells } = yield* withEmergency
      const other = yield* process(file)
      yield* minutes(6)
      assert.strictEqual(yield* other.level, 0)
      yield* one.crashes
      yield* minutes(1)
      yield* other.losesHolmes
      yield* minutes(2)
      assert.notInclude([...(shownBy(shows) ?? [])], "emergency")
      yield* one.runsAgain
      yield* minutes(12)
      const lasts = "The emergency still lasts: alerts are stored and escalated, and nothing is acted on"
      assert.include([...(shownBy(shows) ?? [])], "emergency")
      yield* minutes(30)
      assert.include([...(shownBy(shows) ?? [])], "emergency")
      assert.lengthOf(
        titlesOf(tells).filter((title) => title === lasts),
        1
      )
      yield* one.isFull(false)
      yield* minutes(6)
      assert.notInclude([...(shownBy(shows) ?? [])], "emergency")
      assert.strictEqual(titlesOf(tells).at(-1), over)
    })
  )

  it.effect("is over as soon as a process that has crashed is known to be gone", () =>
    Effect.gen(function* () {
      const { file, one, shows, tells } = yield* withEmergency
      yield* one.crashes
      const next = yield* process(file)
      yield* pass(10)
      yield* next.dismiss
      yield* pass(10)
      assert.strictEqual(yield* next.level, 0)
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
      yield* minutes(2)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.strictEqual(titlesOf(tells).at(-1), ended)
    })
  )
})
