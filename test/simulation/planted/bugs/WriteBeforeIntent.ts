import type { PlantedBug } from "../PlantedBug.ts"

export const writeBeforeIntent: PlantedBug = {
  name: "write before intent",
  breaks:
    "The cluster is written to first and the intent is journaled afterwards: a crash in between leaves a change that nobody knows of.",
  edits: [
    {
      file: "remediation/Remediation.ts",
      search: `      journal(claim, self, plan._tag === "Intended" ? [decision, plan] : [plan])
`,
      replace: `      plan._tag === "Intended"
        ? Effect.flatMap(executor.execute(plan.intent, { holds: store.holds(claim) }), (outcome) => journal(claim, self, [decision, plan, { _tag: "Executed", outcome }]))
        : journal(claim, self, [plan])
`
    }
  ],
  foundBy: "intent-before-write",
  withinSeeds: 1,
  run: "calm"
}
