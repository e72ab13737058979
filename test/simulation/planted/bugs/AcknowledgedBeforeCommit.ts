import type { PlantedBug } from "../PlantedBug.ts"

export const acknowledgedBeforeCommit: PlantedBug = {
  name: "202 before commit",
  breaks: "The webhook is acknowledged before the alert is committed: a crash loses an alert that is never sent again.",
  edits: [
    {
      file: "intake/Intake.ts",
      search: `    const stored = yield* store.accept(
      // There are as many ids as alerts.
      taken.map((arrival, place) => ({ id: ids[place]!, ...firingOf(arrival, options) })),
      at
    )
`,
      replace: `    const alerts = taken.map((arrival, place) => ({ id: ids[place]!, ...firingOf(arrival, options) }))
    yield* Effect.forkDetach(store.accept(alerts, at).pipe(
      Effect.flatMap((done) => onAccepted(distinct(done.map((result) => result.target)), new Map()))
    ))
    const stored = alerts.map(({ id, target }) => ({ status: "accepted" as const, remediationId: id, target: "" as TargetKey }))
`
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 1,
  run: "calm"
}
