import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { request } from "../fixtures/Requests.ts"
import {
  succeeds,
  chainOf,
  error,
  fails,
  rules,
  scripted,
  type Scripted,
  steady,
  withTime
} from "../fixtures/ScriptedChain.ts"

describe("attempts, breaker and deadline", () => {
  it.effect("a failing peer sees 0, 100, 200, 400 and 800 ms before its five attempts", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", fails)
      const chain = yield* chainOf([holmes, rules()])
      const { hops } = yield* withTime(chain.investigate(request()))
      assert.deepStrictEqual(holmes.calledAtMs, [0, 100, 300, 700, 1500])
      assert.deepStrictEqual(hops[0], {
        investigator: "holmesgpt",
        outcome: "failed",
        reason: "unavailable",
        attempts: 5,
        durationMs: 1500
      })
    }).pipe(steady)
  )

  it.effect("jitter adds up to a tenth of each wait", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", fails)
      yield* withTime((yield* chainOf([holmes, rules()])).investigate(request()))
      const waits = holmes.calledAtMs.slice(1).map((at, index) => at - holmes.calledAtMs[index]!)
      waits.forEach((wait, index) => {
        const base = 100 * 2 ** index
        assert.isAtLeast(wait, base)
        assert.isAtMost(wait, base * 1.1 + 1)
      })
    })
  )

  it.effect(
    "a probe keeps its permit for as long as a call may take, whatever other settings of the breaker are given",
    () =>
      Effect.gen(function* () {
        const chain = yield* chainOf([scripted("holmesgpt", fails), rules()], {
          deadline: "4 minutes",
          pipeline: () => ({ circuitBreaker: { consecutiveFailures: 2 } })
        })
        const settings = chain.tiers[0]?.circuitBreaker?.settings
        assert.deepInclude(settings, { consecutiveFailures: 2, probeLeaseMs: 240_000 })
      })
  )

  it.effect("after five failures a tier is skipped for 30 s, and called again after that", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", fails)
      const chain = yield* chainOf([holmes, rules()])
      yield* withTime(chain.investigate(request()))
      const openedAtMs = holmes.calledAtMs.at(-1)!
      holmes.calledAtMs.length = 0
      for (let second = 0; second < 29; second++) {
        yield* TestClock.adjust("1 second")
        const { hops, investigation } = yield* chain.investigate(request())
        assert.deepStrictEqual(hops[0], {
          investigator: "holmesgpt",
          outcome: "skipped",
          reason: "circuit-open",
          attempts: 0,
          durationMs: 0
        })
        assert.strictEqual(investigation?.investigator, "rules")
      }
      assert.strictEqual(holmes.calledAtMs.length, 0)
      yield* TestClock.adjust("1 second")
      holmes.behaviour = succeeds
      for (let call = 0; call < 3; call++) {
        assert.strictEqual((yield* chain.investigate(request())).investigation?.investigator, "holmesgpt")
        const state = yield* chain.tiers[0]!.circuitBreaker!.state
        assert.strictEqual(state._tag, call < 2 ? "HalfOpen" : "Closed")
      }
      assert.isAtLeast(holmes.calledAtMs[0]!, openedAtMs + 30_000)
    }).pipe(steady)
  )

  it.effect("a peer that does not respond times out after 30 s, in one attempt that the breaker counts", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", Effect.never)
      const chain = yield* chainOf([holmes, rules()])
      const fiber = yield* Effect.forkChild(chain.investigate(request()))
      yield* TestClock.adjust("29999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const { hops } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(hops[0], {
        investigator: "holmesgpt",
        outcome: "failed",
        reason: "timeout",
        attempts: 1,
        durationMs: 30_000
      })
      assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state).failuresInARow, 1)
    })
  )

  it.effect(
    "the deadline can be set for each tier",
    () =>
      Effect.gen(function* () {
        const chain = yield* chainOf([scripted("holmesgpt", Effect.never), rules()], {
          deadline: ({ name }) => (name === "holmesgpt" ? "3 minutes" : "10 seconds")
        })
        const { hops } = yield* withTime(chain.investigate(request()), 200_000)
        assert.strictEqual(hops[0]?.durationMs, 180_000)
      }),
    30_000
  )

  it.effect("bad requests, refusals and context overflows are not retried, and the breaker does not count them", () =>
    Effect.gen(function* () {
      for (const reason of [
        { _tag: "BadRequest" },
        { _tag: "Refused" },
        { _tag: "ContextOverflow", tokens: 2, limit: 1 }
      ] as const) {
        const llm = scripted("llm", Effect.fail(error(reason, false, false)))
        const chain = yield* chainOf([llm, rules()])
        for (let call = 0; call < 20; call++) yield* chain.investigate(request())
        assert.strictEqual(llm.calledAtMs.length, 20)
        assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Closed")
      }
    })
  )

  const waits = ({ calledAtMs }: Scripted) => calledAtMs.slice(1).map((at, index) => at - calledAtMs[index]!)
  const limited = (retryAfterMs?: number) =>
    Effect.fail(error({ _tag: "RateLimited", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }, true))
  const waitsOf = Effect.fnUntraced(function* (retryAfterMs?: number) {
    const first = scripted("llm", limited(retryAfterMs), { provider: "a" })
    const last = scripted("llm", limited(retryAfterMs), { provider: "b" })
    const chain = yield* chainOf([first, last, rules()])
    yield* withTime(chain.investigate(request()))
    return [waits(first), waits(last)]
  })

  it.effect("Retry-After is followed up to 1 s when another model is next, and up to 5 s when only rules are", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* waitsOf(1000), [
        [1000, 1000, 1000, 1000],
        [1000, 1000, 1000, 1000]
      ])
      assert.deepStrictEqual(yield* waitsOf(5000), [[], [5000, 5000, 5000, 5000]])
    }).pipe(steady)
  )

  it.effect("a longer Retry-After means that the next tier is asked at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* waitsOf(3_600_000), [[], []])
    }).pipe(steady)
  )

  it.effect(
    "a rate limit without Retry-After is tried three times when another model is next, and five times else",
    () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* waitsOf(), [
          [100, 200],
          [100, 200, 400, 800]
        ])
      }).pipe(steady)
  )
})
