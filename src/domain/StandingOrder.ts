/**
 * What an operator has ordered and nobody has taken back. It has no end of its own, and survives restarts.
 *
 * | order            | while it stands                                                                                  |
 * | ---------------- | ------------------------------------------------------------------------------------------------ |
 * | `emergency-stop` | no new action starts; actions that run finish or are rolled back, and everything else works      |
 * | `emergency`      | the degradation level is 3: nothing is investigated or acted on, alerts are stored and escalated |
 */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

/** The names of the orders. */
export const OrderName = Schema.Literals(["emergency-stop", "emergency"])
export type OrderName = typeof OrderName.Type

/** An order that stands. */
export const StandingOrder = Schema.Struct({
  /** Who gave it. */
  by: Schema.NonEmptyString,
  reason: Schema.optionalKey(Schema.String),
  since: Timestamp
}).annotate({ identifier: "StandingOrder" })
export type StandingOrder = typeof StandingOrder.Type

const meaning: Readonly<Record<OrderName, string>> = {
  "emergency-stop": "has set the emergency stop, so no new action starts",
  emergency: "has declared an emergency, so alerts are stored and escalated, and nothing else is done"
}

/**
 * One sentence for people.
 *
 * ```ts
 * import { StandingOrder } from "kubernaut"
 *
 * const order = { by: "ada", since: "2026-11-24T03:00:00.000Z" }
 * StandingOrder.describe("emergency-stop", order).startsWith("ada has set the emergency stop") // => true
 * ```
 */
export const describe = (name: OrderName, { by, reason, since }: StandingOrder): string =>
  `${by} ${meaning[name]} (since ${since}${reason === undefined ? "" : `: ${reason}`}).`
