/** `Outbox` on SQLite. */

import type { DatabaseSync } from "node:sqlite"
import { Duration, Effect, Latch, Option, Schema } from "effect"
import { Notification } from "../../domain/Notification.ts"
import { fromMillis, now, type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { keptFor, type Derived, type Outbox, type Pace, type Waiting, type WhichMessages } from "../Outbox.ts"
import type { StorageError } from "../StorageError.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import * as LastWord from "./LastWord.ts"
import { type ForgottenSink, make as makePositions, type OutboxPositions } from "./OutboxPositions.ts"
import * as Overdue from "./Overdue.ts"
import { attempt, prepare } from "./Sqlite.ts"

interface WaitingRow {
  readonly id: number
  readonly data: string
  readonly message: string | null
  readonly claim: number
  readonly held: number
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Notification))

/** What is older than this is forgotten. */
const kept = (at: Timestamp): Timestamp => fromMillis(toMillis(at) - Duration.toMillis(keptFor))

/** A row that cannot be read is passed over: it must not hold up those after it. */
const waitingOf = ({ claim, data, held, id, message }: WaitingRow): ReadonlyArray<Waiting> =>
  Option.match(decode(data), {
    onNone: () => [],
    onSome: (notification) => [
      { id, notification, claim: { number: claim, isHeld: held === 1 }, ...(message === null ? {} : { message }) }
    ]
  })

const waitingPage = (which: string): string =>
  `select id, data, message, claim, held from outbox
   where sink = ? and delivered_at is null and id > ? ${which}
     and (message is null or message not in (select value from json_each(?)))
   order by id limit ?`

const makeStatements = (database: DatabaseSync) => ({
  insert: prepare<never, [string, string, string, string]>(
    database,
    "insert into outbox (sink, key, at, data) values (?, ?, ?, ?) on conflict (sink, key) do nothing"
  ),
  waiting: prepare<WaitingRow, [string, number, string, number]>(database, waitingPage("")),
  // The word may also be that of a condition, which is as urgent as its notification.
  critical: prepare<WaitingRow, [string, number, string, number]>(
    database,
    waitingPage(`and instr(data, '"severity":"critical"') > 0`)
  ),
  waitingIn: prepare<WaitingRow, [string, string]>(
    database,
    `select id, data, message, claim, held from outbox
     where sink = ? and delivered_at is null and message in (select value from json_each(?)) order by id`
  ),
  backlog: prepare<{ readonly waiting: number; readonly since: string | null }, [string]>(
    database,
    "select count(*) as waiting, min(at) as since from outbox where sink = ? and delivered_at is null"
  ),
  isAsRead: prepare<{ readonly claim: number }, [number, number]>(
    database,
    "select claim from outbox where id = ? and claim = ? and delivered_at is null"
  ),
  claim: prepare<never, [string, number]>(
    database,
    "update outbox set message = ?, claim = claim + 1, held = 1 where id = ?"
  ),
  release: prepare<never, [number, number]>(database, "update outbox set held = 0 where id = ? and claim = ?"),
  deliver: prepare<never, [string, number]>(
    database,
    "update outbox set delivered_at = ? where id = ? and delivered_at is null"
  ),
  forget: prepare<never, [string]>(
    database,
    `delete from outbox where at < ?
       and (delivered_at is not null or sink not in (select sink from notification_positions))`
  ),
  sent: prepare<{ readonly count: number }, [string, string, string]>(
    database,
    "select count(*) as count from notification_sends where sink = ? and at > ? and at <= ?"
  ),
  send: prepare<never, [string, string]>(database, "insert into notification_sends (sink, at) values (?, ?)"),
  // Those of the future are left by a wall clock that was set back.
  forgetSent: prepare<never, [string, string, string]>(
    database,
    "delete from notification_sends where sink = ? and (at <= ? or at > ?)"
  ),
  raise: prepare<never, [string, string, string]>(
    database,
    `insert into conditions (name, since, data) values (?, ?, ?)
     on conflict (name) do update set data = excluded.data`
  ),
  // An alert whose end nobody reports must not be shown for ever. Conditions of the service itself end by themselves.
  tooOld: prepare<{ readonly name: string }, [string]>(
    database,
    "select name from conditions where since < ? and (name like 'approval/%' or name like 'escalation/%')"
  ),
  clear: prepare<never, [string]>(database, "delete from conditions where name = ?"),
  conditions: prepare<{ readonly data: string }>(database, "select data from conditions order by since, name")
})

type Statements = ReturnType<typeof makeStatements>

const add = (
  statements: Statements,
  positions: OutboxPositions,
  { conditions, notifications, sinks, through }: Derived,
  at: Timestamp
): void => {
  for (const { notification, sink } of notifications)
    statements.insert.run(sink, notification.key, notification.at, JSON.stringify(notification))
  // Another process may have been faster, and have seen the end of what begins here.
  const before = positions.conditions()
  for (const change of conditions) {
    if (change.line <= before) continue
    if (change._tag === "Ends") statements.clear.run(change.condition.name)
    else
      statements.raise.run(change.lasting.condition.name, change.lasting.began.at, JSON.stringify(change.lasting.began))
  }
  positions.advance(sinks, through, at)
}

/** Names the sinks before this, so that none of them is forgotten. */
const forgetOld = (
  statements: Statements,
  positions: OutboxPositions,
  overdue: Overdue.Overdue,
  before: Timestamp,
  nowMs: number
): ReadonlyArray<ForgottenSink> => {
  const tooOld = statements.tooOld.all(before).map(({ name }) => name)
  for (const name of overdue.look(tooOld, nowMs)) statements.clear.run(name)
  return positions.forget(before, nowMs)
}

const logForgotten = (forgotten: ReadonlyArray<ForgottenSink>): Effect.Effect<void> =>
  Effect.forEach(
    forgotten,
    (sink) =>
      Effect.logWarning("A sink that no process has had for 30 days is forgotten, with what waited for it").pipe(
        Effect.annotateLogs({ ...sink })
      ),
    { discard: true }
  )

/** The first rows that can be read, of as many as that takes. */
const firstOf = (
  page: Statements["waiting"],
  sink: string,
  limit: number,
  without: ReadonlyArray<string>
): ReadonlyArray<Waiting> => {
  const found: Array<Waiting> = []
  const keys = JSON.stringify(without)
  for (let after = -1; found.length < limit;) {
    const rows = page.all(sink, after, keys, limit)
    found.push(...rows.flatMap(waitingOf))
    const last = rows.at(-1)
    if (last === undefined || rows.length < limit) break
    after = last.id
  }
  return found.slice(0, limit)
}

const waiting = (statements: Statements, sink: string, limit: number, which: WhichMessages): ReadonlyArray<Waiting> => {
  if ("only" in which) return statements.waitingIn.all(sink, JSON.stringify(which.only)).flatMap(waitingOf)
  const oldest = firstOf(statements.waiting, sink, limit, which.without)
  if (oldest.length < limit) return oldest
  const known = new Set(oldest.map(({ id }) => id))
  const critical = firstOf(statements.critical, sink, limit, which.without).filter(({ id }) => !known.has(id))
  return [...oldest, ...critical].toSorted((left, right) => left.id - right.id)
}

const minuteMs = 60_000

/**
 * The messages that count at `nowMs`. So do those of the next minute: the clock of another process may be ahead, and
 * one that was set back by an hour must not leave a sink without messages for as long.
 */
const minuteAround = (nowMs: number): readonly [after: Timestamp, until: Timestamp] => [
  fromMillis(nowMs - minuteMs),
  fromMillis(nowMs + minuteMs)
]

const sentInMinute = (statements: Statements, sink: string, nowMs: number): number =>
  statements.sent.get(sink, ...minuteAround(nowMs))?.count ?? 0

/** Counts a message, if there is room for it. */
const mayCount = (statements: Statements, { most, sink }: Pace, nowMs: number): boolean => {
  if (sentInMinute(statements, sink, nowMs) >= most) return false
  statements.forgetSent.run(sink, ...minuteAround(nowMs))
  statements.send.run(sink, fromMillis(nowMs))
  return true
}

/**
 * The transaction of the caller makes it one step: of two processes, the second one sees the number of the first.
 * `nowMs`: read within it, because others may have had the write lock for seconds before.
 */
const claim = (
  statements: Statements,
  rows: ReadonlyArray<Pick<Waiting, "id" | "claim">>,
  message: string,
  pace: Pace | undefined,
  nowMs: number
): boolean => {
  const isAsRead = rows.every(({ claim: { number }, id }) => statements.isAsRead.get(id, number) !== undefined)
  if (!isAsRead || (pace !== undefined && !mayCount(statements, pace, nowMs))) return false
  for (const { id } of rows) statements.claim.run(message, id)
  return true
}

/** Wakes the fibers that wait for the audit log to grow. `Storage` calls it after every commit. */
export interface Growth {
  readonly committed: () => void
  readonly latch: Latch.Latch
}

/** `head`: the last line of the audit log. */
export const makeGrowth = (head: () => number): Growth => {
  const latch = Latch.makeUnsafe(false)
  let known = head()
  return {
    latch,
    committed: () => {
      if (head() === known) return
      known = head()
      latch.openUnsafe()
      latch.closeUnsafe()
    }
  }
}

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  audit: AuditTable,
  growth: Growth
): Outbox["Service"] => {
  const statements = makeStatements(database)
  const positions = makePositions(database)
  const lastWord = LastWord.makeLastWord(database, decode)
  const sayAgain = LastWord.makeSayAgain(database, decode)
  const overdue = Overdue.make()
  const head = () => audit.head().sequence
  /** A write that names the sinks of this process, and forgets what is old. */
  const naming = <A>(operation: string, name: (at: Timestamp) => A): Effect.Effect<A, StorageError> =>
    Effect.gen(function* () {
      const at = yield* now
      const nowMs = yield* Monotonic.nowMs
      const { forgotten, named } = yield* writer.write(operation, "journal", () => ({
        named: name(at),
        forgotten: forgetOld(statements, positions, overdue, kept(at), nowMs)
      }))
      yield* logForgotten(forgotten)
      return named
    })
  return {
    register: (sinks) => naming("registerSinks", (at) => positions.register(sinks, head(), at)),
    head: Effect.sync(head),
    grown: (position) => Effect.suspend(() => (head() > position ? Effect.void : growth.latch.await)),
    add: (derived) => naming("notify", (at) => add(statements, positions, derived, at)),
    waiting: (sink, limit, which = { without: [] }) => attempt("outbox", () => waiting(statements, sink, limit, which)),
    backlog: (sink) =>
      attempt("outbox", () => {
        const { since = null, waiting = 0 } = statements.backlog.get(sink) ?? {}
        return { waiting, ...(since === null ? {} : { since }) }
      }),
    claim: (rows, message, pace) =>
      Effect.clockWith((clock) =>
        writer.write("claimNotifications", "journal", () =>
          claim(statements, rows, message, pace, clock.currentTimeMillisUnsafe())
        )
      ),
    release: (claims) =>
      writer.write("releaseNotifications", "journal", () => {
        for (const { id, number } of claims) statements.release.run(id, number)
      }),
    delivered: (ids, at) =>
      writer.write("delivered", "journal", () => {
        sayAgain(ids.filter((id) => statements.deliver.run(at, id) === 1))
        statements.forget.run(kept(at))
      }),
    lastWord: (sinks, condition) => attempt("outbox", () => lastWord(sinks, condition)),
    sentInMinute: (sink) =>
      Effect.clockWith((clock) =>
        attempt("outbox", () => sentInMinute(statements, sink, clock.currentTimeMillisUnsafe()))
      ),
    conditions: attempt("outbox", () =>
      statements.conditions.all().flatMap(({ data }) => {
        const began = Option.getOrUndefined(decode(data))
        return began?.begins === undefined ? [] : [{ condition: began.begins, began }]
      })
    )
  }
}
