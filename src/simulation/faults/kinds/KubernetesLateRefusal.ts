/**
 * The API server accepts a change of a workload, and refuses its pods: the dry run of a pod had passed, and then a
 * quota is used up, a LimitRange changes, or Pod Security is enforced. Only the condition of the ReplicaSet says so, or
 * an event about a StatefulSet or DaemonSet.
 */

import { Effect, Schema } from "effect"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

export const kubernetesLateRefusal = kind({
  name: "kubernetes-late-refusal",
  target: "cluster",
  description: "A write to a workload is accepted, and from then on its pods are refused for a while.",
  parameters: Schema.Struct({
    how: Schema.Literals(["quota", "limit-range", "pod-security"]),
    /** From the write until pods are allowed again. */
    clearsAfterMs: Schema.Int,
    /** Of the writes, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [60_000, 1_800_000],
  draw: (random) => ({
    how: random.pick(["quota", "limit-range", "pod-security"] as const),
    clearsAfterMs: Math.ceil(random.magnitude(5_000, 900_000)),
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe()
  }),
  apply: ({ clearsAfterMs, how, share }, { farEnds: { cluster }, world }, random) => {
    const allowAgain = new Map<string, () => void>()
    const clear = (namespace: string): void => {
      allowAgain.get(namespace)?.()
      allowAgain.delete(namespace)
    }
    const heal = cluster.disturb((request, server) => {
      const { change } = request
      if (change?._tag !== "Patch" || !hasTemplate(change.ref) || request.dryRun) return server
      const { namespace } = change.ref
      return Effect.suspend(() => {
        if (!cluster.isRefused(namespace) && random.chance(share)) {
          allowAgain.set(namespace, cluster.refusePods(namespace, how))
          world.at(world.nowMs + clearsAfterMs, () => clear(namespace))
        }
        return server
      })
    })
    return () => {
      heal()
      for (const namespace of allowAgain.keys()) clear(namespace)
    }
  }
})
