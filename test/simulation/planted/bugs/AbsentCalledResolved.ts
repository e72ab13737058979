import type { PlantedBug } from "../PlantedBug.ts"

export const absentCalledResolved: PlantedBug = {
  name: "absent is called resolved",
  breaks: "An alert that an Alertmanager does not list after its restart counts as resolved.",
  edits: [
    {
      file: "verification/AlertEvidence.ts",
      search: `if (self.state === "resolved" || !self.listedBy.includes(instance)) return next`,
      replace: `if (self.state === "resolved") return next`
    }
  ],
  foundBy: "never-falsely-fixed",
  withinSeeds: 20,
  run: "symptoms"
}
