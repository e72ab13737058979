/** `EmergencyStops` on SQLite: a table of at most one row. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option } from "effect"
import type { EmergencyStop } from "../../domain/EmergencyStop.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { EmergencyStops, StopOrder } from "../EmergencyStops.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

interface StopRow {
  readonly by: string
  readonly reason: string | null
  readonly since: string
}

const stopOf = ({ by, reason, since }: StopRow): EmergencyStop => ({
  by,
  ...(reason === null ? {} : { reason }),
  since
})

export const make = (database: DatabaseSync, writer: BatchWriter, audit: AuditTable): EmergencyStops["Service"] => {
  const read = prepare<StopRow>(database, "select set_by as by, reason, since from emergency_stop where id = 1")
  const insert = prepare<never, [string, string | null, string]>(
    database,
    "insert into emergency_stop (id, set_by, reason, since) values (1, ?, ?, ?) on conflict (id) do nothing"
  )
  const remove = prepare(database, "delete from emergency_stop where id = 1")
  const current = (): EmergencyStop | undefined => {
    const row = read.get()
    return row === undefined ? undefined : stopOf(row)
  }
  const record = (kind: "set" | "lifted", { by, reason }: StopOrder, at: Timestamp.Timestamp): void =>
    void audit.append(
      { actor: by, kind: `emergency-stop.${kind}`, data: reason === undefined ? {} : { reason } },
      "emergency-stop",
      at
    )
  return {
    current: attempt("emergencyStop", () => Option.fromUndefinedOr(current())),
    set: (order) =>
      Effect.flatMap(Timestamp.now, (at) =>
        // An order that stops everything does not wait behind the work that it is to stop.
        writer.write("setEmergencyStop", "intake", () => {
          insert.run(order.by, order.reason ?? null, at)
          record("set", order, at)
          return current() ?? stopOf({ by: order.by, reason: order.reason ?? null, since: at })
        })
      ),
    lift: (order) =>
      Effect.flatMap(Timestamp.now, (at) =>
        writer.write("liftEmergencyStop", "journal", () => {
          const before = current()
          remove.run()
          record("lifted", order, at)
          return Option.fromUndefinedOr(before)
        })
      )
  }
}
