/** The migration that adds the outbox of notifications. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | table                  | holds                                                                                    |
 * | ---------------------- | ---------------------------------------------------------------------------------------- |
 * | notification_positions | the last audit line that was considered for each sink                                    |
 * | outbox                 | one row per notification and sink; `message`: the message that it is part of, if decided |
 * | conditions             | one row per condition that lasts; `data` is the notification that it began with          |
 */
export const outbox = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      "create table notification_positions (sink text primary key, sequence integer not null)",
      `create table outbox (
        id integer primary key,
        sink text not null,
        key text not null,
        at text not null,
        data text not null,
        message text,
        delivered_at text
      )`,
      "create unique index outbox_key on outbox (sink, key)",
      "create index outbox_waiting on outbox (sink, id) where delivered_at is null",
      "create index outbox_delivered on outbox (sink, delivered_at) where delivered_at is not null",
      "create index outbox_age on outbox (at)",
      "create table conditions (name text primary key, since text not null, data text not null)"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
