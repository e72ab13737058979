/**
 * The ends of alerts whose beginning may still be in the spool, where nobody can see it: its disk does not answer.
 *
 * When the beginning is replayed, its alert has ended already, and nobody says so a second time. So the end is kept
 * until then, and ends it at once. Functions that write must be called within a transaction.
 */

import type { DatabaseSync } from "node:sqlite"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { AlertResolution, AlertStart } from "../RemediationStore.ts"
import { prepare } from "./Sqlite.ts"

/**
 * A spool that cannot be opened for long is a matter for a person, and must not fill the database. The newest are kept,
 * whatever the wall clock says of their age: it may be wrong by a month. They are a few megabytes.
 */
const mostEnds = 20_000

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
    // Replaced and not updated, so that it has the highest number.
    `insert or replace into early_ends (cluster, fingerprint, starts_at, ends_at, received_at) values (?, ?, ?, ?, ?)`
  )
  const read = prepare<EarlyEnd, [string, string, string, string, string]>(
    database,
    `select cluster, fingerprint, starts_at as startsAt, ends_at as endsAt, received_at as receivedAt from early_ends
     where cluster = ? and fingerprint = ? and received_at >= ? and (starts_at >= ? or ends_at >= ?)`
  )
  const drop = prepare<never, [number]>(
    database,
    "delete from early_ends where rowid <= (select max(rowid) from early_ends) - ?"
  )
  const clear = prepare<never, []>(database, "delete from early_ends")
  return {
    remember: ({ cluster, endsAt, fingerprint, startsAt }, at) => {
      write.run(cluster, fingerprint, startsAt, endsAt, at)
      drop.run(mostEnds)
    },
    of: ({ cluster, fingerprint, startsAt }, at) => read.get(cluster, fingerprint, at, startsAt, startsAt),
    forget: () => void clear.run()
  }
}
