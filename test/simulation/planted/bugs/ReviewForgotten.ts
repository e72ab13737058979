import type { PlantedBug } from "../PlantedBug.ts"

export const reviewForgotten: PlantedBug = {
  name: "replay forgets the review",
  breaks: "A person's approval is lost on the way: the question is asked again, or never acted on.",
  edits: [
    {
      file: "domain/Remediation.ts",
      search: `      return { ...withApproval(next, event.review), review: event.review, investigations: 0, state: "Investigating" }`,
      replace: `      return { ...next, state: "Investigating" }`
    }
  ],
  foundBy: "answered-once",
  withinSeeds: 3,
  run: "approvals"
}
