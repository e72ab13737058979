/** The migration that adds the change journal. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | table            | holds                                                              |
 * | ---------------- | ------------------------------------------------------------------ |
 * | changes          | one row per recorded change, until the retention drops it          |
 * | change_snapshots | the last seen state of each watched object; a Secret has no values |
 * | change_cursors   | how far the watch of each kind has come                            |
 * | change_gaps      | the intervals in which a kind was not watched; from '': always     |
 */
export const changeJournal = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      `create table changes (
        id text primary key,
        kind text not null,
        namespace text not null,
        name text not null,
        at text not null,
        data text not null
      )`,
      "create index changes_object on changes (kind, namespace, name, at, id)",
      "create index changes_at on changes (at, id)",
      `create table change_snapshots (
        kind text not null,
        namespace text not null,
        name text not null,
        uid text not null,
        resource_version text not null,
        data text not null,
        primary key (kind, namespace, name)
      )`,
      "create table change_cursors (kind text primary key, resource_version text not null, seen_at text not null)",
      `create table change_gaps (
        kind text not null,
        from_at text not null,
        to_at text not null,
        reason text not null,
        primary key (kind, from_at, to_at)
      )`
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
