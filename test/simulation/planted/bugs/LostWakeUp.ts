import type { PlantedBug } from "../PlantedBug.ts"

export const lostWakeUp: PlantedBug = {
  name: "lost wake-up",
  breaks:
    "An actor that has ended keeps its mailbox, where later events about its target are never read. The sweep skips targets that have an actor.",
  edits: [
    {
      file: "remediation/RemediationActors.ts",
      search: `} else mailboxes.delete(mailbox.target)`,
      replace: `}`
    }
  ],
  foundBy: "nothing-leaked",
  withinSeeds: 3,
  run: "calm"
}
