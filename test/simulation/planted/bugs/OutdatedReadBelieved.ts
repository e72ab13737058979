import type { PlantedBug } from "../PlantedBug.ts"

/** Sieve's stale state, after an intermediate state: a restarted service believes a read from before its own write. */
export const outdatedReadBelieved: PlantedBug = {
  name: "an outdated read is believed",
  breaks: "A write that took effect just before a crash is recorded as not applied, and stays in the cluster.",
  edits: [
    {
      file: "execution/Presence.ts",
      search: `      if (isOlder(resourceVersion, version)) return "outdated"
`,
      replace: ``
    }
  ],
  foundBy: "audit-complete",
  withinSeeds: 5,
  run: "backInTime"
}
