/** Guardrails for tests whose subject is something else: no action waits for its turn. */

import { Duration } from "effect"
import { defaults, type GuardrailSettings } from "../../src/decision/GuardrailSettings.ts"

const budget = { burst: 1000, refill: Duration.micros(1n) }

export const unlimited: GuardrailSettings = {
  ...defaults,
  blastRadius: { target: budget, namespace: budget, pool: budget, cluster: budget }
}
