/**
 * An engineer ships a fix just before the alert: the pods of the bad version still crash, and those of the fix have
 * only begun to start.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const kubernetesFixUnderWay = kind({
  name: "kubernetes-fix-under-way",
  target: "cluster",
  description: "A workload's version crashes, and an alert about it comes while the version that fixes it starts.",
  parameters: Schema.Struct({
    /** How long the workload crashes before the fix is shipped. */
    brokenMs: Schema.Int,
    /** How long the pods of the fix take to start. */
    startsMs: Schema.Int,
    /** When the alert comes, after the fix. */
    alertMs: Schema.Int
  }),
  lasts: [120_000, 240_000],
  draw: (random) => ({
    brokenMs: random.between(15_000, 60_000),
    startsMs: random.between(5_000, 90_000),
    alertMs: random.between(100, 5_000)
  }),
  apply: ({ alertMs, brokenMs, startsMs }, { farEnds: { alertmanager, cluster }, world }, random) => {
    const serving = cluster.workloads.filter((ref) => cluster.serves(ref))
    if (serving.length === 0) return () => {}
    const ref = random.pick(serving)
    let state: "broken" | "fixed" | "healed" = "broken"
    // Each pod is ready for a moment, so this version is rolled out completely before it crashes.
    cluster.breakRollout(ref, "flaky")
    world.at(world.nowMs + brokenMs, () => {
      if (state !== "broken") return
      state = "fixed"
      cluster.fix(ref, `${startsMs / 1000}s`)
    })
    world.at(world.nowMs + brokenMs + alertMs, () => {
      if (state === "fixed") alertmanager.alarm(ref)
    })
    return () => {
      if (state === "broken") cluster.repair(ref)
      state = "healed"
    }
  }
})
