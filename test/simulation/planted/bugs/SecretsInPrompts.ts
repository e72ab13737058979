import type { PlantedBug } from "../PlantedBug.ts"

export const secretsInPrompts: PlantedBug = {
  name: "secrets are not taken out of prompts",
  breaks: "Passwords that stand in logs and annotations are sent to the model's provider.",
  edits: [
    {
      file: "investigation/models/Prompt.ts",
      search: `  ...redact(log.text)
    .split("\\n")
    .filter((text) => text.trim() !== "")
    .map((text) => \`  \${redact(json(text))}\`)`,
      replace: `  ...log.text
    .split("\\n")
    .filter((text) => text.trim() !== "")
    .map((text) => \`  \${json(text)}\`)`
    }
  ],
  foundBy: "no-secret-leaks",
  withinSeeds: 1,
  run: "models"
}
