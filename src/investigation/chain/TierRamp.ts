/**
 * The restoration of one tier after an outage: which calls go to it, what they say about it, and when it is in full
 * use.
 *
 * It follows the circuit breaker of the tier. Every use reads the breaker first, so a transition that nobody reported
 * does no harm. `watch` is needed only to publish the end of a restoration in time.
 */

import { Effect, Queue } from "effect"
import type { CircuitBreaker, Snapshot } from "../../resilience/breaker/CircuitBreaker.ts"
import { type EventHub, make as makeEventHub } from "../../resilience/EventHub.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import * as Ramp from "../../resilience/recovery/Ramp.ts"
import type { ResilienceEvent } from "../../resilience/ResilienceEvent.ts"

/** How far the restoration of a tier is. */
export interface Restoration {
  /** The share of calls that it gets: 0 while it is out, 1 in full use. */
  readonly share: number
  /** For how many milliseconds it has not been in full use. Absent while it is. */
  readonly sinceMs?: number
}

/** A tier is in full use again, so many milliseconds after it first failed. */
export interface Restored {
  readonly service: string
  readonly durationMs: number
}

/** What a call says about a tier. `ignored`: nothing. */
export type CallOutcome = "success" | "failure" | "ignored"

export interface TierRamp {
  /** Whether the next call is in the share of the tier. Counts it. */
  readonly admits: Effect.Effect<boolean>
  /**
   * Whether the degradation level keeps calls from the tier although it is back. The ramp begins when it does not any
   * more: a tier that got no calls would otherwise get all of them at once.
   */
  readonly hold: (isHeld: boolean) => Effect.Effect<void>
  /**
   * In the process before this one the tier was not in full use, since this moment of the monotonic clock. Its breaker
   * is new, and does not know that. So its ramp begins now, and its recovery counts from then.
   */
  readonly resume: (sinceMs: number) => Effect.Effect<void>
  readonly record: (outcome: CallOutcome) => Effect.Effect<void>
  readonly restoration: Effect.Effect<Restoration>
  readonly restored: EventHub<Restored>
  /** Publishes `restored`. Never ends. */
  readonly watch: Effect.Effect<never>
}

/** The ramp after what the breaker says now. `before`: what it said last. */
const follow = (
  ramp: Ramp.Ramp,
  before: Pick<Snapshot, "_tag" | "generation">,
  now: Pick<Snapshot, "_tag" | "generation">,
  nowMs: number,
  settings: Ramp.RampSettings
): Ramp.Ramp => {
  switch (now._tag) {
    case "Open":
    case "HalfOpen":
    case "Isolated":
    case "Suspended":
      return Ramp.opened(ramp, nowMs, settings)
    case "ForcedClosed":
      return Ramp.forced(ramp, nowMs, settings)
    case "Closed": {
      // It has opened and closed again since.
      const wasOut = before._tag === "Closed" && before.generation !== now.generation
      return Ramp.closed(wasOut ? Ramp.opened(ramp, nowMs, settings) : ramp, nowMs, settings)
    }
  }
}

const restorationOf = (ramp: Ramp.Ramp, nowMs: number, settings: Ramp.RampSettings): Restoration => ({
  share: Ramp.shareOf(ramp, settings),
  ...(ramp._tag === "Full" ? {} : { sinceMs: nowMs - ramp.sinceMs })
})

/**
 * Looks again at each transition of the breaker, and when the next step is due. `look` returns in how many milliseconds
 * that is; `Infinity` if none is.
 */
const watching = (
  breaker: CircuitBreaker,
  hub: EventHub<ResilienceEvent>,
  wakes: Queue.Queue<void>,
  look: Effect.Effect<number>
): Effect.Effect<never> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* hub.listen((event) => {
        if (event._tag === "BreakerTransition" && event.breaker === breaker.name) Queue.offerUnsafe(wakes, undefined)
      })
      while (true) {
        const againMs = yield* look
        yield* againMs === Infinity ? Queue.take(wakes) : Effect.timeoutOption(Queue.take(wakes), Math.max(1, againMs))
      }
    })
  )

/** Makes the ramp of a tier. `hub` publishes the transitions of its breaker. */
export const make = Effect.fnUntraced(function* (
  service: string,
  breaker: CircuitBreaker,
  hub: EventHub<ResilienceEvent>
): Effect.fn.Return<TierRamp> {
  const wakes = yield* Queue.sliding<void>(1)
  const { openMs } = breaker.settings
  const settings = { ...Ramp.defaults, openMs, longestOpenMs: Math.max(openMs, Ramp.defaults.longestOpenMs) }
  const restored = makeEventHub<Restored>()
  let ramp: Ramp.Ramp = Ramp.initial
  let seen: Pick<Snapshot, "_tag" | "generation"> = { _tag: "Closed", generation: 0 }
  let nextOpenMs = openMs
  let isHeld = false

  const set = (next: Ramp.Ramp, nowMs: number): void => {
    const before = ramp
    ramp = next
    if (before._tag === "Full" || next._tag !== "Full") return
    restored.publish({ service, durationMs: nowMs - before.sinceMs })
  }

  /** Looks at the breaker, takes the steps that are due, and says how long the circuit is to stay open next time. */
  const current = Effect.gen(function* () {
    const found = yield* breaker.state
    const nowMs = yield* Monotonic.nowMs
    const before = isHeld ? Ramp.begun(ramp, nowMs, settings) : ramp
    set(Ramp.at(follow(before, seen, found, nowMs, settings), nowMs, settings), nowMs)
    seen = found
    const next = Ramp.nextOpenMs(ramp, settings)
    if (next !== nextOpenMs) {
      nextOpenMs = next
      yield* breaker.configure({ openDuration: next })
    }
    return nowMs
  })

  const againMs = Effect.map(current, (nowMs) => (isHeld ? Infinity : Ramp.deadlineOf(ramp) - nowMs))

  return {
    restored,
    admits: Effect.map(current, (nowMs) => {
      const [next, isIn] = Ramp.take(ramp, nowMs, settings)
      set(next, nowMs)
      return isIn
    }),
    hold: (held) =>
      Effect.suspend(() => {
        if (held === isHeld) return Effect.void
        // As long as it was held, and at the end of that.
        isHeld = true
        return Effect.map(current, () => {
          isHeld = held
          Queue.offerUnsafe(wakes, undefined)
        })
      }),
    resume: (sinceMs) =>
      Effect.suspend(() => {
        if (ramp._tag === "Full") ramp = { _tag: "Out", sinceMs, relapses: 0 }
        return Effect.map(current, () => void Queue.offerUnsafe(wakes, undefined))
      }),
    record: (outcome) =>
      outcome === "ignored"
        ? Effect.void
        : Effect.map(current, (nowMs) => set(Ramp.record(ramp, outcome === "failure", nowMs, settings), nowMs)),
    restoration: Effect.map(current, (nowMs) => restorationOf(ramp, nowMs, settings)),
    watch: watching(breaker, hub, wakes, againMs)
  }
})
