import type { PlantedBug } from "../PlantedBug.ts"

export const oldProposalCarriedOut: PlantedBug = {
  name: "an old proposal is carried out",
  breaks: "A rollback that was proposed before a person shipped a hotfix undoes the hotfix.",
  edits: [
    {
      file: "decision/Freshness.ts",
      search: `  if (change !== undefined) return { rule: "changed-since-investigation", message: change }
`,
      replace: ``
    },
    {
      file: "remediation/stages/Decide.ts",
      search: `        seen: self.seen,
        decidedOn`,
      replace: `        decidedOn`
    },
    {
      file: "decision/Guardrails.ts",
      search: `  peersFailed,
  revision,
`,
      replace: `  peersFailed,
`
    }
  ],
  foundBy: "newer-spec-kept",
  withinSeeds: 3,
  run: "hotfixes"
}
