/** `kubernaut archive`. Its implementation loads storage, so it is imported only when it runs. */

import { Duration, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { ArchiveAge } from "../../storage/Archive.ts"

export const archive = Command.make(
  "archive",
  {
    olderThan: Flag.String("older-than").pipe(
      Flag.withDescription("Move remediations that ended, and audit lines that were written, longer ago than this"),
      Flag.withSchema(ArchiveAge),
      Flag.withDefault(Duration.days(90))
    ),
    check: Flag.Boolean("check").pipe(
      Flag.withDescription("Move nothing; compare every file of the archive with its signed checkpoint"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ check, olderThan }) {
    const job = yield* Effect.promise(() => import("./ArchiveJob.ts"))
    yield* check ? job.check : job.run(olderThan)
  })
).pipe(
  Command.withDescription(
    "Move old remediations and audit lines from the database to compressed files. The service may run meanwhile. Exits with 1 if --check finds a problem"
  )
)
