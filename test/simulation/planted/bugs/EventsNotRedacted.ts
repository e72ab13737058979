import type { PlantedBug } from "../PlantedBug.ts"

export const eventsNotRedacted: PlantedBug = {
  name: "events are journaled as they are",
  breaks: "What the kubelet quotes of a registry's answer, a token among it, is in the journal with the diagnostics.",
  edits: [
    {
      file: "execution/Diagnostics.ts",
      search: `redact(event.message ?? "")`,
      replace: `event.message ?? ""`
    }
  ],
  foundBy: "no-secret-leaks",
  withinSeeds: 1,
  run: "diagnostics"
}
