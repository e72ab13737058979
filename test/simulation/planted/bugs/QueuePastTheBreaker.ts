import type { PlantedBug } from "../PlantedBug.ts"

export const queuePastTheBreaker: PlantedBug = {
  name: "the queue passes an open breaker",
  breaks:
    "Whoever waits for a place at a peer is sent to it when there is one, though its circuit has opened meanwhile.",
  edits: [
    {
      file: "resilience/pipeline/Execution.ts",
      search: `return this.enter(Monotonic.nowMsUnsafe(this.clock))`,
      replace: `return this.run(Monotonic.nowMsUnsafe(this.clock))`
    }
  ],
  foundBy: "legal-transitions",
  withinSeeds: 1,
  run: "fullHouse"
}
