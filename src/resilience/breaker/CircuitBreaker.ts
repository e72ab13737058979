/**
 * A circuit breaker: it stops the calls to a failing peer, waits, and admits a few probes to detect recovery.
 *
 * **Details**
 *
 * By default 5 consecutive failures open the circuit, or a failure rate of 50 % among at least 10 requests of the last
 * 60 s. It rejects calls for 30 s and then admits at most 3 concurrent probes: 3 consecutive successes close it, one
 * failure opens it again. The pure function `step` in `Circuit.ts` decides all transitions; this module keeps the
 * state, reads the clock and publishes each transition.
 *
 * **When to use**
 *
 * Inside a `Pipeline`, which admits calls and records outcomes. Alone through `call`. With `keepProbing`, to detect
 * recovery without risking user traffic.
 *
 * **Example** (five consecutive failures open the circuit)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { CircuitBreaker } from "kubernaut/resilience"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make("holmesgpt")
 *   for (let call = 0; call < 5; call++) yield* Effect.exit(breaker.call(Effect.fail("unavailable")))
 *   return yield* breaker.state
 * })
 *
 * const state = await Effect.runPromise(program)
 * state._tag // => "Open"
 * ```
 */

import { Cause, Clock, Duration, Effect, Exit, Latch, Option, Schema } from "effect"
import type { EventHub } from "../EventHub.ts"
import * as Monotonic from "../Monotonic.ts"
import { type ResilienceEvent, ResilienceEvents } from "../ResilienceEvent.ts"
import * as Circuits from "./Circuit.ts"
import { type Resolved, resolve, type Settings } from "./CircuitSettings.ts"
import { type Snapshot, snapshotOf } from "./CircuitSnapshot.ts"
import type { Suspension } from "./Suspension.ts"

export type { Settings } from "./CircuitSettings.ts"
export type { Snapshot } from "./CircuitSnapshot.ts"

/** The circuit rejected the call. A call cannot be admitted earlier than after `retryAfterMs`. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  breaker: Schema.String,
  retryAfterMs: Schema.Finite,
  /** The code why it is suspended, or was tripped; absent where failures have opened it. */
  why: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return `the circuit is open${this.why === undefined ? "" : ` (${this.why})`} for another ${Math.ceil(this.retryAfterMs)} ms`
  }
}

/** An admitted call. Its outcome must be passed to `recordUnsafe` exactly once, however the call ends. */
export interface Admission {
  readonly generation: number
  readonly probe: number | undefined
}

/** A circuit breaker for one peer. Create it with `make`; it can be shared by any number of fibers. */
export class CircuitBreaker {
  readonly name: string
  readonly #hub: EventHub<ResilienceEvent>
  #settings: Resolved
  #circuit: Circuits.Circuit = Circuits.initial
  // Open while the circuit is in any state but Closed. `keepProbing` waits for it.
  readonly #troubled = Latch.makeUnsafe(false)
  // One object per generation, so the success path allocates none.
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

  /** The state after the last event, for span attributes. It does not expire by itself; `state` does. */
  get tagUnsafe(): Circuits.Circuit["_tag"] {
    return this.#circuit._tag
  }

  /**
   * Whether only cheap probes say that the peer is well: they have closed the circuit, and no call has succeeded since.
   * A call is then not worth a retry.
   */
  get isUnprovenUnsafe(): boolean {
    return this.#circuit._tag === "Closed" && this.#circuit.unproven === true
  }

  /** The code why calls are rejected, unless failures have opened the circuit. */
  get whyUnsafe(): string | undefined {
    return this.#circuit._tag === "Suspended" || this.#circuit._tag === "Open" ? this.#circuit.reason : undefined
  }

  /** Why the circuit is suspended; `undefined` while it is not. */
  get suspendedUnsafe(): string | undefined {
    return this.#circuit._tag === "Suspended" ? this.#circuit.reason : undefined
  }

  /**
   * Requests admission of a call: returns an admission, or the minimum wait in milliseconds. For callers on a hot path;
   * otherwise use `call`.
   *
   * `nowMs`, here and below, is a moment of the monotonic clock (`Monotonic`).
   */
  admitUnsafe(nowMs: number): Admission | number {
    // The same as `step` in Closed, without an allocation. A test compares the two.
    if (this.#circuit._tag === "Closed") return this.#admission
    for (const effect of this.#step({ _tag: "Call" }, nowMs)) {
      if (effect._tag === "Rejected") return effect.retryAfterMs
      if (effect._tag === "Admitted") return effect.probe === undefined ? this.#admission : effect
    }
    throw new Error("CircuitBreaker: a call was neither admitted nor rejected")
  }

  /**
   * Renews the admission of a call that has waited since, for a permit of a bulkhead for example. Returns the same
   * admission if the circuit has made no transition, and otherwise the result of `admitUnsafe`. After a number the
   * first admission is void and must not be recorded.
   */
  readmitUnsafe(admission: Admission, nowMs: number): Admission | number {
    return admission.generation === this.#circuit.generation ? admission : this.admitUnsafe(nowMs)
  }

  /**
   * For how many milliseconds an open circuit rejects all calls; `undefined` where it is not open or its time is up.
   * The same as `step`, without an allocation.
   */
  openForUnsafe(nowMs: number): number | undefined {
    const circuit = this.#circuit
    return circuit._tag === "Open" && nowMs < circuit.untilMs ? circuit.untilMs - nowMs : undefined
  }

  /** Whether a call would be rejected now. Takes no permit. */
  wouldRejectUnsafe(nowMs: number): boolean {
    if (this.#circuit._tag === "Closed") return false
    return Circuits.step(this.#circuit, { _tag: "Call" }, this.#settings, nowMs)[1].some(
      (effect) => effect._tag === "Rejected"
    )
  }

  /** Records the outcome of an admitted call. An outcome from an earlier generation changes nothing. */
  recordUnsafe(
    admission: Admission,
    outcome: Circuits.Outcome,
    durationMs: number,
    nowMs: number,
    suspension?: Suspension
  ): void {
    this.#step(
      {
        _tag: "Ended",
        generation: admission.generation,
        probe: admission.probe,
        outcome,
        durationMs,
        suspension
      },
      nowMs
    )
  }

  /**
   * Opens a closed or half-open circuit, because calls have shown that the peer is of no use although they did not
   * fail. It is found up again like any other. `reason` is a code.
   */
  trip(reason: string): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "Trip", reason })
  }

  /**
   * Suspends the circuit by what is known from elsewhere: from a peer with the same account, or from the process before
   * this one. No effect while an operator's override is in force. `times`: which suspension in a row it is, from 1.
   */
  suspend(suspended: {
    readonly forMs: number
    readonly reason: string
    readonly times: number
  }): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "Suspend", ...suspended })
  }

  /** The current state. A circuit whose open time has passed is HalfOpen. */
  readonly state: Effect.Effect<Snapshot> = Effect.map(Monotonic.nowMs, (nowMs) => {
    this.#step({ _tag: "Read" }, nowMs)
    return this.#snapshot(nowMs)
  })

  /** Rejects all calls for `duration`, after which probes decide. The reason appears in `state` and in the event. */
  isolate(duration: Duration.Input, reason: string): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "Isolate", forMs: limitedMs(duration), reason })
  }

  /** Admits all calls for `duration`, after which the window decides. The reason appears in `state` and in the event. */
  forceClosed(duration: Duration.Input, reason: string): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "ForceClosed", forMs: limitedMs(duration), reason })
  }

  /** Ends an isolation or a suspension (probes decide), or a forced closing (the window decides). Otherwise no effect. */
  auto(reason = "handed back"): Effect.Effect<Snapshot> {
    return this.#operate({ _tag: "Auto", reason })
  }

  /** Changes some settings, starting with the next outcome. The state, its expiry and the window stay. */
  configure(settings: Settings): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#settings = resolve(settings, this.#settings)
    })
  }

  /** Runs an effect through this breaker. Failures and defects count as failures, interruptions do not count. */
  call<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | CircuitOpen, R> {
    return this.#guard(self, (retryAfterMs) => Effect.suspend(() => Effect.fail(this.rejection(retryAfterMs))))
  }

  /** The error of a call that was rejected now. */
  rejection(retryAfterMs: number): CircuitOpen {
    const why = this.whyUnsafe
    return new CircuitOpen({ breaker: this.name, retryAfterMs, ...(why === undefined ? {} : { why }) })
  }

  #guard<A, E, R, B, E2>(
    self: Effect.Effect<A, E, R>,
    onRejected: (retryAfterMs: number) => Effect.Effect<B, E2>,
    isCheap = false
  ): Effect.Effect<A | B, E | E2, R> {
    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      let admission: Admission | undefined
      let startMs = 0
      return Effect.onExit(
        Effect.suspend((): Effect.Effect<A | B, E | E2, R> => {
          startMs = Monotonic.nowMsUnsafe(clock)
          const admitted = this.admitUnsafe(startMs)
          if (typeof admitted === "number") return onRejected(admitted)
          admission = admitted
          return self
        }),
        (exit) =>
          Effect.sync(() => {
            if (admission === undefined) return
            const nowMs = Monotonic.nowMsUnsafe(clock)
            const outcome = outcomeOf(exit)
            const { generation, probe } = admission
            const durationMs = nowMs - startMs
            this.#step({ _tag: "Ended", generation, probe, outcome, durationMs, isCheap }, nowMs)
          })
      )
    })
  }

  /**
   * Runs one probe outside user traffic if the circuit is half-open and has a permit: `Some` of its exit. `None` where
   * there is nothing to detect or no permit.
   */
  probe<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> {
    return Effect.flatMap(this.state, (state): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
      state._tag !== "HalfOpen"
        ? Effect.succeedNone
        : Effect.map(Effect.exit(this.#guard(Effect.asSome(self), () => Effect.succeedNone, true)), (exit) =>
            Exit.isSuccess(exit) ? Option.map(exit.value, Exit.succeed) : Option.some(Exit.failCause(exit.cause))
          )
    )
  }

  /**
   * Detects recovery without risking user traffic: whenever the circuit opens, waits for the open time to pass and then
   * runs a cheap probe of the peer (its health endpoint, for example) until the circuit closes. Never ends; run it as a
   * supervised child.
   *
   * `interval` is the pause between two probes. Default 1 s, minimum 10 ms.
   */
  keepProbing<A, E, R>(
    self: Effect.Effect<A, E, R>,
    interval: Duration.Input = "1 second"
  ): Effect.Effect<never, never, R> {
    const pauseMs = Math.max(shortestPauseMs, Duration.toMillis(Duration.fromInputUnsafe(interval)))
    const once = Effect.flatMap(this.state, (state) => {
      switch (state._tag) {
        case "Closed":
          return this.#troubled.await
        case "HalfOpen":
          return Effect.flatMap(this.probe(self), () => Effect.sleep(pauseMs))
        // Only a real call shows that it is over.
        case "Suspended":
          return Effect.sleep(pauseMs)
        default:
          // An operator may end an isolation early, so check again at least once per interval.
          return Effect.sleep(Math.max(shortestPauseMs, Math.min(state.retryAfterMs ?? pauseMs, pauseMs)))
      }
    })
    return Effect.forever(once)
  }

  /** Ends a suspension, because a peer with the same account works again: probes decide. */
  readonly resume: Effect.Effect<Snapshot> = Effect.suspend(() => this.#operate({ _tag: "Resume" }))

  #operate(event: Circuits.CircuitEvent): Effect.Effect<Snapshot> {
    return Effect.map(Monotonic.nowMs, (nowMs) => {
      this.#step(event, nowMs)
      return this.#snapshot(nowMs)
    })
  }

  #step(event: Circuits.CircuitEvent, nowMs: number): ReadonlyArray<Circuits.CircuitEffect> {
    const [next, effects] = Circuits.step(this.#circuit, event, this.#settings, nowMs)
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

  #publish(effect: Extract<Circuits.CircuitEffect, { readonly _tag: "Transitioned" }>): void {
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
    return snapshotOf(this.name, this.#circuit, this.#settings, nowMs)
  }
}

// Without a minimum, an interval of 0 or an expiry that has not been processed yet would keep a core busy. A hundred
// reads a second cost nothing.
const shortestPauseMs = 10

// Every override by an operator expires, because no state is permanent.
const limitedMs = (duration: Duration.Input): number => {
  const forMs = Duration.toMillis(Duration.fromInputUnsafe(duration))
  if (!(forMs > 0 && Number.isFinite(forMs))) {
    throw new RangeError(`CircuitBreaker: the duration must be above 0 and finite, got ${forMs} ms`)
  }
  return forMs
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Circuits.Outcome =>
  Exit.isSuccess(exit) ? "success" : Cause.hasInterruptsOnly(exit.cause) ? "ignored" : "failure"

/**
 * The value of `kubernaut_circuit_breaker_state`: 0 closed, 1 open, 2 half-open. Isolated and suspended count as open,
 * forced closed as closed.
 */
export const gaugeValue = (tag: Circuits.Circuit["_tag"]): 0 | 1 | 2 => {
  switch (tag) {
    case "Closed":
    case "ForcedClosed":
      return 0
    case "Open":
    case "Isolated":
    case "Suspended":
      return 1
    case "HalfOpen":
      return 2
  }
}

/**
 * Makes a closed breaker. Its events go to the hub in the context (`ResilienceEvents`). A `RangeError` reports an
 * invalid setting.
 */
export const make = (name: string, settings: Settings = {}): Effect.Effect<CircuitBreaker> =>
  Effect.map(Effect.service(ResilienceEvents), (hub) => new CircuitBreaker(name, resolve(settings), hub))
