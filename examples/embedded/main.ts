/**
 * Kubernaut inside a program of one's own: an investigator that asks nobody but a table, the sandbox cluster, and a
 * database in memory.
 *
 *     node examples/embedded/main.ts
 */

import { Console, Effect, Layer, Option, Schema } from "effect"
import { AlertmanagerWebhook, InvestigationChain, type Investigator, Kubernaut, Sandbox, Storage } from "kubernaut"

/**
 * Knows one thing: what to do when a rollout is stuck. It stands where HolmesGPT or an LLM would, behind the same
 * pipeline.
 */
const runbook: Investigator.Investigator = {
  name: "custom",
  provider: "runbook",
  investigate: ({ alert, target }) =>
    Effect.succeed({
      investigator: "custom",
      provider: "runbook",
      rootCause: `The runbook says of ${alert.name}: the last rollout of ${target.name} broke it.`,
      evidence: [`The alert has fired since ${alert.startsAt}.`],
      action: {
        type: "RollbackDeployment",
        target: { namespace: target.namespace, kind: target.kind, name: target.name }
      },
      confidence: 0.9
    })
}

const embedded = Kubernaut.Kubernaut.layer({ cluster: "sandbox", mode: "auto" }).pipe(
  Layer.provide([
    Sandbox.layer(),
    Storage.layerMemory,
    InvestigationChain.InvestigationChain.layer({ investigators: [runbook] })
  ])
)

const webhook = Schema.decodeEffect(AlertmanagerWebhook.Webhook)({
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

const program = Effect.gen(function* () {
  const kubernaut = yield* Kubernaut.Kubernaut
  const { results } = yield* kubernaut.receive(yield* webhook)
  for (const { remediationId } of results) {
    if (remediationId === undefined) continue
    const ended = Option.getOrThrow(yield* kubernaut.settled(remediationId))
    yield* Console.log(`${ended.alert.name}: ${ended.state}. ${ended.conclusion ?? ""}`)
  }
})

await Effect.runPromise(program.pipe(Effect.provide(embedded)))
