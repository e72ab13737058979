/**
 * Refusals that a real API server makes only to a controller, after it has accepted the write: of the pods of a
 * ReplicaSet, a StatefulSet or a DaemonSet. Each comes into force between the plan and the write. It is found and
 * classified, and what was written is undone.
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
      real.create("LimitRange", "memory", "v1", { spec: { limits: [{ type: "Container", max: { memory: "200Mi" } }] } })
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
              {},
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
      60_000
    )
  })
})
