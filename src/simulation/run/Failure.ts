/**
 * How a run may fail, from the worst down. Two runs fail _in the same way_ when their failures are equal by kind and,
 * for an invariant, by its name: that is what shrinking keeps.
 */

import type { Violation } from "../invariants/Invariant.ts"

export type Failure =
  /** A rule was broken. `invariant` is the one that broke first. */
  | { readonly _tag: "Invariant"; readonly invariant: string; readonly message: string }
  /** The simulator or the service inside it threw. */
  | { readonly _tag: "Crash"; readonly message: string }
  /** After everything had been healed something came to no end. */
  | { readonly _tag: "Liveness"; readonly pending: ReadonlyArray<string> }

/** What is known of a run that came to its end. `SimulationResult` is of this shape. */
export interface Ended {
  readonly violations: ReadonlyArray<Violation>
  readonly pending: ReadonlyArray<string>
  readonly simulatedMs: number
  readonly end: string
}

/**
 * A world in which nothing, or nothing but one thing, happens any more has no liveness, whatever the checkers think.
 */
const stuck: ReadonlySet<string> = new Set(["Deadlock", "Livelock", "Done"])

/**
 * The failure of a run; `undefined` where all is well.
 *
 * Where something is pending, what checkers say after the last moment only says the same again, so it counts as
 * liveness and not as a broken rule.
 */
export const failureOf = (result: Ended): Failure | undefined => {
  const pending = stuck.has(result.end)
    ? [...result.pending, `the world stands still (${result.end.toLowerCase()})`]
    : result.pending
  const broken = result.violations.find((violation) => pending.length === 0 || violation.atMs < result.simulatedMs)
  if (broken !== undefined) return { _tag: "Invariant", invariant: broken.invariant, message: broken.message }
  return pending.length === 0 ? undefined : { _tag: "Liveness", pending }
}

/** From what a run threw. The cause is where the service's own mistake is. */
export const crashOf = (thrown: unknown): Failure => {
  if (!(thrown instanceof Error)) return { _tag: "Crash", message: String(thrown) }
  return {
    _tag: "Crash",
    message: thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message
  }
}

export const isSame = (one: Failure, other: Failure | undefined): boolean =>
  one._tag === other?._tag
  && (one._tag !== "Invariant" || other._tag !== "Invariant" || one.invariant === other.invariant)

const order = ["Invariant", "Crash", "Liveness"] as const

/** The one to tell first. */
export const worst = (failures: ReadonlyArray<Failure>): Failure | undefined =>
  order.flatMap((tag) => failures.filter(({ _tag }) => _tag === tag))[0]

/** In one sentence. */
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
