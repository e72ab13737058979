/**
 * The folder of the spool: files that survive the service's process, with the difference between what was written and
 * what is on the disk.
 *
 * - A **kill** loses nothing that was written: the operating system has it. Only where a fault says that the machine lost
 *   power is what was not synced cut off somewhere.
 * - A **sync that fails** loses what was written before it for good, as on Linux: a later sync does not write it.
 * - The **lock** ends with the process that holds it.
 */

import { Effect, Layer } from "effect"
import { AlertSpool, make as makeSpool } from "../../storage/spool/AlertSpool.ts"
import { type SpoolDisk, SpoolFault } from "../../storage/spool/SpoolDisk.ts"
import { type EntryId, entryOf, refusedIn } from "../../storage/spool/SpoolFormat.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

export type SpoolOperation = keyof SpoolDisk

/** What a fault may want to know about an operation. */
export interface SpoolUse {
  /** It needs space that the file does not have yet. */
  readonly grows: boolean
  /** The bytes of the file that were written and not synced. */
  readonly unsynced: number
  /** It takes something out of the file: it writes zeros, syncs them, or cuts the file. */
  readonly empties: boolean
}

/** A fault of the disk. */
export interface SpoolDisturbance {
  /** Before each operation: what it fails with. */
  readonly before?: (operation: SpoolOperation, name: string, use: SpoolUse) => SpoolFault | undefined
  /** How long each operation takes, in milliseconds. */
  readonly takesMs?: (operation: SpoolOperation) => number
  /** When a process ends: the share of what it had written and not synced that is on the disk all the same. */
  readonly kept?: () => number
}

interface Write {
  readonly offset: number
  readonly content: Uint8Array
}

interface File {
  /** What a process reads. */
  now: Uint8Array
  synced: Uint8Array
  unsynced: Array<Write>
  /** The entries that are on the disk. */
  stored: ReadonlyArray<Write>
}

/** Small, so that a run fills it. */
const limits = { maxBytes: 192 * 1024, reservedBytes: 16 * 1024 }

const written = (bytes: Uint8Array, { content, offset }: Write): Uint8Array => {
  const result = new Uint8Array(Math.max(bytes.length, offset + content.length))
  result.set(bytes)
  result.set(content, offset)
  return result
}

const isBlank = ({ content }: Write): boolean => content.length > 0 && content.every((byte) => byte === 0)

const lineBreak = 0x0a

/** What was written at once, line by line. */
const linesIn = ({ content, offset }: Write): ReadonlyArray<Write> => {
  const lines = []
  for (let from = 0, to = content.indexOf(lineBreak); to !== -1; from = to + 1, to = content.indexOf(lineBreak, from))
    lines.push({ offset: offset + from, content: content.subarray(from, to + 1) })
  return lines
}

const keyOf = ({ sequence, spool }: EntryId): string => `${spool} ${sequence}`

const hasEntry = ({ content }: Write): boolean => entryOf(content) !== undefined

/** The entries in what was written at once. */
const entriesIn = (write: Write) =>
  linesIn(write)
    .map(({ content }) => entryOf(content))
    .filter((entry) => entry !== undefined)

/** The files of one folder, and the processes that use them. */
export class SpoolFiles {
  private readonly files = new Map<string, File>()
  private lockedBy: number | undefined
  private readonly disturbances: Iterable<SpoolDisturbance>
  private readonly onSynced: (write: Write, process: number | undefined) => void
  private readonly onErased: (write: Write) => void
  private readonly isAlive: (process: number) => boolean

  constructor(
    disturbances: Iterable<SpoolDisturbance> = [],
    onSynced: SpoolFiles["onSynced"] = () => {},
    isAlive: SpoolFiles["isAlive"] = () => true,
    onErased: SpoolFiles["onErased"] = () => {}
  ) {
    this.onErased = onErased
    this.isAlive = isAlive
    this.disturbances = disturbances
    this.onSynced = onSynced
  }

  /** The disk as one process has it. */
  diskOf(process: number): SpoolDisk {
    const run = <A>(
      operation: SpoolOperation,
      name: string,
      body: () => Effect.Effect<A, SpoolFault>,
      write: Write = { offset: 0, content: new Uint8Array() }
    ) =>
      Effect.andThen(
        this.begins(operation),
        Effect.suspend(() => this.refused(operation, name, write) ?? body())
      )
    const on = <A>(operation: SpoolOperation, name: string, use: (file: File) => A, write?: Write) =>
      run(
        operation,
        name,
        () => {
          const file = this.files.get(name)
          return file === undefined
            ? Effect.fail(new SpoolFault({ reason: "failed", detail: `${name}: ENOENT` }))
            : Effect.sync(() => use(file))
        },
        write
      )
    return {
      lock: run("lock", "", () => this.lock(process)),
      // Its database is one in memory, which has no identity.
      claim: () => Effect.void,
      files: run("files", "", () => Effect.succeed([...this.files.keys()])),
      create: (name, reservedBytes) => {
        const write = { offset: 0, content: new Uint8Array(reservedBytes) }
        return run("create", name, () => this.create(name, write.content), write)
      },
      read: (name, offset = 0, length) =>
        on("read", name, ({ now }) => now.slice(offset, length === undefined ? undefined : offset + length)),
      write: (name, offset, content) => {
        const write = { offset, content: Uint8Array.from(content) }
        return on(
          "write",
          name,
          (file) => {
            file.now = written(file.now, write)
            file.unsynced.push(write)
          },
          write
        )
      },
      sync: (name) => on("sync", name, (file) => this.sync(file)),
      cut: (name, bytes) =>
        on("cut", name, (file) => {
          file.now = file.now.slice(0, bytes)
          file.synced = file.now
          file.unsynced = []
          this.eraseUnlike(file, file.synced)
        }),
      rename: (from, to) =>
        on("rename", from, (file) => {
          this.files.delete(from)
          this.files.set(to, file)
        }),
      remove: (name) =>
        run("remove", name, () => {
          const file = this.files.get(name)
          if (file !== undefined) this.eraseIf(file, () => true)
          this.files.delete(name)
          return Effect.void
        })
    }
  }

  /** The process is gone, and with it its lock. */
  end(process: number): void {
    if (this.lockedBy === process) this.lockedBy = undefined
    const kept = [...this.disturbances].flatMap((each) => (each.kept === undefined ? [] : [each.kept()]))
    for (const file of this.files.values()) {
      this.lose(file, kept)
      // The next process finds what is left.
      this.eraseUnlike(file, file.now)
      this.refuseBy({ offset: 0, content: file.now })
    }
  }

  /** A loss of power leaves this share of what was not synced. */
  private lose(file: File, kept: ReadonlyArray<number>): void {
    if (kept.length === 0) return
    const share = Math.min(...kept)
    file.now = file.unsynced.reduce(
      (bytes, { content, offset }) =>
        written(bytes, { offset, content: content.subarray(0, Math.floor(content.length * share)) }),
      file.synced
    )
    file.synced = file.now
    file.unsynced = []
  }

  private create(name: string, empty: Uint8Array): Effect.Effect<void, SpoolFault> {
    if (this.files.has(name)) return Effect.fail(new SpoolFault({ reason: "failed", detail: `${name}: EEXIST` }))
    this.files.set(name, { now: empty, synced: empty, unsynced: [], stored: [] })
    return Effect.void
  }

  private lock(process: number): Effect.Effect<void, SpoolFault> {
    if (this.lockedBy !== undefined && this.lockedBy !== process && this.isAlive(this.lockedBy))
      return Effect.fail(new SpoolFault({ reason: "locked", detail: "another process has the folder" }))
    this.lockedBy = process
    return Effect.void
  }

  private sync(file: File): void {
    for (const write of file.unsynced) {
      file.synced = written(file.synced, write)
      if (isBlank(write)) this.eraseUnlike(file, file.synced)
      file.stored = [...file.stored, ...linesIn(write).filter(hasEntry)]
      this.onSynced(write, this.lockedBy)
      this.refuseBy(write)
    }
    file.unsynced = []
  }

  /** Zeros were written over entries, or they were cut off: a part of them is enough. */
  private eraseUnlike(file: File, bytes: Uint8Array): void {
    this.eraseIf(file, ({ content, offset }) => content.some((byte, at) => bytes[offset + at] !== byte))
  }

  /** Lines say that the posts of entries were refused: nobody finds these entries any more. */
  private refuseBy(write: Write): void {
    const refused = new Set(linesIn(write).flatMap(({ content }) => refusedIn(content).map(keyOf)))
    if (refused.size === 0) return
    for (const file of this.files.values())
      this.eraseIf(file, (line) => entriesIn(line).some((entry) => refused.has(keyOf(entry))))
  }

  private eraseIf(file: File, isErased: (line: Write) => boolean): void {
    for (const line of file.stored.filter(isErased)) this.onErased(line)
    file.stored = file.stored.filter((line) => !isErased(line))
  }

  /** An operation is a step of its own, so that the process may end before it. */
  private begins(operation: SpoolOperation): Effect.Effect<void> {
    return Effect.suspend(() => {
      const takesMs = [...this.disturbances].reduce((sum, each) => sum + (each.takesMs?.(operation) ?? 0), 0)
      return takesMs === 0 ? Effect.yieldNow : Effect.sleep(takesMs)
    })
  }

  /** `write`: what it writes, if it does. */
  private refused(operation: SpoolOperation, name: string, write: Write): Effect.Effect<never, SpoolFault> | undefined {
    for (const { before } of this.disturbances) {
      const file = this.files.get(name)
      const fault = before?.(operation, name, {
        grows: write.offset + write.content.length > (file?.now.length ?? 0),
        unsynced: file?.unsynced.reduce((sum, { content }) => sum + content.length, 0) ?? 0,
        empties:
          operation === "cut"
          || (operation === "write" && isBlank(write))
          || (operation === "sync" && (file?.unsynced.some(isBlank) ?? false))
      })
      if (fault === undefined) continue
      if (operation === "sync" && file !== undefined) file.unsynced = []
      return Effect.fail(fault)
    }
    return undefined
  }
}

export class SpoolFolder implements FarEnd {
  readonly name = "spoolFolder"
  /** The spool of each boot of the service. */
  readonly layer: Layer.Layer<AlertSpool>
  private readonly disturbances = new ActiveFaults<SpoolDisturbance>()

  constructor({ observations, world }: Setting) {
    const files = new SpoolFiles(
      this.disturbances,
      (write, process) => {
        for (const { firing, resolved, sequence, spool } of entriesIn(write))
          observations.publish({
            _tag: "SpoolStored",
            spool,
            sequence,
            ...(process === undefined ? {} : { process }),
            alerts: [
              ...firing.map(({ alert }) => ({ fingerprint: alert.fingerprint, firing: true })),
              ...resolved.map(({ fingerprint }) => ({ fingerprint, firing: false }))
            ]
          })
      },
      (number) => world.processes.some((process) => process.number === number && process.isAlive),
      (write) => {
        for (const { sequence, spool } of entriesIn(write))
          observations.publish({ _tag: "SpoolErased", spool, sequence })
      }
    )
    this.layer = Layer.effect(
      AlertSpool,
      Effect.clockWith((clock) => {
        const process = world.processes.findLast((each) => each.clock === clock)
        return makeSpool(files.diskOf(process?.number ?? -1), limits)
      })
    )
    observations.subscribe({ ProcessEnded: ({ number }) => files.end(number) })
  }

  /** Activates a fault until the returned function is called. */
  disturb(disturbance: SpoolDisturbance): () => void {
    return this.disturbances.add(disturbance)
  }
}
