/** Who may start an action. */

import { Schema } from "effect"

/**
 * The mode of a process:
 *
 * - `observe`: nobody; Kubernaut only reports what it would do.
 * - `approve`: a person, who approves each action.
 * - `auto`: Kubernaut, within the guardrails.
 */
export const Mode = Schema.Literals(["observe", "approve", "auto"])
export type Mode = typeof Mode.Type
