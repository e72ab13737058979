/**
 * Whether somebody else has started actions since this process opened the database. Only then does the admission of an
 * action read the history again, in the transaction of its intent.
 */

import type { DatabaseSync } from "node:sqlite"
import type { Admission } from "../RemediationStore.ts"
import { prepare } from "./Sqlite.ts"
import * as SqliteActionHistory from "./SqliteActionHistory.ts"
import type { KeptInMemory } from "./SqliteTransactions.ts"

export interface StartedActions extends KeptInMemory {
  /** Calls `insert`, which writes the row of an action. */
  readonly add: (insert: () => void) => void
  readonly mayStart: (admission: Admission) => boolean
}

export const make = (database: DatabaseSync): StartedActions => {
  const newestRow = prepare<{ readonly id: number | null }>(database, "select max(rowid) as id from action_history")
  const newest = (): number => newestRow.get()?.id ?? 0
  const spentSince = SqliteActionHistory.spentReader(database)
  /** The newest row when this process opened the database, or the last that it wrote since. */
  let known = newest()
  let othersStart = false
  // Once is enough: who has started one action may start another.
  const look = (): void => {
    othersStart ||= newest() !== known
  }
  return {
    add: (insert) => {
      look()
      insert()
      known = newest()
    },
    mayStart: ({ admits, cluster, limit, since }) => {
      look()
      return !othersStart || admits(spentSince(cluster, since, limit))
    },
    checkpoint: () => {
      const before = known
      return () => {
        known = before
      }
    },
    reload: look
  }
}
