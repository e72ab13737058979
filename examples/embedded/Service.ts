/**
 * Kubernaut inside a program of your own: an investigator of your own in front of the rules, the sandbox cluster, and a
 * database in memory.
 */

import { Effect, Layer, Schema } from "effect"
import { AlertmanagerWebhook, type Investigator, Kubernaut, Sandbox, Storage } from "kubernaut"

/**
 * Knows one answer: how to handle a stuck rollout. It takes the place of HolmesGPT or an LLM, and runs behind the same
 * kind of pipeline: retries, circuit breaker, bulkhead and deadline come with it.
 */
export const runbook: Investigator.Investigator = {
  name: "custom",
  provider: "runbook",
  investigate: ({ alert, target }) =>
    Effect.succeed({
      investigator: "custom",
      provider: "runbook",
      rootCause: `The runbook for ${alert.name} says that the last rollout of ${target.name} broke it.`,
      evidence: [`The alert has fired since ${alert.startsAt}.`],
      action: {
        type: "RollbackDeployment",
        target: { namespace: target.namespace, kind: target.kind, name: target.name }
      },
      confidence: 0.9
    })
}

/**
 * The service. When `investigator` fails, the rules investigate. More investigators go into the list in the order in
 * which they are tried, such as `HolmesGptInvestigator.make({ url })` or `LlmInvestigator.make({ provider })`.
 */
export const service = (investigator: Investigator.Investigator) =>
  Kubernaut.layer({ cluster: "sandbox", mode: "auto", investigators: [investigator] }).pipe(
    Layer.provide([Sandbox.layer(), Storage.layerMemory])
  )

/** The alert as Alertmanager sends it. */
export const stuckRollout = Schema.decodeSync(AlertmanagerWebhook.Webhook)({
  version: "4",
  groupKey: "{}:{}",
  status: "firing",
  receiver: "kubernaut",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://localhost:9093",
  alerts: [
    {
      status: "firing",
      labels: {
        alertname: "KubeDeploymentRolloutStuck",
        namespace: "shop",
        deployment: "checkout",
        severity: "warning"
      },
      annotations: {},
      startsAt: "2026-11-24T03:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "",
      fingerprint: "0123456789abcdef"
    }
  ]
})

/** Posts the alert and waits until its remediation ends. */
export const remediate = Effect.gen(function* () {
  const kubernaut = yield* Kubernaut.Kubernaut
  const [result] = (yield* kubernaut.receive(stuckRollout)).results
  if (result?.remediationId === undefined) return yield* Effect.die("the alert was not accepted")
  return yield* Effect.fromOption(yield* kubernaut.settled(result.remediationId))
})
