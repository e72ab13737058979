/** A peer to be called through a pipeline, and what a test wants to know of the call. */

import { type Duration, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Pipeline from "../../src/resilience/pipeline/Pipeline.ts"

export const transient = (): Pipeline.Classification => ({ retry: true, breaker: "failure" })

export const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** A peer that answers as told and notes when it was called. */
export const peer = <A, E>(answer: (call: number) => Effect.Effect<A, E>) => {
  const seen: Array<number> = []
  const call = Effect.flatMap(now, (ms) => {
    seen.push(ms)
    return answer(seen.length)
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

/** Runs to the end, however long that takes on the test clock. */
export const settle = <A, E>(effect: Effect.Effect<A, E>, within: Duration.Input = "2 minutes") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    yield* TestClock.adjust(within)
    return yield* Fiber.join(fiber)
  })
