import type { PlantedBug } from "../PlantedBug.ts"

export const auditLineMissing: PlantedBug = {
  name: "audit line missing",
  breaks: "A verification is journaled but not audited: the audit log does not show whether an action helped.",
  edits: [
    {
      file: "storage/sqlite/JournalTable.ts",
      search: `      audit.append(auditOf(event, key), next.id, at)`,
      replace: `      if (event._tag !== "Verified") audit.append(auditOf(event, key), next.id, at)`
    }
  ],
  foundBy: "audit-complete",
  withinSeeds: 1,
  run: "calm"
}
