import type { PlantedBug } from "../PlantedBug.ts"

export const acknowledgedBeforeCommit: PlantedBug = {
  name: "202 before commit",
  breaks: "The webhook is acknowledged before the alert is committed: a crash loses an alert that is never sent again.",
  edits: [
    {
      file: "intake/Intake.ts",
      search: `    const stored = yield* store.accept(
      admitted.map(({ alert, source }, place) => ({
        // There are as many ids as alerts.
        id: ids[place]!,
        alert,
        ...targetOf(cluster, { fingerprint: alert.fingerprint, labels: source.labels })
      })),
      at
    )
`,
      replace: `    const alerts = admitted.map(({ alert, source }, place) => ({
      id: ids[place]!,
      alert,
      ...targetOf(cluster, { fingerprint: alert.fingerprint, labels: source.labels })
    }))
    yield* Effect.forkDetach(store.accept(alerts, at).pipe(
      Effect.flatMap((done) => onAccepted(distinct(done.map((result) => result.target))))
    ))
    const stored = alerts.map(({ id, target }) => ({ status: "accepted" as const, remediationId: id, target: "" as TargetKey }))
`
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 1,
  run: "calm"
}
