import { Effect } from "effect"
import type { Investigator } from "../../../src/investigation/Investigator.ts"

/** Restarts the target, whatever is wrong. */
export const restarter: Investigator = {
  name: "custom",
  provider: "restarter",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "It hangs.",
      evidence: [],
      action: { type: "RestartWorkload", target: { namespace, kind, name } },
      confidence: 0.9
    })
}
