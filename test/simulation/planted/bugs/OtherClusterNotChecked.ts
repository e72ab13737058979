import type { PlantedBug } from "../PlantedBug.ts"

export const otherClusterNotChecked: PlantedBug = {
  name: "another cluster's alert is worked on",
  breaks: "An alert of prod-b restarts a healthy workload of the same name in prod-a.",
  edits: [
    {
      file: "intake/AlertCluster.ts",
      search: `    if (other !== undefined) {`,
      replace: `    if (other !== undefined && labels.length === 0) {`
    }
  ],
  foundBy: "foreign-alerts-observed",
  withinSeeds: 1,
  run: "few"
}
