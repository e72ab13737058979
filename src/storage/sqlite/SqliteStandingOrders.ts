/** `StandingOrders` on SQLite: a table with one row for each order that stands. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option } from "effect"
import type { OrderName, StandingOrder } from "../../domain/StandingOrder.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { Ordered, StandingOrders } from "../StandingOrders.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

interface OrderRow {
  readonly by: string
  readonly reason: string | null
  readonly since: string
}

const orderOf = ({ by, reason, since }: OrderRow): StandingOrder => ({
  by,
  ...(reason === null ? {} : { reason }),
  since
})

export const make = (database: DatabaseSync, writer: BatchWriter, audit: AuditTable): StandingOrders["Service"] => {
  const read = prepare<OrderRow, [OrderName]>(
    database,
    "select given_by as by, reason, since from standing_orders where name = ?"
  )
  const insert = prepare<never, [OrderName, string, string | null, string]>(
    database,
    "insert into standing_orders (name, given_by, reason, since) values (?, ?, ?, ?) on conflict (name) do nothing"
  )
  const remove = prepare<never, [OrderName]>(database, "delete from standing_orders where name = ?")
  const current = (name: OrderName): StandingOrder | undefined => {
    const row = read.get(name)
    return row === undefined ? undefined : orderOf(row)
  }
  const record = (name: OrderName, how: "set" | "lifted", { by, reason }: Ordered, at: Timestamp.Timestamp): void =>
    void audit.append({ actor: by, kind: `${name}.${how}`, data: reason === undefined ? {} : { reason } }, name, at)
  return {
    current: (name) => attempt("standingOrder", () => Option.fromUndefinedOr(current(name))),
    give: (name, ordered) =>
      Effect.flatMap(Timestamp.now, (at) =>
        // An order that stops work does not wait behind that work.
        writer.write("giveOrder", "intake", () => {
          const { by, reason = null } = ordered
          insert.run(name, by, reason, at)
          record(name, "set", ordered, at)
          return current(name) ?? orderOf({ by, reason, since: at })
        })
      ),
    takeBack: (name, ordered) =>
      Effect.flatMap(Timestamp.now, (at) =>
        writer.write("takeOrderBack", "journal", () => {
          const before = current(name)
          remove.run(name)
          record(name, "lifted", ordered, at)
          return Option.fromUndefinedOr(before)
        })
      )
  }
}
