import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { ChainResult } from "../../../src/investigation/InvestigationChain.ts"
import { answer, ending, hedged, llm } from "../fixtures/HedgedChain.ts"
import { request } from "../fixtures/Requests.ts"

const hedge = { after: "4 seconds", deadline: "15 seconds" } as const
const [overtaken, timeout, circuitOpen] = ["overtaken 15", "timeout 40", "circuit-open 0"]

/** Advances the time in half seconds until a fiber is done. */
const ended = <A>(fiber: Fiber.Fiber<A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    for (let ms = 0; fiber.pollUnsafe() === undefined; ms += 500) {
      assert.isBelow(ms, 600_000)
      yield* TestClock.adjust(500)
    }
    return yield* Fiber.join(fiber)
  })

/** What became of HolmesGPT, and after how many seconds. */
const firstOf = ({ hops: [first] }: ChainResult): string =>
  `${first?.reason ?? first?.outcome} ${Math.round((first?.durationMs ?? 0) / 1000)}`

const made = Effect.fnUntraced(function* (holmes: ReturnType<typeof ending>) {
  const { chain } = yield* hedged(holmes, llm(answer("llm"), 1000), { deadline: "40 seconds", hedge })
  const begin = Effect.forkChild(chain.investigate(request()), { startImmediately: true })
  /** Alerts one after the other, each of which has a token for its hedge. */
  const alerts = Effect.fnUntraced(function* (count: number) {
    const seen: Array<string> = []
    for (let alert = 0; alert < count; alert++) seen.push(firstOf(yield* ended(yield* begin)))
    return seen
  })
  const breaker = Effect.map(chain.tiers[0]!.circuitBreaker!.state, (state) => ({
    tag: state._tag,
    failures: state.failures ?? 0
  }))
  return { alerts, begin, breaker }
})

const times = <A>(count: number, value: A): ReadonlyArray<A> => Array.from({ length: count }, () => value)
const hangs = () => ending(Effect.never, 0, 1000)

describe("a HolmesGPT that was overtaken five times in a row, without an answer in between", () => {
  it.effect("has its whole time, so that one that hangs after its first event is found to be down", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { alerts, breaker } = yield* made(hangs())
        assert.deepStrictEqual(yield* alerts(11), [...times(5, overtaken), ...times(5, timeout), circuitOpen])
        assert.strictEqual((yield* breaker).tag, "Open")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* alerts(2), [timeout, circuitOpen], "the probe is not overtaken")
      })
    )
  )

  it.effect("answers if it is only slow, and is overtaken again: its circuit stays closed, and counts nothing", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { alerts, breaker } = yield* made(ending(answer("holmesgpt"), 30_000))
        const round = [...times(5, overtaken), "answered 30"]
        assert.deepStrictEqual(yield* alerts(12), [...round, ...round])
        assert.deepStrictEqual(yield* breaker, { tag: "Closed", failures: 0 })
      })
    )
  )

  it.effect("has its whole time for five calls at a time, and the others are decided at the deadline", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { alerts, begin } = yield* made(hangs())
        yield* alerts(5)
        const fibers = yield* Effect.all(times(8, begin))
        const seen = yield* Effect.forEach(fibers, ended)
        assert.deepStrictEqual(seen.map(firstOf).toSorted(), [...times(3, overtaken), ...times(5, timeout)])
        assert.deepStrictEqual(yield* alerts(1), [circuitOpen])
      })
    )
  )

  it.effect("has it still after an investigation was interrupted that had it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { alerts, begin } = yield* made(hangs())
        yield* alerts(5)
        for (let each = 0; each < 6; each++) {
          const fiber = yield* begin
          yield* TestClock.adjust("20 seconds")
          assert.isUndefined(fiber.pollUnsafe())
          yield* Fiber.interrupt(fiber)
        }
        assert.deepStrictEqual(yield* alerts(1), [timeout])
      })
    )
  )
})

it.effect("a HolmesGPT that has just shown a sign of work whenever it is overtaken is overtaken again", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { alerts, breaker } = yield* made(ending(answer("holmesgpt"), 30_000, 6000, 9000, 12_000))
      assert.deepStrictEqual(yield* alerts(8), times(8, overtaken))
      assert.deepStrictEqual(yield* breaker, { tag: "Closed", failures: 0 })
    })
  )
)
