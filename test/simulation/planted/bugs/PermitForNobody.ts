import type { PlantedBug } from "../PlantedBug.ts"

export const permitForNobody: PlantedBug = {
  name: "who gives up stays in the queue",
  breaks:
    "A call that times out while it waits for a permit stays in the queue, where it gets a permit that is never released.",
  edits: [
    {
      file: "resilience/pipeline/Bulkhead.ts",
      search: `      this.#waiters.remove(entry)
    }`,
      replace: `    }`
    }
  ],
  foundBy: "nothing-leaked",
  withinSeeds: 1,
  run: "storm"
}
