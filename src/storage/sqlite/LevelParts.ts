/**
 * The row of the level: what each process was in when it last said so, and what it remembers. Pure, but for what one
 * process has seen of the others.
 *
 * A process that starts begins where the worst of the parts is, and remembers what each of them does
 * (`LevelBeginning`): one of them is that of the process before it, and nobody can tell yet which one.
 */

import { Option, Schema } from "effect"
import { DegradationLevel } from "../../domain/DegradationLevel.ts"
import { LevelRecord } from "../../domain/LevelRecord.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import * as LevelBeginning from "../LevelBeginning.ts"
import type { InForce } from "../Levels.ts"

/**
 * What one process is in. `beat` grows with each time that it says so. `isOver`: it was in this when it ended in order.
 * It has nothing to say to the lines of others. But the next process may begin there, so it lasts for a while.
 */
const Part = Schema.Struct({
  level: DegradationLevel,
  isCutOff: Schema.Boolean,
  beat: Schema.Int,
  isOver: Schema.optionalKey(Schema.Boolean),
  /** The file of the process, if there is one, has its name. Absent: an earlier version has written the part. */
  hasName: Schema.optionalKey(Schema.Boolean),
  /** What it remembers. Absent: an earlier version has written the part, or the row after it. */
  record: Schema.optionalKey(LevelRecord)
})
export type Part = typeof Part.Type
export type Parts = Readonly<Record<string, Part>>

/** Beside the parts it has where a process would begin: an earlier version reads that. */
const Row = Schema.Struct({
  ...LevelRecord.fields,
  lines: Schema.optionalKey(Schema.Array(Schema.String)),
  /** By the name of the process. Absent: an earlier version has written the row. */
  processes: Schema.optionalKey(Schema.Record(Schema.String, Part))
})
export type Row = typeof Row.Type

/** `None`: there is no row, or it cannot be read by this version. */
export const decode = (data: string | undefined): Option.Option<Row> =>
  Option.flatMap(Option.fromUndefinedOr(data), Schema.decodeUnknownOption(Schema.fromJsonString(Row)))

/** Five beats (`LevelMemory`), and less than what the level of the next process takes to rise. */
const goneAfterMs = 25_000
/**
 * One that is in nothing ends no condition, but remembers what an operator has dismissed. That counts for as long when
 * it is not found any more (`LevelState`).
 */
const forgottenAfterMs = 5 * 60_000
/** Three beats. */
const quietMs = 15_000
/** A process that crashes sooner, again and again, leaves a part each time. */
const mostParts = 20

export const isIn = ({ isCutOff, level }: InForce): boolean => level > 0 || isCutOff

/** What was seen of another process. `isHeard`: it has said something meanwhile, so it was there. */
interface Seen {
  readonly beat: number
  readonly isOver: boolean
  readonly sinceMs: number
  readonly isHeard: boolean
}

/** A process by its name. */
export type Named = readonly [name: string, part: Part]

/** What one process has seen of the others. */
export const makeOthers = () => {
  let seen = new Map<string, Seen>()
  const leftMs = ([name, part]: Named, nowMs: number): number =>
    (seen.get(name)?.sinceMs ?? nowMs) + (isIn(part) ? goneAfterMs : forgottenAfterMs) - nowMs
  return {
    /** The parts of the others that are not gone. */
    look: (processes: Parts = {}, own: string, nowMs: number): ReadonlyArray<Named> => {
      const others = Object.entries(processes).filter(([name]) => name !== own)
      seen = new Map(
        others.map(([name, { beat, isOver = false }]) => {
          const before = seen.get(name)
          const last = before?.beat === beat ? before : { beat, sinceMs: nowMs, isHeard: before !== undefined }
          return [name, { ...last, isOver }]
        })
      )
      return others.filter((other) => leftMs(other, nowMs) > 0)
    },
    /** Whether one that was looked at is gone, or soon is. */
    isQuiet: (processes: Parts = {}, nowMs: number): boolean =>
      Object.entries(processes).some((other) => seen.has(other[0]) && leftMs(other, nowMs) <= goneAfterMs - quietMs),
    /** Whether one of them is surely there. */
    isSure: ([name, { isOver }]: Named): boolean => isOver !== true && seen.get(name)?.isHeard === true,
    /** Nobody could write for some time, and who has not may be there, unless it has ended in order. */
    forget: () => {
      seen = new Map([...seen].filter(([, { isOver }]) => isOver))
    }
  }
}

/** Who says something comes last. Those that are in something stay, and of the others those that spoke last. */
export const withOwn = (others: ReadonlyArray<Named>, self: string, own: Part): Parts => {
  const ordered = [...others.filter(([, part]) => !isIn(part)), ...others.filter(([, part]) => isIn(part))]
  return Object.fromEntries([...ordered, [self, own] as const].slice(-mostParts))
}

const recordOf = ({ isCutOff, level, record }: Part, beside: LevelRecord): LevelRecord =>
  record ?? { ...beside, ...(beside.level === level ? {} : { level, automatic: level }), isCutOff }

/** What the processes have said, as far as the row has it. `left`: those that are not gone. */
export const saidIn = (
  row: Row,
  left: ReadonlyArray<string> = Object.keys(row.processes ?? {})
): ReadonlyArray<LevelBeginning.Recorded> => {
  const parts = Object.entries(row.processes ?? {})
  return parts.length === 0
    ? [{ name: "", beat: 0, record: row }]
    : parts.map(([name, part]) => ({ ...part, name, isGone: !left.includes(name), record: recordOf(part, row) }))
}

/** Where a process that starts now begins, by the row alone. */
export const beginning = (row: Row): LevelRecord =>
  Option.getOrElse(LevelBeginning.of(saidIn(row), LevelBeginning.nothing), () => row)

/**
 * What others are in when a line is committed. `left`: the parts of those that are not gone. One that has ended has no
 * say. What the file of a process says counts where the row has nothing newer of it.
 */
export const inForce = (
  processes: Parts = {},
  left: ReadonlyArray<Named>,
  files: ReadonlyArray<LevelBeginning.Kept>
): ReadonlyArray<InForce> => {
  const newer = files.filter(({ beat, name }) => name === undefined || (processes[name]?.beat ?? 0) <= beat)
  const parts = left.filter(([name, { isOver }]) => isOver !== true && newer.every((file) => file.name !== name))
  return [
    ...newer.map(({ record: { isCutOff = false, level } }) => ({ level, isCutOff })),
    ...parts.map(([, part]) => part)
  ].filter(isIn)
}

/** The row with these parts, at `now`. The last one that is gone takes what it was in with it. */
export const withParts = (row: Row, processes: Parts, now: Timestamp): Row => {
  const well = { level: 0, automatic: 0, reasons: [], since: now, out: [], dismissed: [] } as const
  const { lines } = row
  const beside = Object.keys(processes).length === 0 ? well : beginning({ ...row, processes })
  return { ...beside, ...(lines === undefined ? {} : { lines }), processes }
}

/** The row when this process has ended in order; `undefined`: it has said nothing. */
export const withMark = (row: Row | undefined, self: string): Row | undefined => {
  const own = row?.processes?.[self]
  return row === undefined || own === undefined
    ? undefined
    : { ...row, processes: { ...row.processes, [self]: { ...own, isOver: true } } }
}
