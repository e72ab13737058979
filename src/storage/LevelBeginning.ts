/**
 * Where a process begins: at the worst of what the processes are in, or were in when they ended, with what each of them
 * remembers. Pure.
 *
 * What a process has said is in the database (`sqlite/LevelParts`), and where the database took nothing it is in the
 * file of the process (`LevelFiles`). Both have the name of the process, and a beat that grows with each thing that it
 * says. So what has the higher beat is what the process has said last, whatever the wall clock says, and wherever the
 * file is. A process whose file is locked is there: that it was not given all calls of a model is its own affair, and
 * not the past of the process that begins.
 */

import { Option, Struct } from "effect"
import type { Beginning, LevelRecord } from "../domain/LevelRecord.ts"

/** Processes by their names, each with a beat up to which it has nothing more to say. */
export type Heard = ReadonlyMap<string, number>

/** What a process has said. */
interface Said {
  readonly record: LevelRecord
  readonly beat: number
}

/** What the database has of a process. */
export interface Recorded extends Said {
  readonly name: string
  /** It has ended in order. */
  readonly isOver?: boolean
  /** It has been silent for so long that it is gone. */
  readonly isGone?: boolean
  /** Its file has its name. Absent: an earlier version has written the part, and its file has none. */
  readonly hasName?: boolean
}

/** What the file of a process has. */
export interface Kept extends Said {
  /** Absent: an earlier version has written it. */
  readonly name?: string
  /** What its process has begun with, or knows to be gone: that counts no more beside the file. */
  readonly over: Heard
  readonly isLocked: boolean
}

/** What the files show. */
export interface Shown {
  /** The names of the processes that have the lock of a file. */
  readonly living: ReadonlySet<string>
  readonly kept: ReadonlyArray<Kept>
}

/** No file was read. */
export const nothing: Shown = { living: new Set(), kept: [] }

interface Word {
  readonly record: LevelRecord
  readonly isThere: boolean
}

type Unrestored = NonNullable<LevelRecord["unrestored"]>

/** What is in any of the lists. Of those with the same key it is the last one. */
export const union = <A>(
  lists: ReadonlyArray<ReadonlyArray<A>>,
  keyOf: (each: A) => unknown = (each) => each
): ReadonlyArray<A> => [...new Map(lists.flat().map((each) => [keyOf(each), each])).values()]

/** The first time of each service. */
const firstTimes = (all: ReadonlyArray<Unrestored[number]>): Unrestored =>
  union([all.toSorted((left, right) => (left.since < right.since ? 1 : left.since > right.since ? -1 : 0))], serviceOf)

const serviceOf = ({ service }: Unrestored[number]): string => service

/** Also what is out without a time: it is so since the level is what it is, as far as is known. */
const withOut = ({ record: { out, since, unrestored = [] } }: Word): Unrestored => {
  const timed = new Set(unrestored.map(serviceOf))
  return [...unrestored, ...out.flatMap((service) => (timed.has(service) ? [] : [{ service, since }]))]
}

/** The models that are not in full use for processes that have ended, and for those that are there. */
const unrestoredOf = (words: ReadonlyArray<Word>): Pick<Beginning, "unrestored" | "elsewhere"> => {
  const past = words.filter(({ isThere }) => !isThere)
  const unrestored = firstTimes(past.flatMap(({ record }) => record.unrestored ?? []))
  const known = new Set([...unrestored.map(serviceOf), ...past.flatMap(({ record }) => record.out)])
  const others = words.filter(({ isThere }) => isThere).flatMap(withOut)
  const elsewhere = firstTimes(others.filter(({ service }) => !known.has(service)))
  // Absent: an earlier version has not kept it, and what was out for that is the past.
  const isKept = past.length < words.length || past.some(({ record }) => record.unrestored !== undefined)
  return { ...(isKept ? { unrestored } : {}), ...(elsewhere.length === 0 ? {} : { elsewhere }) }
}

/** The worst of some words, with what each of them remembers. */
const worstOf = (first: Word, rest: ReadonlyArray<Word>): Beginning => {
  const words = [first, ...rest]
  const all = words.map(({ record }) => record)
  const worst = all.reduce((found, each) => (each.level > found.level ? each : found))
  const roseAt = all
    .flatMap(({ roseAt }) => (roseAt === undefined ? [] : [roseAt]))
    .toSorted()
    .at(-1)
  const found = union(
    all.map(({ found = [] }) => found),
    ({ check, key }) => JSON.stringify([check, key])
  )
  return {
    level: worst.level,
    reasons: worst.reasons,
    since: worst.since,
    automatic: all.reduce((most, { automatic }) => (automatic > most ? automatic : most), worst.automatic),
    ...(roseAt === undefined ? {} : { roseAt }),
    out: union(all.map(({ out }) => out)),
    dismissed: union(all.map(({ dismissed }) => dismissed)),
    ...(all.some(({ isCutOff }) => isCutOff === true) ? { isCutOff: true } : {}),
    ...(found.length === 0 ? {} : { found }),
    ...unrestoredOf(words)
  }
}

const lastOf = (all: ReadonlyArray<Said>): string =>
  all
    .map(({ record }) => record.since)
    .toSorted()
    .at(-1) ?? ""

/** Of an earlier version nobody knows which part is that of which file: all parts are outdated, or all files are. */
const outdatedIn = (parts: ReadonlyArray<Recorded>, files: ReadonlyArray<Kept>): ReadonlySet<Said> => {
  const [earlierParts, earlierFiles] = [
    parts.filter(({ hasName }) => hasName !== true),
    files.filter(({ name }) => name === undefined)
  ]
  return new Set<Said>(lastOf(earlierFiles) < lastOf(earlierParts) ? earlierFiles : earlierParts)
}

/**
 * What each process has said last. With the same beat it is what is in its file: the database may not have that. What
 * others have taken over of a process counts no more, unless it is there: it could say nothing new meanwhile.
 */
const wordsOf = (recorded: ReadonlyArray<Recorded>, { kept, living }: Shown): ReadonlyArray<Word> => {
  const over = kept.flatMap(({ over }) => [...over])
  const counts = ({ beat, name }: Recorded | Kept) =>
    name === undefined || living.has(name) || over.every(([other, heard]) => other !== name || heard < beat)
  const [ofFiles, ofRow] = [kept.filter(counts), recorded.filter(counts)]
  const parts = ofRow.filter(({ beat, name }) => ofFiles.every((file) => file.name !== name || file.beat < beat))
  const files = ofFiles.filter(({ name }) => parts.every((part) => part.name !== name))
  // A part whose process has a file with its name is not that of another file.
  const alone = parts.filter(({ name }) => ofFiles.every((file) => file.name !== name))
  const outdated = outdatedIn(alone, files)
  return [
    ...parts
      .filter((part) => !outdated.has(part))
      .map(({ isOver, name, record }) => ({ record, isThere: isOver !== true && living.has(name) })),
    ...files
      .filter((file) => !outdated.has(file))
      .map(({ isLocked, name, record }) => ({ record, isThere: name === undefined ? isLocked : living.has(name) }))
  ]
}

/** Where a process begins; `None`: nobody has said anything. */
export const of = (recorded: ReadonlyArray<Recorded>, shown: Shown): Option.Option<Beginning> => {
  const [first, ...rest] = wordsOf(recorded, shown)
  return first === undefined ? Option.none() : Option.some(worstOf(first, rest))
}

/** What is recorded of it. The models of others are not this process's. */
export const recordOf = (beginning: Beginning): LevelRecord => Struct.omit(beginning, ["elsewhere"])
