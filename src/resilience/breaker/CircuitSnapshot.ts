/** A breaker as status pages show it. Pure. */

import type { Resolved } from "./CircuitSettings.ts"
import type * as Circuits from "./CircuitState.ts"
import * as RollingWindow from "./RollingWindow.ts"

/** The state of a breaker, for status pages. */
export interface Snapshot {
  readonly name: string
  readonly _tag: Circuits.Circuit["_tag"]
  readonly generation: number
  /**
   * From now. Open and Isolated: when probes start. ForcedClosed: when automatic control resumes. Suspended: when a
   * call tries it; absent once the next one does.
   */
  readonly retryAfterMs?: number
  /** Isolated and ForcedClosed: the operator's reason. Suspended, and Open if it was tripped: a code. */
  readonly reason?: string
  /** Suspended: which suspension in a row it is, from 1. */
  readonly suspensions?: number
  /** Closed and ForcedClosed: the contents of the window. */
  readonly requests?: number
  readonly failures?: number
  readonly failuresInARow?: number
  /** HalfOpen. */
  readonly successesInARow?: number
  readonly probesInFlight?: number
}

const windowOf = (circuit: Circuits.Closed | Circuits.ForcedClosed, settings: Resolved, nowMs: number) => {
  const { failures, requests } = RollingWindow.totals(circuit.window, settings.windowMs, nowMs)
  return { requests, failures, failuresInARow: circuit.failuresInARow }
}

/** The snapshot of a circuit now. */
export const snapshotOf = (name: string, circuit: Circuits.Circuit, settings: Resolved, nowMs: number): Snapshot => {
  const common = { name, _tag: circuit._tag, generation: circuit.generation }
  switch (circuit._tag) {
    case "Closed":
      return { ...common, ...windowOf(circuit, settings, nowMs) }
    case "Open":
      return {
        ...common,
        retryAfterMs: Math.max(0, circuit.untilMs - nowMs),
        ...(circuit.reason === undefined ? undefined : { reason: circuit.reason })
      }
    case "HalfOpen":
      return { ...common, successesInARow: circuit.successesInARow, probesInFlight: circuit.permits.length }
    case "Isolated":
      return { ...common, retryAfterMs: Math.max(0, circuit.untilMs - nowMs), reason: circuit.reason }
    case "ForcedClosed":
      return {
        ...common,
        retryAfterMs: Math.max(0, circuit.untilMs - nowMs),
        reason: circuit.reason,
        ...windowOf(circuit, settings, nowMs)
      }
    case "Suspended": {
      const leftMs = circuit.untilMs - nowMs
      const wait = leftMs > 0 ? { retryAfterMs: leftMs } : {}
      return { ...common, ...wait, reason: circuit.reason, suspensions: circuit.times }
    }
  }
}
