/**
 * A circuit breaker: it stops calling a peer that fails, waits, and lets a few
 * probes find out whether the peer is back.
 *
 * **Details** — the whole machine, to be read beside the source document's
 * "Circuit Breaker Implementation" (5 consecutive failures, 30 seconds, 3
 * consecutive successes, at least 10 requests):
 *
 *                  5 failures in a row,
 *                  or ≥ 50 % of ≥ 10 requests in the last 60 s failed,
 *                  or too many were slow (off by default)
 *       ┌────────┐ ─────────────────────────────────────────► ┌──────┐
 *       │ Closed │                                            │ Open │ rejects everything
 *       └────────┘ ◄──────────────────┐        ┌────────────► └──────┘
 *         ▲   all calls run           │        │                 │
 *         │            3 successes in a row   one failure        │ after 30 s, the next call
 *         │                           │        │                 │ or look at the state
 *         │                        ┌──────────────┐              │
 *         │                        │   HalfOpen   │ ◄────────────┘
 *         │                        └──────────────┘
 *         │                          ▲  at most 3 probes at once, each holds its place for
 *         │                          │  at most 60 s; other calls are rejected
 *         │ for its time, or auto    │ for its time, or auto
 *       ┌──────────────┐          ┌──────────┐
 *       │ ForcedClosed │          │ Isolated │
 *       └──────────────┘          └──────────┘
 *         ▲ forceClosed(for)        ▲ isolate(for)          by an operator, from any state
 *
 * | state        | call comes        | success          | failure     | time is up         |
 * |--------------|-------------------|------------------|-------------|--------------------|
 * | Closed       | runs              | counted; may trip on the rate  || –                  |
 * | Open         | rejected          | (late: nothing)  | (late: nothing) | HalfOpen       |
 * | HalfOpen     | probe, if a place | third closes     | opens       | place is free again |
 * | Isolated     | rejected          | (late: nothing)  | (late: nothing) | HalfOpen       |
 * | ForcedClosed | runs              | counted          | counted     | Closed, window kept |
 *
 * - **Ignored** outcomes (a bad request of ours such as 400 or 422, an
 *   interruption) count as neither, in no state; a probe's frees its place.
 * - **Generations.** Every transition begins a new one. An outcome carries the
 *   generation in which its call was admitted; one that comes late, from an
 *   earlier generation, changes nothing.
 * - **Nothing gets stuck.** Every state but Closed ends by itself: Open,
 *   Isolated and ForcedClosed have an end, and in HalfOpen each occupied place
 *   has one, while a free place admits the next call. A probe that outlives its
 *   place is still heard. A clock that is set back does not prolong a state.
 * - **The window** is 60 buckets, so memory is constant; with the default of 60 s
 *   it covers the last 59 to 60 s.
 *
 * `step` is pure; `CircuitBreaker` keeps the state, reads the clock and
 * publishes transitions.
 *
 * **When to use**
 *
 * Inside a `Pipeline`, which admits and records for you. By hand: `call`. To
 * find out about recovery without risking traffic: `keepProbing`.
 */
import { Cause, Clock, Duration, Effect, Exit, Latch, Option, Schema } from "effect"
import type { EventHub } from "./EventHub.ts"
import { type ResilienceEvent, ResilienceEvents, type TransitionCause } from "./ResilienceEvent.ts"

// ----------------------------------------------------------------------------
// Settings
// ----------------------------------------------------------------------------

export interface Settings {
  /** Failures in a row that open the circuit, 1 or more. Default 5 (source document). */
  readonly consecutiveFailures?: number
  /** Requests in the window below which no rate is judged, 1 or more. Default 10 (source document). */
  readonly minimumRequests?: number
  /** Part of the window's requests that, failed, open the circuit; above 0, up to 1. Default 0.5. */
  readonly failureRate?: number
  /** Length of the rolling window. Default 60 s. */
  readonly window?: Duration.Input
  /** Time in Open before probes are let through. Default 30 s (source document). */
  readonly openDuration?: Duration.Input
  /** Successes in a row that close a half-open circuit, 1 or more. Default 3 (source document). */
  readonly successesToClose?: number
  /** Probes in flight at once, 1 or more. Default 3: as many as can close the circuit, since more would prove nothing. */
  readonly halfOpenPermits?: number
  /** How long a probe can hold its place. Default 60 s; give more than the longest attempt takes. */
  readonly probeLease?: Duration.Input
  /** From when on a call is slow. Default: never, the source document has no such rule. Needs `slowCallRate`. */
  readonly slowCallDuration?: Duration.Input
  /** Part of the window's requests that, slow, open the circuit; above 0, up to 1. Default: none. A slow probe then counts as failed. */
  readonly slowCallRate?: number
}

/** The settings with every figure in its place, durations in milliseconds. */
export interface Resolved {
  readonly consecutiveFailures: number
  readonly minimumRequests: number
  readonly failureRate: number
  readonly windowMs: number
  readonly openMs: number
  readonly successesToClose: number
  readonly halfOpenPermits: number
  readonly probeLeaseMs: number
  readonly slowCallMs: number
  readonly slowCallRate: number
}

export const defaults: Resolved = {
  consecutiveFailures: 5,
  minimumRequests: 10,
  failureRate: 0.5,
  windowMs: 60_000,
  openMs: 30_000,
  successesToClose: 3,
  halfOpenPermits: 3,
  probeLeaseMs: 60_000,
  // Infinity: no call is ever slow.
  slowCallMs: Number.POSITIVE_INFINITY,
  slowCallRate: Number.POSITIVE_INFINITY
}

const millis = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))

/** Fills in `base` and refuses figures that make no sense, by a `RangeError` that names the setting. */
export const resolve = (settings: Settings = {}, base: Resolved = defaults): Resolved => {
  const resolved: Resolved = {
    consecutiveFailures: settings.consecutiveFailures ?? base.consecutiveFailures,
    minimumRequests: settings.minimumRequests ?? base.minimumRequests,
    failureRate: settings.failureRate ?? base.failureRate,
    windowMs: millis(settings.window, base.windowMs),
    openMs: millis(settings.openDuration, base.openMs),
    successesToClose: settings.successesToClose ?? base.successesToClose,
    halfOpenPermits: settings.halfOpenPermits ?? base.halfOpenPermits,
    probeLeaseMs: millis(settings.probeLease, base.probeLeaseMs),
    slowCallMs: millis(settings.slowCallDuration, base.slowCallMs),
    slowCallRate: settings.slowCallRate ?? base.slowCallRate
  }
  const refuse = (name: string, rule: string, value: number) => {
    throw new RangeError(`CircuitBreaker: ${name} must be ${rule}, got ${value}`)
  }
  for (const name of ["consecutiveFailures", "minimumRequests", "successesToClose", "halfOpenPermits"] as const) {
    if (!Number.isInteger(resolved[name]) || resolved[name] < 1) refuse(name, "a whole number of 1 or more", resolved[name])
  }
  for (const name of ["windowMs", "openMs", "probeLeaseMs"] as const) {
    if (!(resolved[name] > 0 && Number.isFinite(resolved[name]))) refuse(name, "above 0 and finite", resolved[name])
  }
  if (!(resolved.failureRate > 0 && resolved.failureRate <= 1)) refuse("failureRate", "above 0 and up to 1", resolved.failureRate)
  if (settings.slowCallRate !== undefined && !(settings.slowCallRate > 0 && settings.slowCallRate <= 1)) {
    refuse("slowCallRate", "above 0 and up to 1", settings.slowCallRate)
  }
  return resolved
}

// ----------------------------------------------------------------------------
// The rolling window
// ----------------------------------------------------------------------------

interface Bucket {
  readonly startMs: number
  readonly requests: number
  readonly failures: number
  readonly slow: number
}

/** The bucket that is being filled, the ones before it that still count, and their sums. */
export interface Window extends Bucket {
  readonly past: ReadonlyArray<Bucket>
  readonly pastRequests: number
  readonly pastFailures: number
  readonly pastSlow: number
}

const bucketsPerWindow = 60

const bucketStart = (nowMs: number, windowMs: number): number => {
  const widthMs = windowMs / bucketsPerWindow
  return Math.floor(nowMs / widthMs) * widthMs
}

const emptyWindow: Window = {
  startMs: Number.NEGATIVE_INFINITY,
  requests: 0,
  failures: 0,
  slow: 0,
  past: [],
  pastRequests: 0,
  pastFailures: 0,
  pastSlow: 0
}

// Moves on to the bucket that holds `nowMs` and drops those that are too old. At
// most once per bucket, so its cost does not matter. Buckets from the future (the
// clock was set back) are dropped as well.
const roll = (window: Window, windowMs: number, nowMs: number): Window => {
  const startMs = bucketStart(nowMs, windowMs)
  const oldestMs = startMs - windowMs
  let pastRequests = 0
  let pastFailures = 0
  let pastSlow = 0
  const past: Array<Bucket> = []
  const keep = (bucket: Bucket) => {
    if (bucket.startMs <= oldestMs || bucket.startMs > nowMs) return
    past.push(bucket)
    pastRequests += bucket.requests
    pastFailures += bucket.failures
    pastSlow += bucket.slow
  }
  window.past.forEach(keep)
  keep({ startMs: window.startMs, requests: window.requests, failures: window.failures, slow: window.slow })
  return { startMs, requests: 0, failures: 0, slow: 0, past, pastRequests, pastFailures, pastSlow }
}

const isCurrent = (window: Window, windowMs: number, nowMs: number): boolean =>
  nowMs >= window.startMs && nowMs < window.startMs + windowMs / bucketsPerWindow

const count = (window: Window, failed: boolean, slow: boolean, settings: Resolved, nowMs: number): Window => {
  const current = isCurrent(window, settings.windowMs, nowMs) ? window : roll(window, settings.windowMs, nowMs)
  return {
    startMs: current.startMs,
    requests: current.requests + 1,
    failures: failed ? current.failures + 1 : current.failures,
    slow: slow ? current.slow + 1 : current.slow,
    past: current.past,
    pastRequests: current.pastRequests,
    pastFailures: current.pastFailures,
    pastSlow: current.pastSlow
  }
}

/** Requests, failures and slow calls of the window that ends now. */
export const totals = (window: Window, settings: Resolved, nowMs: number) => {
  const current = isCurrent(window, settings.windowMs, nowMs) ? window : roll(window, settings.windowMs, nowMs)
  return {
    requests: current.requests + current.pastRequests,
    failures: current.failures + current.pastFailures,
    slow: current.slow + current.pastSlow
  }
}

// ----------------------------------------------------------------------------
// States, events, effects
// ----------------------------------------------------------------------------

/** A probe's place in a half-open circuit. */
export interface Place {
  readonly probe: number
  readonly untilMs: number
}

export interface Closed {
  readonly _tag: "Closed"
  readonly generation: number
  readonly failuresInARow: number
  readonly window: Window
}
export interface Open {
  readonly _tag: "Open"
  readonly generation: number
  readonly sinceMs: number
  readonly untilMs: number
}
export interface HalfOpen {
  readonly _tag: "HalfOpen"
  readonly generation: number
  readonly sinceMs: number
  readonly successesInARow: number
  readonly places: ReadonlyArray<Place>
  readonly nextProbe: number
}
export interface Isolated {
  readonly _tag: "Isolated"
  readonly generation: number
  readonly sinceMs: number
  readonly untilMs: number
  readonly reason: string
}
export interface ForcedClosed {
  readonly _tag: "ForcedClosed"
  readonly generation: number
  readonly sinceMs: number
  readonly untilMs: number
  readonly reason: string
  readonly failuresInARow: number
  readonly window: Window
}
export type Circuit = Closed | Open | HalfOpen | Isolated | ForcedClosed

export type Outcome = "success" | "failure" | "ignored"

export type CircuitEvent =
  /** A call asks to be let through. */
  | { readonly _tag: "Call" }
  /** A call that was admitted came to its end. `probe` as it was admitted. */
  | {
    readonly _tag: "Ended"
    readonly generation: number
    readonly probe: number | undefined
    readonly outcome: Outcome
    readonly durationMs: number
  }
  | { readonly _tag: "Isolate"; readonly forMs: number; readonly reason: string }
  | { readonly _tag: "ForceClosed"; readonly forMs: number; readonly reason: string }
  /** The operator hands the circuit back. */
  | { readonly _tag: "Auto"; readonly reason: string }
  /** Somebody looks at the circuit. */
  | { readonly _tag: "Look" }

export type CircuitEffect =
  | { readonly _tag: "Admitted"; readonly generation: number; readonly probe: number | undefined }
  /** `retryAfterMs`: not before then is there a chance of a place. */
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

export const initial: Circuit = { _tag: "Closed", generation: 0, failuresInARow: 0, window: emptyWindow }

const none: ReadonlyArray<CircuitEffect> = []

const transition = (from: Circuit, to: Circuit, cause: TransitionCause, reason?: string): Step => [
  to,
  [{ _tag: "Transitioned", from: from._tag, to: to._tag, generation: to.generation, cause, reason }]
]

const open = (from: Circuit, cause: TransitionCause, settings: Resolved, nowMs: number): Step =>
  transition(
    from,
    { _tag: "Open", generation: from.generation + 1, sinceMs: nowMs, untilMs: nowMs + settings.openMs },
    cause
  )

const halfOpen = (from: Circuit, cause: TransitionCause, nowMs: number, reason?: string): Step =>
  transition(
    from,
    {
      _tag: "HalfOpen",
      generation: from.generation + 1,
      sinceMs: nowMs,
      successesInARow: 0,
      places: [],
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
      // What was counted while an operator held the circuit closed is evidence;
      // what was counted before a recovery is not.
      failuresInARow: from._tag === "ForcedClosed" ? from.failuresInARow : 0,
      window: from._tag === "ForcedClosed" ? from.window : emptyWindow
    },
    cause,
    reason
  )

// A clock that was set back by an hour must not keep a circuit open for an hour:
// the time that was left when the state began counts from now.
const rebase = (state: Circuit, nowMs: number): Circuit => {
  if (state._tag === "Closed" || nowMs >= state.sinceMs) return state
  const backMs = state.sinceMs - nowMs
  switch (state._tag) {
    case "Open":
    case "Isolated":
    case "ForcedClosed":
      return { ...state, sinceMs: nowMs, untilMs: state.untilMs - backMs }
    case "HalfOpen":
      return {
        ...state,
        sinceMs: nowMs,
        places: state.places.map((place) => ({ ...place, untilMs: place.untilMs - backMs }))
      }
  }
}

/** What time alone does to a state. */
const elapse = (state: Circuit, nowMs: number): Step => {
  switch (state._tag) {
    case "Closed":
      return [state, none]
    case "Open":
    case "Isolated":
      return nowMs < state.untilMs ? [state, none] : halfOpen(state, "elapsed", nowMs)
    case "ForcedClosed":
      return nowMs < state.untilMs ? [state, none] : close(state, "elapsed")
    case "HalfOpen": {
      if (!state.places.some((place) => place.untilMs <= nowMs)) return [state, none]
      return [{ ...state, places: state.places.filter((place) => place.untilMs > nowMs) }, none]
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
      if (state.places.length >= settings.halfOpenPermits) {
        // A place may be free at any moment, at the latest when the first lease ends.
        const nextMs = Math.min(...state.places.map((place) => place.untilMs))
        return [state, [{ _tag: "Rejected", retryAfterMs: Math.min(nextMs - nowMs, 1000) }]]
      }
      const probe = state.nextProbe
      return [
        { ...state, nextProbe: probe + 1, places: [...state.places, { probe, untilMs: nowMs + settings.probeLeaseMs }] },
        [{ _tag: "Admitted", generation: state.generation, probe }]
      ]
    }
  }
}

/** The rule that a window and a run of failures break, if they break one. */
const tripCause = (failuresInARow: number, window: Window, settings: Resolved): TransitionCause | undefined => {
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
      const window = count(state.window, failed, event.durationMs >= settings.slowCallMs, settings, nowMs)
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
      const places = state.places.filter((place) => place.probe !== event.probe)
      if (event.outcome === "ignored") return [{ ...state, places }, none]
      const successesInARow = state.successesInARow + 1
      return successesInARow >= settings.successesToClose
        ? close(state, "probes-succeeded")
        : [{ ...state, places, successesInARow }, none]
    }
  }
}

const operate = (
  state: Circuit,
  event: Exclude<CircuitEvent, { readonly _tag: "Call" | "Ended" | "Look" }>,
  nowMs: number
): Step => {
  const generation = state.generation + 1
  switch (event._tag) {
    case "Isolate":
      return transition(
        state,
        { _tag: "Isolated", generation, sinceMs: nowMs, untilMs: nowMs + event.forMs, reason: event.reason },
        "operator",
        event.reason
      )
    case "ForceClosed":
      return transition(
        state,
        {
          _tag: "ForcedClosed",
          generation,
          sinceMs: nowMs,
          untilMs: nowMs + event.forMs,
          reason: event.reason,
          failuresInARow: 0,
          window: state._tag === "Closed" || state._tag === "ForcedClosed" ? state.window : emptyWindow
        },
        "operator",
        event.reason
      )
    case "Auto":
      if (state._tag === "Isolated") return halfOpen(state, "operator", nowMs, event.reason)
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
    case "Look":
      return [state, none]
    default:
      return operate(state, event, nowMs)
  }
}

/** The whole behaviour: what a state becomes when something happens, and what is to be done about it. */
export const step = (state: Circuit, event: CircuitEvent, settings: Resolved, nowMs: number): Step => {
  const [current, elapsed] = elapse(rebase(state, nowMs), nowMs)
  const [next, effects] = apply(current, event, settings, nowMs)
  return elapsed.length === 0 ? [next, effects] : [next, [...elapsed, ...effects]]
}

/** The value of `kubernaut_circuit_breaker_state`: 0 closed, 1 open, 2 half-open. Isolated counts as open, forced closed as closed. */
export const gaugeValue = (tag: Circuit["_tag"]): 0 | 1 | 2 => {
  switch (tag) {
    case "Closed":
    case "ForcedClosed":
      return 0
    case "Open":
    case "Isolated":
      return 1
    case "HalfOpen":
      return 2
  }
}

// ----------------------------------------------------------------------------
// The breaker
// ----------------------------------------------------------------------------

/** What a status page shows. */
export interface Snapshot {
  readonly name: string
  readonly _tag: Circuit["_tag"]
  readonly generation: number
  /** Open and Isolated: when probes begin. ForcedClosed: when the circuit is judged again. */
  readonly retryAfterMs?: number
  /** Isolated and ForcedClosed: the operator's reason. */
  readonly reason?: string
  /** Closed and ForcedClosed: what the window holds. */
  readonly requests?: number
  readonly failures?: number
  readonly failuresInARow?: number
  /** HalfOpen. */
  readonly successesInARow?: number
  readonly probesInFlight?: number
}

/** The circuit turned the call away. `retryAfterMs`: not before then is there a chance. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  breaker: Schema.String,
  retryAfterMs: Schema.Finite
}) {
  override get message(): string {
    return `${this.breaker} is not being called: its circuit is open`
  }
}

/** A call that was let through. It must be handed back to `recordUnsafe` once, whatever becomes of it. */
export interface Admission {
  readonly generation: number
  readonly probe: number | undefined
}

export class CircuitBreaker {
  readonly name: string
  readonly #hub: EventHub<ResilienceEvent>
  #settings: Resolved
  #circuit: Circuit = initial
  // Open while the circuit is anything but closed; `keepProbing` waits on it.
  readonly #troubled = Latch.makeUnsafe(false)
  // One object per generation: the success path makes none.
  #admission: Admission = { generation: 0, probe: undefined }

  constructor(name: string, settings: Resolved, hub: EventHub<ResilienceEvent>) {
    this.name = name
    this.#settings = settings
    this.#hub = hub
  }

  /** The settings in force. */
  get settings(): Resolved {
    return this.#settings
  }

  /** The state as it was left by the last event, for attributes of spans. */
  get tagUnsafe(): Circuit["_tag"] {
    return this.#circuit._tag
  }

  /**
   * Asks for a call to be let through: an admission, or how many milliseconds to
   * wait at least. For callers that hold the time already; else use `call`.
   */
  admitUnsafe(nowMs: number): Admission | number {
    // What `step` does in Closed, without making anything. A test holds the two together.
    if (this.#circuit._tag === "Closed") return this.#admission
    for (const effect of this.#step({ _tag: "Call" }, nowMs)) {
      if (effect._tag === "Rejected") return effect.retryAfterMs
      if (effect._tag === "Admitted") return effect.probe === undefined ? this.#admission : effect
    }
    throw new Error("CircuitBreaker: a call was neither admitted nor rejected")
  }

  /**
   * For how many milliseconds an open circuit will turn every call away;
   * `undefined` where it is not open, or its time is up, or the clock was set
   * back. Answers as `step` does, without making anything.
   */
  openForUnsafe(nowMs: number): number | undefined {
    const circuit = this.#circuit
    return circuit._tag === "Open" && nowMs < circuit.untilMs && nowMs >= circuit.sinceMs
      ? circuit.untilMs - nowMs
      : undefined
  }

  /** Whether a call would be turned away now. Takes no place. */
  wouldRejectUnsafe(nowMs: number): boolean {
    if (this.#circuit._tag === "Closed") return false
    return step(this.#circuit, { _tag: "Call" }, this.#settings, nowMs)[1].some((effect) => effect._tag === "Rejected")
  }

  /** Says how an admitted call ended. Outcomes of an earlier generation change nothing. */
  recordUnsafe(admission: Admission, outcome: Outcome, durationMs: number, nowMs: number): void {
    this.#step({
      _tag: "Ended",
      generation: admission.generation,
      probe: admission.probe,
      outcome,
      durationMs
    }, nowMs)
  }

  /** What a call would meet now: an open time that has passed shows as HalfOpen. */
  readonly state: Effect.Effect<Snapshot> = Effect.map(Clock.currentTimeMillis, (nowMs) => {
    this.#step({ _tag: "Look" }, nowMs)
    return this.#snapshot(nowMs)
  })

  /** Rejects all calls for a time, after which probes decide. The reason is shown and published. */
  isolate(duration: Duration.Input, reason: string): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "Isolate", forMs: limitedMs(duration), reason })
  }

  /** Lets all calls through for a time, after which the window decides again. The reason is shown and published. */
  forceClosed(duration: Duration.Input, reason: string): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "ForceClosed", forMs: limitedMs(duration), reason })
  }

  /** Ends an isolation (probes decide) or a forced closing (the window decides); else nothing. */
  auto(reason = "handed back"): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "Auto", reason })
  }

  /** Changes some settings. The state, its end and the window stay; the next outcome is judged by the new figures. */
  configure(settings: Settings): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#settings = resolve(settings, this.#settings)
    })
  }

  /** Runs an effect behind this breaker alone. Defects and failures count as failures, interruptions as nothing. */
  call<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | CircuitOpen, R> {
    return this.#guard(
      self,
      (retryAfterMs) => Effect.suspend(() => Effect.fail(new CircuitOpen({ breaker: this.name, retryAfterMs })))
    )
  }

  #guard<A, E, R, B, E2>(
    self: Effect.Effect<A, E, R>,
    onRejected: (retryAfterMs: number) => Effect.Effect<B, E2>
  ): Effect.Effect<A | B, E | E2, R> {
    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      let admission: Admission | undefined
      let startMs = 0
      return Effect.onExit(
        Effect.suspend((): Effect.Effect<A | B, E | E2, R> => {
          startMs = clock.currentTimeMillisUnsafe()
          const admitted = this.admitUnsafe(startMs)
          if (typeof admitted === "number") return onRejected(admitted)
          admission = admitted
          return self
        }),
        (exit) =>
          Effect.sync(() => {
            if (admission === undefined) return
            const nowMs = clock.currentTimeMillisUnsafe()
            this.recordUnsafe(admission, outcomeOf(exit), nowMs - startMs, nowMs)
          })
      )
    })
  }

  /**
   * Runs one probe outside the traffic if the circuit is half-open (or its open
   * time has passed) and has a place: `Some` with how it ended. `None` where
   * there is nothing to find out or no place.
   */
  probe<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> {
    return Effect.flatMap(this.state, (state): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
      state._tag !== "HalfOpen"
        ? Effect.succeedNone
        : Effect.map(
          Effect.exit(this.#guard(Effect.asSome(self), () => Effect.succeedNone)),
          (exit) =>
            Exit.isSuccess(exit) ? Option.map(exit.value, Exit.succeed) : Option.some(Exit.failCause(exit.cause))
        ))
  }

  /**
   * Finds out about recovery without risking traffic: whenever the circuit
   * leaves Closed it waits for the open time to pass and then runs a cheap probe
   * of the peer (its health endpoint, say) until three succeed and the circuit
   * closes. Never ends; run it as a supervised child.
   *
   * `interval` is the pause between two probes that did not close the circuit.
   */
  keepProbing<A, E, R>(
    self: Effect.Effect<A, E, R>,
    interval: Duration.Input = "1 second"
  ): Effect.Effect<never, never, R> {
    const pauseMs = Duration.toMillis(Duration.fromInputUnsafe(interval))
    const once = Effect.flatMap(this.state, (state) => {
      switch (state._tag) {
        case "Closed":
          return this.#troubled.await
        case "HalfOpen":
          return Effect.flatMap(this.probe(self), () => Effect.sleep(pauseMs))
        default:
          // An operator may end an isolation early: look again at least each interval.
          return Effect.sleep(Math.max(1, Math.min(state.retryAfterMs ?? pauseMs, pauseMs)))
      }
    })
    return Effect.forever(once)
  }

  #operate(event: CircuitEvent): Effect.Effect<Snapshot> {
    return Effect.map(Clock.currentTimeMillis, (nowMs) => {
      this.#step(event, nowMs)
      return this.#snapshot(nowMs)
    })
  }

  #step(event: CircuitEvent, nowMs: number): ReadonlyArray<CircuitEffect> {
    const [next, effects] = step(this.#circuit, event, this.#settings, nowMs)
    this.#circuit = next
    for (const effect of effects) {
      if (effect._tag !== "Transitioned") continue
      this.#admission = { generation: next.generation, probe: undefined }
      if (next._tag === "Closed") this.#troubled.closeUnsafe()
      else this.#troubled.openUnsafe()
      if (this.#hub.active) this.#publish(effect)
    }
    return effects
  }

  #publish(effect: Extract<CircuitEffect, { readonly _tag: "Transitioned" }>): void {
    this.#hub.publish({
      _tag: "BreakerTransition",
      breaker: this.name,
      from: effect.from,
      to: effect.to,
      cause: effect.cause,
      generation: effect.generation,
      ...(effect.reason === undefined ? undefined : { reason: effect.reason })
    })
  }

  #snapshot(nowMs: number): Snapshot {
    const circuit = this.#circuit
    const common = { name: this.name, _tag: circuit._tag, generation: circuit.generation }
    switch (circuit._tag) {
      case "Closed":
        return { ...common, ...windowOf(circuit, this.#settings, nowMs) }
      case "Open":
        return { ...common, retryAfterMs: Math.max(0, circuit.untilMs - nowMs) }
      case "HalfOpen":
        return { ...common, successesInARow: circuit.successesInARow, probesInFlight: circuit.places.length }
      case "Isolated":
        return { ...common, retryAfterMs: Math.max(0, circuit.untilMs - nowMs), reason: circuit.reason }
      case "ForcedClosed":
        return {
          ...common,
          retryAfterMs: Math.max(0, circuit.untilMs - nowMs),
          reason: circuit.reason,
          ...windowOf(circuit, this.#settings, nowMs)
        }
    }
  }
}

const windowOf = (circuit: Closed | ForcedClosed, settings: Resolved, nowMs: number) => {
  const { failures, requests } = totals(circuit.window, settings, nowMs)
  return { requests, failures, failuresInARow: circuit.failuresInARow }
}

// An operator's word always ends: endless would be a stuck state.
const limitedMs = (duration: Duration.Input): number => {
  const forMs = Duration.toMillis(Duration.fromInputUnsafe(duration))
  if (!(forMs > 0 && Number.isFinite(forMs))) {
    throw new RangeError(`CircuitBreaker: give a time above 0 that ends, got ${forMs} ms`)
  }
  return forMs
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome =>
  Exit.isSuccess(exit) ? "success" : Cause.hasInterruptsOnly(exit.cause) ? "ignored" : "failure"

/** Makes a breaker, closed. It publishes to the hub in the context. */
export const make = (name: string, settings: Settings = {}): Effect.Effect<CircuitBreaker> =>
  Effect.map(
    Effect.service(ResilienceEvents),
    (hub) => new CircuitBreaker(name, resolve(settings), hub)
  )
