import type { PlantedBug } from "../PlantedBug.ts"

export const cooldownDropped: PlantedBug = {
  name: "no cooldown",
  breaks: "The same action is carried out on the same target again and again.",
  edits: [
    {
      file: "decision/Guardrails.ts",
      search: `  cooldown,
  turn,`,
      replace: `  turn,`
    }
  ],
  foundBy: "guardrails-hold",
  withinSeeds: 3,
  run: "few"
}
