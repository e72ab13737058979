/** Breakers that fail, and the level that follows them. */

import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Degradation from "../../src/health/Degradation.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"

export const fail = (breaker: CircuitBreaker.CircuitBreaker, times = 5) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.exit(breaker.call(Effect.fail("down"))), { discard: true })

export const succeed = (breaker: CircuitBreaker.CircuitBreaker) => Effect.exit(breaker.call(Effect.void))

export const watched = Effect.fnUntraced(function* (
  name: Degradation.Watched["name"],
  service: string,
  probe?: Degradation.Watched["probe"]
) {
  return {
    name,
    service,
    circuitBreaker: yield* CircuitBreaker.make(service),
    ...(probe === undefined ? {} : { probe })
  }
})

export const started = Effect.fnUntraced(function* (...tiers: ReadonlyArray<Degradation.Watched>) {
  const degradation = yield* Degradation.make({ tiers })
  yield* Effect.forkScoped(degradation.run)
  yield* settle
  return degradation
})

/** Lets the fiber take up what happened. */
export const settle = TestClock.adjust(0)
