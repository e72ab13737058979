import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { peerCheck } from "../../src/health/PeerChecks.ts"
import * as Probes from "../../src/health/Probes.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as Pipeline from "../../src/resilience/pipeline/Pipeline.ts"

const peer = Effect.fnUntraced(function* (probe?: Probes.Probed["probe"]) {
  let probes = 0
  const circuitBreaker = yield* CircuitBreaker.make("holmesgpt")
  const counted =
    probe === undefined
      ? {}
      : {
          probe: Effect.andThen(
            Effect.sync(() => probes++),
            probe
          )
        }
  const { run } = peerCheck({ service: "holmesgpt", circuitBreaker, ...counted })
  return {
    circuitBreaker,
    probes: () => probes,
    start: Effect.forkChild(run),
    found: Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(run)
      yield* TestClock.adjust("30 seconds")
      return yield* Fiber.join(fiber)
    })
  }
})

const works = Effect.void
const fails = Effect.fail({ countsAsFailure: true })

describe("the check of a peer", () => {
  it.effect("is healthy without a probe while real calls succeed", () =>
    Effect.gen(function* () {
      const { circuitBreaker, found, probes } = yield* peer(fails)
      yield* circuitBreaker.call(Effect.void)
      assert.deepStrictEqual((yield* found)._tag, "Healthy")
      assert.strictEqual(probes(), 0)
    })
  )

  it.effect("probes a peer that nobody has called", () =>
    Effect.gen(function* () {
      const { circuitBreaker, found, probes } = yield* peer(works)
      assert.deepStrictEqual((yield* found)._tag, "Healthy")
      assert.strictEqual(probes(), 1)
      assert.strictEqual((yield* circuitBreaker.state).requests, 0, "a probe that succeeds does not count")
    })
  )

  it.effect("opens the breaker of a peer that nobody has called and that is gone", () =>
    Effect.gen(function* () {
      const { circuitBreaker, found, probes } = yield* peer(fails)
      assert.deepStrictEqual((yield* found)._tag, "Unhealthy")
      assert.strictEqual(probes(), 5)
      assert.strictEqual(circuitBreaker.tagUnsafe, "Open")
    })
  )

  it.effect("sends no probe past a breaker that a call opens between two probes", () =>
    Effect.gen(function* () {
      const { circuitBreaker, probes, start } = yield* peer(fails)
      const fiber = yield* start
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(probes(), 2)
      const fail = Effect.exit(circuitBreaker.call(Effect.fail("down")))
      yield* Effect.forEach([1, 2, 3], () => fail, { discard: true })
      assert.strictEqual(circuitBreaker.tagUnsafe, "Open")
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Unhealthy")
      assert.strictEqual(probes(), 2)
    })
  )

  it.effect("does not count a probe that fails after the breaker has moved", () =>
    Effect.gen(function* () {
      const { circuitBreaker, start } = yield* peer(Effect.never)
      const fiber = yield* start
      yield* TestClock.adjust("4 seconds")
      yield* circuitBreaker.isolate("10 minutes", "maintenance")
      yield* circuitBreaker.auto()
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Unhealthy")
      assert.strictEqual(circuitBreaker.tagUnsafe, "HalfOpen")
    })
  )

  it.effect("takes a peer that hangs for one that is gone", () =>
    Effect.gen(function* () {
      const { circuitBreaker, found } = yield* peer(Effect.never)
      assert.deepStrictEqual((yield* found)._tag, "Unhealthy")
      assert.strictEqual(circuitBreaker.tagUnsafe, "Open")
    })
  )

  it.effect("is unhealthy without a probe while the breaker is open", () =>
    Effect.gen(function* () {
      const { circuitBreaker, found, probes } = yield* peer(works)
      yield* circuitBreaker.isolate("10 minutes", "maintenance")
      assert.deepStrictEqual(yield* found, { _tag: "Unhealthy", message: "is isolated by an operator" })
      assert.strictEqual(probes(), 0)
    })
  )

  it.effect("believes real calls that fail, and not a health route that lies", () =>
    Effect.gen(function* () {
      const { circuitBreaker, found } = yield* peer(works)
      const fail = Effect.exit(circuitBreaker.call(Effect.fail("down")))
      yield* Effect.forEach([1, 2, 3, 4], () => fail, { discard: true })
      assert.deepStrictEqual(yield* found, { _tag: "Unhealthy", message: "failed: the last 4 calls" })
      yield* fail
      assert.strictEqual(circuitBreaker.tagUnsafe, "Open")
    })
  )

  it.effect("is unknown when the probe is inconclusive, or there is none and nobody has called", () =>
    Effect.gen(function* () {
      const inconclusive = yield* peer(Effect.fail({ countsAsFailure: false }))
      assert.deepStrictEqual((yield* inconclusive.found)._tag, "Unknown")
      const without = yield* peer()
      assert.deepStrictEqual((yield* without.found)._tag, "Unknown")
    })
  )

  it.effect("a probe that is refused for good takes no working peer out, and real calls end an outage", () =>
    Effect.gen(function* () {
      const refused = Effect.fail({ countsAsFailure: false })
      const { circuitBreaker, found } = yield* peer(refused)
      yield* Effect.forkChild(Probes.run([{ service: "holmesgpt", circuitBreaker, probe: refused }]))
      for (let runs = 0; runs < 20; runs++) assert.strictEqual((yield* found)._tag, "Unknown")
      assert.strictEqual(circuitBreaker.tagUnsafe, "Closed")

      yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.exit(circuitBreaker.call(Effect.fail("down"))))
      assert.strictEqual(circuitBreaker.tagUnsafe, "Open")
      yield* TestClock.adjust("10 minutes")
      for (let calls = 0; calls < 3; calls++) {
        assert.strictEqual(yield* circuitBreaker.call(Effect.succeed("works")), "works")
        yield* TestClock.adjust("2 minutes")
      }
      assert.strictEqual(circuitBreaker.tagUnsafe, "Closed")
    })
  )

  it.effect("counts no probe beside a call that is under way, so that a busy peer stays in", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("holmesgpt", { deadline: "10 minutes", attemptTimeout: false })
      const [bulkhead, circuitBreaker] = [pipeline.bulkhead!, pipeline.circuitBreaker!]
      const busy: Probes.Probed = { service: "holmesgpt", circuitBreaker, bulkhead, probe: fails }
      const found = Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(peerCheck(busy).run)
        yield* TestClock.adjust("30 seconds")
        return (yield* Fiber.join(fiber))._tag
      })
      yield* Effect.forkChild(Probes.run([busy]))
      const investigation = Effect.as(Effect.sleep("5 minutes"), "answer")
      const call = yield* Effect.forkChild(
        pipeline.execute(investigation, () => ({ retry: false, breaker: "failure" }))
      )
      yield* TestClock.adjust("1 second")
      for (let runs = 0; runs < 8; runs++) assert.strictEqual(yield* found, "Unknown")
      assert.strictEqual(circuitBreaker.tagUnsafe, "Closed")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* Fiber.join(call), "answer")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* found, "Unhealthy", "with no call under way a probe counts")
      assert.strictEqual(circuitBreaker.tagUnsafe, "Open")
    })
  )

  it.effect("does not open a half-open breaker by a probe beside the call that may close it", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("holmesgpt", { deadline: "10 minutes", attemptTimeout: false })
      const [bulkhead, circuitBreaker] = [pipeline.bulkhead!, pipeline.circuitBreaker!]
      for (let calls = 0; calls < 5; calls++) yield* Effect.exit(circuitBreaker.call(Effect.fail("down")))
      yield* TestClock.adjust("30 seconds")
      const call = yield* Effect.forkChild(
        pipeline.execute(Effect.as(Effect.sleep("20 seconds"), "answer"), () => ({ retry: false, breaker: "failure" }))
      )
      yield* TestClock.adjust("1 millis")
      yield* Effect.forkChild(Probes.run([{ service: "holmesgpt", circuitBreaker, bulkhead, probe: fails }]))
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual((yield* circuitBreaker.state)._tag, "HalfOpen")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(call), "answer")
    })
  )
})
