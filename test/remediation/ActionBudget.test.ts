import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { defaults as guardrails } from "../../src/decision/GuardrailSettings.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"

const names = Array.from({ length: 60 }, (_, index) => `app-${index}`)

const undo: Investigator = {
  name: "custom",
  investigate: ({ target }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "A bad rollout.",
      evidence: [],
      action: {
        type: "RollbackDeployment",
        target: { namespace: target.namespace, kind: target.kind, name: target.name }
      },
      confidence: 1
    })
}

const storm = Schema.decodeEffect(Webhook)({
  version: "4",
  groupKey: "{}",
  status: "firing",
  receiver: "kubernaut",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "",
  alerts: names.map((deployment) => ({
    status: "firing",
    labels: { alertname: "KubeDeploymentRolloutStuck", severity: "warning", namespace: "storm", deployment },
    annotations: {},
    startsAt: "1970-01-01T00:00:00Z",
    endsAt: "0001-01-01T00:00:00Z",
    generatorURL: "",
    fingerprint: deployment
  }))
})

const service = Kubernaut.layer({
  cluster: "test",
  mode: "auto",
  investigators: [undo],
  guardrails: { ...guardrails, actionsPerWindow: { ...guardrails.actionsPerWindow, limit: 7 } }
}).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Sandbox.layer({
        deployments: names.map((name) => ({ namespace: "storm", name, behaviour: "bad-rollout", replicas: 1 }))
      }),
      Storage.layerMemory
    )
  )
)

describe("the budget of actions", () => {
  it.effect(
    "lets as many actions begin as it says when sixty targets are decided at once, and asks a person about the rest",
    () =>
      Effect.gen(function* () {
        const kubernaut = yield* Kubernaut.Kubernaut
        const store = yield* RemediationStore
        yield* kubernaut.receive(yield* storm)
        // A minute is more than the steady time of those that act.
        for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
        const states = (yield* store.list({ limit: 100 })).items.map(({ state }) => state)
        assert.strictEqual(states.filter((state) => state === "Remediated").length, 7)
        assert.strictEqual(states.filter((state) => state === "AwaitingReview").length, 53)
      }).pipe(Effect.provide(service))
  )
})
