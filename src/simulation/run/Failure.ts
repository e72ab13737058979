/**
 * How a run may fail. Two runs fail _in the same way_ when their failures have the same kind and, for an invariant, the
 * same name: shrinking preserves that.
 */

import type { Violation } from "../invariants/Invariant.ts"

/**
 * Why a run failed. The `Runner` returns it as data; `describe` is its text.
 *
 * ```ts
 * import { Failure } from "kubernaut/simulation"
 *
 * const failure: Failure.Failure = { _tag: "Liveness", pending: ["remediation 7 is open"] }
 * Failure.describe(failure) // => "no liveness, pending: remediation 7 is open"
 * Failure.isSame(failure, { _tag: "Liveness", pending: [] }) // => true
 * ```
 */
export type Failure =
  /** An invariant was violated. `invariant` is the first of them. */
  | { readonly _tag: "Invariant"; readonly invariant: string; readonly message: string }
  /** The simulator or the service inside it threw. */
  | { readonly _tag: "Crash"; readonly message: string }
  /** Something did not complete after healing. */
  | { readonly _tag: "Liveness"; readonly pending: ReadonlyArray<string> }

/** The part of a `SimulationResult` that decides whether it failed. */
export interface Ended {
  readonly violations: ReadonlyArray<Violation>
  readonly pending: ReadonlyArray<string>
  readonly simulatedMs: number
  readonly end: string
}

/** Ends of a world without liveness, whatever the checkers report. */
const stuck: ReadonlySet<string> = new Set(["Deadlock", "Livelock", "Done"])

/**
 * The failure of a run; `undefined` where there is none.
 *
 * While something is pending, violations at the last moment are consequences of it, so the failure is one of liveness.
 */
export const failureOf = (result: Ended): Failure | undefined => {
  const pending = stuck.has(result.end)
    ? [...result.pending, `the world stopped (${result.end.toLowerCase()})`]
    : result.pending
  const broken = result.violations.find((violation) => pending.length === 0 || violation.atMs < result.simulatedMs)
  if (broken !== undefined) return { _tag: "Invariant", invariant: broken.invariant, message: broken.message }
  return pending.length === 0 ? undefined : { _tag: "Liveness", pending }
}

/** The failure of a run that threw. A bug of the service is the error's cause. */
export const crashOf = (thrown: unknown): Failure => {
  if (!(thrown instanceof Error)) return { _tag: "Crash", message: String(thrown) }
  return {
    _tag: "Crash",
    message: thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message
  }
}

/** Whether `other` is a failure of the same kind and, for invariants, of the same invariant; false for `undefined`. */
export const isSame = (one: Failure, other: Failure | undefined): boolean =>
  one._tag === other?._tag
  && (one._tag !== "Invariant" || other._tag !== "Invariant" || one.invariant === other.invariant)

const order = ["Invariant", "Crash", "Liveness"] as const

/**
 * The most severe failure: a violation before a crash before missing liveness, and the first of its kind. `undefined`
 * for an empty list.
 */
export const worst = (failures: ReadonlyArray<Failure>): Failure | undefined =>
  order.flatMap((tag) => failures.filter(({ _tag }) => _tag === tag))[0]

/** A failure in one sentence. */
export const describe = (failure: Failure): string => {
  switch (failure._tag) {
    case "Invariant":
      return `${failure.invariant} is broken: ${failure.message}`
    case "Crash":
      return `the run crashed: ${failure.message}`
    case "Liveness":
      return `no liveness, pending: ${failure.pending.slice(0, 3).join("; ")}${failure.pending.length > 3 ? ` and ${failure.pending.length - 3} more` : ""}`
  }
}
