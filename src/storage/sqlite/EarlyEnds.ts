/**
 * The ends of alerts whose beginning may still be in the spool, where nobody can see it: its disk does not answer.
 *
 * When the beginning is replayed, its alert has ended already, and nobody says so a second time. So the end is kept
 * until then, and ends it at once. Functions that write must be called within a transaction.
 */

import type { DatabaseSync } from "node:sqlite"
import { Duration } from "effect"
import { fromMillis, type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import type { AlertResolution, AlertStart } from "../RemediationStore.ts"
import { prepare } from "./Sqlite.ts"

/** A spool that cannot be opened for longer is a matter for a person, and must not fill the database. */
const keptForMs = Duration.toMillis(Duration.days(7))

export interface EarlyEnd extends AlertResolution {
  readonly receivedAt: Timestamp
}

export interface EarlyEnds {
  readonly remember: (end: AlertResolution, at: Timestamp) => void
  /** The end of an alert whose beginning was received at `at`, if it was received after that. */
  readonly of: (alert: AlertStart, at: Timestamp) => EarlyEnd | undefined
  /** Nothing waits in the spool any more. */
  readonly forget: () => void
}

export const make = (database: DatabaseSync): EarlyEnds => {
  const write = prepare<never, [string, string, string, string, string]>(
    database,
    `insert into early_ends (cluster, fingerprint, starts_at, ends_at, received_at) values (?, ?, ?, ?, ?)
     on conflict (cluster, fingerprint) do update set
       starts_at = excluded.starts_at, ends_at = excluded.ends_at, received_at = excluded.received_at`
  )
  const read = prepare<EarlyEnd, [string, string, string, string, string]>(
    database,
    `select cluster, fingerprint, starts_at as startsAt, ends_at as endsAt, received_at as receivedAt from early_ends
     where cluster = ? and fingerprint = ? and received_at >= ? and (starts_at >= ? or ends_at >= ?)`
  )
  const expire = prepare<never, [string]>(database, "delete from early_ends where received_at < ?")
  const clear = prepare<never, []>(database, "delete from early_ends")
  return {
    remember: ({ cluster, endsAt, fingerprint, startsAt }, at) => {
      expire.run(fromMillis(toMillis(at) - keptForMs))
      write.run(cluster, fingerprint, startsAt, endsAt, at)
    },
    of: ({ cluster, fingerprint, startsAt }, at) => read.get(cluster, fingerprint, at, startsAt, startsAt),
    forget: () => void clear.run()
  }
}
