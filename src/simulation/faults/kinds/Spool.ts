/**
 * Faults of the disk on which the spool is, while the database stores nothing: otherwise nothing goes to the spool.
 *
 * - **full**: no file grows, and the spool has only the space that it has reserved. On a file system that copies what it
 *   writes, it has none.
 * - **sync fails**: what was written may never be on the disk, and nobody may be told that it is.
 * - **slow**: an operation takes up to 20 seconds, which is longer than a post waits.
 * - **torn**: the machine loses power between a write and its sync. A part of the entry is on the disk.
 * - **crash at a replay**: the service ends between the commit that takes an entry and the removal of the entry.
 * - **crash at the emptying**: the service ends between two of the operations that empty a file.
 */

import { Schema } from "effect"
import { SpoolFault } from "../../../storage/spool/SpoolDisk.ts"
import { driverError } from "../../farEnds/Database.ts"
import type { SpoolDisturbance } from "../../farEnds/SpoolFolder.ts"
import { type FaultKind, kind, type Reach } from "../FaultKind.ts"

/** What every one of these faults has besides its own parameters. */
const shared = {
  /** The database is on the same disk, and stores nothing either. */
  database: Schema.Boolean
}

/** Most of the time: without it, the spool is hardly used. */
const databaseShare = 0.8

/** Disturbs the disk and, with `database`, the database. */
const disturb = ({ farEnds }: Reach, { database }: { readonly database: boolean }, fault: SpoolDisturbance) => {
  const ends = [
    farEnds.spoolFolder.disturb(fault),
    ...(database
      ? [
          farEnds.database.disturb({
            // It can be opened and read, so that the service starts and has its spool.
            before: (statement) => {
              if (statement === "write") throw driverError(13, "database or disk is full")
            }
          })
        ]
      : [])
  ]
  return () => {
    for (const end of ends) end()
  }
}

const failed = (name: string, code: string) => new SpoolFault({ reason: "failed", detail: `${name}: ${code}` })

const full = kind({
  name: "spool-full",
  target: "spoolFolder",
  description: "The disk of the spool is full: no file on it grows, and with `copies` none is written.",
  parameters: Schema.Struct({ ...shared, copies: Schema.Boolean }),
  lasts: [5_000, 300_000],
  draw: (random) => ({ database: random.chance(databaseShare), copies: random.chance(0.5) }),
  apply: ({ copies, ...parameters }, reach) =>
    disturb(reach, parameters, {
      before: (operation, name, { grows }) =>
        grows || (copies && operation === "write")
          ? new SpoolFault({ reason: "full", detail: `${name}: ENOSPC` })
          : undefined
    })
})

const syncing: ReadonlySet<string> = new Set(["sync", "cut", "create"])

const syncFails = kind({
  name: "spool-sync-fails",
  target: "spoolFolder",
  description: "Syncs of the spool's files fail, and what was written before may never be on the disk.",
  parameters: Schema.Struct({
    ...shared,
    /** Of the operations that sync, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [1_000, 120_000],
  draw: (random) => ({ database: random.chance(databaseShare), share: random.magnitude(0.1, 1) }),
  apply: ({ share, ...parameters }, reach, random) =>
    disturb(reach, parameters, {
      before: (operation, name) => (syncing.has(operation) && random.chance(share) ? failed(name, "EIO") : undefined)
    })
})

const slow = kind({
  name: "spool-slow",
  target: "spoolFolder",
  description: "Each sync of a file of the spool takes its time.",
  parameters: Schema.Struct({ ...shared, takesMs: Schema.Int }),
  lasts: [5_000, 120_000],
  draw: (random) => ({ database: random.chance(databaseShare), takesMs: Math.floor(random.magnitude(50, 20_000)) }),
  apply: ({ takesMs, ...parameters }, reach) =>
    disturb(reach, parameters, { takesMs: (operation) => (syncing.has(operation) ? takesMs : 0) })
})

const torn = kind({
  name: "spool-torn",
  target: "spoolFolder",
  description: "The machine loses power between a write to the spool and its sync: a part of the entry is on the disk.",
  parameters: Schema.Struct({
    ...shared,
    /** Of what was written and not synced, from 0 to 1. */
    kept: Schema.Finite
  }),
  lasts: [5_000, 60_000],
  draw: (random) => ({
    database: random.chance(databaseShare),
    kept: random.pick([0, 1, random.nextDoubleUnsafe(), random.nextDoubleUnsafe()])
  }),
  apply: ({ kept, ...parameters }, reach) => {
    let isOver = false
    return disturb(reach, parameters, {
      before: (operation, name, { unsynced }) => {
        if (operation !== "sync" || unsynced === 0 || isOver) return undefined
        isOver = true
        reach.service.process?.crash()
        return failed(name, "the machine is off")
      },
      kept: () => kept
    })
  }
})

const crashAtReplay = kind({
  name: "spool-replay-crash",
  target: "spoolFolder",
  description: "The service is killed when the database has taken an entry of the spool, before the spool is emptied.",
  parameters: Schema.Struct({ ...shared, afterSteps: Schema.Int }),
  lasts: [5_000, 300_000],
  draw: (random) => ({ database: random.chance(databaseShare), afterSteps: random.between(0, 20) }),
  apply: ({ afterSteps, ...parameters }, reach) => {
    const { observations, service, world } = reach
    let isOver = false
    // Entries are replayed when the database is back, so it waits for longer than the fault lasts.
    observations.subscribe({
      SpoolReplayed: () => {
        if (isOver) return
        isOver = true
        world.atStep(world.steps + 1 + afterSteps, () => service.process?.crash())
      },
      HealingBegan: () => {
        isOver = true
      }
    })
    return disturb(reach, parameters, {})
  }
})

const crashAtEmptying = kind({
  name: "spool-emptying-crash",
  target: "spoolFolder",
  description: "The service is killed while it empties the spool, of which the database has everything.",
  parameters: Schema.Struct({
    ...shared,
    /** So many of its operations are made. */
    operations: Schema.Int
  }),
  lasts: [5_000, 300_000],
  draw: (random) => ({ database: random.chance(databaseShare), operations: random.between(0, 2) }),
  apply: ({ operations, ...parameters }, reach) => {
    const { farEnds, observations, service } = reach
    let left: number | undefined
    // The spool is emptied when the database is back, so it waits for longer than the fault lasts.
    const end = farEnds.spoolFolder.disturb({
      before: (operation, name, { empties }) => {
        // There is a next entry to replay.
        if (operation === "read") left = undefined
        if (left === undefined || !empties || left-- > 0) return undefined
        end()
        service.process?.crash()
        return failed(name, "the process has ended")
      }
    })
    observations.subscribe({
      SpoolReplayed: () => {
        left = operations
      },
      HealingBegan: () => end()
    })
    return disturb(reach, parameters, {})
  }
})

export const spoolFaults: ReadonlyArray<FaultKind> = [full, syncFails, slow, torn, crashAtReplay, crashAtEmptying]
