import type { PlantedBug } from "../PlantedBug.ts"

export const startIdentifies: PlantedBug = {
  name: "each start is an alert of its own",
  breaks: "Two replicas of Prometheus get two remediations for one alert, and each resolution ends only one of them.",
  edits: [
    {
      file: "storage/sqlite/AlertWrites.ts",
      search: `means?.means === "repeat") {`,
      replace: `means?.means === "repeat" && known.starts_at === alert.startsAt) {`
    }
  ],
  foundBy: "firing-again-is-work",
  withinSeeds: 3,
  run: "episodes"
}
