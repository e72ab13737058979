import type { PlantedBug } from "../PlantedBug.ts"

export const writeBeforeIntent: PlantedBug = {
  name: "write before intent",
  breaks: "The write happens before its intent is journaled: a crash in between leaves an unrecorded change.",
  edits: [
    {
      file: "remediation/stages/Decide.ts",
      search: `import type { Claim } from`,
      replace: `import { type Claim, RemediationStore } from`
    },
    {
      file: "remediation/stages/Decide.ts",
      search: `  const plan = yield* makePlan
`,
      replace: `  const plan = yield* makePlan
  const executor = yield* Executor
  const store = yield* RemediationStore
`
    },
    {
      file: "remediation/stages/Decide.ts",
      search: `    return yield* journal(claim, self, planned._tag === "Intended" ? [decided, planned] : [planned])
`,
      replace: `    if (planned._tag !== "Intended") return yield* journal(claim, self, [planned])
    const outcome = yield* executor.execute(planned.intent, { holds: store.holds(claim) })
    return yield* journal(claim, self, [decided, planned, { _tag: "Executed", outcome }])
`
    }
  ],
  foundBy: "intent-before-write",
  withinSeeds: 1,
  run: "calm"
}
