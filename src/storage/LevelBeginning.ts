/**
 * Where a process begins: at the worst of what the processes are in, or were in when they ended, with what each of them
 * remembers. Pure.
 *
 * What a process has said is in the database (`sqlite/LevelParts`), and where the database took nothing it is in the
 * file of the process (`LevelFiles`). The newer of the two is its word. A process whose file is locked is there: that
 * it was not given all calls of a model is its own affair, and not the past of the process that begins.
 */

import { Option, Struct } from "effect"
import type { Beginning, LevelRecord } from "../domain/LevelRecord.ts"

/** What the files show. */
export interface Shown {
  /** The files of processes that are there. */
  readonly living: ReadonlySet<string>
  /** What processes have kept, by file: those that are there, and those that have ended. */
  readonly kept: ReadonlyMap<string, LevelRecord>
}

/** No file was read. */
export const nothing: Shown = { living: new Set(), kept: new Map() }

/** What a process has said. `file`: its file, if it had one. `isOver`: it has ended in order. */
export interface Said {
  readonly record: LevelRecord
  readonly file?: string
  readonly isOver?: boolean
}

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

/** What was dismissed stays so: its time is not that of the level. */
const newerOf = (recorded: LevelRecord, kept: LevelRecord | undefined): LevelRecord =>
  kept === undefined || kept.since < recorded.since
    ? recorded
    : kept.since > recorded.since
      ? kept
      : { ...kept, dismissed: union([recorded.dismissed, kept.dismissed]) }

/** Where a process begins; `None`: nobody has said anything. */
export const of = (recorded: ReadonlyArray<Said>, { kept, living }: Shown): Option.Option<Beginning> => {
  const isThere = (file: string | undefined) => file !== undefined && living.has(file)
  const files = new Set(recorded.map(({ file }) => file))
  const [first, ...rest] = [
    ...recorded.map(({ file, isOver, record }) => ({
      record: newerOf(record, file === undefined ? undefined : kept.get(file)),
      isThere: isOver !== true && isThere(file)
    })),
    ...[...kept].flatMap(([file, record]) => (files.has(file) ? [] : [{ record, isThere: isThere(file) }]))
  ]
  return first === undefined ? Option.none() : Option.some(worstOf(first, rest))
}

/** What is recorded of it. The models of others are not this process's. */
export const recordOf = (beginning: Beginning): LevelRecord => Struct.omit(beginning, ["elsewhere"])
