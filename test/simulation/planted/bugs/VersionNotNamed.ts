import type { PlantedBug } from "../PlantedBug.ts"

/** Sieve's stale state: a service that trusts what it has read. */
export const versionNotNamed: PlantedBug = {
  name: "a write names no version",
  breaks: "A write that was planned from an old read overwrites what somebody has shipped since.",
  edits: [
    {
      file: "execution/ObjectPatch.ts",
      search: `patch: [version, ...requested.forward, ...signed.forward]`,
      replace: `patch: [...requested.forward, ...signed.forward]`
    }
  ],
  foundBy: "newer-spec-kept",
  withinSeeds: 5,
  run: "staleHotfixes"
}
