/**
 * Faults of the disk and the database, as SQLite's own result codes.
 *
 * - **down**: nothing can be opened or read (`SQLITE_CANTOPEN`).
 * - **locked**: another process holds the lock when a transaction begins (`SQLITE_BUSY`).
 * - **full**: no row is stored (`SQLITE_FULL`); SQLite may roll back the whole transaction by itself.
 * - **slow**: each commit takes time and blocks the whole process, because `node:sqlite` is synchronous.
 * - **commit unknown**: the write to disk fails while committing (`SQLITE_IOERR_FSYNC`). Either nothing was kept, or
 *   everything was, which shows only after a crash: SQLite itself continues with the previous state.
 * - **broken**: the driver throws an error that is not from SQLite.
 */

import { Schema } from "effect"
import { brokenDriver, driverError } from "../../farEnds/Database.ts"
import { type FaultKind, kind } from "../FaultKind.ts"

const down = kind({
  name: "storage-down",
  target: "database",
  description: "All or some statements cannot open or read the database.",
  parameters: Schema.Struct({
    /** Of the statements, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [1_000, 120_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.magnitude(0.01, 1) }),
  apply: ({ share }, { farEnds }, random) =>
    farEnds.database.disturb({
      before: () => {
        if (random.chance(share)) throw driverError(14, "unable to open database file")
      }
    })
})

const locked = kind({
  name: "storage-locked",
  target: "database",
  description: "Another process holds the lock of the database when a transaction begins.",
  parameters: Schema.Struct({
    /** Of the transactions, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [1_000, 60_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe() }),
  apply: ({ share }, { farEnds }, random) =>
    farEnds.database.disturb({
      before: (statement) => {
        if (statement === "begin" && random.chance(share)) throw driverError(5, "database is locked")
      }
    })
})

const full = kind({
  name: "storage-full",
  target: "database",
  description: "The disk is full: no row is stored.",
  parameters: Schema.Struct({
    /** Of the rows, from 0 to 1. Below 1, some find the last free page. */
    share: Schema.Finite,
    /** SQLite rolls back the whole transaction. */
    givesUp: Schema.Boolean
  }),
  lasts: [5_000, 300_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe(), givesUp: random.chance(0.5) }),
  apply: ({ givesUp, share }, { farEnds: { database } }, random) =>
    database.disturb({
      before: (statement) => {
        if (statement !== "write" || !random.chance(share)) return
        if (givesUp) database.giveUp()
        throw driverError(13, "database or disk is full")
      }
    })
})

const slow = kind({
  name: "storage-slow",
  target: "database",
  description: "Every commit takes time, and blocks the whole process.",
  parameters: Schema.Struct({ takesMs: Schema.Int }),
  lasts: [5_000, 300_000],
  draw: (random) => ({ takesMs: Math.floor(random.magnitude(10, 3_000)) }),
  apply: ({ takesMs }, { farEnds, service }) => farEnds.database.disturb({ afterCommit: () => service.pause(takesMs) })
})

const commitUnknown = kind({
  name: "storage-commit-unknown",
  target: "database",
  description: "The disk fails while committing: the outcome is unknown.",
  parameters: Schema.Struct({
    /** Of the commits, from 0 to 1. */
    share: Schema.Finite,
    /** The commit took effect. The process crashes, because it would continue with the previous state. */
    kept: Schema.Boolean
  }),
  lasts: [1_000, 60_000],
  draw: (random) => ({ share: random.magnitude(0.05, 1), kept: random.chance(0.5) }),
  apply: ({ kept, share }, { farEnds, service }, random) => {
    const error = () => driverError(1034, "disk I/O error")
    return farEnds.database.disturb(
      kept
        ? {
            afterCommit: () => {
              if (!random.chance(share)) return
              service.process?.crash()
              throw error()
            }
          }
        : {
            before: (statement) => {
              if (statement === "commit" && random.chance(share)) throw error()
            }
          }
    )
  }
})

const broken = kind({
  name: "storage-broken",
  target: "database",
  description: "The driver throws an error that is not from SQLite.",
  parameters: Schema.Struct({
    /** Of the statements, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [100, 3_000],
  draw: (random) => ({ share: random.magnitude(0.01, 1) }),
  apply: ({ share }, { farEnds }, random) =>
    farEnds.database.disturb({
      before: (statement) => {
        if ((statement === "read" || statement === "begin") && random.chance(share)) throw brokenDriver()
      }
    })
})

export const storageFaults: ReadonlyArray<FaultKind> = [down, locked, full, slow, commitUnknown, broken]
