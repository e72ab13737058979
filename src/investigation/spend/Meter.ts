/**
 * What an investigator calls its model through, so that each call is counted and stays within the budgets. The chain
 * gives it to the investigator with the request; `SpendMeter` makes it.
 */

import type { Effect } from "effect"
import type { BudgetUsedUp } from "./Budget.ts"
import type { Usage } from "./ModelUsage.ts"
import type { Most } from "./PossibleUsage.ts"
import type { Price } from "./Price.ts"

/** A call that is about to be made. */
export interface CallToMeter {
  readonly model?: string
  /** What is reserved, and what counts if the response does not tell its tokens. */
  readonly estimate: Usage
  /** The most that it can take. What a response reports beyond it does not count. Default: `PossibleUsage.mostOfAll`. */
  readonly most?: Most
  /** Absent: its cost is not known. */
  readonly price?: Price
}

/**
 * What the peer did for a call that failed. `worked`: it may have, and it may be paid for; `rejected`: it refused the
 * request before any work; `not-sent`: nothing reached it.
 */
export type Effort = "worked" | "rejected" | "not-sent"

/**
 * Reserves the estimate, runs the call, and settles with what `ReportUsage` was told. `effortOf` judges a failure. A
 * call that no budget has room for is not made, and fails with `BudgetUsedUp`.
 */
export type Meter = <A, E, R>(
  call: CallToMeter,
  run: Effect.Effect<A, E, R>,
  effortOf: (error: E) => Effort
) => Effect.Effect<A, E | BudgetUsedUp, R>

/** Counts nothing. */
export const unmetered: Meter = (_call, run) => run
