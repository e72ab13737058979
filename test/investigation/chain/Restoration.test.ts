import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Restored } from "../../../src/investigation/chain/TierRamp.ts"
import type { InvestigationChain } from "../../../src/investigation/InvestigationChain.ts"
import { request } from "../fixtures/Requests.ts"
import { chainOf, fails, rules, scripted, steady, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

type Chain = InvestigationChain["Service"]

/** A chain of HolmesGPT and the rules, whose HolmesGPT can be taken away. */
const restorable = (last = rules()) =>
  Effect.gen(function* () {
    const peer = { isDown: false, calls: 0 }
    const holmesgpt = scripted(
      "holmesgpt",
      Effect.suspend(() => {
        peer.calls++
        return peer.isDown ? fails : succeeds
      })
    )
    const chain = yield* chainOf([holmesgpt, last], { pipeline: () => ({ retry: false }) })
    yield* Effect.forkScoped(chain.watch)
    const restored: Array<Restored> = []
    yield* chain.restored.listen((event) => void restored.push(event))
    const breaker = chain.tiers[0]!.circuitBreaker!
    return {
      chain,
      peer,
      restored,
      breaker,
      /** HolmesGPT fails until its circuit opens. */
      fail: Effect.gen(function* () {
        peer.isDown = true
        while ((yield* breaker.state)._tag === "Closed") yield* hops(chain)
      }),
      /** The circuit closes by its probes. */
      recover: Effect.gen(function* () {
        peer.isDown = false
        while ((yield* breaker.state)._tag === "Open") yield* TestClock.adjust("1 second")
        for (let probes = 0; probes < 3; probes++) yield* breaker.probe(Effect.void)
        assert.strictEqual((yield* breaker.state)._tag, "Closed")
      })
    }
  })

const hops = (chain: Chain) =>
  Effect.map(withTime(chain.investigate(request())), (result) =>
    result.hops.map(({ investigator, outcome, reason = "" }) => `${investigator} ${outcome} ${reason}`.trim())
  )

const share = ({ tiers }: Chain) => Effect.map(tiers[0]!.ramp!, (found) => Math.round(found.share * 100))

describe("a tier that was out", () => {
  it.effect("gets the first call, and then its share; the others hop to the next tier as recovering", () =>
    Effect.scoped(
      steady(
        Effect.gen(function* () {
          const { chain, fail, recover } = yield* restorable()
          assert.strictEqual(yield* share(chain), 100)
          yield* fail
          assert.strictEqual(yield* share(chain), 0)
          yield* recover
          assert.strictEqual(yield* share(chain), 10)
          assert.deepStrictEqual(yield* hops(chain), ["holmesgpt answered"])
          for (let calls = 0; calls < 9; calls++)
            assert.deepStrictEqual(yield* hops(chain), ["holmesgpt skipped recovering", "rules answered"])
          assert.deepStrictEqual(yield* hops(chain), ["holmesgpt answered"])
        })
      )
    )
  )

  it.effect("is in full use after a minute, which is published with the time since it failed", () =>
    Effect.scoped(
      steady(
        Effect.gen(function* () {
          const { chain, fail, recover, restored } = yield* restorable()
          yield* fail
          yield* recover
          const timeline: Array<number> = []
          for (let step = 0; step <= 12; step++) {
            timeline.push(yield* share(chain))
            yield* TestClock.adjust("5 seconds")
          }
          assert.deepStrictEqual(timeline, [10, 10, 17, 25, 33, 42, 50, 58, 67, 75, 83, 92, 100])
          assert.deepStrictEqual(
            restored.map(({ durationMs, service }) => [service, Math.round(durationMs / 1000)]),
            [["holmesgpt", 90]]
          )
          for (let calls = 0; calls < 20; calls++) assert.deepStrictEqual(yield* hops(chain), ["holmesgpt answered"])
        })
      )
    )
  )

  it.effect("begins its ramp when the level lets calls to it again, and not before", () =>
    Effect.scoped(
      steady(
        Effect.gen(function* () {
          const { chain, fail, recover, restored } = yield* restorable()
          const hold = chain.tiers[0]!.hold!
          yield* fail
          yield* recover
          yield* hold(true)
          yield* TestClock.adjust("4 minutes")
          assert.strictEqual(yield* share(chain), 10)
          yield* hold(false)
          assert.strictEqual(yield* share(chain), 10)
          yield* TestClock.adjust("30 seconds")
          assert.strictEqual(yield* share(chain), 50)
          assert.deepStrictEqual(restored, [])
          yield* TestClock.adjust("30 seconds")
          assert.strictEqual(yield* share(chain), 100)
          assert.lengthOf(restored, 1)
        })
      )
    )
  )

  it.effect("answers all the same where the tiers after it find nothing", () =>
    Effect.scoped(
      steady(
        Effect.gen(function* () {
          const { chain, fail, recover } = yield* restorable(scripted("rules", fails))
          yield* fail
          yield* recover
          yield* hops(chain)
          assert.deepStrictEqual(yield* hops(chain), [
            "holmesgpt skipped recovering",
            "rules failed unavailable",
            "holmesgpt answered"
          ])
        })
      )
    )
  )

  it.effect("stays out for longer after each relapse, until it has been in full use for a while", () =>
    Effect.scoped(
      steady(
        Effect.gen(function* () {
          const { breaker, chain, fail, peer, recover } = yield* restorable()
          yield* fail
          const opens: Array<number> = []
          for (let relapses = 0; relapses < 3; relapses++) {
            yield* recover
            yield* share(chain)
            peer.isDown = true
            for (let failures = 0; failures < 5; failures++) yield* breaker.call(Effect.fail("down")).pipe(Effect.exit)
            opens.push(Math.round(((yield* breaker.state).retryAfterMs ?? 0) / 1000))
          }
          assert.deepStrictEqual(opens, [30, 60, 90])
        })
      )
    )
  )

  it.effect("gets every call at once where an operator forces its circuit closed", () =>
    Effect.scoped(
      steady(
        Effect.gen(function* () {
          const { breaker, chain, fail, peer } = yield* restorable()
          yield* fail
          peer.isDown = false
          yield* breaker.forceClosed("1 minute", "test")
          assert.strictEqual(yield* share(chain), 100)
          for (let calls = 0; calls < 5; calls++) assert.deepStrictEqual(yield* hops(chain), ["holmesgpt answered"])
        })
      )
    )
  )
})
