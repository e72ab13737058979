/**
 * A fault as data: what goes wrong, when, and for how long. A plan is a list of them, which can be printed, replayed
 * and shrunk. Its `FaultKind` decides what it does.
 */

import { Schema } from "effect"

/** A stage of a remediation in which a fault has most effect. */
export const Aim = Schema.Literals(["investigation", "execution", "verification"])
export type Aim = typeof Aim.Type

/** One fault of a plan, as JSON. `atMs` and `forMs` are simulated milliseconds. */
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
