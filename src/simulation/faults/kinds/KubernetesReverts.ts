/**
 * Another controller owns the workloads: some time after the service has changed one, the controller puts back the spec
 * that it was before, also where that spec does not work.
 */

import { Effect, Result, Schema } from "effect"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

/** From the controller's write until an alert about a workload that does not work then. */
const alertMs = 20_000

export const kubernetesReverts = kind({
  name: "kubernetes-reverts",
  target: "cluster",
  description: "Another controller reverts what the service has changed.",
  parameters: Schema.Struct({
    /** From the service's write until the controller's. */
    afterMs: Schema.Int,
    /** Of the writes, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [60_000, 1_800_000],
  draw: (random) => ({
    afterMs: Math.ceil(random.magnitude(100, 180_000)),
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe()
  }),
  apply: ({ afterMs, share }, { farEnds: { alertmanager, cluster }, world }, random) => {
    let active = true
    const heal = cluster.disturb((request, server) => {
      const { change } = request
      if (change?._tag !== "Patch" || !hasTemplate(change.ref) || request.dryRun) return server
      return Effect.suspend(() => {
        const before = cluster.read(change.ref)
        return Effect.tap(server, () =>
          Effect.sync(() => {
            if (Result.isFailure(before) || !random.chance(share)) return
            const { ref } = change
            world.at(world.nowMs + afterMs, () => {
              // Somebody has changed or deleted the workload since then.
              if (!active || cluster.specs.of(ref).at(-1)?.by !== "kubernaut") return
              const value = before.success["spec"] as Schema.Json
              cluster.write({ _tag: "Patch", ref, patch: [{ op: "replace", path: "/spec", value }] })
              world.at(world.nowMs + alertMs, () => {
                if (active && !cluster.serves(ref)) alertmanager.alarm(ref)
              })
            })
          })
        )
      })
    })
    return () => {
      active = false
      heal()
    }
  }
})
