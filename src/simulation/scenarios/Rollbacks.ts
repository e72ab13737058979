/**
 * Changes that do not help, so that they are undone, and people who roll back what the service has done.
 *
 * More replicas of a version that crash-loops do not help, and no rule says so. Where a single pod of a set fails, a
 * restart of the set helps.
 */

import { Effect } from "effect"
import { type Action, kindsOf } from "../../domain/Action.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { type Investigator, InvestigatorError } from "../../investigation/Investigator.ts"
import { type Scenario, steady } from "./Scenario.ts"

const actionFor = (onePodFails: boolean, target: ResourceRef, replicas: unknown): Action | undefined => {
  if (onePodFails) return target.kind === "Deployment" ? undefined : { type: "RestartWorkload", target }
  return typeof replicas === "number" && (kindsOf.ScaleWorkload ?? []).includes(target.kind)
    ? { type: "ScaleWorkload", target, replicas: replicas + 1 }
    : undefined
}

const scaler: Investigator = {
  name: "custom",
  provider: "scaler",
  investigate: ({ alert, observed, target: { kind, name, namespace } }) => {
    const target = { kind, name, namespace }
    const action = actionFor(alert.labels["alertname"] === "KubePodNotReady", target, observed?.desiredReplicas)
    return action !== undefined
      ? Effect.succeed({ investigator: "custom", rootCause: "It is too small.", evidence: [], action, confidence: 0.9 })
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
}

/** Every workload is scaled up, whatever is wrong with it, and people roll back a third of all remediations. */
export const rollbacks: Scenario = {
  ...steady,
  name: "rollbacks",
  investigators: Effect.succeed([scaler]),
  rollbackShare: 0.3
}
