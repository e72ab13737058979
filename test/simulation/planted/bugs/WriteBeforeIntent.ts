import type { PlantedBug } from "../PlantedBug.ts"

export const writeBeforeIntent: PlantedBug = {
  name: "write before intent",
  breaks: "The write happens before its intent is journaled: a crash in between leaves an unrecorded change.",
  edits: [
    {
      file: "remediation/stages/Decide.ts",
      search: `  const draft = yield* makeDraft
`,
      replace: `  const draft = yield* makeDraft
  const store = yield* RemediationStore
`
    },
    {
      file: "remediation/stages/Decide.ts",
      search: `      final.outcome === "execute" && intent !== undefined
        ? [decided(final), { _tag: "Intended", intent }]
        : [decided(final)]
`,
      replace: `      final.outcome === "execute" && intent !== undefined
        ? [
            decided(final),
            { _tag: "Intended", intent },
            { _tag: "Executed", outcome: yield* executor.execute(intent, { holds: store.holds(claim) }) }
          ]
        : [decided(final)]
`
    }
  ],
  foundBy: "intent-before-write",
  withinSeeds: 1,
  run: "calm"
}
