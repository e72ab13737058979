import type { PlantedBug } from "../PlantedBug.ts"

export const resolvedIgnored: PlantedBug = {
  name: "a resolved alert is ignored",
  breaks: "Who is asked about an alert is still asked when it is long over, and an answer is acted on.",
  edits: [
    {
      file: "remediation/NextStep.ts",
      search: `  if (self.alertResolvedAt !== undefined) return conclude("Cancelled", \`The alert resolved before \${undone.before}.\`)
`,
      replace: ``
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 2,
  run: "approvals"
}
