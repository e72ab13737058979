/**
 * An API server that is killed while a write of Kubernaut is under way, and started again: the write is found, or sent
 * again, and made once. So is its undo. `metadata.generation` is the API server's own count of changes to a spec.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import * as real from "../execution/realCluster.ts"
import { ownControlPlane } from "../kubernetes/controlPlane.ts"
import { make as makePath } from "../kubernetes/HeldPath.ts"
import { service, stateOf } from "./realRemediation.ts"

const plane = await ownControlPlane()
afterAll(plane.stop)

const { namespace, on } = real

describe.skipIf(!plane.available)(`an API server that is killed in the middle of a write${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect(
      "before it has stored an action, and after it has stored the undo: both are made once",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* real.openNamespace
            const target = on("Deployment", "web")
            yield* real.deploy("web")
            const path = yield* makePath(plane.kubeconfig, namespace)
            const before = yield* real.get(target)
            const generation = Effect.map(real.get(target), ({ metadata }) => metadata.generation!)
            const { begin } = yield* service({ kubeconfig: path.kubeconfig }, { actors: { patience: "3 minutes" } })

            const stopped = yield* Deferred.make<void>()
            path.onArrival = async () => {
              path.onArrival = () => Promise.resolve()
              plane.killApiServer()
              Deferred.doneUnsafe(stopped, Effect.void)
            }
            const run = yield* begin({
              labels: { namespace, deployment: "web" },
              propose: () => ({ type: "ScaleWorkload", target, replicas: 3 })
            })
            yield* Deferred.await(stopped)
            yield* Effect.promise(plane.restart)
            yield* run.written
            yield* run.resolve
            const applied = yield* run.outcome
            assert.strictEqual(applied.state, "Remediated", applied.conclusion)
            assert.strictEqual(applied.executions.length, 1)
            assert.strictEqual(yield* generation, before.metadata.generation! + 1)
            assert.strictEqual(path.arrivals.length, 2)

            path.onArrival = async () => {
              path.onArrival = () => Promise.resolve()
              path.hold()
            }
            const undoing = yield* Effect.forkScoped(run.rollBack)
            yield* real.eventually(
              "the undo is stored",
              Effect.orElseSucceed(generation, () => 0),
              (now) => now === before.metadata.generation! + 2
            )
            plane.killApiServer()
            path.cut()
            yield* Effect.promise(plane.restart)
            const undone = yield* Fiber.join(undoing)
            assert.deepStrictEqual(stateOf(undone), ["RolledBack", "operator", "restored"], undone.conclusion)
            const after = yield* real.get(target)
            assert.deepStrictEqual(real.specOf(after), real.specOf(before))
            assert.strictEqual(after.metadata.generation, before.metadata.generation! + 2)
            assert.strictEqual(path.arrivals.length, 3)
          })
        ),
      180_000
    )
  })
})
