import type { PlantedBug } from "../PlantedBug.ts"

export const notificationGivenUp: PlantedBug = {
  name: "a notification is given up",
  breaks: "After three failures a notification counts as delivered, and the person who is needed never hears of it.",
  edits: [
    {
      file: "notification/Delivery.ts",
      search: "if (Result.isFailure(result)) return yield* failed(channel, outbox, key, batch, result.failure)",
      replace:
        "if (Result.isFailure(result) && channel.failures < 2) return yield* failed(channel, outbox, key, batch, result.failure)"
    }
  ],
  foundBy: "notifications-never-lost",
  withinSeeds: 3,
  run: "sinks"
}
