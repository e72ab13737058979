/** A peer to call through a pipeline, and what tests assert about the call. */

import { type Duration, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Pipeline from "../../src/resilience/pipeline/Pipeline.ts"
import * as ResilienceEvent from "../../src/resilience/ResilienceEvent.ts"

export const transient = (): Pipeline.Classification => ({ retry: true, breaker: "failure" })
export const permanent = (): Pipeline.Classification => ({ retry: false, breaker: "failure" })
export const ignored = (): Pipeline.Classification => ({ retry: false, breaker: "ignored" })

export const noJitter = { jitter: 0 } as const
export const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** A peer that responds as `respond` says and records when it was called. */
export const peer = <A, E>(respond: (call: number) => Effect.Effect<A, E>) => {
  const seen: Array<number> = []
  const call = Effect.flatMap(now, (ms) => {
    seen.push(ms)
    return respond(seen.length)
  })
  return { call, seen }
}

export const down = peer(() => Effect.fail("down" as const))

const isPipelineError = Schema.is(Pipeline.PipelineError)

export const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "success"
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return isPipelineError(error) ? error.reason._tag : String(error)
}

/** Runs an effect to its end while the test clock moves by `within`. */
export const settle = <A, E>(effect: Effect.Effect<A, E>, within: Duration.Input = "2 minutes") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    yield* TestClock.adjust(within)
    return yield* Fiber.join(fiber)
  })

/** Collects the events of the hub in the context. */
export const listen = Effect.gen(function* () {
  const events: Array<ResilienceEvent.ResilienceEvent> = []
  const hub = yield* ResilienceEvent.ResilienceEvents
  yield* hub.listen((event) => events.push(event))
  return events
})
