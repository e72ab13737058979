/**
 * A rollback is not always a way back: the bad version has changed the data, so the version before becomes ready, and
 * crashes once it works. No read before the rollback shows this.
 *
 * The pods of the restored version are replaced soon after, as those that still ran would fail as well.
 */

import { Effect, Schema } from "effect"
import { deletePods } from "../../farEnds/PodDeletion.ts"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

export const kubernetesRestoredFails = kind({
  name: "kubernetes-restored-fails",
  target: "cluster",
  description: "A version that the service restores becomes ready, and crashes some seconds later.",
  parameters: Schema.Struct({
    /** Of the writes, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [60_000, 1_800_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe() }),
  apply: ({ share }, { farEnds: { cluster } }, random) => {
    const failing = new Set<string>()
    const heal = cluster.disturb((request, server) => {
      const { change } = request
      if (change?._tag !== "Patch" || !hasTemplate(change.ref) || request.dryRun) return server
      const before = cluster.imageOf(change.ref)
      return Effect.tap(server, () =>
        Effect.sync(() => {
          const image = cluster.imageOf(change.ref)
          if (image === undefined || image === before || !random.chance(share)) return
          failing.add(image)
          cluster.flaky.add(image)
          const restored = cluster.revisionsOf(change.ref).find((one) => one.image === image)
          deletePods(cluster, change.ref, restored?.pods ?? [])
        })
      )
    })
    return () => {
      heal()
      for (const image of failing) cluster.flaky.delete(image)
    }
  }
})
