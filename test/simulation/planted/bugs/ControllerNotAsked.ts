import type { PlantedBug } from "../PlantedBug.ts"

export const controllerNotAsked: PlantedBug = {
  name: "the controller of an object is ignored",
  breaks: "A workload that an operator controls is changed unasked, and the operator puts it back.",
  edits: [
    {
      file: "decision/Guardrails.ts",
      search: `  if (owner !== undefined && (controlled || contested.includes("operator")))`,
      replace: `  if (owner !== undefined && controlled && name === "")`
    },
    {
      file: "decision/Guardrails.ts",
      search: `  const managers = contested.filter((manager) => written.managers.includes(manager))`,
      replace: `  const managers = contested.filter(
    (manager) => manager !== "operator" && written.managers.includes(manager)
  )`
    }
  ],
  foundBy: "guardrails-hold",
  withinSeeds: 4,
  run: "few"
}
