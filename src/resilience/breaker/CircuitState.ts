/** The states of a circuit breaker, its events, and the effects of a step. `Circuit` has the machine. */

import type { TransitionCause } from "../ResilienceEvent.ts"
import type * as RollingWindow from "./RollingWindow.ts"
import type { Suspension } from "./Suspension.ts"

/** A probe's permit in a half-open circuit. */
export interface Permit {
  readonly probe: number
  readonly sinceMs: number
  readonly untilMs: number
}

export interface Closed {
  readonly _tag: "Closed"
  readonly generation: number
  /** No success of a call has closed it, and none has succeeded since. */
  readonly unproven?: boolean
  readonly failuresInARow: number
  readonly window: RollingWindow.Window
}
export interface Open {
  readonly _tag: "Open"
  readonly generation: number
  readonly untilMs: number
  /** Why it was tripped; absent where failures opened it. */
  readonly reason?: string
}
export interface HalfOpen {
  readonly _tag: "HalfOpen"
  readonly generation: number
  readonly successesInARow: number
  /** Whether the success of a call was among them, and not only those of probes. */
  readonly isProven: boolean
  readonly permits: ReadonlyArray<Permit>
  /** When a call was last rejected, because all permits were taken. */
  readonly rejectedMs: number
  /** For how long calls of no use have held permits while others were rejected, all of them together. */
  readonly heldUpMs: number
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
export interface Suspended {
  readonly _tag: "Suspended"
  readonly generation: number
  /** From then on a call is a trial. */
  readonly untilMs: number
  /** See `Suspension`. */
  readonly reason: string
  /** Which suspension in a row it is, from 1. */
  readonly times: number
  /** The trial that is under way. */
  readonly trial: Permit | undefined
  readonly nextProbe: number
}
export type Circuit = Closed | Open | HalfOpen | Isolated | ForcedClosed | Suspended

/**
 * `responded`: as `ignored`, but the peer has responded. `served`: besides, it has served the call, so it is not
 * suspended any more.
 */
export type Outcome = "success" | "failure" | "ignored" | "responded" | "served"

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
      /** With a failure: nobody will be served for some time. */
      readonly suspension?: Suspension | undefined
      /** It was a cheap probe and no call. */
      readonly isCheap?: boolean | undefined
    }
  /** Calls have shown that the peer is of no use, although none of them failed. */
  | { readonly _tag: "Trip"; readonly reason: string }
  /** The circuit is suspended by what is known from elsewhere. */
  | { readonly _tag: "Suspend"; readonly forMs: number; readonly reason: string; readonly times: number }
  | { readonly _tag: "Isolate"; readonly forMs: number; readonly reason: string }
  | { readonly _tag: "ForceClosed"; readonly forMs: number; readonly reason: string }
  /** A suspension is over, as is known from elsewhere. */
  | { readonly _tag: "Resume" }
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
