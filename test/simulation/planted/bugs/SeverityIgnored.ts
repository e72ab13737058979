import type { PlantedBug } from "../PlantedBug.ts"

export const severityIgnored: PlantedBug = {
  name: "severity ignored",
  breaks: "Critical alerts wait behind every warning that came before them.",
  edits: [
    {
      file: "domain/Urgency.ts",
      search: `nowMs + allowanceMs[severity]`,
      replace: `nowMs + allowanceMs[severity] * 0`
    }
  ],
  foundBy: "critical-first",
  withinSeeds: 2,
  run: "overload"
}
