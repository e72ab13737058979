/** The settings of the degradation level. */

import { Duration, Schema } from "effect"
import { DurationText } from "../../domain/DurationText.ts"
import { setting } from "./Setting.ts"

/** Longer than an hour, the level would say nothing about the present. */
const Dwell = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) <= Duration.toMillis(Duration.hours(1)) ? undefined : "Expected at most 1 hour"
  )
)

/** More often, it would cost more than it tells. */
const Interval = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) >= 10_000 && Duration.toMillis(duration) <= Duration.toMillis(Duration.days(1))
      ? undefined
      : "Expected at least 10 seconds and at most 1 day"
  )
)

export const health = {
  pipelineCheck: setting(Schema.Union([Schema.Literal("off"), Interval]), {
    form: "text",
    fallback: "5 minutes",
    description:
      "How often a synthetic alert is sent the whole way, from the intake to its end: by the rules alone, with a journal of its own, so that nothing can come of it and nobody sees it. The status has the health check pipeline, which says where it got stuck. off: never.",
    expected: "a duration from 10 seconds to 1 day, such as 5 minutes, or off"
  }),
  levelDwell: setting(Dwell, {
    form: "text",
    fallback: "30 seconds",
    description:
      "How long something better must last until the degradation level rises. Whatever this is, it rises at most once in 5 minutes, and falls at once.",
    expected: "a duration of at most 1 hour, such as 30 seconds"
  })
} as const
