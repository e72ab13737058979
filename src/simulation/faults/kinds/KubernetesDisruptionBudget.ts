/**
 * Disruption budgets allow no eviction: the API server responds 429, which says nothing about its health.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const kubernetesDisruptionBudget = kind({
  name: "kubernetes-disruption-budget",
  target: "cluster",
  description: "Disruption budgets allow no pod to be evicted.",
  parameters: Schema.Struct({}),
  lasts: [30_000, 600_000],
  draw: () => ({}),
  apply: (_, { farEnds: { cluster } }, random) => {
    const undo = cluster.workloads
      .filter(() => random.chance(0.5))
      .map(({ name, namespace }) => cluster.forbidEvictions({ namespace, name, budget: `${name}-${random.hex(8)}` }))
    return () => {
      for (const each of undo) each()
    }
  }
})
