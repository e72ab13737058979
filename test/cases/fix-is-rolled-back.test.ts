/** The same on the sandbox: pods of the revision before crash when an engineer ships the next one. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Change } from "../../src/domain/Change.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import firing from "./fix-is-rolled-back/alert.json" with { type: "json" }
import { deployment } from "./SmallCluster.ts"

const namespace = "t1"
const ref = { namespace, kind: "Deployment", name: "web" }

interface Shipped {
  readonly image: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly resources?: unknown
}

const shipped = ({ annotations = {}, image, resources = {} }: Shipped): Change => ({
  _tag: "Patch",
  ref,
  patch: [
    { op: "replace", path: "/spec/template/spec/containers/0/image", value: image },
    { op: "add", path: "/spec/template/spec/containers/0/resources", value: resources as never },
    { op: "add", path: "/spec/template/metadata/annotations", value: annotations }
  ]
})

/** Ships versions one minute after the other, and the alert about a pod of the first one comes some seconds later. */
const remediated = Effect.fnUntraced(function* (versions: ReadonlyArray<Shipped>, afterSeconds: number) {
  const sandbox = yield* Layer.build(
    Sandbox.layer({
      shop: false,
      deployments: [{ namespace, name: "neighbour", behaviour: "healthy", replicas: 1 }]
    })
  )
  const client = Context.get(sandbox, KubernetesClient)
  const manifest = deployment(namespace, "web") as never
  yield* client.apply({ _tag: "Create", ref, manifest })
  let [pod] = yield* client.list("Pod", { namespace, labelSelector: { app: "web" } })
  for (const version of versions) {
    yield* TestClock.adjust("1 minute")
    const [oldest] = yield* client.list("Pod", { namespace, labelSelector: { app: "web" } })
    pod = oldest
    yield* client.apply(shipped(version))
  }
  yield* TestClock.adjust(`${afterSeconds} seconds`)
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "prod", mode: "auto" }).pipe(
      Layer.provide([Layer.succeedContext(sandbox), Storage.layerMemory])
    )
  )
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const [alert] = firing.alerts
  const webhook = {
    ...firing,
    alerts: [{ ...alert, labels: { ...alert!.labels, pod: pod!.metadata.name }, startsAt: "1970-01-01T00:00:00Z" }]
  }
  const [result] = (yield* receive(yield* Schema.decodeUnknownEffect(Webhook)(webhook))).results
  const ended = yield* Effect.forkChild(settled(result!.remediationId!))
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  const { executions, investigation } = Option.getOrThrow(yield* Fiber.join(ended))
  const image = ((yield* client.get(ref)) as Deployment).spec.template.spec.containers[0]!.image
  return { rule: investigation?.rule, action: investigation?.action.type, writes: executions.length, image }
}, Effect.scoped)

/** Ready for five seconds after each start, so it is rolled out completely before it crashes. */
const crashing = { image: "web:flaky-1" }
const starting = { image: "web:2", annotations: { "sim/ready-delay": "300s" } }

describe("a version that is shipped while the one before it crashes", () => {
  it.effect("is not undone while its first pod starts", () =>
    Effect.gen(function* () {
      const found = yield* remediated([crashing, starting], 5)
      assert.deepStrictEqual(found, { rule: "rollout-is-under-way", action: "Notify", writes: 0, image: "web:2" })
    })
  )

  it.effect("is not undone either when its first pod finds no node", () =>
    Effect.gen(function* () {
      const large = { image: "web:2", resources: { requests: { cpu: "500" } } }
      assert.deepInclude(yield* remediated([crashing, large], 5), { action: "Notify", writes: 0, image: "web:2" })
    })
  )

  it.effect("is not undone when it crashes as well, because the one before it would not serve", () =>
    Effect.gen(function* () {
      const found = yield* remediated([crashing, { image: "web:bad-2" }], 30)
      assert.deepInclude(found, { action: "Notify", writes: 0, image: "web:bad-2" })
    })
  )

  it.effect("is undone when its own pods crash and the one before it serves", () =>
    Effect.gen(function* () {
      const found = yield* remediated([{ image: "web:1" }, { image: "web:bad-2" }], 30)
      assert.deepInclude(found, { rule: "undo-bad-rollout", action: "RollbackDeployment", image: "web:1" })
    })
  )
})
