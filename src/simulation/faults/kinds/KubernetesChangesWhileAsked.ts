/**
 * While a person is asked about an action, somebody else changes its target: what is approved then is no longer what
 * was shown.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const kubernetesChangesWhileAsked = kind({
  name: "kubernetes-changes-while-asked",
  target: "cluster",
  description: "Somebody rolls out another version of a workload while a person is asked about an action on it.",
  parameters: Schema.Struct({
    /** From the question until the rollout. */
    afterMs: Schema.Int,
    /** Of the questions, from 0 to 1. */
    share: Schema.Finite,
    /** Whether the other version works. */
    how: Schema.Literals(["bad", "good"])
  }),
  lasts: [60_000, 1_800_000],
  draw: (random) => ({
    afterMs: Math.ceil(random.magnitude(100, 300_000)),
    share: random.magnitude(0.1, 1),
    how: random.pick(["bad", "good"] as const)
  }),
  apply: ({ afterMs, how, share }, { farEnds: { cluster }, observations, world }, random) => {
    let active = true
    observations.subscribe({
      Committed: ({ events }) => {
        if (!active) return
        for (const { event, kind: of } of events) {
          if (of !== "Decided" || event._tag !== "Decided" || event.decision.outcome !== "review") continue
          const target = event.decision.action?.target
          const ref = cluster.workloads.find((each) => each.name === (target as { name?: string } | undefined)?.name)
          if (ref === undefined || !random.chance(share)) continue
          world.at(world.nowMs + afterMs, () => {
            if (!active) return
            if (how === "bad") cluster.breakRollout(ref)
            else cluster.repair(ref)
          })
        }
      }
    })
    return () => {
      active = false
    }
  }
})
