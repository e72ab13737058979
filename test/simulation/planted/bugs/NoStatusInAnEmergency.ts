import type { PlantedBug } from "../PlantedBug.ts"

export const noStatusInAnEmergency: PlantedBug = {
  name: "the status fails in an emergency",
  breaks: "GET /api/v1/status is a 500 when people need it most.",
  edits: [
    {
      file: "health/Degradation.ts",
      search: "    if (doubt === undefined || doubt.untilMs <= nowMs) return found",
      replace: `    if (found.capabilities.investigators.length === 0) throw new RangeError("nobody investigates")
    if (doubt === undefined || doubt.untilMs <= nowMs) return found`
    }
  ],
  foundBy: "essential-services",
  withinSeeds: 1,
  run: "declaredEmergency"
}
