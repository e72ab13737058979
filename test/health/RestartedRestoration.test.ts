/** A process that is restarted while a model is out, or is being restored. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Beginning, LevelRecord } from "../../src/domain/LevelRecord.ts"
import { fromMillis, now, toMillis } from "../../src/domain/Timestamp.ts"
import * as Degradation from "../../src/health/Degradation.ts"
import type { Finding } from "../../src/health/HealthSupervisor.ts"
import * as TierRamp from "../../src/investigation/chain/TierRamp.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"
import { ResilienceEvents } from "../../src/resilience/ResilienceEvent.ts"
import { fail, succeed } from "./degrading.ts"

const began = fromMillis(0)
const well: LevelRecord = { level: 0, automatic: 0, reasons: [], since: began, out: [], dismissed: [] }
const without: LevelRecord = { ...well, level: 1, automatic: 1, reasons: ["holmesgpt is out"], out: ["holmesgpt"] }
const since = [{ service: "holmesgpt", since: began }]

/** A process with HolmesGPT, an LLM, and what the one before it has recorded. */
const process = Effect.fnUntraced(function* (kept?: Beginning) {
  const hub = yield* ResilienceEvents
  const breaker = yield* CircuitBreaker.make("holmesgpt")
  const ramp = yield* TierRamp.make("holmesgpt", breaker, hub)
  const holmes: Degradation.Watched = {
    name: "holmesgpt",
    service: "holmesgpt",
    circuitBreaker: breaker,
    ramp: ramp.restoration,
    hold: ramp.hold,
    resume: ramp.resume
  }
  const llm: Degradation.Watched = { name: "llm", service: "llm", circuitBreaker: yield* CircuitBreaker.make("llm") }
  let finding: Finding = { name: "holmesgpt", layer: "component", status: "unknown", since: began }
  const changes = EventHub.make<Finding>()
  let written: LevelRecord = kept ?? well
  const degradation = yield* Degradation.make({
    tiers: [holmes, llm],
    restored: ramp.restored,
    health: { changes, findings: Effect.sync(() => [finding]), emergencies: Effect.succeed([]) },
    store: { record: (record) => Effect.sync(() => void (written = record)) },
    ...(kept === undefined ? {} : { kept })
  })
  const recovered: Array<Degradation.Recovered> = []
  yield* degradation.recoveries.listen((each) => recovered.push(each))
  yield* Effect.forkScoped(degradation.run)
  yield* Effect.forkScoped(ramp.watch)
  yield* TestClock.adjust(0)
  const finds = Effect.fnUntraced(function* (status: Finding["status"]) {
    finding = { ...finding, status, checkedAt: yield* now }
    changes.publish(finding)
    yield* TestClock.adjust(0)
  })
  return {
    breaker,
    recovered,
    written: () => written,
    held: Effect.map(degradation.current, ({ held }) => held),
    share: Effect.map(ramp.restoration, (found) => Math.round(found.share * 100)),
    /** The health check sees HolmesGPT work. */
    isBack: finds("healthy"),
    isOut: finds("unhealthy")
  }
})

const check = <E>(claim: string, body: Effect.Effect<void, E, Scope.Scope>) =>
  it.effect(claim, () => Effect.provideService(body, ResilienceEvents, EventHub.make()))

describe("a process that is restarted", () => {
  check(
    "during an outage gives the model a growing share when the level has risen, and measures the whole recovery",
    Effect.gen(function* () {
      yield* TestClock.setTime(600_000)
      const { held, isBack, recovered, share } = yield* process({ ...without, unrestored: since })
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* held, ["holmesgpt"])
      yield* isBack
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([yield* held, yield* share], [[], 10])
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* share, 50)
      assert.deepStrictEqual(recovered, [])
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* share, 100)
      assert.deepStrictEqual(recovered, [{ service: "holmesgpt", durationMs: 1_290_000 }])
    })
  )

  check(
    "during a restoration begins that again, at the level that it had",
    Effect.gen(function* () {
      yield* TestClock.setTime(90_000)
      const { held, recovered, share } = yield* process({ ...well, unrestored: since })
      assert.deepStrictEqual([yield* held, yield* share], [[], 10])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([yield* share, recovered], [100, [{ service: "holmesgpt", durationMs: 150_000 }]])
    })
  )

  check(
    "after one of an earlier version, which kept no times, restores the model gradually, too",
    Effect.gen(function* () {
      yield* TestClock.setTime(600_000)
      const { isBack, recovered, share } = yield* process(without)
      yield* isBack
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* share, 10)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([yield* share, recovered], [100, [{ service: "holmesgpt", durationMs: 90_000 }]])
    })
  )

  check(
    "does not measure a recovery that lasts less than no time, where the wall clock was set back",
    Effect.gen(function* () {
      const { recovered } = yield* process({ ...well, unrestored: [{ service: "holmesgpt", since: fromMillis(1e9) }] })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(recovered, [{ service: "holmesgpt", durationMs: 60_000 }])
    })
  )
})

describe("a process that begins beside one for which a model is out", () => {
  const beside: Beginning = { ...without, unrestored: [], elsewhere: since }

  check(
    "gives the model all calls, and tells of no recovery, where its own health check sees it work",
    Effect.gen(function* () {
      yield* TestClock.setTime(600_000)
      const { held, isBack, recovered, share, written } = yield* process(beside)
      assert.deepStrictEqual([yield* held, yield* share], [["holmesgpt"], 100])
      yield* isBack
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([yield* held, yield* share], [[], 100])
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual([recovered, written().unrestored], [[], undefined])
    })
  )

  check(
    "restores the model gradually, and measures the whole recovery, where its own health check sees it out, too",
    Effect.gen(function* () {
      yield* TestClock.setTime(600_000)
      const { isBack, isOut, recovered, share, written } = yield* process(beside)
      yield* isOut
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(written().unrestored, since)
      yield* isBack
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* share, 10)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([yield* share, recovered], [100, [{ service: "holmesgpt", durationMs: 750_000 }]])
    })
  )

  check(
    "leaves nothing to the next process that would be a recovery there",
    Effect.gen(function* () {
      yield* TestClock.setTime(600_000)
      const first = yield* process(beside)
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(first.written(), { out: ["holmesgpt"], unrestored: [] })
      const { isBack, recovered } = yield* process(first.written())
      yield* isBack
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(recovered, [])
    })
  )
})

describe("the record of the level", () => {
  check(
    "says since when a model is not in full use, until it is",
    Effect.gen(function* () {
      yield* TestClock.setTime(5000)
      const { breaker, recovered, written } = yield* process()
      const start = toMillis(yield* now)
      assert.isUndefined(written().unrestored)
      yield* fail(breaker)
      yield* TestClock.adjust("31 seconds")
      const expected = [{ service: "holmesgpt", since: fromMillis(start) }]
      assert.deepStrictEqual(written().unrestored, expected)
      for (let probes = 0; probes < 3; probes++) yield* succeed(breaker)
      yield* TestClock.adjust("80 seconds")
      assert.deepStrictEqual([recovered, written().out, written().unrestored], [[], [], expected])
      yield* TestClock.adjust("20 seconds")
      assert.lengthOf(recovered, 1)
      assert.isUndefined(written().unrestored)
    })
  )
})
