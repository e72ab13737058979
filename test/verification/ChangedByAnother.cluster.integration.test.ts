/** A person ships a fix on a real API server while a restart is verified. */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { act, create, deploy, namespace, on, services, verified } from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"

const plane = await controlPlane()
afterAll(plane.stop)

/** Ships another image, as `kubectl edit` does. */
const edit = (tag: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref: on("Deployment", "web"),
      patch: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: `registry.example/app:${tag}` }]
    })
  ).pipe(
    Effect.provide(Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig, fieldManager: "kubectl-edit" })), {
      local: true
    })
  )

describe.skipIf(!plane.available)(`verification on a real control plane${plane.note}`, () => {
  shareLayer(services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect(
      "a restart is credited with what it leaves, and not with what somebody else ships after it",
      () =>
        Effect.gen(function* () {
          yield* create("Namespace", namespace, "v1", {})
          yield* Effect.sleep("1 second")
          const target = on("Deployment", "web")
          yield* deploy("web")
          const restart = (executionId: string) => act({ type: "RestartWorkload", target }, target, executionId)
          const own = yield* verified(yield* restart("own"), target)
          assert.strictEqual(own.verdict, "fixed", own.reasons.join("; "))
          const intent = yield* restart("other")
          yield* edit("v2")
          const other = yield* verified(intent, target)
          assert.strictEqual(other.verdict, "unknown", other.reasons.join("; "))
          assert.include(
            other.reasons.join("; "),
            `changed-by-another: Deployment ${namespace}/web was changed by kubectl-edit after the action`
          )
        }),
      180_000
    )
  })
})
