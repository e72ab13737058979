/**
 * Every action that has an inverse, on every kind that it applies to: applied, verified, and taken back at a person's
 * request. The specs before and after are those that a real API server returns.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { type Case, service, stateOf } from "./realRemediation.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const { namespace, on } = real

const selected = (name: string, tag = "v1") => ({
  selector: { matchLabels: { app: name } },
  template: real.template(name, tag)
})

const isReady = (ref: ResourceRef) =>
  real.eventually(
    `${ref.kind} ${ref.name} is ready`,
    readWorkload(ref),
    ({ desiredReplicas, observedGeneration, readyReplicas, rollout, updatedReplicas, ...state }) =>
      (desiredReplicas ?? 0) > 0
      && readyReplicas === desiredReplicas
      && updatedReplicas === desiredReplicas
      && observedGeneration === state.generation
      // A rollout that ends between the question and the answer changes what a person was shown.
      && rollout?.inProgress !== true
  )

const release = (ref: ResourceRef, tag: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref,
      patch: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: `registry.example/app:${tag}` }]
    })
  )

const workloads = ["Deployment", "StatefulSet", "DaemonSet"] as const

const workload = Effect.fnUntraced(function* (kind: (typeof workloads)[number], name: string) {
  const spec = {
    ...selected(name),
    ...(kind === "DaemonSet" ? {} : { replicas: 2 }),
    ...(kind === "StatefulSet" ? { serviceName: name } : {})
  }
  yield* real.create(kind, name, "apps/v1", { spec })
  yield* isReady(on(kind, name))
})

const labelsOf = ({ kind, name }: ResourceRef) => ({ namespace, [kind.toLowerCase()]: name })

/** The parts that an action writes. A scheduler and controllers write others. */
type Part = (object: KubernetesObject) => unknown

interface Trip extends Case {
  readonly name: string
  /** The object that is written. */
  readonly object: ResourceRef
  readonly part?: Part
}

const trip = (target: ResourceRef, action: Action, rest: Partial<Trip> = {}): Trip => ({
  name: `${action.type} of a ${target.kind}`,
  object: action.target,
  labels: labelsOf(target),
  propose: () => action,
  ...rest
})

/** The objects of each trip, and the trip. */
const trips: ReadonlyArray<readonly [name: string, make: Effect.Effect<Trip, KubernetesError, KubernetesClient>]> = [
  ...(["Deployment", "StatefulSet"] as const).map((kind) => {
    const target = on(kind, `scale-${kind.toLowerCase()}`)
    return [
      `ScaleWorkload of a ${kind}`,
      Effect.as(workload(kind, target.name), trip(target, { type: "ScaleWorkload", target, replicas: 3 }))
    ] as const
  }),
  [
    "ScaleWorkload of a ReplicaSet",
    Effect.gen(function* () {
      const target = on("ReplicaSet", "alone")
      yield* real.create("ReplicaSet", "alone", "apps/v1", { spec: { replicas: 2, ...selected("alone") } })
      yield* real.eventually(
        "ReplicaSet alone is ready",
        readWorkload(target),
        ({ readyReplicas }) => readyReplicas === 2
      )
      return trip(target, { type: "ScaleWorkload", target, replicas: 3 })
    })
  ],
  ...workloads.map((kind) => {
    const target = on(kind, `rollback-${kind.toLowerCase()}`)
    return [
      `RollbackDeployment of a ${kind}`,
      Effect.gen(function* () {
        yield* workload(kind, target.name)
        yield* release(target, "v2")
        yield* isReady(target)
        return trip(target, { type: "RollbackDeployment", target })
      })
    ] as const
  }),
  ...workloads.map((kind) => {
    const target = on(kind, `resources-${kind.toLowerCase()}`)
    const action: Action = {
      type: "AdjustResources",
      target,
      container: "proxy",
      requests: { cpu: "20m" },
      limits: { memory: "256Mi" }
    }
    return [`AdjustResources of a ${kind}`, Effect.as(workload(kind, target.name), trip(target, action))] as const
  }),
  [
    "PatchHpa",
    Effect.gen(function* () {
      const target = on("Deployment", "autoscaled")
      const autoscaler = on("HorizontalPodAutoscaler", "autoscaled")
      yield* workload("Deployment", "autoscaled")
      yield* real.createAutoscaler("autoscaled", 4)
      return trip(target, { type: "PatchHpa", target: autoscaler, minReplicas: 2, maxReplicas: 6 })
    })
  ],
  [
    "SuspendCronJob",
    Effect.gen(function* () {
      const target = on("CronJob", "report")
      yield* real.createCronJob("report")
      return trip(target, { type: "SuspendCronJob", target })
    })
  ],
  [
    "QuarantinePod",
    Effect.gen(function* () {
      const target = on("Deployment", "quarantined")
      yield* real.deploy("quarantined")
      const [pod] = yield* real.podsOf("quarantined")
      // After the rollback there is one pod too many. Of pods of about the same age, the ReplicaSet deletes any.
      yield* Effect.flatMap(KubernetesClient, (client) =>
        client.apply({
          _tag: "Patch",
          ref: on("Pod", pod!.metadata.name),
          patch: [
            {
              op: "add",
              path: "/metadata/annotations",
              value: { ...pod!.metadata.annotations, "controller.kubernetes.io/pod-deletion-cost": "100" }
            }
          ]
        })
      )
      return trip(
        target,
        { type: "QuarantinePod", target: on("Pod", pod!.metadata.name) },
        { part: ({ metadata }) => metadata.labels }
      )
    })
  ]
]

const unschedulable: Part = (object) => (object["spec"] as { readonly unschedulable?: boolean }).unschedulable

describe.skipIf(!plane.available)(`actions on a real API server${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () => real.openNamespace)

    /** Applied, verified and taken back. */
    const goAndReturn = Effect.fnUntraced(function* ({ object, part = real.specOf, ...each }: Trip) {
      const { begin } = yield* service({ kubeconfig: plane.kubeconfig })
      const before = part(yield* real.get(object))
      const run = yield* begin(each)
      yield* Effect.forkScoped(Effect.andThen(run.written, run.resolve))
      const applied = yield* run.approved
      assert.strictEqual(applied.state, "Remediated", applied.conclusion)
      assert.notDeepEqual(part(yield* real.get(object)), before, "the action is seen in the object")
      const undone = yield* run.rollBack
      assert.deepStrictEqual(stateOf(undone), ["RolledBack", "operator", "restored"], undone.conclusion)
      assert.deepStrictEqual(part(yield* real.get(object)), before)
      return undone
    })

    it.effect.each(trips)(
      "%s helps, and after a rollback the spec is what it was before",
      ([, make]) => Effect.scoped(Effect.flatMap(make, goAndReturn)),
      180_000
    )

    it.effect(
      "CordonNode, UncordonNode and DrainNode of a node help, and after a rollback it is as schedulable as before",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const client = yield* KubernetesClient
            const [node] = yield* client.list("Node", {})
            const target = on("Node", node!.metadata.name)
            const labels = { node: target.name }
            const rest = { part: unschedulable, labels }
            yield* goAndReturn(trip(target, { type: "CordonNode", target }, rest))
            const drained = yield* goAndReturn(trip(target, { type: "DrainNode", target }, rest))
            assert.include(drained.conclusion, "not moved back")
            yield* client.apply({
              _tag: "Patch",
              ref: target,
              patch: [{ op: "add", path: "/spec/unschedulable", value: true }]
            })
            yield* goAndReturn(trip(target, { type: "UncordonNode", target }, rest))
            yield* client.apply({
              _tag: "Patch",
              ref: target,
              patch: [{ op: "remove", path: "/spec/unschedulable" }]
            })
          })
        ),
      180_000
    )
  })
})
