import type { PlantedBug } from "../PlantedBug.ts"

/** As with `outdatedReadBelieved`, but the read returns the planned object, and the wall clock says that it is old. */
export const wallClockBelieved: PlantedBug = {
  name: "the wall clock is believed",
  breaks: "A write that took effect just before a crash is recorded as not applied, because the clock jumped ahead.",
  edits: [
    {
      file: "execution/CarryOut.ts",
      search: `      if (isExpired && resumed && (event.runMs ?? 0) < inFlightMs) return retry(showUpDelayMs, progress)
`,
      replace: ``
    }
  ],
  foundBy: "audit-complete",
  withinSeeds: 5,
  run: "backInTimeAndClockAhead"
}
