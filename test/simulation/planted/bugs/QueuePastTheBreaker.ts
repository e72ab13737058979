import type { PlantedBug } from "../PlantedBug.ts"

export const queuePastTheBreaker: PlantedBug = {
  name: "the queue passes an open breaker",
  breaks: "A call that waits for a permit is sent when it gets one, although the circuit has opened meanwhile.",
  edits: [
    {
      file: "resilience/pipeline/Execution.ts",
      search: `return this.enter(nowMs + queuedMs)`,
      replace: `return this.run(nowMs + queuedMs)`
    },
    // The second look would still hold back the calls to models.
    {
      file: "resilience/pipeline/Checkpoint.ts",
      search: `Effect.withFiber((fiber) => fiber.getRef(CurrentCheckpoint))`,
      replace: `Effect.void`
    }
  ],
  foundBy: "legal-transitions",
  withinSeeds: 1,
  run: "fullHouse"
}
