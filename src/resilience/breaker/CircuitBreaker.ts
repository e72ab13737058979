/**
 * A circuit breaker: it stops calling a peer that fails, waits, and lets a few probes find out whether the peer is
 * back.
 *
 * **Details**
 *
 * What it does and when is `Circuit.step`, a pure function with its diagram in `Circuit.ts`; this keeps the state,
 * reads the clock and publishes each transition.
 *
 * **When to use**
 *
 * Inside a `Pipeline`, which admits and records for you. By hand: `call`. To find out about recovery without risking
 * traffic: `keepProbing`.
 *
 * **Example** (five failures in a row open the circuit)
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
import * as RollingWindow from "./RollingWindow.ts"

export type { Settings } from "./Circuit.ts"

/** What a status page shows. */
export interface Snapshot {
  readonly name: string
  readonly _tag: Circuits.Circuit["_tag"]
  readonly generation: number
  /** From now. Open and Isolated: when probes begin. ForcedClosed: when the circuit is judged again. */
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

/** The circuit rejected the call. A call cannot be admitted earlier than after `retryAfterMs`. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  breaker: Schema.String,
  retryAfterMs: Schema.Finite
}) {
  override get message(): string {
    return `the circuit is open for another ${Math.ceil(this.retryAfterMs)} ms`
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
  #settings: Circuits.Resolved
  #circuit: Circuits.Circuit = Circuits.initial
  // Open while the circuit is anything but closed; `keepProbing` waits on it.
  readonly #troubled = Latch.makeUnsafe(false)
  // One object per generation: the success path makes none.
  #admission: Admission = { generation: 0, probe: undefined }

  constructor(name: string, settings: Circuits.Resolved, hub: EventHub<ResilienceEvent>) {
    this.name = name
    this.#settings = settings
    this.#hub = hub
  }

  /** The settings in force. */
  get settings(): Circuits.Resolved {
    return this.#settings
  }

  /** The state as it was left by the last event, for attributes of spans. */
  get tagUnsafe(): Circuits.Circuit["_tag"] {
    return this.#circuit._tag
  }

  /**
   * Asks for a call to be let through: an admission, or how many milliseconds to wait at least. For callers that hold
   * the time already; else use `call`.
   *
   * `nowMs`, here and below, is a moment of the monotonic clock (`Monotonic`).
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
   * Asks again for a call that was admitted and has waited since then, for a place in a bulkhead, say: the same
   * admission while the circuit has not moved, else as `admitUnsafe`. Where the answer is a number the first admission
   * is void and need not be recorded.
   */
  readmitUnsafe(admission: Admission, nowMs: number): Admission | number {
    return admission.generation === this.#circuit.generation ? admission : this.admitUnsafe(nowMs)
  }

  /**
   * For how many milliseconds an open circuit will turn every call away; `undefined` where it is not open, or its time
   * is up. Answers as `step` does, without making anything.
   */
  openForUnsafe(nowMs: number): number | undefined {
    const circuit = this.#circuit
    return circuit._tag === "Open" && nowMs < circuit.untilMs ? circuit.untilMs - nowMs : undefined
  }

  /** Whether a call would be turned away now. Takes no place. */
  wouldRejectUnsafe(nowMs: number): boolean {
    if (this.#circuit._tag === "Closed") return false
    return Circuits.step(this.#circuit, { _tag: "Call" }, this.#settings, nowMs)[1].some(
      (effect) => effect._tag === "Rejected"
    )
  }

  /** Says how an admitted call ended. Outcomes of an earlier generation change nothing. */
  recordUnsafe(admission: Admission, outcome: Circuits.Outcome, durationMs: number, nowMs: number): void {
    this.#step(
      {
        _tag: "Ended",
        generation: admission.generation,
        probe: admission.probe,
        outcome,
        durationMs
      },
      nowMs
    )
  }

  /** What a call would meet now: an open time that has passed shows as HalfOpen. */
  readonly state: Effect.Effect<Snapshot> = Effect.map(Monotonic.nowMs, (nowMs) => {
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
  configure(settings: Circuits.Settings): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#settings = Circuits.resolve(settings, this.#settings)
    })
  }

  /** Runs an effect behind this breaker alone. Defects and failures count as failures, interruptions as nothing. */
  call<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | CircuitOpen, R> {
    return this.#guard(self, (retryAfterMs) =>
      Effect.suspend(() => Effect.fail(new CircuitOpen({ breaker: this.name, retryAfterMs })))
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
            this.recordUnsafe(admission, outcomeOf(exit), nowMs - startMs, nowMs)
          })
      )
    })
  }

  /**
   * Runs one probe outside the traffic if the circuit is half-open (or its open time has passed) and has a place:
   * `Some` with how it ended. `None` where there is nothing to find out or no place.
   */
  probe<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> {
    return Effect.flatMap(this.state, (state): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
      state._tag !== "HalfOpen"
        ? Effect.succeedNone
        : Effect.map(Effect.exit(this.#guard(Effect.asSome(self), () => Effect.succeedNone)), (exit) =>
            Exit.isSuccess(exit) ? Option.map(exit.value, Exit.succeed) : Option.some(Exit.failCause(exit.cause))
          )
    )
  }

  /**
   * Finds out about recovery without risking traffic: whenever the circuit leaves Closed it waits for the open time to
   * pass and then runs a cheap probe of the peer (its health endpoint, say) until three succeed and the circuit closes.
   * Never ends; run it as a supervised child.
   *
   * `interval` is the pause between two probes that did not close the circuit; less than 10 ms counts as 10 ms.
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
        default:
          // An operator may end an isolation early: look again at least each interval.
          return Effect.sleep(Math.max(shortestPauseMs, Math.min(state.retryAfterMs ?? pauseMs, pauseMs)))
      }
    })
    return Effect.forever(once)
  }

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
    const circuit = this.#circuit
    const common = { name: this.name, _tag: circuit._tag, generation: circuit.generation }
    switch (circuit._tag) {
      case "Closed":
        return { ...common, ...windowOf(circuit, this.#settings, nowMs) }
      case "Open":
        return { ...common, retryAfterMs: Math.max(0, circuit.untilMs - nowMs) }
      case "HalfOpen":
        return { ...common, successesInARow: circuit.successesInARow, probesInFlight: circuit.permits.length }
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

// A hundred looks a second cost nothing, and no peer comes back sooner for more: without a floor an interval of 0, or
// an end that is due and has not been seen yet, would keep a whole core busy.
const shortestPauseMs = 10

const windowOf = (circuit: Circuits.Closed | Circuits.ForcedClosed, settings: Circuits.Resolved, nowMs: number) => {
  const { failures, requests } = RollingWindow.totals(circuit.window, settings.windowMs, nowMs)
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

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Circuits.Outcome =>
  Exit.isSuccess(exit) ? "success" : Cause.hasInterruptsOnly(exit.cause) ? "ignored" : "failure"

/**
 * The value of `kubernaut_circuit_breaker_state`: 0 closed, 1 open, 2 half-open. Isolated counts as open, forced closed
 * as closed.
 */
export const gaugeValue = (tag: Circuits.Circuit["_tag"]): 0 | 1 | 2 => {
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

/** Makes a breaker, closed. It publishes to the hub in the context. */
export const make = (name: string, settings: Circuits.Settings = {}): Effect.Effect<CircuitBreaker> =>
  Effect.map(Effect.service(ResilienceEvents), (hub) => new CircuitBreaker(name, Circuits.resolve(settings), hub))
