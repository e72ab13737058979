/**
 * Somebody else writes to the objects that the service is about to write to: a real 409, and the plan is out of date.
 */

import { Effect, Schema } from "effect"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

export const kubernetesInterference = kind({
  name: "kubernetes-interference",
  target: "cluster",
  description: "Somebody else changes an object just before the service writes to it.",
  parameters: Schema.Struct({
    /** Of the writes, from 0 to 1. */
    share: Schema.Finite,
    /** `touch` changes an annotation; `repair` rolls out a working version. */
    how: Schema.Literals(["touch", "repair"])
  }),
  lasts: [10_000, 600_000],
  draw: (random) => ({
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe(),
    how: random.pick(["touch", "repair"] as const)
  }),
  apply: ({ how, share }, { farEnds: { cluster }, world }, random) =>
    cluster.disturb((request, server) => {
      const { change } = request
      if (change?._tag !== "Patch" || !hasTemplate(change.ref) || request.dryRun) return server
      return Effect.suspend(() => {
        if (random.chance(share)) {
          if (how === "repair") cluster.repair(change.ref)
          else cluster.touch(change.ref, String(world.nowMs))
        }
        return server
      })
    })
})
