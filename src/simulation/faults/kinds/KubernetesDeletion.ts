/**
 * Somebody deletes a workload between the service's plan and its write, and recreates it when the fault heals.
 */

import { Effect, Schema } from "effect"
import type { ResourceRef } from "../../../domain/Target.ts"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

export const kubernetesDeletion = kind({
  name: "kubernetes-deletion",
  target: "cluster",
  description: "Somebody deletes the workloads that the service is about to write to, and recreates them later.",
  parameters: Schema.Struct({
    /** Of the writes, dry runs included, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [10_000, 300_000],
  draw: (random) => ({ share: random.magnitude(0.05, 1) }),
  apply: ({ share }, { farEnds: { cluster } }, random) => {
    const deleted: Array<ResourceRef> = []
    const undo = cluster.disturb((request, server) => {
      const { change } = request
      if (change === undefined || !hasTemplate(change.ref)) return server
      return Effect.suspend(() => {
        if (random.chance(share)) {
          cluster.remove(change.ref)
          deleted.push(change.ref)
        }
        return server
      })
    })
    return () => {
      undo()
      for (const ref of deleted) cluster.restore(ref)
    }
  }
})
