import type { PlantedBug } from "../PlantedBug.ts"

export const positionBeforeNotifications: PlantedBug = {
  name: "the position moves without the notifications",
  breaks: "A process that ends after it has read the audit log, and before it has told anybody, leaves nobody told.",
  edits: [
    {
      file: "notification/Derivation.ts",
      search: "      const { conditions, notifications } = yield* derive(lines, self)",
      replace:
        "      yield* outbox.add({ through: last.sequence, sinks, notifications: [], conditions: [] })\n      yield* Effect.sleep(together)\n      const { conditions, notifications } = yield* derive(lines, self)"
    }
  ],
  foundBy: "notifications-never-lost",
  withinSeeds: 20,
  run: "sinksAndCrashes"
}
