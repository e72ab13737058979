/**
 * `Levels` on SQLite: a table of one row.
 *
 * The row has what each process is in, and what it remembers: an emergency, a lower level, that it is cut off, what an
 * operator has dismissed. A process that is in something writes its part again and again. So each line says what others
 * are in when it is committed, and nobody takes the end of one emergency for the end of another. A process that starts
 * begins where the parts are, and not where the last one that wrote was.
 *
 * A process is gone when its part was seen unchanged for 25 seconds. They are measured by the monotonic clock of the
 * process that looks, and begin again where the database fails: then nobody could write. One that writes nothing else
 * finds that out by writing the row as it is. What was gone is dropped: an emergency of a process that is not there
 * holds back no alert, and is not where the next process begins.
 */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option, Random } from "effect"
import type { LevelLine, LevelRecord } from "../../domain/LevelRecord.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import * as LevelBeginning from "../LevelBeginning.ts"
import type { InForce, Levels, RecordedLevel } from "../Levels.ts"
import type { StorageError } from "../StorageError.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import * as LevelParts from "./LevelParts.ts"
import { attempt, prepare } from "./Sqlite.ts"

/** As many as lines that wait for a database that is down. */
const mostLines = 100

const keysOf = (lines: ReadonlyArray<LevelLine>): ReadonlyArray<string> =>
  lines.flatMap(({ data: { key } }) => (typeof key === "string" ? [key] : []))

const inForce = ({ isCutOff, level }: InForce) => ({ level, isCutOff })

/** What is read. `self`: the name of this process. `said`: what it is in as it knows it. */
const asRecorded = (
  row: LevelParts.Row,
  { said, self }: { readonly self: string; readonly said: LevelParts.Part | undefined },
  living: ReadonlyArray<LevelParts.Named>,
  isSure: (other: LevelParts.Named) => boolean
): RecordedLevel => {
  const others = living.filter(([, part]) => LevelParts.isIn(part))
  const own = said !== undefined && LevelParts.isIn(said) ? [inForce(said)] : []
  // Another one may have thought that it was gone.
  const isKnown = row.processes?.[self] !== undefined
  const sure = others.filter(isSure).map(([, part]) => inForce(part))
  return {
    record: LevelParts.beginning(row),
    ...(row.lines === undefined ? {} : { lines: row.lines }),
    ...(row.processes === undefined
      ? {}
      : {
          processes: {
            others: others.map(([, part]) => inForce(part)),
            ...(own[0] === undefined ? {} : { own: own[0] }),
            isInDoubt: sure.length < others.length,
            sure: isKnown ? [...own, ...sure] : sure
          }
        })
  }
}

/** A line with what others are in, each once. It may know of some. */
const eventOf = ({ actor = "kubernaut", at, data, kind }: LevelLine, others: ReadonlyArray<InForce>) => {
  const known = Array.isArray(data["others"]) ? data["others"] : []
  const all = LevelBeginning.union([known, others.map(inForce)], (each) => JSON.stringify(each))
  return { actor, kind, data: { ...data, at, ...(all.length === 0 ? {} : { others: all }) } }
}

const partOf = (record: LevelRecord, beat: number): LevelParts.Part => ({
  level: record.level,
  isCutOff: record.isCutOff === true,
  beat,
  hasName: true,
  record
})

const makeRow = (database: DatabaseSync) => {
  const read = prepare<{ readonly data: string }>(database, "select data from levels where id = 1")
  const write = prepare<never, [string]>(
    database,
    "insert into levels (id, data) values (1, ?) on conflict (id) do update set data = excluded.data"
  )
  return {
    read: (): Option.Option<LevelParts.Row> => LevelParts.decode(read.get()?.data),
    write: (row: LevelParts.Row) => write.run(JSON.stringify(row))
  }
}

type LevelRow = ReturnType<typeof makeRow>
type Others = ReturnType<typeof LevelParts.makeOthers>

/** Writes the row without those that are gone. It stays as it is where none is: then the database takes writes. */
const makeDrop = (row: LevelRow, others: Others, writer: BatchWriter, name: string) =>
  Effect.flatMap(Effect.all([Timestamp.now, Monotonic.nowMs]), ([now, nowMs]) =>
    writer.write("level", "journal", () => {
      const found = Option.getOrUndefined(row.read())
      if (found?.processes === undefined) return
      const own = found.processes[name]
      const living = others.look(found.processes, name, nowMs)
      const all = own === undefined ? living : [...living, [name, own] as const]
      row.write(LevelParts.withParts(found, Object.fromEntries(all), now))
    })
  )

const makeEnd = (row: LevelRow, writer: BatchWriter, name: string, hasSpoken: () => boolean) =>
  Effect.suspend(() => {
    if (!hasSpoken()) return Effect.void
    const mark = writer.write("level", "intake", () => {
      const marked = LevelParts.withMark(Option.getOrUndefined(row.read()), name)
      if (marked !== undefined) row.write(marked)
    })
    return Effect.forkDetach(Effect.ignore(mark), { startImmediately: true })
  })

/** What a process knows beside what it says. */
export interface Beside {
  /** Grows with each thing that the process says. */
  readonly beat: number
  /** Those that have ended, and whose words are this process's now. */
  readonly over: ReadonlySet<string>
  /** The files of others. */
  readonly files: ReadonlyArray<LevelBeginning.Kept>
}

/** `Levels` as the database has it, beside the files of the processes. */
export interface Recorder extends Pick<Levels["Service"], "recorded" | "tidy"> {
  /** The name of this process. No two processes have the same one. */
  readonly name: string
  /** What the processes have said. */
  readonly said: Effect.Effect<ReadonlyArray<LevelBeginning.Recorded>, StorageError>
  readonly record: (
    record: LevelRecord,
    lines: ReadonlyArray<LevelLine>,
    beside: Beside
  ) => Effect.Effect<void, StorageError>
}

/** Makes those of the process that has this name. */
export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  audit: AuditTable,
  name: string
): Recorder & {
  /** Ends what this process says, when it ends in order. The writer makes it when it closes, so nobody waits for it. */
  readonly end: Effect.Effect<void>
} => {
  const row = makeRow(database)
  const others = LevelParts.makeOthers()
  /** The keys of its lines, and what it has said last. */
  let lines: ReadonlyArray<string> = []
  let said: LevelParts.Part | undefined
  /** Also where nobody can tell whether the database has taken it. */
  let hasSpoken = false

  const readNow = Effect.flatMap(Monotonic.nowMs, (nowMs) =>
    attempt("level", () =>
      Option.map(row.read(), (found) => ({ found, left: others.look(found.processes, name, nowMs) }))
    )
  )
  const forgetOnError = <A>(body: Effect.Effect<A, StorageError>) =>
    Effect.tapError(body, () => Effect.sync(others.forget))
  const drop = makeDrop(row, others, writer, name)

  return {
    name,
    said: Effect.map(
      readNow,
      Option.match({
        onNone: () => [],
        onSome: ({ found, left }) => LevelParts.saidIn(found, [...left.map(([other]) => other), name])
      })
    ),
    recorded: Effect.map(
      readNow,
      Option.map(({ found, left }) => asRecorded(found, { said, self: name }, left, others.isSure))
    ),
    record: Effect.fnUntraced(function* (record, added, { beat, files, over }) {
      const now = yield* Timestamp.now
      const nowMs = yield* Monotonic.nowMs
      const part = partOf(record, beat)
      hasSpoken = true
      const own = [...new Set([...lines, ...keysOf(added)])].slice(-mostLines)
      // That the system is in an emergency does not wait behind the work.
      yield* writer.write("level", "intake", () => {
        const found = Option.getOrUndefined(row.read())
        const known = new Set<unknown>([...lines, ...(found?.lines ?? [])])
        const left = others.look(found?.processes, name, nowMs).filter(([other]) => !over.has(other))
        const all = [...new Set([...(found?.lines ?? []), ...own])].slice(-mostLines)
        row.write(LevelParts.withParts({ ...record, lines: all }, LevelParts.withOwn(left, name, part), now))
        const beside = LevelParts.inForce(found?.processes, left, files)
        for (const line of added.filter(({ data }) => !known.has(data["key"])))
          audit.append(eventOf(line, beside), line.subject, now)
      })
      lines = own
      said = part
    }, forgetOnError),
    tidy: forgetOnError(
      Effect.flatMap(Effect.all([readNow, Monotonic.nowMs]), ([read, nowMs]) =>
        others.isQuiet(Option.getOrUndefined(read)?.found.processes, nowMs) ? drop : Effect.void
      )
    ),
    end: makeEnd(row, writer, name, () => hasSpoken)
  }
}

/** No two processes have the same one. */
export const processName = Effect.map(Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER), (number) =>
  number.toString(36)
)
