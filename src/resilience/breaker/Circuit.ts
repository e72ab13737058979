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
 *     ┌───────────┐  after its time one real call: one that is served closes, a failure suspends again,
 *     │ Suspended │  auto makes it HalfOpen
 *     └───────────┘
 *       ▲ a call shows that nobody is served, whatever the load: no money, a rejected key (`Suspension`)
 *
 * | state        | a call starts       | a success         | a failure         | its time is up      |
 * | ------------ | ------------------- | ----------------- | ----------------- | ------------------- |
 * | Closed       | runs                | counted; may trip | counted; may trip | has none            |
 * | Open         | rejected            | –                 | –                 | HalfOpen            |
 * | HalfOpen     | a probe or rejected | the third closes  | opens             | a permit is free    |
 * | Isolated     | rejected            | –                 | –                 | HalfOpen            |
 * | Suspended    | rejected            | –                 | –                 | a call is a trial   |
 * | ForcedClosed | runs                | counted           | counted           | Closed, window kept |
 *
 * –: no call is admitted in this state, so an outcome can only be a late one.
 *
 * - **Ignored** outcomes (an invalid request such as 400 or 422, an interruption) count as neither success nor failure. A
 *   probe releases its permit with any outcome. The peer may have _responded_ to such a call, or _served_ it. One that
 *   was served ends a suspension: the peer serves us again.
 * - **Calls of no use that hold up others.** A call that was responded to or served proves nothing else. A few of them
 *   could take all permits for as long as they come. So when they have held up others for ten seconds, a half-open
 *   circuit admits every call. It still closes by three successes only, and opens by one failure.
 * - **Generations.** Every transition starts a new one. An outcome carries the generation in which its call was admitted,
 *   and a late outcome from an earlier generation changes nothing.
 * - **A suspended circuit takes no probe**, because a cheap request succeeds without money. After its time it admits one
 *   call at a time, the trial.
 * - **No state is permanent.** Open, Isolated and ForcedClosed expire. In HalfOpen each held permit expires, and an
 *   available one admits the next call; so does the permit of a trial. The outcome of a probe whose permit has expired
 *   still counts. All moments are of the monotonic clock (`Monotonic`), so setting the wall clock neither ends nor
 *   prolongs a state.
 * - **The window** has 60 buckets, so memory is constant. With the default of 60 s it covers the last 59 to 60 s.
 */

import type { TransitionCause } from "../ResilienceEvent.ts"
import type { Resolved } from "./CircuitSettings.ts"
import type { Circuit, CircuitEffect, CircuitEvent, Closed, HalfOpen, Step, Suspended } from "./CircuitState.ts"
import * as RollingWindow from "./RollingWindow.ts"
import { suspensionMs } from "./Suspension.ts"

export type { Circuit, CircuitEffect, CircuitEvent, Outcome, Step } from "./CircuitState.ts"

// ----------------------------------------------------------------------------
// The step
// ----------------------------------------------------------------------------

export const initial: Circuit = { _tag: "Closed", generation: 0, failuresInARow: 0, window: RollingWindow.empty }

const none: ReadonlyArray<CircuitEffect> = []

const transition = (from: Circuit, to: Circuit, cause: TransitionCause, reason?: string): Step => [
  to,
  [{ _tag: "Transitioned", from: from._tag, to: to._tag, generation: to.generation, cause, reason }]
]

const open = (from: Circuit, cause: TransitionCause, settings: Resolved, nowMs: number, reason?: string): Step =>
  transition(
    from,
    {
      _tag: "Open",
      generation: from.generation + 1,
      untilMs: nowMs + settings.openMs,
      ...(reason === undefined ? undefined : { reason })
    },
    cause,
    reason
  )

const halfOpen = (from: Circuit, cause: TransitionCause, reason?: string): Step =>
  transition(
    from,
    {
      _tag: "HalfOpen",
      generation: from.generation + 1,
      successesInARow: 0,
      isProven: false,
      permits: [],
      rejectedMs: -Infinity,
      heldUpMs: 0,
      nextProbe: 0
    },
    cause,
    reason
  )

const close = (from: Circuit, cause: TransitionCause, reason?: string, unproven = false): Step =>
  transition(
    from,
    {
      _tag: "Closed",
      generation: from.generation + 1,
      ...(unproven ? { unproven } : undefined),
      // Outcomes that were counted while an operator held the circuit closed are evidence. Outcomes from before a
      // recovery are not.
      failuresInARow: from._tag === "ForcedClosed" ? from.failuresInARow : 0,
      window: from._tag === "ForcedClosed" ? from.window : RollingWindow.empty
    },
    cause,
    reason
  )

const suspend = (
  from: Circuit,
  { forMs, reason, times }: { readonly forMs: number; readonly reason: string; readonly times: number },
  cause: TransitionCause,
  nowMs: number
): Step =>
  transition(
    from,
    {
      _tag: "Suspended",
      generation: from.generation + 1,
      untilMs: nowMs + forMs,
      reason,
      times,
      trial: undefined,
      nextProbe: 0
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
    case "Suspended":
      return state.trial === undefined || state.trial.untilMs > nowMs
        ? [state, none]
        : [{ ...state, trial: undefined }, none]
  }
}

/**
 * How long calls of no use that take all permits may hold up others until every call is admitted. A shorter time would
 * let a few quick rejections of a gateway send all calls to a peer that is down behind it.
 */
const longestHoldMs = 10_000

const admit = (state: Circuit, settings: Resolved, nowMs: number): Step => {
  switch (state._tag) {
    case "Closed":
    case "ForcedClosed":
      return [state, [{ _tag: "Admitted", generation: state.generation, probe: undefined }]]
    case "Open":
    case "Isolated":
      return [state, [{ _tag: "Rejected", retryAfterMs: state.untilMs - nowMs }]]
    case "HalfOpen": {
      const isOpenToAll = state.heldUpMs >= longestHoldMs * settings.halfOpenPermits
      if (state.permits.length >= settings.halfOpenPermits && !isOpenToAll) {
        // A permit may become available at any moment, at the latest when the first lease ends.
        const nextMs = Math.min(...state.permits.map((permit) => permit.untilMs))
        const retryAfterMs = Math.min(nextMs - nowMs, 1000)
        return [{ ...state, rejectedMs: nowMs }, [{ _tag: "Rejected", retryAfterMs }]]
      }
      const probe = state.nextProbe
      return [
        {
          ...state,
          nextProbe: probe + 1,
          permits: [...state.permits, { probe, sinceMs: nowMs, untilMs: nowMs + settings.probeLeaseMs }]
        },
        [{ _tag: "Admitted", generation: state.generation, probe }]
      ]
    }
    case "Suspended": {
      if (nowMs < state.untilMs) return [state, [{ _tag: "Rejected", retryAfterMs: state.untilMs - nowMs }]]
      if (state.trial !== undefined)
        return [state, [{ _tag: "Rejected", retryAfterMs: Math.min(state.trial.untilMs - nowMs, 1000) }]]
      const probe = state.nextProbe
      const trial = { probe, sinceMs: nowMs, untilMs: nowMs + settings.probeLeaseMs }
      return [{ ...state, trial, nextProbe: probe + 1 }, [{ _tag: "Admitted", generation: state.generation, probe }]]
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

/** The end of a trial. One that was interrupted, or was rejected for what it asked, shows nothing. */
const tried = (state: Suspended, event: Ended, settings: Resolved, nowMs: number): Step => {
  switch (event.outcome) {
    case "success":
    case "served":
      return close(state, "trial-succeeded")
    case "ignored":
    case "responded":
      return [state.trial?.probe === event.probe ? { ...state, trial: undefined } : state, none]
    case "failure": {
      // Another failure shows nothing about what the circuit is suspended for, so it does not take longer.
      const { reason, statedMs } = event.suspension ?? { reason: state.reason, statedMs: undefined }
      const times = event.suspension === undefined ? state.times : state.times + 1
      const stated = statedMs === undefined ? {} : { statedMs }
      return suspend(state, { reason, times, forMs: suspensionMs(times, stated, settings) }, "trial-failed", nowMs)
    }
  }
}

/** For how long a call of no use has held up others. */
const heldUpBy = (state: HalfOpen, event: Ended, nowMs: number): number => {
  // Without a permit its lease is over.
  const { sinceMs } = state.permits.find(({ probe }) => probe === event.probe) ?? { sinceMs: nowMs - event.durationMs }
  return state.rejectedMs < sinceMs ? 0 : nowMs - sinceMs
}

const record = (state: Circuit, event: Ended, settings: Resolved, nowMs: number): Step => {
  if (event.generation !== state.generation) return [state, none]
  const isOfNoUse = event.outcome === "responded" || event.outcome === "served"
  const mayCount = state._tag === "Suspended" || state._tag === "HalfOpen"
  if (isOfNoUse && !mayCount) return record(state, { ...event, outcome: "ignored" }, settings, nowMs)
  if (event.suspension !== undefined && (state._tag === "Closed" || state._tag === "HalfOpen")) {
    const { reason } = event.suspension
    return suspend(state, { reason, times: 1, forMs: suspensionMs(1, event.suspension, settings) }, "suspended", nowMs)
  }
  switch (state._tag) {
    case "Suspended":
      return tried(state, event, settings, nowMs)
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
      if (cause !== undefined) return open(state, cause, settings, nowMs)
      const closed: Closed = { _tag: "Closed", generation: state.generation, failuresInARow, window }
      return [failed && state.unproven === true ? { ...closed, unproven: true } : closed, none]
    }
    case "HalfOpen": {
      const slow = event.durationMs >= settings.slowCallMs && settings.slowCallRate <= 1
      if (event.outcome === "failure" || (event.outcome === "success" && slow)) {
        return open(state, "probe-failed", settings, nowMs)
      }
      const permits = state.permits.filter((permit) => permit.probe !== event.probe)
      if (event.outcome === "ignored") return [{ ...state, permits }, none]
      if (isOfNoUse) {
        return [{ ...state, permits, heldUpMs: state.heldUpMs + heldUpBy(state, event, nowMs) }, none]
      }
      const successesInARow = state.successesInARow + 1
      const isProven = state.isProven || event.isCheap !== true
      return successesInARow >= settings.successesToClose
        ? close(state, "probes-succeeded", undefined, !isProven)
        : [{ ...state, permits, successesInARow, isProven }, none]
    }
  }
}

const operate = (
  state: Circuit,
  event: Exclude<CircuitEvent, { readonly _tag: "Call" | "Ended" | "Read" }>,
  settings: Resolved,
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
    case "Trip":
      return state._tag === "Closed" || state._tag === "HalfOpen"
        ? open(state, "tripped", settings, nowMs, event.reason)
        : [state, none]
    case "Suspend":
      // What an operator has set holds.
      return state._tag === "Isolated" || state._tag === "ForcedClosed"
        ? [state, none]
        : suspend(state, event, "suspended", nowMs)
    case "Resume":
      return state._tag === "Suspended" ? halfOpen(state, "trial-succeeded") : [state, none]
    case "Auto":
      if (state._tag === "Isolated" || state._tag === "Suspended") return halfOpen(state, "operator", event.reason)
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
      return operate(state, event, settings, nowMs)
  }
}

/** The whole behaviour: the next state after an event, and the effects to perform. */
export const step = (state: Circuit, event: CircuitEvent, settings: Resolved, nowMs: number): Step => {
  const [current, elapsed] = elapse(state, nowMs)
  const [next, effects] = apply(current, event, settings, nowMs)
  return elapsed.length === 0 ? [next, effects] : [next, [...elapsed, ...effects]]
}
