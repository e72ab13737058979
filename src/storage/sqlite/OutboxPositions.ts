/** How far the audit log was considered for each sink and for the conditions. Call it within a transaction. */

import type { DatabaseSync } from "node:sqlite"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { Positions } from "../Outbox.ts"
import { prepare } from "./Sqlite.ts"

export interface OutboxPositions {
  /**
   * Forgets the sinks that were named last before `before`, and what waits for them. One without a position gets
   * `head`.
   */
  readonly register: (
    sinks: ReadonlyArray<string>,
    head: number,
    times: { readonly at: Timestamp; readonly before: Timestamp }
  ) => Positions
  readonly conditions: () => number
  /** Moves the positions of the sinks and of the conditions, and none of them back. */
  readonly advance: (sinks: ReadonlyArray<string>, through: number, at: Timestamp) => void
}

const makeStatements = (database: DatabaseSync) => ({
  positions: prepare<{ readonly sink: string; readonly sequence: number }>(
    database,
    "select sink, sequence from notification_positions"
  ),
  name: prepare<never, [string, number, string]>(
    database,
    `insert into notification_positions (sink, sequence, named_at) values (?, ?, ?)
     on conflict (sink) do update set named_at = excluded.named_at`
  ),
  // A database of an earlier version does not know when.
  nameUnknown: prepare<never, [string]>(
    database,
    "update notification_positions set named_at = ? where named_at is null"
  ),
  forgetWaiting: prepare<never, [string]>(
    database,
    `delete from outbox where delivered_at is null
       and sink in (select sink from notification_positions where named_at < ?)`
  ),
  forgetUnnamed: prepare<never, [string]>(database, "delete from notification_positions where named_at < ?"),
  advance: prepare<never, [number, string, string]>(
    database,
    "update notification_positions set sequence = max(sequence, ?), named_at = ? where sink = ?"
  ),
  conditionsAt: prepare<{ readonly sequence: number }>(
    database,
    "select sequence from condition_position where id = 1"
  ),
  advanceConditions: prepare<never, [number]>(
    database,
    `insert into condition_position (id, sequence) values (1, ?)
     on conflict (id) do update set sequence = max(sequence, excluded.sequence)`
  )
})

export const make = (database: DatabaseSync): OutboxPositions => {
  const statements = makeStatements(database)
  return {
    register: (sinks, head, { at, before }) => {
      statements.nameUnknown.run(at)
      // Before the sinks are named: one that comes back after so long is a new one.
      statements.forgetWaiting.run(before)
      statements.forgetUnnamed.run(before)
      for (const sink of sinks) statements.name.run(sink, head, at)
      const conditions = statements.conditionsAt.get()?.sequence ?? head
      statements.advanceConditions.run(conditions)
      const positions = statements.positions.all().filter(({ sink }) => sinks.includes(sink))
      return { sinks: new Map(positions.map(({ sequence, sink }) => [sink, sequence])), conditions }
    },
    conditions: () => statements.conditionsAt.get()?.sequence ?? 0,
    advance: (sinks, through, at) => {
      for (const sink of sinks) statements.advance.run(through, at, sink)
      statements.advanceConditions.run(through)
    }
  }
}
