/**
 * The state machine of a circuit breaker as a pure function: states, events and one `step`. `CircuitBreaker` runs it.
 *
 * **Details** — the whole machine with its defaults, which come from `docs/requirements.md` (5 consecutive failures, 30
 * seconds, 3 consecutive successes, at least 10 requests):
 *
 *                5 consecutive failures,
 *                or ≥ 50 % of ≥ 10 requests in the last 60 s failed,
 *                or too many were slow (off by default)
 *     ┌────────┐ ─────────────────────────────────────────► ┌──────┐
 *     │ Closed │                                            │ Open │ rejects everything
 *     └────────┘ ◄──────────────────┐        ┌────────────► └──────┘
 *       ▲   all calls run           │        │                 │
 *       │         3 consecutive successes   one failure        │ after 30 s, the next call
 *       │                           │        │                 │ or read of the state
 *       │                        ┌──────────────┐              │
 *       │                        │   HalfOpen   │ ◄────────────┘
 *       │                        └──────────────┘
 *       │                          ▲  at most 3 probes at once, each holds its permit for
 *       │                          │  at most 60 s; other calls are rejected
 *       │ for its time, or auto    │ for its time, or auto
 *     ┌──────────────┐          ┌──────────┐
 *     │ ForcedClosed │          │ Isolated │
 *     └──────────────┘          └──────────┘
 *       ▲ forceClosed(for)        ▲ isolate(for)          by an operator, from any state
 *
 * | state        | a call starts       | a success         | a failure         | its time is up      |
 * | ------------ | ------------------- | ----------------- | ----------------- | ------------------- |
 * | Closed       | runs                | counted; may trip | counted; may trip | has none            |
 * | Open         | rejected            | –                 | –                 | HalfOpen            |
 * | HalfOpen     | a probe or rejected | the third closes  | opens             | a permit is free    |
 * | Isolated     | rejected            | –                 | –                 | HalfOpen            |
 * | ForcedClosed | runs                | counted           | counted           | Closed, window kept |
 *
 * –: no call is admitted in this state, so an outcome can only be a late one.
 *
 * - **Ignored** outcomes (an invalid request such as 400 or 422, an interruption) count as neither success nor failure. A
 *   probe releases its permit with any outcome.
 * - **Generations.** Every transition starts a new one. An outcome carries the generation in which its call was admitted,
 *   and a late outcome from an earlier generation changes nothing.
 * - **No state is permanent.** Open, Isolated and ForcedClosed expire. In HalfOpen each held permit expires, and an
 *   available one admits the next call. The outcome of a probe whose permit has expired still counts. All moments are
 *   of the monotonic clock (`Monotonic`), so setting the wall clock neither ends nor prolongs a state.
 * - **The window** has 60 buckets, so memory is constant. With the default of 60 s it covers the last 59 to 60 s.
 */

import type { TransitionCause } from "../ResilienceEvent.ts"
import type { Resolved } from "./CircuitSettings.ts"
import * as RollingWindow from "./RollingWindow.ts"

// ----------------------------------------------------------------------------
// States, events, effects
// ----------------------------------------------------------------------------

/** A probe's permit in a half-open circuit. */
export interface Permit {
  readonly probe: number
  readonly untilMs: number
}

export interface Closed {
  readonly _tag: "Closed"
  readonly generation: number
  readonly failuresInARow: number
  readonly window: RollingWindow.Window
}
export interface Open {
  readonly _tag: "Open"
  readonly generation: number
  readonly untilMs: number
}
export interface HalfOpen {
  readonly _tag: "HalfOpen"
  readonly generation: number
  readonly successesInARow: number
  readonly permits: ReadonlyArray<Permit>
  readonly nextProbe: number
}
export interface Isolated {
  readonly _tag: "Isolated"
  readonly generation: number
  readonly untilMs: number
  readonly reason: string
}
export interface ForcedClosed {
  readonly _tag: "ForcedClosed"
  readonly generation: number
  readonly untilMs: number
  readonly reason: string
  readonly failuresInARow: number
  readonly window: RollingWindow.Window
}
export type Circuit = Closed | Open | HalfOpen | Isolated | ForcedClosed

export type Outcome = "success" | "failure" | "ignored"

export type CircuitEvent =
  /** A call requests admission. */
  | { readonly _tag: "Call" }
  /** An admitted call ended. `generation` and `probe` are those of its admission. */
  | {
      readonly _tag: "Ended"
      readonly generation: number
      readonly probe: number | undefined
      readonly outcome: Outcome
      readonly durationMs: number
    }
  | { readonly _tag: "Isolate"; readonly forMs: number; readonly reason: string }
  | { readonly _tag: "ForceClosed"; readonly forMs: number; readonly reason: string }
  /** The operator returns the circuit to automatic control. */
  | { readonly _tag: "Auto"; readonly reason: string }
  /** The state is read. */
  | { readonly _tag: "Read" }

export type CircuitEffect =
  | { readonly _tag: "Admitted"; readonly generation: number; readonly probe: number | undefined }
  /** `retryAfterMs`: not before then is there a chance of a permit. */
  | { readonly _tag: "Rejected"; readonly retryAfterMs: number }
  | {
      readonly _tag: "Transitioned"
      readonly from: Circuit["_tag"]
      readonly to: Circuit["_tag"]
      readonly generation: number
      readonly cause: TransitionCause
      readonly reason: string | undefined
    }

export type Step = readonly [state: Circuit, effects: ReadonlyArray<CircuitEffect>]

// ----------------------------------------------------------------------------
// The step
// ----------------------------------------------------------------------------

export const initial: Circuit = { _tag: "Closed", generation: 0, failuresInARow: 0, window: RollingWindow.empty }

const none: ReadonlyArray<CircuitEffect> = []

const transition = (from: Circuit, to: Circuit, cause: TransitionCause, reason?: string): Step => [
  to,
  [{ _tag: "Transitioned", from: from._tag, to: to._tag, generation: to.generation, cause, reason }]
]

const open = (from: Circuit, cause: TransitionCause, settings: Resolved, nowMs: number): Step =>
  transition(from, { _tag: "Open", generation: from.generation + 1, untilMs: nowMs + settings.openMs }, cause)

const halfOpen = (from: Circuit, cause: TransitionCause, reason?: string): Step =>
  transition(
    from,
    {
      _tag: "HalfOpen",
      generation: from.generation + 1,
      successesInARow: 0,
      permits: [],
      nextProbe: 0
    },
    cause,
    reason
  )

const close = (from: Circuit, cause: TransitionCause, reason?: string): Step =>
  transition(
    from,
    {
      _tag: "Closed",
      generation: from.generation + 1,
      // Outcomes that were counted while an operator held the circuit closed are evidence. Outcomes from before a
      // recovery are not.
      failuresInARow: from._tag === "ForcedClosed" ? from.failuresInARow : 0,
      window: from._tag === "ForcedClosed" ? from.window : RollingWindow.empty
    },
    cause,
    reason
  )

/** Expires a state, or permits in it. */
const elapse = (state: Circuit, nowMs: number): Step => {
  switch (state._tag) {
    case "Closed":
      return [state, none]
    case "Open":
    case "Isolated":
      return nowMs < state.untilMs ? [state, none] : halfOpen(state, "elapsed")
    case "ForcedClosed":
      return nowMs < state.untilMs ? [state, none] : close(state, "elapsed")
    case "HalfOpen": {
      if (!state.permits.some((permit) => permit.untilMs <= nowMs)) return [state, none]
      return [{ ...state, permits: state.permits.filter((permit) => permit.untilMs > nowMs) }, none]
    }
  }
}

const admit = (state: Circuit, settings: Resolved, nowMs: number): Step => {
  switch (state._tag) {
    case "Closed":
    case "ForcedClosed":
      return [state, [{ _tag: "Admitted", generation: state.generation, probe: undefined }]]
    case "Open":
    case "Isolated":
      return [state, [{ _tag: "Rejected", retryAfterMs: state.untilMs - nowMs }]]
    case "HalfOpen": {
      if (state.permits.length >= settings.halfOpenPermits) {
        // A permit may become available at any moment, at the latest when the first lease ends.
        const nextMs = Math.min(...state.permits.map((permit) => permit.untilMs))
        return [state, [{ _tag: "Rejected", retryAfterMs: Math.min(nextMs - nowMs, 1000) }]]
      }
      const probe = state.nextProbe
      return [
        {
          ...state,
          nextProbe: probe + 1,
          permits: [...state.permits, { probe, untilMs: nowMs + settings.probeLeaseMs }]
        },
        [{ _tag: "Admitted", generation: state.generation, probe }]
      ]
    }
  }
}

/** Which rule opens the circuit, if any. */
const tripCause = (
  failuresInARow: number,
  window: RollingWindow.Window,
  settings: Resolved
): TransitionCause | undefined => {
  if (failuresInARow >= settings.consecutiveFailures) return "consecutive-failures"
  const requests = window.requests + window.pastRequests
  if (requests < settings.minimumRequests) return undefined
  if (window.failures + window.pastFailures >= settings.failureRate * requests) return "failure-rate"
  if (window.slow + window.pastSlow >= settings.slowCallRate * requests) return "slow-calls"
  return undefined
}

type Ended = Extract<CircuitEvent, { readonly _tag: "Ended" }>

const record = (state: Circuit, event: Ended, settings: Resolved, nowMs: number): Step => {
  if (event.generation !== state.generation) return [state, none]
  switch (state._tag) {
    case "Open":
    case "Isolated":
      return [state, none]
    case "Closed":
    case "ForcedClosed": {
      if (event.outcome === "ignored") return [state, none]
      const failed = event.outcome === "failure"
      const failuresInARow = failed ? state.failuresInARow + 1 : 0
      const window = RollingWindow.count(
        state.window,
        failed,
        event.durationMs >= settings.slowCallMs,
        settings.windowMs,
        nowMs
      )
      if (state._tag === "ForcedClosed") return [{ ...state, failuresInARow, window }, none]
      const cause = tripCause(failuresInARow, window, settings)
      return cause === undefined
        ? [{ _tag: "Closed", generation: state.generation, failuresInARow, window }, none]
        : open(state, cause, settings, nowMs)
    }
    case "HalfOpen": {
      const slow = event.durationMs >= settings.slowCallMs && settings.slowCallRate <= 1
      if (event.outcome === "failure" || (event.outcome === "success" && slow)) {
        return open(state, "probe-failed", settings, nowMs)
      }
      const permits = state.permits.filter((permit) => permit.probe !== event.probe)
      if (event.outcome === "ignored") return [{ ...state, permits }, none]
      const successesInARow = state.successesInARow + 1
      return successesInARow >= settings.successesToClose
        ? close(state, "probes-succeeded")
        : [{ ...state, permits, successesInARow }, none]
    }
  }
}

const operate = (
  state: Circuit,
  event: Exclude<CircuitEvent, { readonly _tag: "Call" | "Ended" | "Read" }>,
  nowMs: number
): Step => {
  const generation = state.generation + 1
  switch (event._tag) {
    case "Isolate":
      return transition(
        state,
        { _tag: "Isolated", generation, untilMs: nowMs + event.forMs, reason: event.reason },
        "operator",
        event.reason
      )
    case "ForceClosed":
      return transition(
        state,
        {
          _tag: "ForcedClosed",
          generation,
          untilMs: nowMs + event.forMs,
          reason: event.reason,
          failuresInARow: 0,
          window: state._tag === "Closed" || state._tag === "ForcedClosed" ? state.window : RollingWindow.empty
        },
        "operator",
        event.reason
      )
    case "Auto":
      if (state._tag === "Isolated") return halfOpen(state, "operator", event.reason)
      if (state._tag === "ForcedClosed") return close(state, "operator", event.reason)
      return [state, none]
  }
}

const apply = (state: Circuit, event: CircuitEvent, settings: Resolved, nowMs: number): Step => {
  switch (event._tag) {
    case "Call":
      return admit(state, settings, nowMs)
    case "Ended":
      return record(state, event, settings, nowMs)
    case "Read":
      return [state, none]
    default:
      return operate(state, event, nowMs)
  }
}

/** The whole behaviour: the next state after an event, and the effects to perform. */
export const step = (state: Circuit, event: CircuitEvent, settings: Resolved, nowMs: number): Step => {
  const [current, elapsed] = elapse(state, nowMs)
  const [next, effects] = apply(current, event, settings, nowMs)
  return elapsed.length === 0 ? [next, effects] : [next, [...elapsed, ...effects]]
}
