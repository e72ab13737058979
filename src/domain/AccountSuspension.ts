/** That an account serves nobody for now, so that a restarted process does not ask it again at once. */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

/** See `resilience/breaker/Suspension`. */
export const AccountSuspension = Schema.Struct({
  /** A digest of its key, or the name of the one service that uses it. */
  account: Schema.String,
  /** A code such as `out-of-money`. */
  reason: Schema.String,
  /** When one call tries it again. */
  until: Timestamp,
  /**
   * How many milliseconds that was away when it was recorded: no more than that is left, wherever the wall clock was
   * set since. Absent on older records.
   */
  forMs: Schema.optionalKey(Schema.Finite),
  /** Which suspension in a row it is, from 1. */
  times: Schema.Int,
  /** The services that used the account when it was suspended: people were told of the first. */
  services: Schema.optionalKey(Schema.Array(Schema.String))
})
export type AccountSuspension = typeof AccountSuspension.Type

/** The line of the audit log about it. */
export interface AccountLine {
  readonly kind: "account.suspended" | "account.resumed"
  /** The services that use the account, the first of the chain first. */
  readonly services: ReadonlyArray<string>
  /** Of a suspension: nothing was on record of the account before. */
  readonly isFirst?: boolean
  /** Of an end: nobody uses the account any more, because the key or the model is another one now. */
  readonly isReplaced?: true
}
