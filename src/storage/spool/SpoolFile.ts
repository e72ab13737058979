/**
 * One file of the spool: how it is made, read, written over and emptied.
 *
 * Zeros take the place of what is taken out of a file, so that its space stays reserved.
 */

import { Effect } from "effect"
import type { SpoolDisk, SpoolFault } from "./SpoolDisk.ts"
import { alertsIn, type SpooledPost } from "./SpooledPost.ts"
import { type EntryId, lineOf, type Place, refuse, scan } from "./SpoolFormat.ts"
import { isAlerts, nameOf, unfinished } from "./SpoolNames.ts"

export interface SpoolFile {
  readonly name: string
  /** The use that its entries belong to; absent without entries. */
  use: string | undefined
  /** Under which new entries are counted. Absent until there is one. */
  spool: string | undefined
  /** The number of the last one of them. */
  sequence: number
  /** Where the next entry goes. */
  end: number
  /** With those that were refused, as long as another one may follow under their name. */
  waiting: Array<Place>
  /** Where the entries begin that were appended before the database was known. */
  earlyFrom: number | undefined
  isSuspect: boolean
  isDamaged: boolean
}

export const emptyFile = (name: string): SpoolFile => ({
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
export const createFile = (disk: SpoolDisk, name: string, reservedBytes: number) =>
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

/**
 * Stores a whole file, on disk when it returns. Whatever cuts it short, there is no part of the file under its name. A
 * file of that name is replaced.
 */
export const storeWhole = Effect.fnUntraced(function* (disk: SpoolDisk, name: string, content: Uint8Array) {
  // An attempt that was cut short has left one.
  yield* disk.remove(unfinished)
  yield* disk.create(unfinished, 0)
  yield* disk.write(unfinished, 0, content)
  yield* disk.sync(unfinished)
  yield* disk.rename(unfinished, name)
})

/** Whether an entry is missing between this one and the one before it. */
const isAfterAGap = ({ sequence, spool }: Place, index: number, places: ReadonlyArray<Place>): boolean => {
  const before = places[index - 1]
  return before !== undefined && sequence !== (before.spool === spool ? before.sequence : 0) + 1
}

/** Zeros over a part of a file. */
export const erase = (disk: SpoolDisk, name: string, from: number, to: number): Effect.Effect<void, SpoolFault> =>
  Effect.andThen(disk.write(name, from, new Uint8Array(to - from)), disk.sync(name))

/**
 * Takes back what was written behind the lines of a file: zeros over its reserved space, and a cut behind that. A full
 * disk that copies what it writes takes no zeros.
 *
 * Where a disk does neither for certain, zeros over all of it are what the next process reads, unless the machine loses
 * power: of entries that were refused it would otherwise find the last ones, and miss the first ones.
 */
export const takeBack = (
  disk: SpoolDisk,
  { end, name }: Pick<SpoolFile, "end" | "name">,
  bytes: number,
  reservedBytes: number
): Effect.Effect<void, SpoolFault> => {
  const to = end + bytes
  const zeros = end < reservedBytes ? erase(disk, name, end, Math.min(to, reservedBytes)) : Effect.void
  const rest = to > reservedBytes ? disk.cut(name, Math.max(end, reservedBytes)) : Effect.void
  return Effect.andThen(zeros, rest).pipe(
    Effect.catch(() => disk.cut(name, end)),
    Effect.tapError(() => Effect.ignore(disk.write(name, end, new Uint8Array(bytes))))
  )
}

/** What this process knows of the files that it has had open before. */
export interface Known {
  /** Where what was acknowledged ends in each file. What is behind it was refused. */
  readonly ends: ReadonlyMap<string, number>
  /** The entries that were refused, as far as the files do not say so. */
  readonly refused: ReadonlyArray<EntryId>
}

/** An entry without anything else that is known of it. */
export const idOf = ({ sequence, spool }: EntryId): EntryId => ({ spool, sequence })

const isBefore =
  (end: number) =>
  ({ offset }: Place): boolean =>
    offset < end

/**
 * Reads a file that an earlier process has left, or this one. What a crash cut short is dropped. What an operation has
 * written that had hung is late: all that is behind `acknowledged` was refused.
 */
const readFile = Effect.fnUntraced(function* (
  disk: SpoolDisk,
  name: string,
  reservedBytes: number,
  acknowledged = Infinity
) {
  const content = yield* disk.read(name)
  const { dropped, end, places, refused, use } = scan(content)
  if (dropped > 0) {
    yield* takeBack(disk, { name, end }, dropped, reservedBytes)
    yield* Effect.logWarning(
      "The end of a spool file cannot be read, and is dropped: a crash has cut it short before it was acknowledged, or the disk has damaged it",
      { file: name, bytes: dropped }
    )
  }
  const isDamaged = places.filter(isBefore(acknowledged)).some(isAfterAGap)
  const file: SpoolFile = { ...emptyFile(name), use, end, waiting: [...places], isDamaged }
  return { file, refused, late: places.filter((place) => !place.isRefused && !isBefore(acknowledged)(place)) }
})

/**
 * Opens the files of a folder that this process has locked. Returns also the entries that were refused, as far as the
 * files do not say so.
 */
export const readAll = Effect.fnUntraced(function* (disk: SpoolDisk, reservedBytes: number, known: Known) {
  const names = (yield* disk.files).filter(isAlerts).toSorted()
  if (names.length === 0) return { files: [yield* createFile(disk, nameOf(1), reservedBytes)], refused: [] }
  const found = yield* Effect.forEach(names, (name) => readFile(disk, name, reservedBytes, known.ends.get(name)))
  const unsaid: ReadonlyArray<EntryId> = [...known.refused, ...found.flatMap(({ late }) => late.map(idOf))]
  const refused = [...unsaid, ...found.flatMap((each) => each.refused)]
  for (const { file } of found) file.waiting = [...refuse(file.waiting, refused)]
  return { files: found.map(({ file }) => file), refused: unsaid }
})

/** Zeros over the lines of a file. What is beyond its reserved space goes last. */
export const blank = Effect.fnUntraced(function* (disk: SpoolDisk, file: SpoolFile, reservedBytes: number) {
  yield* disk.write(file.name, 0, new Uint8Array(Math.min(file.end, reservedBytes)))
  yield* disk.sync(file.name)
  if (file.end > reservedBytes) yield* disk.cut(file.name, reservedBytes)
})

/** What a batch adds to a file: a line about entries that were refused before, if there are any, and its entries. */
export const batchOf = (
  file: SpoolFile,
  spool: string,
  posts: ReadonlyArray<SpooledPost>,
  refused: ReadonlyArray<EntryId>
) => {
  const refusals = refused.length === 0 ? [] : [lineOf({ spool, refused })]
  let offset = refusals.reduce((end, { length }) => end + length, file.end)
  const places: Array<Place> = []
  const entries = posts.map((post, index) => {
    const sequence = file.sequence + 1 + index
    const line = lineOf({ spool, sequence, ...post })
    places.push({ offset, length: line.length, spool, sequence, alerts: alertsIn(post), isRefused: false })
    offset += line.length
    return line
  })
  return { content: Buffer.concat([...refusals, ...entries]), places }
}
