/**
 * Changes that do not help, so that they are undone, and people who roll back what the service has done.
 *
 * More replicas of a version that crash-loops do not help, and no rule says so.
 */

import { Effect } from "effect"
import { type Investigator, InvestigatorError } from "../../investigation/Investigator.ts"
import { type Scenario, steady } from "./Scenario.ts"

const scaler: Investigator = {
  name: "custom",
  provider: "scaler",
  investigate: ({ observed, target: { kind, name, namespace } }) =>
    typeof observed?.desiredReplicas === "number" && kind === "Deployment"
      ? Effect.succeed({
          investigator: "custom",
          rootCause: "It is too small.",
          evidence: [],
          action: {
            type: "ScaleWorkload",
            target: { kind, name, namespace },
            replicas: observed.desiredReplicas + 1
          },
          confidence: 0.9
        })
      : // The rules take over.
        Effect.fail(
          new InvestigatorError({
            investigator: "scaler",
            reason: { _tag: "Refused" },
            retryable: false,
            countsAsFailure: false
          })
        )
}

/** Every workload is scaled up, whatever is wrong with it, and people roll back a third of all remediations. */
export const rollbacks: Scenario = {
  ...steady,
  name: "rollbacks",
  investigators: Effect.succeed([scaler]),
  rollbackShare: 0.3
}
