/** How far the audit log was considered for each sink and for the conditions. Call it within a transaction. */

import type { DatabaseSync } from "node:sqlite"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { Positions } from "../Outbox.ts"
import * as Overdue from "./Overdue.ts"
import { prepare } from "./Sqlite.ts"

export interface OutboxPositions {
  /** Names the sinks. One without a position gets `head`. */
  readonly register: (sinks: ReadonlyArray<string>, head: number, at: Timestamp) => Positions
  readonly conditions: () => number
  /** Moves the positions of the sinks and of the conditions, and none of them back. It names the sinks, too. */
  readonly advance: (sinks: ReadonlyArray<string>, through: number, at: Timestamp) => void
  /**
   * Forgets the sinks that were named last before `before`, with what waits for them, once that was so for a day of
   * `nowMs`, which is of the monotonic clock. Name the own sinks first: one that is configured loses nothing by a
   * reading of the wall clock.
   */
  readonly forget: (before: Timestamp, nowMs: number) => ReadonlyArray<ForgottenSink>
}

/** A sink that no process has any more. */
export interface ForgottenSink {
  readonly sink: string
  /** How many notifications it was not sent. */
  readonly waiting: number
}

const makeStatements = (database: DatabaseSync) => ({
  positions: prepare<{ readonly sink: string; readonly sequence: number }>(
    database,
    "select sink, sequence from notification_positions"
  ),
  // A wall clock that is behind takes nothing back: the next one that is right would find the sink unnamed for long.
  name: prepare<never, [string, number, string]>(
    database,
    `insert into notification_positions (sink, sequence, named_at) values (?, ?, ?)
     on conflict (sink) do update set named_at = max(coalesce(named_at, ''), excluded.named_at)`
  ),
  // A database of an earlier version does not know when.
  nameUnknown: prepare<never, [string]>(
    database,
    "update notification_positions set named_at = ? where named_at is null"
  ),
  unnamed: prepare<{ readonly sink: string; readonly at: string }, [string]>(
    database,
    "select sink, named_at as at from notification_positions where named_at < ?"
  ),
  forgetWaiting: prepare<never, [string]>(database, "delete from outbox where sink = ? and delivered_at is null"),
  forget: prepare<never, [string]>(database, "delete from notification_positions where sink = ?"),
  advance: prepare<never, [string, number, string]>(
    database,
    `insert into notification_positions (sink, sequence, named_at) values (?, ?, ?)
     on conflict (sink) do update set
       sequence = max(sequence, excluded.sequence), named_at = max(coalesce(named_at, ''), excluded.named_at)`
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
  const overdue = Overdue.make()
  return {
    register: (sinks, head, at) => {
      statements.nameUnknown.run(at)
      for (const sink of sinks) statements.name.run(sink, head, at)
      const conditions = statements.conditionsAt.get()?.sequence ?? head
      statements.advanceConditions.run(conditions)
      const positions = statements.positions.all().filter(({ sink }) => sinks.includes(sink))
      return { sinks: new Map(positions.map(({ sequence, sink }) => [sink, sequence])), conditions }
    },
    conditions: () => statements.conditionsAt.get()?.sequence ?? 0,
    advance: (sinks, through, at) => {
      for (const sink of sinks) statements.advance.run(sink, through, at)
      statements.advanceConditions.run(through)
    },
    forget: (before, nowMs) => {
      // With the time: one that another process names, whose clock is behind, is not unnamed.
      const unnamed = new Map(statements.unnamed.all(before).map(({ at, sink }) => [`${at} ${sink}`, sink]))
      return overdue.look([...unnamed.keys()], nowMs).map((key) => {
        const sink = unnamed.get(key) ?? ""
        statements.forget.run(sink)
        return { sink, waiting: statements.forgetWaiting.run(sink) }
      })
    }
  }
}
