/**
 * The health of a SQLite database.
 *
 * | event                                                             | status                                 |
 * | ----------------------------------------------------------------- | -------------------------------------- |
 * | a transaction or a statement fails for a reason outside this code | down, with the reason                  |
 * | a commit takes longer than `slowCommitMs`                         | down, until a check is quick           |
 * | a commit that stores new alerts succeeds                          | up                                     |
 * | another commit succeeds                                           | unchanged: an update may need no space |
 * | a check succeeds and is quick                                     | up                                     |
 * | a check fails, is slow, or is not committed in time               | down                                   |
 *
 * A check commits a row, and stores an alert that it takes back, because an alert needs more of the database than a row
 * of its own: its tables, its indices, its triggers. It also needs free space: it allocates pages and gives them back,
 * and the file system has to have some left. While the database is down the row is as large as the writes of an alert,
 * so that a disk with a few free bytes does not count as recovered.
 *
 * A statement that fails because of what it stores, such as a text that is too long, says nothing about the next one.
 */

import { statfsSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { Clock, Duration, Effect } from "effect"
import { fromMillis, type Timestamp } from "../../domain/Timestamp.ts"
import { make as makeEventHub } from "../../resilience/EventHub.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import * as TimeLimit from "../../resilience/TimeLimit.ts"
import { isAboutTheContent, StorageError } from "../StorageError.ts"
import type { StorageHealth, StorageStatus } from "../StorageHealth.ts"
import type { BatchWriter, WrittenBatch } from "./BatchWriter.ts"
import { classify, prepare } from "./Sqlite.ts"

/** A batch that took longer blocks the whole service. Kubernetes waits a second for a probe, and asks three times. */
const slowCommitMs = 3000
/** How long a check waits for its commit. */
const checkWithin = Duration.seconds(5)
/** The longest time without a commit while the database is up. */
const idleMs = 10_000
const downMs = 1000
/** The space that has to be left: what a post of some ten alerts needs. */
const room = "x".repeat(64 * 1024)
const leastFreeBytes = 1024 * 1024

/** What the writer reports, before there is a service. */
export interface HealthRecord {
  readonly onBatch: (batch: WrittenBatch) => void
  status: StorageStatus
  /** Whether the last commit took too long. */
  isSlow: boolean
  /** When the last batch was committed of which no write failed. */
  committedAtMs: number
  readonly changes: StorageHealth["Service"]["changes"]
  readonly set: (status: StorageStatus) => void
}

/**
 * The error of a statement that failed for a reason outside this code: no space, no permission, a lock, damage. An
 * error that this code has thrown counts if it is about the files of the database, and not about a row or the archive.
 */
const troubleOf = (cause: unknown, operation: string): StorageError | undefined => {
  const error = classify(cause, operation)
  if (cause === error) return error?.reason === "unavailable" || error?.reason === "full" ? error : undefined
  return error === undefined || isAboutTheContent(error) ? undefined : error
}

export const makeRecord = (): HealthRecord => {
  const record: HealthRecord = {
    status: { _tag: "Up" },
    isSlow: false,
    committedAtMs: 0,
    changes: makeEventHub(),
    set: (status) => {
      const changed = record.status._tag !== status._tag
      record.status = status
      if (changed) record.changes.publish(status)
    },
    onBatch: ({ failures, endedAtMs, startedAtMs, stored }) => {
      for (const [cause, operation] of failures) {
        const trouble = troubleOf(cause, operation)
        if (trouble !== undefined) return record.set({ _tag: "Down", message: trouble.message })
      }
      if (failures.length === 0) record.committedAtMs = endedAtMs
      const tookMs = endedAtMs - startedAtMs
      record.isSlow = tookMs > slowCommitMs
      if (record.isSlow) record.set({ _tag: "Down", message: `the last commit took ${Math.round(tookMs / 1000)} s` })
      else if (stored) record.set({ _tag: "Up" })
    }
  }
  return record
}

/** Fails when the file system has no space left. A database in memory has none to lack. */
const requireFreeSpace = (filename: string | undefined): void => {
  if (filename === undefined || filename === ":memory:") return
  const { bavail, blocks, bsize } = statfsSync(filename)
  // A file system that reports no size does not know what is left.
  if (blocks > 0 && bavail * bsize < leastFreeBytes) {
    throw new StorageError({
      reason: "full",
      operation: "check",
      retryable: true,
      committed: "no",
      detail: `the file system has less than ${leastFreeBytes / 1024} KiB left`
    })
  }
}

/** The write of a check, within a transaction. `trial` stores an alert and takes it back. */
const makeWrite = (database: DatabaseSync, trial: (at: Timestamp) => void, filename: string | undefined) => {
  const touch = prepare<never, [string, string]>(
    database,
    `insert into storage_check (id, at, room) values (1, ?, ?)
     on conflict (id) do update set at = excluded.at, room = excluded.room`
  )
  const allocate = prepare<never, [string, string]>(
    database,
    "insert into storage_check (id, at, room) values (2, ?, ?)"
  )
  return (at: Timestamp, isDown: boolean): void => {
    requireFreeSpace(filename)
    trial(at)
    database.exec("savepoint room")
    allocate.run(at, room)
    database.exec("rollback to room; release room")
    touch.run(at, isDown ? room : "")
  }
}

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  record: HealthRecord,
  trial: (at: Timestamp) => void,
  filename?: string
): StorageHealth["Service"] => {
  const write = makeWrite(database, trial, filename)
  const excuses = new TimeLimit.Excuses()
  const status = Effect.sync(() => record.status)

  const check = Effect.gen(function* () {
    const at = fromMillis(yield* Clock.currentTimeMillis)
    const isDown = record.status._tag === "Down"
    const written = writer.write("check", "journal", () => write(at, isDown))
    const late = (isExcused: boolean) => Effect.succeed({ _tag: "Late", isExcused } as const)
    const ended = yield* Effect.result(written).pipe(TimeLimit.within(excuses, checkWithin, late))
    if (ended._tag === "Late") {
      // A process that stood still has not looked for the end of its write. The next check follows soon.
      if (!ended.isExcused)
        record.set({ _tag: "Down", message: `no commit within ${Duration.toSeconds(checkWithin)} s` })
    } else if (ended._tag === "Failure") record.set({ _tag: "Down", message: ended.failure.message })
    else if (!record.isSlow) record.set({ _tag: "Up" })
    return record.status
  }).pipe(
    Effect.catchDefect(() =>
      Effect.sync(() => {
        record.set({ _tag: "Down", message: "the driver of the database failed" })
        return record.status
      })
    )
  )

  const pauseMs = (nowMs: number): number =>
    record.status._tag === "Down" ? downMs : Math.max(downMs, record.committedAtMs + idleMs - nowMs)

  const checkAndLog = Effect.gen(function* () {
    const before = record.status
    const after = yield* check
    if (after._tag === "Down" && before._tag === "Up")
      yield* Effect.logError("The database stores nothing", { reason: after.message })
    if (after._tag === "Up" && before._tag === "Down") yield* Effect.logInfo("The database stores alerts again")
  })

  const turn = Effect.gen(function* () {
    yield* Effect.sleep(pauseMs(yield* Monotonic.nowMs))
    const nowMs = yield* Monotonic.nowMs
    if (record.status._tag === "Up" && nowMs - record.committedAtMs < idleMs) return
    yield* checkAndLog
  })

  // The first check is made at once: opening a database that is up to date writes nothing.
  return { status, check, changes: record.changes, watch: Effect.andThen(checkAndLog, Effect.forever(turn)) }
}
