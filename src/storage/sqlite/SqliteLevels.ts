/**
 * `Levels` on SQLite: a table of one row.
 *
 * The row has the level that was recorded last, and beside it what each process is in: an emergency, a lower level, or
 * that it is cut off. A process that is in something writes its part again and again. So each line says what others are
 * in when it is committed, and nobody takes the end of one emergency for the end of another.
 *
 * A process is gone when its part was seen unchanged for 25 seconds. They are measured by the monotonic clock of the
 * process that looks, and begin again where the database fails: then nobody could write.
 */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option, Random, Schema } from "effect"
import { DegradationLevel } from "../../domain/DegradationLevel.ts"
import { type LevelLine, LevelRecord } from "../../domain/LevelRecord.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import type { InForce, Levels, RecordedLevel } from "../Levels.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

/**
 * What one process is in. `beat` grows with each time that it says so. `isOver`: it was in this when it ended in order.
 * It has nothing to say to the lines of others. But the next process may begin there, so it lasts for a while.
 */
const Part = Schema.Struct({
  level: DegradationLevel,
  isCutOff: Schema.Boolean,
  beat: Schema.Int,
  isOver: Schema.optionalKey(Schema.Boolean)
})
type Part = typeof Part.Type

const Row = Schema.Struct({
  ...LevelRecord.fields,
  lines: Schema.optionalKey(Schema.Array(Schema.String)),
  /** By the name of the process. One that is in nothing has no part. Absent: an earlier version has written the row. */
  processes: Schema.optionalKey(Schema.Record(Schema.String, Part))
})
type Row = typeof Row.Type
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Row))

/** As many as lines that wait for a database that is down. */
const mostLines = 100
/** Five beats (`LevelMemory`), and less than what the level of the next process takes to rise. */
const goneAfterMs = 25_000
/** A process that crashes sooner, again and again, leaves a part each time. */
const mostParts = 20

const keysOf = (lines: ReadonlyArray<LevelLine>): ReadonlyArray<string> =>
  lines.flatMap(({ data: { key } }) => (typeof key === "string" ? [key] : []))

const inForce = ({ isCutOff, level }: InForce) => ({ level, isCutOff })

const isIn = ({ isCutOff, level }: InForce): boolean => level > 0 || isCutOff

/** What was seen of another process. `isHeard`: it has said something meanwhile, so it was there. */
interface Seen {
  readonly beat: number
  readonly sinceMs: number
  readonly isHeard: boolean
}

/** What this process has seen of the others. */
const makeOthers = () => {
  let seen = new Map<string, Seen>()
  return {
    /** The parts of the others that are not gone, by their names. */
    look: (processes: Row["processes"] = {}, own: string | undefined, nowMs: number): ReadonlyArray<[string, Part]> => {
      const others = Object.entries(processes).filter(([name]) => name !== own)
      seen = new Map(
        others.map(([name, { beat }]) => {
          const before = seen.get(name)
          return [name, before?.beat === beat ? before : { beat, sinceMs: nowMs, isHeard: before !== undefined }]
        })
      )
      return others.filter(([name]) => nowMs - (seen.get(name)?.sinceMs ?? nowMs) < goneAfterMs)
    },
    /** Whether one of them may not be there any more. */
    isInDoubt: (living: ReadonlyArray<[string, Part]>): boolean =>
      living.some(([name, { isOver }]) => isOver === true || seen.get(name)?.isHeard !== true),
    /** Nobody could write for some time, and who has not may be there. */
    forget: () => seen.clear()
  }
}

/** What is read. */
const asRecorded = (
  { lines, processes, ...record }: Row,
  said: Part | undefined,
  living: ReadonlyArray<[string, Part]>,
  isInDoubt: boolean
): RecordedLevel => ({
  record,
  ...(lines === undefined ? {} : { lines }),
  ...(processes === undefined
    ? {}
    : {
        processes: {
          others: living.map(([, part]) => inForce(part)),
          ...(said !== undefined && isIn(said) ? { own: inForce(said) } : {}),
          isInDoubt
        }
      })
})

/** What is written. Who says something comes last, so the first have said nothing for the longest time. */
const partsOf = (others: ReadonlyArray<[string, Part]>, self: string, own: Part): Row["processes"] =>
  Object.fromEntries((isIn(own) ? [...others, [self, own] as const] : others).slice(-mostParts))

/** The row when this process has ended in order; `undefined`: it was in nothing. */
const withMark = (row: Row | undefined, self: string): Row | undefined => {
  const own = row?.processes?.[self]
  return row === undefined || own === undefined
    ? undefined
    : { ...row, processes: { ...row.processes, [self]: { ...own, isOver: true } } }
}

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  audit: AuditTable
): Pick<Levels["Service"], "latest" | "record" | "recorded"> & {
  /** Ends what this process says, when it ends in order. The writer makes it when it closes, so nobody waits for it. */
  readonly end: Effect.Effect<void>
} => {
  const read = prepare<{ readonly data: string }>(database, "select data from levels where id = 1")
  const write = prepare<never, [string]>(
    database,
    "insert into levels (id, data) values (1, ?) on conflict (id) do update set data = excluded.data"
  )
  const stored = (): Option.Option<Row> => Option.flatMap(Option.fromUndefinedOr(read.get()?.data), decode)
  const others = makeOthers()
  let name: string | undefined
  /** The keys of its lines, and what it has said last. */
  let lines: ReadonlyArray<string> = []
  let said: Part | undefined

  const recorded = (nowMs: number): Option.Option<RecordedLevel> =>
    Option.map(stored(), (row) => {
      const living = others.look(row.processes, name, nowMs)
      // As this process knows it: another one may have thought that it was gone.
      return asRecorded(row, said, living, others.isInDoubt(living))
    })
  const readNow = Effect.flatMap(Monotonic.nowMs, (nowMs) => attempt("level", () => recorded(nowMs)))

  return {
    latest: Effect.map(
      readNow,
      Option.map(({ record }) => record)
    ),
    recorded: readNow,
    record: Effect.fnUntraced(
      function* (record, added) {
        const now = yield* Timestamp.now
        const nowMs = yield* Monotonic.nowMs
        const self = (name ??= yield* processName)
        const part = { level: record.level, isCutOff: record.isCutOff === true, beat: (said?.beat ?? 0) + 1 }
        const own = [...new Set([...lines, ...keysOf(added)])].slice(-mostLines)
        // That the system is in an emergency does not wait behind the work.
        yield* writer.write("level", "intake", () => {
          const found = Option.getOrUndefined(stored())
          const known = new Set<unknown>([...lines, ...(found?.lines ?? [])])
          const living = others.look(found?.processes, self, nowMs).filter(([, { isOver }]) => isOver !== true)
          const processes = partsOf(living, self, part)
          const all = [...new Set([...(found?.lines ?? []), ...own])].slice(-mostLines)
          write.run(JSON.stringify({ ...record, lines: all, processes }))
          const beside = living.length === 0 ? {} : { others: living.map(([, other]) => inForce(other)) }
          for (const { actor = "kubernaut", at, data, kind, subject } of added)
            if (!known.has(data["key"])) audit.append({ actor, kind, data: { ...data, at, ...beside } }, subject, now)
        })
        lines = own
        said = part
      },
      Effect.tapError(() => Effect.sync(others.forget))
    ),
    end: Effect.suspend(() => {
      const self = name
      if (self === undefined) return Effect.void
      const mark = writer.write("level", "intake", () => {
        const marked = withMark(Option.getOrUndefined(stored()), self)
        if (marked !== undefined) write.run(JSON.stringify(marked))
      })
      return Effect.forkDetach(Effect.ignore(mark), { startImmediately: true })
    })
  }
}

/** No two processes have the same one. */
const processName = Effect.map(Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER), (number) => number.toString(36))
