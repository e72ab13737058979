import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { webhookAbout } from "../intake/webhooks.ts"

/** A service that counts what it spends: requests to the cluster, and questions to a model. */
const counting = () => {
  const spent = { requests: 0, questions: 0 }
  const counted = <A, E>(call: Effect.Effect<A, E>) => Effect.suspend(() => (spent.requests++, call))
  const cluster = Layer.effect(
    KubernetesClient,
    Effect.map(KubernetesClient, (client) => ({
      ...client,
      // The start reads the namespace that identifies the cluster.
      get: (ref) => (ref.kind === "Namespace" ? client.get(ref) : counted(client.get(ref))),
      list: (kind, options) => counted(client.list(kind, options)),
      logs: (pod, options) => counted(client.logs(pod, options)),
      apply: (change, options) => counted(client.apply(change, options))
    }))
  ).pipe(Layer.provide(Sandbox.layer()))
  const model: Investigator = {
    name: "custom",
    needsEvidence: true,
    investigate: ({ target: { kind, name, namespace } }) =>
      Effect.sync(() => {
        spent.questions++
        return {
          investigator: "custom" as const,
          rootCause: "A test.",
          evidence: [],
          action: { type: "RestartWorkload" as const, target: { kind, name, namespace } },
          confidence: 1
        }
      })
  }
  const service = Kubernaut.layer({ cluster: "test", mode: "auto", investigators: [model] }).pipe(
    Layer.provideMerge(Layer.mergeAll(cluster, Storage.layerMemory))
  )
  return { spent, service }
}

const handled = Effect.fnUntraced(function* (labels: Readonly<Record<string, string>>) {
  const { receive } = yield* Kubernaut.Kubernaut
  const store = yield* RemediationStore
  const { results } = yield* receive(webhookAbout([labels]))
  const id = results[0]!.remediationId!
  for (let turn = 0; turn < 20; turn++) yield* TestClock.adjust("1 second")
  const remediation = Option.getOrThrow(yield* store.get(id))
  const journal = yield* store.journal(id)
  return { remediation, kinds: journal.map(({ event }) => event._tag) }
})

describe("an alert that is only monitored", () => {
  const about = {
    "a Deployment": { alertname: "KubeDeploymentRolloutStuck", namespace: "shop", deployment: "checkout" },
    "a pod": { alertname: "KubePodCrashLooping", namespace: "shop", pod: "checkout-5d9c7b-x2x4z" },
    "no object": { alertname: "Watchdog" }
  }
  for (const severity of ["info", "none"]) {
    for (const [named, labels] of Object.entries(about)) {
      it.effect(`costs no request and no question when its severity is ${severity} and it names ${named}`, () => {
        const { service, spent } = counting()
        return Effect.gen(function* () {
          const { kinds, remediation } = yield* handled({ ...labels, severity })
          assert.deepStrictEqual(kinds, ["Accepted", "Started", "Decided", "Concluded"])
          assert.strictEqual(remediation.state, "Observed")
          assert.deepStrictEqual(
            remediation.decision?.reasons.map(({ rule }) => rule),
            ["monitor-only"]
          )
          assert.deepStrictEqual(spent, { requests: 0, questions: 0 })
        }).pipe(Effect.provide(service))
      })
    }
  }

  it.effect("is investigated when its severity is warning", () => {
    const { service, spent } = counting()
    return Effect.gen(function* () {
      const { kinds } = yield* handled({ ...about["a Deployment"], severity: "warning" })
      assert.include(kinds, "Investigated")
      assert.strictEqual(spent.questions, 1)
      assert.isAbove(spent.requests, 0)
    }).pipe(Effect.provide(service))
  })
})
