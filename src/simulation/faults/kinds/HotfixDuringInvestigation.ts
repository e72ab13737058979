/**
 * A person reacts to the same incident as the service: while the service investigates, the person rolls out a version
 * that works. A proposal about the version before must then not be carried out.
 */

import { Effect, Schema } from "effect"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

export const hotfixDuringInvestigation = kind({
  name: "hotfix-during-investigation",
  target: "cluster",
  description: "Somebody rolls out a working version of a broken workload soon after the service has begun to read it.",
  parameters: Schema.Struct({
    /** From the service's read until the rollout. */
    afterMs: Schema.Int,
    /** Of the reads of broken workloads, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [60_000, 1_800_000],
  draw: (random) => ({ afterMs: Math.ceil(random.magnitude(5, 60_000)), share: random.magnitude(0.1, 1) }),
  apply: ({ afterMs, share }, { farEnds: { cluster }, world }, random) => {
    /** The workloads on which a person works. */
    const busy = new Set<string>()
    return cluster.disturb((request, server) => {
      if (request.verb !== "get" || !hasTemplate(request)) return server
      return Effect.suspend(() => {
        const ref = { namespace: request.namespace, kind: request.kind, name: request.name }
        if (busy.has(ref.name) || cluster.serves(ref) || !random.chance(share)) return server
        busy.add(ref.name)
        world.at(world.nowMs + afterMs, () => {
          busy.delete(ref.name)
          cluster.repair(ref)
        })
        return server
      })
    })
  }
})
