/** The codes of the guardrails. `Guardrails` has the table of what each means. */

import { Schema } from "effect"

/** A code. */
export const GuardrailRule = Schema.Literals([
  "emergency-stop",
  "emergency-level",
  "unobserved",
  "target-missing",
  "other-target",
  "wrong-kind",
  "protected-namespace",
  "autoscaler-owned",
  "gave-up",
  "rollout-loop",
  "peers-failed",
  "no-earlier-revision",
  "no-such-revision",
  "irreversible",
  "level",
  "rules-unsafe",
  "risk",
  "confidence",
  "unclear-cause",
  "managed-object",
  "rollout-under-way",
  "failing-revision",
  "capacity-reduction",
  "too-many-replicas",
  "cooldown",
  "blast-radius",
  "own-view-in-doubt",
  "ineffective"
])
export type GuardrailRule = typeof GuardrailRule.Type
