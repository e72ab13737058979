import type { PlantedBug } from "../PlantedBug.ts"

export const keyOfTheAttempt: PlantedBug = {
  name: "each attempt has a key of its own",
  breaks: "A message whose response was lost arrives again, and the receiver pages twice for one escalation.",
  edits: [
    {
      file: "notification/WebhookSink.ts",
      search: "const shown = (",
      replace: "let attempts = 0\nconst shown = ("
    },
    {
      file: "notification/WebhookSink.ts",
      search: "  key: notification.key,",
      replace: "  key: `${notification.key}-${++attempts}`,"
    }
  ],
  foundBy: "notifications-never-doubled",
  withinSeeds: 3,
  run: "sinks"
}
