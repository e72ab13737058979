/**
 * The files of one spool, in order: entries are appended to the last one and taken from the first one.
 *
 *     alerts-000001.spool   entries, then reserved space
 *     alerts-000002.spool   only after a failed sync of the file before it
 *
 * - **A file whose `sync` failed is suspect.** Nothing more is appended to it. What was acknowledged before is replayed.
 * - **What could not be written is taken back**, so that no later line stands behind half of one.
 * - **An entry whose post was refused stays, and a line behind it says so.** Nothing of it is replayed but its number.
 *   That line needs no sync of its own while posts wait, and no crash makes anything else of it than an entry that is
 *   replayed, or one that is not: zeros over the entry may be torn, and look like damage.
 * - **A number is given once.** A process that finds entries counts its own from 1 under another name: the end of the
 *   file may be gone, and the database may have those entries. It would take a number that comes again for a repeat.
 * - **The last entries outlive the first ones** while a file is emptied, whatever cuts that short.
 * - **A file in which an entry is damaged is kept** under the name `damaged-…` when the rest has been replayed.
 *
 * The functions are not to be called concurrently. `AlertSpool` sees to that.
 */

import { Clock, Effect, Option, Random } from "effect"
import { base32, half } from "../../domain/Ulid.ts"
import * as SpoolAside from "./SpoolAside.ts"
import type { SpoolDisk } from "./SpoolDisk.ts"
import { SpoolFault } from "./SpoolDisk.ts"
import type { SpoolEntry, SpooledPost } from "./SpooledPost.ts"
import {
  batchOf,
  blank,
  createFile,
  emptyFile,
  erase,
  idOf,
  type Known,
  readAll,
  type SpoolFile,
  storeWhole,
  takeBack
} from "./SpoolFile.ts"
import { type EntryId, entryOf, lineOf, nameIn, refuse, scan } from "./SpoolFormat.ts"
import { nameOf, numberOf } from "./SpoolNames.ts"

export interface SpoolLimits {
  /** The greatest size of all entries together, in bytes. */
  readonly maxBytes: number
  /** The space that is reserved on the disk while the spool is empty, in bytes. */
  readonly reservedBytes: number
}

/** What waits in the files. */
export interface Waiting {
  readonly posts: number
  readonly alerts: number
  readonly bytes: number
}

export interface SpoolFiles {
  /**
   * Appends posts in order, on disk when it returns. Fails without any of them. Those that are not wanted any more when
   * they are on disk are refused.
   */
  readonly append: (
    posts: ReadonlyArray<SpooledPost>,
    isWanted?: (index: number) => boolean
  ) => Effect.Effect<void, SpoolFault>
  /** Says on the disk which entries were refused. The next append does that, too. */
  readonly sayRefused: Effect.Effect<void, SpoolFault>
  /** The oldest entry, and whether it is the only one. One that was refused before it has no alerts. */
  readonly oldest: Effect.Effect<Option.Option<{ readonly entry: SpoolEntry; readonly isLast: boolean }>, SpoolFault>
  /** Forgets the oldest entry. It stays in its file until all have been replayed. */
  readonly forget: (entry: SpoolEntry) => void
  /** Empties the files, of which every entry has been replayed. */
  readonly clear: Effect.Effect<void, SpoolFault>
  /** Keeps a copy of an entry that the database refuses, and returns its name. */
  readonly keep: (entry: SpoolEntry) => Effect.Effect<string, SpoolFault>
  /** Fails if the next entry could not be stored, as far as a sync of the file can tell. */
  readonly check: Effect.Effect<void, SpoolFault>
  readonly waiting: () => Waiting
  /** What has to be known when they are opened again. */
  readonly known: () => Known
  /** The database has the folder: what was appended before is for it. */
  readonly settle: () => void
  /**
   * The folder belongs to another database than this one: takes out what was appended before that was known, and keeps
   * it for this one. Then the files have to be opened again.
   */
  readonly setAside: (database: string) => Effect.Effect<void, SpoolFault>
}

/** What the smallest post needs. */
const leastRoomBytes = 4096

/** A disk that fails again and again must not fill a folder. */
const mostFiles = 8

/** The entries in a part of a file whose posts were not refused. */
const entriesIn = (content: Uint8Array, refused: ReadonlyArray<EntryId>): ReadonlyArray<SpoolEntry> =>
  refuse(scan(content).places, refused)
    .filter(({ isRefused }) => !isRefused)
    .flatMap(({ length, offset }) => entryOf(content.subarray(offset, offset + length)) ?? [])

const newSpool = Effect.gen(function* () {
  const millis = yield* Clock.currentTimeMillis
  const random = yield* Random.next
  return `${base32(millis, 10)}${base32(Math.floor(random * half), 8)}`
})

class OpenFiles implements SpoolFiles {
  readonly append: SpoolFiles["append"]
  readonly oldest: SpoolFiles["oldest"]
  readonly clear: SpoolFiles["clear"]
  readonly check: SpoolFiles["check"]
  readonly sayRefused: SpoolFiles["sayRefused"]
  readonly #disk: SpoolDisk
  readonly #limits: SpoolLimits
  #files: ReadonlyArray<SpoolFile>
  /** The entries that were refused, as far as the disk does not say so. */
  #refused: ReadonlyArray<EntryId>
  #isSettled: boolean

  constructor(
    disk: SpoolDisk,
    limits: SpoolLimits,
    { files, refused }: Effect.Success<ReturnType<typeof readAll>>,
    isSettled: boolean
  ) {
    this.#isSettled = isSettled
    this.#refused = refused
    this.#disk = disk
    this.#limits = limits
    this.#files = files
    this.append = (posts, isWanted = () => true) => this.#append(posts, isWanted)
    this.sayRefused = Effect.suspend(() => (this.#refused.length === 0 ? Effect.void : this.#append([], () => true)))
    this.oldest = Effect.suspend(() => this.#oldest())
    this.clear = Effect.suspend(() => this.#emptied())
    this.check = Effect.suspend(() => this.#check())
  }

  readonly waiting = (): Waiting => {
    const places = this.#files.flatMap((file) => file.waiting.filter(({ isRefused }) => !isRefused))
    return {
      posts: places.length,
      alerts: places.reduce((sum, { alerts }) => sum + alerts, 0),
      bytes: places.reduce((sum, { length }) => sum + length, 0)
    }
  }

  readonly known = (): Known => ({
    ends: new Map(this.#files.map(({ end, name }) => [name, end])),
    refused: this.#refused
  })

  readonly forget = (entry: SpoolEntry): void => {
    const waiting = this.#files.find((file) => file.waiting.length > 0)?.waiting
    if (waiting?.[0]?.sequence === entry.sequence && waiting[0].spool === entry.spool) waiting.shift()
  }

  readonly settle = (): void => {
    this.#isSettled = true
    for (const file of this.#files) file.earlyFrom = undefined
  }

  readonly setAside: SpoolFiles["setAside"] = Effect.fnUntraced({ self: this }, function* (database: string) {
    const found = this.#files.flatMap((file) => (file.earlyFrom === undefined ? [] : [{ file, from: file.earlyFrom }]))
    if (found.length === 0) return
    const contents = yield* Effect.forEach(found, ({ file, from }) => this.#disk.read(file.name, from, file.end - from))
    const entries = contents.flatMap((content) => entriesIn(content, this.#refused))
    if (entries.length > 0) yield* SpoolAside.store(this.#disk, database, yield* newSpool, entries)
    // Zeros that a crash cuts short leave some of them, which are not for the other database.
    this.#refused = [...this.#refused, ...entries.map(idOf)]
    yield* this.trySayRefused
    for (const { file, from } of found) {
      yield* erase(this.#disk, file.name, from, file.end)
      file.earlyFrom = undefined
    }
  })

  readonly keep: SpoolFiles["keep"] = Effect.fnUntraced({ self: this }, function* (entry: SpoolEntry) {
    const name = `refused-${entry.spool}-${entry.sequence}.spool`
    const isThere = yield* Effect.catchIf(
      this.#hasCopy(name, entry),
      ({ reason }) => reason !== "hung",
      () => Effect.succeed(false)
    )
    if (!isThere) yield* storeWhole(this.#disk, name, lineOf(entry))
    return name
  })

  /** Whether a file has the whole entry. An earlier version has left empty files, and parts, where the disk was full. */
  readonly #hasCopy = Effect.fnUntraced({ self: this }, function* (name: string, { sequence, spool }: SpoolEntry) {
    if (!(yield* this.#disk.files).includes(name)) return false
    const copy = entryOf(yield* this.#disk.read(name))
    if (copy?.spool !== spool || copy.sequence !== sequence) return false
    yield* this.#disk.sync(name)
    return true
  })

  readonly #append = Effect.fnUntraced(
    { self: this },
    function* (posts: ReadonlyArray<SpooledPost>, isWanted: (index: number) => boolean) {
      const file = yield* this.#writable()
      const spool = file.spool ?? nameIn(file.use, yield* newSpool)
      const { content, places } = batchOf(file, spool, posts, this.#refused)
      if (posts.length > 0 && this.#usedBytes() + content.length > this.#limits.maxBytes) {
        yield* this.sayRefused
        return yield* this.#tooLarge()
      }
      yield* Effect.tapError(this.#disk.write(file.name, file.end, content), () => this.#takeBack(file, content.length))
      yield* Effect.tapError(this.#disk.sync(file.name), () => {
        file.isSuspect = true
        return this.#takeBack(file, content.length)
      })
      file.use ??= spool
      file.spool = spool
      if (!this.#isSettled) file.earlyFrom ??= file.end
      file.end += content.length
      file.sequence += places.length
      const marked = places.map((place, index) => ({ ...place, isRefused: !isWanted(index) }))
      for (const place of marked) file.waiting.push(place)
      this.#refused = marked.filter(({ isRefused }) => isRefused).map(idOf)
    }
  )

  readonly #oldest = Effect.fnUntraced({ self: this }, function* () {
    while (this.waiting().posts > 0) {
      const file = this.#files.find((each) => each.waiting.length > 0)
      const place = file?.waiting[0]
      if (file === undefined || place === undefined) break
      const { isRefused } = place
      const isNeeded = file.waiting.some((each) => !each.isRefused && each.spool === place.spool)
      const entry = isNeeded ? entryOf(yield* this.#disk.read(file.name, place.offset, place.length)) : undefined
      if (entry !== undefined && isRefused)
        return Option.some({ entry: { ...entry, firing: [], resolved: [] }, isLast: false })
      if (entry !== undefined) return Option.some({ entry, isLast: this.waiting().posts === 1 })
      file.waiting = file.waiting.slice(1)
      if (isRefused) continue
      yield* Effect.logError("An entry of the spool is damaged, and its alerts are lost", {
        file: file.name,
        entry: place.sequence,
        alerts: place.alerts
      })
      file.isDamaged = true
    }
    if (this.#files.some(({ end }) => end > 0)) yield* this.#emptied()
    return Option.none()
  })

  readonly #check = Effect.fnUntraced({ self: this }, function* () {
    const file = yield* this.#writable()
    if (this.#usedBytes() + leastRoomBytes > this.#limits.maxBytes) return yield* this.#tooLarge()
    yield* Effect.tapError(this.#disk.sync(file.name), () => Effect.sync(() => void (file.isSuspect = true)))
  })

  /** Says on the disk which entries were refused, if it has space for that. */
  readonly trySayRefused = Effect.suspend(() =>
    Effect.catchIf(
      this.sayRefused,
      ({ reason }) => reason !== "hung",
      () => Effect.void
    )
  )

  /** What a crash leaves of entries that were refused must not be replayed. */
  #emptied(): Effect.Effect<void, SpoolFault> {
    return Effect.flatMap(this.trySayRefused, () => this.#clear())
  }

  /** One file after the other. The next attempt begins with the one that failed, which takes no entry any more. */
  readonly #clear = Effect.fnUntraced({ self: this }, function* () {
    const names = new Set(yield* this.#disk.files)
    const files = this.#files
    const kept: Array<SpoolFile> = []
    for (const [index, file] of files.entries()) {
      // A failure may have come after its removal.
      if (names.has(file.name)) kept.push(...(yield* this.#clearFile(file, kept.length === 0)))
      this.#files = [...kept, ...files.slice(index + 1)]
    }
    this.#refused = []
    if (kept.length === 0) this.#files = [yield* createFile(this.#disk, nameOf(1), this.#limits.reservedBytes)]
  })

  readonly #clearFile = Effect.fnUntraced({ self: this }, function* (file: SpoolFile, isFirst: boolean) {
    if (file.isDamaged) {
      yield* this.#disk.rename(file.name, `damaged-${file.use ?? file.name}.spool`)
      return []
    }
    if (file.isSuspect || !isFirst) {
      yield* this.#disk.remove(file.name)
      return []
    }
    // If this fails, nobody knows what is in it.
    file.isSuspect = true
    if (file.end > 0) yield* blank(this.#disk, file, this.#limits.reservedBytes)
    return [emptyFile(file.name)]
  })

  /** The file that takes the next entry. */
  readonly #writable = Effect.fnUntraced({ self: this }, function* () {
    const last = this.#files.at(-1)
    if (last !== undefined && !last.isSuspect) return last
    if (this.waiting().posts === 0) {
      yield* this.#clear()
      return this.#files[this.#files.length - 1]!
    }
    if (this.#files.length >= mostFiles)
      return yield* new SpoolFault({ reason: "failed", detail: `${this.#files.length} files of the spool are suspect` })
    const made = yield* createFile(this.#disk, nameOf(numberOf(last?.name ?? "") + 1), 0)
    this.#files = [...this.#files, made]
    return made
  })

  /** Takes back what was written. A file from which it cannot be taken back is not written to again. */
  #takeBack(file: SpoolFile, bytes: number): Effect.Effect<void> {
    return Effect.catch(takeBack(this.#disk, file, bytes, this.#limits.reservedBytes), () =>
      Effect.sync(() => {
        file.isSuspect = true
      })
    )
  }

  #usedBytes(): number {
    return this.#files.reduce((sum, { end }) => sum + end, 0)
  }

  #tooLarge(): SpoolFault {
    const detail = `it has ${this.#usedBytes()} of at most ${this.#limits.maxBytes} bytes`
    return new SpoolFault({ reason: "full", detail })
  }
}

/**
 * Opens the spool of a database, if that is known. The disk is locked for this process when it returns. `known`: what
 * this process knows of the files, if it has had them open before.
 */
export const open = Effect.fnUntraced(function* (
  disk: SpoolDisk,
  limits: SpoolLimits,
  database?: string,
  known: Known = { ends: new Map(), refused: [] }
): Effect.fn.Return<SpoolFiles, SpoolFault> {
  yield* disk.lock
  if (database !== undefined) {
    yield* disk.claim(database)
    yield* SpoolAside.join(disk, database)
  }
  const files = new OpenFiles(disk, limits, yield* readAll(disk, limits.reservedBytes, known), database !== undefined)
  // A full disk must not keep what waits from being replayed.
  yield* files.trySayRefused
  return files
})
