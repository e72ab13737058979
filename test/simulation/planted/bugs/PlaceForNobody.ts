import type { PlantedBug } from "../PlantedBug.ts"

export const placeForNobody: PlantedBug = {
  name: "who gives up stays in the queue",
  breaks:
    "A call that has waited for a place for too long gives up and stays in the queue, where it is given a place that nobody gives back.",
  edits: [
    {
      file: "resilience/pipeline/Bulkhead.ts",
      search: `    return () => {
      this.#waiters.delete(waiter)
    }`,
      replace: `    return () => {}`
    }
  ],
  foundBy: "nothing-leaked",
  withinSeeds: 1,
  run: "slowCluster"
}
