/** `AccountSuspensions` on SQLite: a table with one row for each account that is suspended. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option, Schema } from "effect"
import { AccountSuspension } from "../../domain/AccountSuspension.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { AccountSuspensions } from "../AccountSuspensions.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AccountSuspension))

export const make = (database: DatabaseSync, writer: BatchWriter, audit: AuditTable): AccountSuspensions["Service"] => {
  const read = prepare<{ readonly data: string }>(database, "select data from account_suspensions order by account")
  const write = prepare<never, [string, string]>(
    database,
    "insert into account_suspensions (account, data) values (?, ?) on conflict (account) do update set data = excluded.data"
  )
  const remove = prepare<never, [string]>(database, "delete from account_suspensions where account = ?")
  return {
    all: attempt("accountSuspensions", () => read.all().flatMap(({ data }) => Option.toArray(decode(data)))),
    record: (account, suspension, { kind, services, ...more }) =>
      Effect.flatMap(Timestamp.now, (now) =>
        writer.write("accountSuspension", "journal", () => {
          if (suspension === undefined) remove.run(account)
          else write.run(account, JSON.stringify(suspension))
          // The digest of a key is not for people.
          const { account: _account, services: _services, ...data } = suspension ?? { account }
          audit.append(
            { actor: "kubernaut", kind, data: { services: [...services], ...data, ...more } },
            services[0] ?? "",
            now
          )
        })
      )
  }
}
