/**
 * A fault as data: what goes wrong, when, and for how long. A plan is a list of them, which can be printed, replayed
 * and shrunk. What a fault does is the matter of its `FaultKind`.
 */

import { Schema } from "effect"

/** The stages in which a fault has most effect: reading and asking, writing, watching. */
export const Aim = Schema.Literals(["investigation", "execution", "verification"])
export type Aim = typeof Aim.Type

/** One fault of a plan. */
export const Fault = Schema.Struct({
  /** The name of its kind. */
  kind: Schema.NonEmptyString,
  /** When it begins, in milliseconds since the run began. An aimed fault waits for its moment from then on. */
  atMs: Schema.Int,
  /**
   * Begins the fault just after a remediation has reached this stage. A stage that takes milliseconds would hardly ever
   * be hit otherwise.
   */
  aim: Schema.optionalKey(Aim),
  /** How long it lasts. 0 for a fault that happens at one moment. */
  forMs: Schema.Int,
  /** The parameters of its kind; see `FaultKind.parameters`. */
  parameters: Schema.JsonObject
})
export type Fault = typeof Fault.Type
