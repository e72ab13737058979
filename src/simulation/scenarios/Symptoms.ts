/** Alerts about symptoms that no object shows, of workloads that are restarted for them without effect. */

import { Effect } from "effect"
import { type Investigator, InvestigatorError } from "../../investigation/Investigator.ts"
import { type Scenario, steady, symptomAlert } from "./Scenario.ts"

const restarter: Investigator = {
  name: "custom",
  provider: "restarter",
  investigate: ({ alert, target: { kind, name, namespace } }) =>
    alert.name === symptomAlert
      ? Effect.succeed({
          investigator: "custom",
          rootCause: "It is not known.",
          evidence: [],
          action: { type: "RestartWorkload", target: { kind, name, namespace } },
          confidence: 0.9
        })
      : // The rules take over.
        Effect.fail(
          new InvestigatorError({
            investigator: "restarter",
            reason: { _tag: "Refused" },
            retryable: false,
            countsAsFailure: false
          })
        )
}

/**
 * Verification can query an Alertmanager, which is restarted now and then. An alert needs to be quiet for a short time
 * only, so that a verdict depends on which process has listed the alert, and not only on the wait.
 */
export const symptoms: Scenario = {
  ...steady,
  service: { ...steady.service, verification: { pollIntervalCap: "2 seconds", alertQuiet: "10 seconds" } },
  name: "symptoms",
  symptoms: true,
  investigators: Effect.succeed([restarter])
}
