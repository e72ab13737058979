import type { PlantedBug } from "../PlantedBug.ts"

export const sweepNeverRuns: PlantedBug = {
  name: "sweep never runs",
  breaks: "Nobody looks for work that a process before this one left behind: after a crash, alerts wait for ever.",
  edits: [
    {
      file: "remediation/RemediationActors.ts",
      search: `    sweep: Effect.andThen(sweepOnce, Effect.sleep(options.sweepInterval ?? "10 seconds")).pipe(Effect.forever),`,
      replace: `    sweep: Effect.never,`
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 10,
  run: "crashes"
}
