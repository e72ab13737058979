/**
 * The level that the process before this one has kept. One that cannot be read is found again.
 *
 * A database that fails now and then must not make a process forget: it would begin well in an emergency, or rise
 * sooner than it may. So the read is tried again for a moment. The start waits no longer, because the service accepts
 * alerts without it.
 */

import { Effect, Option, Schedule } from "effect"
import type { LevelRecord } from "../domain/LevelRecord.ts"
import { Levels } from "../storage/Levels.ts"

/** For two seconds. The disk of the level files is waited for once before, for as long (`UnrecordedLevels`). */
const again = Schedule.upTo(Schedule.spaced("250 millis"), { duration: "1750 millis", times: 7 })

export const keptLevel = Effect.flatMap(
  Effect.serviceOption(Levels),
  Option.match({
    onNone: () => Effect.succeedNone,
    onSome: ({ latest }) =>
      latest.pipe(
        Effect.retry({ schedule: again, while: ({ retryable }) => retryable }),
        Effect.orElseSucceed(() => Option.none<LevelRecord>())
      )
  })
)
