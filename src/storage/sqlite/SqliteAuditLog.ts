/** `AuditLog` on SQLite. */

import { Clock, Effect } from "effect"
import { fromMillis } from "../../domain/Timestamp.ts"
import type { ChainHead } from "../AuditChain.ts"
import type { AuditLog } from "../AuditLog.ts"
import type { StorageError } from "../StorageError.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt } from "./Sqlite.ts"

/** The number of lines checked before yielding to other fibers: about 10 ms of work. */
const linesAtOnce = 2000

/** The first invalid line after `after`. */
export const firstBroken = (audit: AuditTable, after: ChainHead): Effect.Effect<number | undefined, StorageError> =>
  Effect.gen(function* () {
    let head = after
    for (;;) {
      const check = yield* attempt("verify", () => audit.check(head, linesAtOnce))
      if (check.broken !== undefined || check.done) return check.broken
      head = check.head
      yield* Effect.yieldNow
    }
  })

export const make = (writer: BatchWriter, audit: AuditTable): AuditLog["Service"] => ({
  record: ({ actor, data, kind, subject }) =>
    Effect.flatMap(Clock.currentTimeMillis, (millis) =>
      writer.write("record", "journal", () => audit.append({ actor, kind, data }, subject, fromMillis(millis)))
    ),
  read: (after, limit) => attempt("read", () => audit.read(after, limit)),
  verify: Effect.flatMap(attempt("verify", audit.start), (start) => firstBroken(audit, start))
})
