/** The whole way for a StatefulSet and a DaemonSet whose rollout fails, and for a first revision that fails. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { StatefulSet } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import firing from "../cases/fix-is-rolled-back/alert.json" with { type: "json" }
import { daemonSet, deployment, image, type Manifest, patch, statefulSet } from "../kubernetes/contract/Manifests.ts"

const namespace = "t1"

/** Creates a workload, ships the versions to it one minute after the other, and posts the alert about a broken pod. */
const remediated = Effect.fnUntraced(function* (manifest: Manifest, versions: ReadonlyArray<string>) {
  const sandbox = yield* Layer.build(
    Sandbox.layer({
      shop: false,
      deployments: [{ namespace, name: "neighbour", behaviour: "healthy", replicas: 1 }]
    })
  )
  const client = Context.get(sandbox, KubernetesClient)
  const ref = { namespace, kind: String(manifest["kind"]), name: "db" }
  yield* client.apply({ _tag: "Create", ref, manifest: { ...manifest, metadata: { name: "db", namespace } } })
  for (const version of versions) {
    yield* TestClock.adjust("1 minute")
    yield* client.apply(patch(ref, image(version)))
  }
  yield* TestClock.adjust("1 minute")
  const pods = yield* client.list("Pod", { namespace, labelSelector: { app: "db" } })
  const broken = pods.find(({ status }) => JSON.stringify(status).includes("CrashLoopBackOff"))
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "prod", mode: "auto" }).pipe(
      Layer.provide([Layer.succeedContext(sandbox), Storage.layerMemory])
    )
  )
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const [alert] = firing.alerts
  const labels = { ...alert!.labels, namespace, pod: broken!.metadata.name, container: "main" }
  const webhook = { ...firing, alerts: [{ ...alert, labels, startsAt: "1970-01-01T00:00:00Z" }] }
  const [result] = (yield* receive(yield* Schema.decodeUnknownEffect(Webhook)(webhook))).results
  const ended = yield* Effect.forkChild(settled(result!.remediationId!))
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  const remediation = Option.getOrThrow(yield* Fiber.join(ended))
  const object = (yield* client.get(ref)) as StatefulSet
  return { remediation, image: object.spec.template.spec.containers[0]!.image }
}, Effect.scoped)

const v1 = "registry.example/app:v1"
const bad = "registry.example/app:bad-v1"

describe("a rollout that fails", () => {
  it.effect.each([
    ["StatefulSet", statefulSet("db")],
    ["StatefulSet of one replica", statefulSet("db", { replicas: 1 })],
    ["DaemonSet", daemonSet("db")]
  ] as const)("of a %s is undone by the rules, and its pods serve again", ([, manifest]) =>
    Effect.gen(function* () {
      const { image, remediation } = yield* remediated(manifest, ["bad-v2"])
      assert.strictEqual(remediation.investigation?.rule, "undo-bad-rollout")
      assert.strictEqual(remediation.state, "Remediated", remediation.conclusion)
      assert.strictEqual(image, v1)
    })
  )
})

describe("a first revision that fails", () => {
  it.effect.each([
    ["Deployment", deployment("db", { tag: "bad-v1" })],
    ["StatefulSet", statefulSet("db", { tag: "bad-v1" })],
    ["DaemonSet", daemonSet("db", { tag: "bad-v1" })]
  ] as const)("of a %s is not rolled back, and the decision says why", ([, manifest]) =>
    Effect.gen(function* () {
      const { image, remediation } = yield* remediated(manifest, [])
      assert.strictEqual(remediation.state, "Escalated")
      assert.lengthOf(remediation.executions, 0)
      assert.notStrictEqual(remediation.decision?.action.type, "RollbackDeployment")
      assert.include(remediation.conclusion, "has no earlier revision to roll back to")
      assert.strictEqual(image, bad)
    })
  )
})
