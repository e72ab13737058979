/** Prometheus has the external label `deployment: production`, so every alert names a Deployment of that name. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { displayName } from "../../src/domain/Target.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import alert from "./labels-that-name-the-target/external-label.json" with { type: "json" }

const webhook = Schema.decodeUnknownSync(Webhook)(alert)

/** The alert of the case with other labels. A label that is `undefined` is removed. */
const about = (labels: Readonly<Record<string, string | undefined>>): Webhook => ({
  ...webhook,
  alerts: webhook.alerts.map((each) => ({
    ...each,
    labels: Object.fromEntries(
      Object.entries({ ...each.labels, ...labels }).filter((entry): entry is [string, string] => entry[1] !== undefined)
    )
  }))
})

const service = Effect.fnUntraced(function* (intake: Kubernaut.Options["intake"] = {}) {
  const sandbox = Sandbox.layer({
    deployments: [
      { namespace: "t24", name: "app", behaviour: "bad-rollout", replicas: 2 },
      { namespace: "t24", name: "other", behaviour: "healthy", replicas: 2 }
    ]
  })
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "dev", intake }).pipe(Layer.provide(sandbox), Layer.provide(Storage.layerMemory))
  )
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const kubernetes = Context.get(context, KubernetesClient)
  const podOf = (workload: string) =>
    Effect.map(
      kubernetes.list("Pod", { namespace: "t24" }),
      (pods) => pods.find(({ metadata }) => metadata.name.startsWith(`${workload}-`))!.metadata.name
    )
  /** The remediation of an alert when it is settled. */
  const remediate = Effect.fnUntraced(function* (post: Webhook) {
    const [result] = (yield* receive(post)).results
    const ended = yield* Effect.forkChild(settled(result!.remediationId!))
    while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
    return Option.getOrThrow(yield* Fiber.join(ended))
  })
  return { podOf, remediate }
})

describe("labels that name the target", () => {
  it.effect("follow the pod where the workload of an external label does not exist", () =>
    Effect.gen(function* () {
      const { podOf, remediate } = yield* service()
      const { conclusion, target } = yield* remediate(about({ pod: yield* podOf("app") }))
      assert.strictEqual(displayName(target), "Deployment t24/app")
      assert.notInclude(conclusion ?? "", "production")
    }).pipe(Effect.scoped)
  )

  it.effect("make two incidents of two workloads that share an external label", () =>
    Effect.gen(function* () {
      const { podOf, remediate } = yield* service()
      const one = yield* remediate(about({ pod: yield* podOf("app") }))
      const two = yield* remediate(about({ pod: yield* podOf("other"), alertname: "PodSlow" }))
      assert.strictEqual(displayName(one.target), "Deployment t24/app")
      assert.strictEqual(displayName(two.target), "Deployment t24/other")
      assert.isUndefined(two.joinedTo)
    }).pipe(Effect.scoped)
  )

  it.effect("name the workload where it exists and the pod is gone", () =>
    Effect.gen(function* () {
      const { remediate } = yield* service()
      const { target } = yield* remediate(about({ deployment: "app", pod: "app-of-yesterday" }))
      assert.strictEqual(displayName(target), "Deployment t24/app")
    }).pipe(Effect.scoped)
  )

  it.effect("name the kind that exists where a service mesh does not say which kind it is", () =>
    Effect.gen(function* () {
      const { remediate } = yield* service()
      const { target } = yield* remediate(
        about({
          alertname: "HighErrorRate",
          deployment: undefined,
          namespace: "front",
          pod: "web-1",
          reporter: "source",
          destination_workload: "app",
          destination_workload_namespace: "t24"
        })
      )
      assert.strictEqual(displayName(target), "Deployment t24/app")
    }).pipe(Effect.scoped)
  )

  it.effect("mean what an operator says", () =>
    Effect.gen(function* () {
      const { podOf, remediate } = yield* service({ targetLabels: { deployment: "ignore", app_pod: "Pod" } })
      const { target } = yield* remediate(about({ pod: undefined, app_pod: yield* podOf("other") }))
      assert.strictEqual(displayName(target), "Deployment t24/other")
    }).pipe(Effect.scoped)
  )
})
