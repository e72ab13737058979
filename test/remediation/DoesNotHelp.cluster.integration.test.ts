/**
 * Changes that do not help are gone again, as a real API server sees it: the spec is what it was, and
 * `metadata.generation` has counted two changes, the action and its undo.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { service, stateOf } from "./realRemediation.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const { namespace, on } = real

const executionOf = (object: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }) =>
  object.metadata.annotations?.["kubernaut.dev/execution"]

/** A workload whose pods crash-loop from the first version on, so that no revision was ever healthy. */
const broken = Effect.fnUntraced(function* (ref: ResourceRef) {
  const { kind, name } = ref
  yield* real.create(kind, name, "apps/v1", {
    spec: {
      selector: { matchLabels: { app: name } },
      template: real.template(name, "bad-1"),
      ...(kind === "DaemonSet" ? {} : { replicas: 2 }),
      // One pod after the other would leave the first in the way of the second.
      ...(kind === "StatefulSet" ? { serviceName: name, podManagementPolicy: "Parallel" } : {})
    }
  })
  yield* real.eventually("pods crash-loop", readWorkload(ref), ({ pods }) =>
    pods.some(({ reason }) => reason === "CrashLoopBackOff")
  )
})

const more = (target: ResourceRef): Action => ({
  type: "AdjustResources",
  target,
  container: "main",
  limits: { memory: "192Mi" }
})

const cases: ReadonlyArray<readonly [name: string, target: ResourceRef, action: Action]> = [
  ...(["Deployment", "StatefulSet", "DaemonSet"] as const).map((kind) => {
    const target = on(kind, `resources-${kind.toLowerCase()}`)
    return [`AdjustResources of a ${kind}`, target, more(target)] as const
  }),
  ...(["Deployment", "StatefulSet"] as const).map((kind) => {
    const target = on(kind, `scaled-${kind.toLowerCase()}`)
    return [`ScaleWorkload of a ${kind}`, target, { type: "ScaleWorkload", target, replicas: 3 }] as const
  }),
  [
    "PatchHpa",
    on("Deployment", "autoscaled"),
    { type: "PatchHpa", target: on("HorizontalPodAutoscaler", "autoscaled"), maxReplicas: 5 }
  ]
]

describe.skipIf(!plane.available)(`a change that does not help, on a real API server${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () => real.openNamespace)

    it.effect.each(cases)(
      "%s is gone again, with one write each way",
      ([, target, action]) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* broken(target)
            if (action.type === "PatchHpa") yield* real.createAutoscaler(action.target.name, 4)
            const { begin } = yield* service({ kubeconfig: plane.kubeconfig })
            const before = yield* real.get(action.target)
            const run = yield* begin({
              labels: { namespace, [target.kind.toLowerCase()]: target.name },
              propose: () => action
            })
            const ended = yield* run.approved
            assert.deepStrictEqual(stateOf(ended), ["RolledBack", "failed-health-check", "restored"], ended.conclusion)
            assert.strictEqual(ended.verification?.verdict, "not-fixed")
            const after = yield* real.get(action.target)
            assert.deepStrictEqual(real.specOf(after), real.specOf(before))
            assert.strictEqual(executionOf(after), `${run.id}-1-rollback-1`)
            // The API server counts no generations of autoscalers.
            if (before.metadata.generation !== undefined)
              assert.strictEqual(after.metadata.generation, before.metadata.generation + 2)
            assert.strictEqual(ended.executions.length, 1)
            assert.strictEqual(ended.rollback?.attempts.length, 1)
          })
        ),
      180_000
    )
  })
})
