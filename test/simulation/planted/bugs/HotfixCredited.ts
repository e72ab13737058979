import type { PlantedBug } from "../PlantedBug.ts"

export const hotfixCredited: PlantedBug = {
  name: "a hotfix is credited",
  breaks: "A hotfix that a person ships while a restart is verified makes the restart a fix.",
  edits: [
    {
      file: "verification/Judge.ts",
      search: `  if (foreign.length > 0) return verdict("unknown", ...foreign, settled)
`,
      replace: ``
    }
  ],
  foundBy: "only-own-effects-credited",
  withinSeeds: 3,
  run: "hotfixesAfterRestarts"
}
