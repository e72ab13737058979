/**
 * Refusals that a real API server makes only to a controller, after it has accepted the write: of the pods of a
 * ReplicaSet, a StatefulSet or a DaemonSet. Each comes into force between the plan and the write. It is found and
 * classified, and what was written is undone. Then an alternative is decided that fits.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { deleted } from "./realRefusals.ts"
import { beforeTheWrite, service, stateOf } from "./realRemediation.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const { namespace, on } = real

const kinds = ["Deployment", "StatefulSet", "DaemonSet"] as const

const enforce = (level: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref: on("Namespace", namespace),
      patch: [{ op: "add", path: "/metadata/labels/pod-security.kubernetes.io~1enforce", value: level }]
    })
  )

/** What refuses the pods of the change, and its end. */
const refusals = {
  "quota-exceeded": {
    category: "resource",
    begin: Effect.gen(function* () {
      yield* real.create("ResourceQuota", "memory", "v1", { spec: { hard: { "limits.memory": "1Mi" } } })
      yield* real.eventually(
        "the quota is in force",
        real.get(on("ResourceQuota", "memory")),
        (object) => (object["status"] as { readonly hard?: object }).hard !== undefined
      )
    }),
    end: deleted(on("ResourceQuota", "memory"))
  },
  "limit-range": {
    category: "resource",
    begin: Effect.asVoid(
      // The present limit, so that nothing that is more fits, and the restored pods do.
      real.create("LimitRange", "memory", "v1", { spec: { limits: [{ type: "Container", max: { memory: "128Mi" } }] } })
    ),
    end: deleted(on("LimitRange", "memory"))
  },
  "pod-security": {
    category: "policy",
    begin: Effect.asVoid(enforce("restricted")),
    end: Effect.asVoid(enforce("privileged"))
  }
} as const

const cases = (["quota-exceeded", "limit-range", "pod-security"] as const).flatMap((code) =>
  kinds.map((kind) => [code, kind] as const)
)

describe.skipIf(!plane.available)(`pods that a real API server refuses to a controller${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () => real.openNamespace)

    it.effect.each(cases)(
      "because of %s: the refusal of a %s is found, with its code, and the change is gone again",
      ([code, kind]) =>
        Effect.scoped(
          Effect.gen(function* () {
            const name = `${code}-${kind.toLowerCase()}`
            const target = on(kind, name)
            yield* real.create(kind, name, "apps/v1", {
              spec: {
                selector: { matchLabels: { app: name } },
                template: real.template(name, "v1"),
                ...(kind === "DaemonSet" ? {} : { replicas: 2 }),
                ...(kind === "StatefulSet" ? { serviceName: name } : {})
              }
            })
            yield* real.eventually(
              "it is ready",
              readWorkload(target),
              ({ desiredReplicas, readyReplicas }) => (desiredReplicas ?? 0) > 0 && readyReplicas === desiredReplicas
            )
            const before = yield* real.get(target)
            const admin = yield* KubernetesClient
            const { begin } = yield* service(
              { kubeconfig: plane.kubeconfig },
              // The restored pods of a StatefulSet or DaemonSet are refused as well, for as long as the refusal lasts.
              { rollback: { restoreTimeout: "5 seconds" } },
              beforeTheWrite(Effect.provideService(refusals[code].begin, KubernetesClient, admin))
            )
            const run = yield* begin({
              labels: { namespace, [kind.toLowerCase()]: name },
              propose: () => ({ type: "AdjustResources", target, container: "main", limits: { memory: "256Mi" } })
            })
            const ended = yield* run.approved
            yield* refusals[code].end
            assert.deepInclude(
              ended.verification?.failure,
              { code, category: refusals[code].category },
              ended.conclusion
            )
            assert.deepStrictEqual(stateOf(ended), ["RolledBack", "failed-health-check", "restored"], ended.conclusion)
            const after = yield* real.get(target)
            assert.deepStrictEqual(real.specOf(after), real.specOf(before))
            assert.strictEqual(after.metadata.generation, before.metadata.generation! + 2)
          })
        ),
      180_000
    )

    it.effect(
      "more memory than a LimitRange allows is taken back, and as much as it allows is given",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const target = on("Deployment", "smaller")
            yield* real.create("Deployment", "smaller", "apps/v1", {
              spec: {
                selector: { matchLabels: { app: "smaller" } },
                template: real.template("smaller", "v1"),
                replicas: 2
              }
            })
            yield* real.eventually("it is ready", readWorkload(target), ({ readyReplicas }) => readyReplicas === 2)
            const admin = yield* KubernetesClient
            const limit = real.create("LimitRange", "memory", "v1", {
              spec: { limits: [{ type: "Container", max: { memory: "200Mi" } }] }
            })
            const { begin } = yield* service(
              { kubeconfig: plane.kubeconfig },
              { rollback: { restoreTimeout: "10 seconds" } },
              beforeTheWrite(Effect.provideService(limit, KubernetesClient, admin))
            )
            const run = yield* begin({
              labels: { namespace, deployment: "smaller" },
              propose: () => ({ type: "AdjustResources", target, container: "main", limits: { memory: "256Mi" } })
            })
            const ended = yield* run.approved
            yield* deleted(on("LimitRange", "memory"))
            const asked = ended.executions.map(({ intent: { action } }) => "limits" in action && action.limits?.memory)
            assert.deepStrictEqual(asked, ["256Mi", "200Mi"], ended.conclusion)
            const after = JSON.stringify(real.specOf(yield* real.get(target)))
            assert.include(after, `"memory":"200Mi"`)
          })
        ),
      180_000
    )
  })
})
