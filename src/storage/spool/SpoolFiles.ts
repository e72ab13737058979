/**
 * The files of one spool, in order: entries are appended to the last one and taken from the first one.
 *
 *     alerts-000001.spool   entries, then reserved space
 *     alerts-000002.spool   only after a failed sync of the file before it
 *
 * - **A file whose `sync` failed is suspect.** Nothing more is appended to it. What was acknowledged before is replayed.
 * - **An entry that was not acknowledged is taken back**, so that no later line stands behind half of one, and nothing is
 *   replayed of a post that was refused. Its number is given to the next one.
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
import { alertsIn, type SpoolEntry, type SpooledPost } from "./SpooledPost.ts"
import { entryOf, lineOf, nameIn, type Place, scan } from "./SpoolFormat.ts"
import { isAlerts, nameOf, numberOf } from "./SpoolNames.ts"

export interface SpoolLimits {
  /** The greatest size of all entries together, in bytes. */
  readonly maxBytes: number
  /** The space that is reserved on the disk while the spool is empty, in bytes. */
  readonly reservedBytes: number
}

interface SpoolFile {
  readonly name: string
  /** The use that its entries belong to; absent without entries. */
  use: string | undefined
  /** Under which new entries are counted. Absent until there is one. */
  spool: string | undefined
  /** The number of the last one of them. */
  sequence: number
  /** Where the next entry goes. */
  end: number
  waiting: Array<Place>
  /** Where the entries begin that were appended before the database was known. */
  earlyFrom: number | undefined
  isSuspect: boolean
  isDamaged: boolean
}

/** What waits in the files. */
export interface Waiting {
  readonly posts: number
  readonly alerts: number
  readonly bytes: number
}

export interface SpoolFiles {
  /**
   * Appends posts in order, on disk when it returns. Fails without any of them. Returns false, and has taken them back,
   * if they were not wanted any more when they were on disk.
   */
  readonly append: (posts: ReadonlyArray<SpooledPost>, isWanted?: () => boolean) => Effect.Effect<boolean, SpoolFault>
  /** The oldest entry, and whether it is the only one. */
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
  /** Where the entries of each file end. */
  readonly ends: () => ReadonlyMap<string, number>
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

const emptyFile = (name: string): SpoolFile => ({
  name,
  use: undefined,
  spool: undefined,
  sequence: 0,
  end: 0,
  waiting: [],
  earlyFrom: undefined,
  isSuspect: false,
  isDamaged: false
})

/** Makes a file with reserved space, or without where the disk has not enough. */
const createFile = (disk: SpoolDisk, name: string, reservedBytes: number) =>
  Effect.as(
    Effect.catchIf(
      disk.create(name, reservedBytes),
      ({ reason }) => reason === "full",
      ({ detail }) =>
        Effect.andThen(
          Effect.logWarning("The spool has no reserved space on its disk", { reason: detail }),
          disk.create(name, 0)
        )
    ),
    emptyFile(name)
  )

/** Whether an entry is missing between this one and the one before it. */
const isAfterAGap = ({ sequence, spool }: Place, index: number, places: ReadonlyArray<Place>): boolean => {
  const before = places[index - 1]
  return before !== undefined && sequence !== (before.spool === spool ? before.sequence : 0) + 1
}

/** Zeros over a part of a file, so that its space stays reserved. */
const erase = (disk: SpoolDisk, name: string, from: number, to: number): Effect.Effect<void, SpoolFault> =>
  Effect.andThen(disk.write(name, from, new Uint8Array(to - from)), disk.sync(name))

/**
 * Reads a file that an earlier process has left, or this one. What a crash cut short is cut off, and what an operation
 * has written that had hung is taken back: all that is behind `acknowledged` was refused.
 */
const readFile = Effect.fnUntraced(function* (
  disk: SpoolDisk,
  name: string,
  acknowledged = Infinity
): Effect.fn.Return<SpoolFile, SpoolFault> {
  const content = yield* disk.read(name)
  const found = scan(content)
  const isAllOurs = found.end <= acknowledged
  if (!isAllOurs) yield* erase(disk, name, acknowledged, found.end + found.dropped)
  const { dropped, end, places, use } = isAllOurs ? found : scan(content.subarray(0, acknowledged))
  if (dropped > 0) {
    yield* disk.cut(name, end)
    yield* Effect.logWarning(
      "The end of a spool file cannot be read, and is dropped: a crash has cut it short before it was acknowledged, or the disk has damaged it",
      { file: name, bytes: dropped }
    )
  }
  return { ...emptyFile(name), use, end, waiting: [...places], isDamaged: places.some(isAfterAGap) }
})

/** Opens the files of a folder that this process has locked. */
const readAll = Effect.fnUntraced(function* (
  disk: SpoolDisk,
  { reservedBytes }: SpoolLimits,
  ends: ReadonlyMap<string, number>
) {
  const names = (yield* disk.files).filter(isAlerts).toSorted()
  if (names.length === 0) return [yield* createFile(disk, nameOf(1), reservedBytes)]
  return yield* Effect.forEach(names, (name) => readFile(disk, name, ends.get(name)))
})

const entriesIn = (content: Uint8Array): ReadonlyArray<SpoolEntry> =>
  scan(content).places.flatMap(({ length, offset }) => entryOf(content.subarray(offset, offset + length)) ?? [])

const newSpool = Effect.gen(function* () {
  const millis = yield* Clock.currentTimeMillis
  const random = yield* Random.next
  return `${base32(millis, 10)}${base32(Math.floor(random * half), 8)}`
})

/** Zeros over the entries of a file, so that their space stays reserved. What is beyond it goes last. */
const blank = Effect.fnUntraced(function* (disk: SpoolDisk, file: SpoolFile, { reservedBytes }: SpoolLimits) {
  yield* disk.write(file.name, 0, new Uint8Array(Math.min(file.end, reservedBytes)))
  yield* disk.sync(file.name)
  if (file.end > reservedBytes) yield* disk.cut(file.name, reservedBytes)
})

/** The entries of a batch as one text, and their places in the file. */
const batchOf = (file: SpoolFile, spool: string, posts: ReadonlyArray<SpooledPost>) => {
  let offset = file.end
  const places: Array<Place> = []
  const lines = posts.map((post, index) => {
    const sequence = file.sequence + 1 + index
    const line = lineOf({ spool, sequence, ...post })
    places.push({ offset, length: line.length, spool, sequence, alerts: alertsIn(post) })
    offset += line.length
    return line
  })
  return { content: Buffer.concat(lines), places }
}

class OpenFiles implements SpoolFiles {
  readonly append: SpoolFiles["append"]
  readonly oldest: SpoolFiles["oldest"]
  readonly clear: SpoolFiles["clear"]
  readonly check: SpoolFiles["check"]
  readonly #disk: SpoolDisk
  readonly #limits: SpoolLimits
  #files: ReadonlyArray<SpoolFile>
  #isSettled: boolean

  constructor(disk: SpoolDisk, limits: SpoolLimits, files: ReadonlyArray<SpoolFile>, isSettled: boolean) {
    this.#isSettled = isSettled
    this.#disk = disk
    this.#limits = limits
    this.#files = files
    this.append = (posts, isWanted = () => true) => this.#append(posts, isWanted)
    this.oldest = Effect.suspend(() => this.#oldest())
    this.clear = Effect.suspend(() => this.#clear())
    this.check = Effect.suspend(() => this.#check())
  }

  readonly waiting = (): Waiting => {
    const places = this.#files.flatMap((file) => file.waiting)
    return {
      posts: places.length,
      alerts: places.reduce((sum, { alerts }) => sum + alerts, 0),
      bytes: places.reduce((sum, { length }) => sum + length, 0)
    }
  }

  readonly ends = (): ReadonlyMap<string, number> => new Map(this.#files.map(({ end, name }) => [name, end]))

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
    yield* SpoolAside.store(this.#disk, database, yield* newSpool, contents.flatMap(entriesIn))
    for (const { file, from } of found) {
      yield* erase(this.#disk, file.name, from, file.end)
      file.earlyFrom = undefined
    }
  })

  readonly keep: SpoolFiles["keep"] = Effect.fnUntraced({ self: this }, function* (entry: SpoolEntry) {
    const name = `refused-${entry.spool}-${entry.sequence}.spool`
    if ((yield* this.#disk.files).includes(name)) return name
    yield* this.#disk.create(name, 0)
    yield* this.#disk.write(name, 0, lineOf(entry))
    yield* this.#disk.sync(name)
    return name
  })

  readonly #append = Effect.fnUntraced(
    { self: this },
    function* (posts: ReadonlyArray<SpooledPost>, isWanted: () => boolean) {
      const file = yield* this.#writable()
      const spool = file.spool ?? nameIn(file.use, yield* newSpool)
      const { content, places } = batchOf(file, spool, posts)
      if (this.#usedBytes() + content.length > this.#limits.maxBytes) return yield* this.#tooLarge()
      yield* Effect.tapError(this.#disk.write(file.name, file.end, content), () => this.#takeBack(file))
      yield* Effect.tapError(this.#disk.sync(file.name), () => {
        file.isSuspect = true
        return this.#takeBack(file)
      })
      if (!isWanted()) {
        yield* Effect.tapError(erase(this.#disk, file.name, file.end, file.end + content.length), () => {
          file.isSuspect = true
          return this.#takeBack(file)
        })
        return false
      }
      file.use ??= spool
      file.spool = spool
      if (!this.#isSettled) file.earlyFrom ??= file.end
      file.end += content.length
      file.sequence += places.length
      for (const place of places) file.waiting.push(place)
      return true
    }
  )

  readonly #oldest = Effect.fnUntraced({ self: this }, function* () {
    for (;;) {
      const file = this.#files.find((each) => each.waiting.length > 0)
      const place = file?.waiting[0]
      if (file === undefined || place === undefined) {
        if (this.#files.some(({ end }) => end > 0)) yield* this.#clear()
        return Option.none()
      }
      const entry = entryOf(yield* this.#disk.read(file.name, place.offset, place.length))
      if (entry !== undefined) return Option.some({ entry, isLast: this.waiting().posts === 1 })
      yield* Effect.logError("An entry of the spool is damaged, and its alerts are lost", {
        file: file.name,
        entry: place.sequence,
        alerts: place.alerts
      })
      file.isDamaged = true
      file.waiting = file.waiting.slice(1)
    }
  })

  readonly #check = Effect.fnUntraced({ self: this }, function* () {
    const file = yield* this.#writable()
    if (this.#usedBytes() + leastRoomBytes > this.#limits.maxBytes) return yield* this.#tooLarge()
    yield* Effect.tapError(this.#disk.sync(file.name), () => Effect.sync(() => void (file.isSuspect = true)))
  })

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
    if (file.end > 0) yield* blank(this.#disk, file, this.#limits)
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
  #takeBack(file: SpoolFile): Effect.Effect<void> {
    return Effect.catch(this.#disk.cut(file.name, file.end), () =>
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
 * Opens the spool of a database, if that is known. The disk is locked for this process when it returns. `ends`: where
 * the acknowledged entries of this process end, if it has had the files open before.
 */
export const open = (
  disk: SpoolDisk,
  limits: SpoolLimits,
  database?: string,
  ends: ReadonlyMap<string, number> = new Map()
): Effect.Effect<SpoolFiles, SpoolFault> =>
  disk.lock.pipe(
    Effect.andThen(
      database === undefined ? Effect.void : Effect.andThen(disk.claim(database), SpoolAside.join(disk, database))
    ),
    Effect.andThen(readAll(disk, limits, ends)),
    Effect.map((files): SpoolFiles => new OpenFiles(disk, limits, files, database !== undefined))
  )
