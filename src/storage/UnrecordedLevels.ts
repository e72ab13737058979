/**
 * Keeps the level and its lines while the database takes none, in memory and, where there is a path, in a small file:
 * the process may end before the database is back, and the level with its lines must not end with it.
 *
 * The file is written when the database has failed, or has not committed for two seconds. The next process records what
 * is in it when it reads the level, or as soon as the disk of the file answers. Where there is none, a process beside
 * it records it (`LevelFiles`). It is best effort: a file that cannot be written or read is as none.
 *
 * A process that starts begins at what the files of its neighbours say, too, but leaves their lines to them. Its own
 * lines say what the neighbours are in, and so do the lines that it takes up: what ends for one may last for another.
 */

import { hash } from "node:crypto"
import { Effect, Exit, Option, Schedule, Schema, type Scope } from "effect"
import { levelName } from "../domain/DegradationLevel.ts"
import { type Beginning, type LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import { now, Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as LevelBeginning from "./LevelBeginning.ts"
import * as LevelFiles from "./LevelFiles.ts"
import type { InForce, Levels, UnrecordedLine } from "./Levels.ts"
import type * as SmallFile from "./SmallFile.ts"
import type { Recorder } from "./sqlite/SqliteLevels.ts"
import type { StorageError } from "./StorageError.ts"

/** A commit that takes longer may never come. */
const patience = "2 seconds"

/** The files may be all that can be read, but they are not all that a database has which fails for a moment. */
const again = {
  schedule: Schedule.spaced("250 millis"),
  times: 7,
  while: ({ retryable }: StorageError) => retryable
}

/** As long as a process remembers it that has found the cause itself (`LevelState`). */
const dismissedMs = 5 * 60_000

const Content = Schema.fromJsonString(
  Schema.Struct({
    record: LevelRecord,
    lines: Schema.Array(
      Schema.Struct({
        line: Schema.Struct({
          kind: Schema.String,
          subject: Schema.String,
          data: Schema.JsonObject,
          at: Timestamp,
          actor: Schema.optionalKey(Schema.String)
        }),
        key: Schema.String,
        told: Schema.Array(Schema.String)
      })
    )
  })
)
type Content = typeof Content.Type
const decode = Schema.decodeUnknownOption(Content)
const encode = Schema.encodeSync(Content)

/** What processes have kept, by file. */
type Kept = ReadonlyMap<string, Content>

const decoded = (texts: ReadonlyMap<string, string>): Kept =>
  new Map([...texts].flatMap(([path, text]) => Option.toArray(decode(text)).map((content) => [path, content] as const)))

const recordsIn = (kept: Kept): ReadonlyMap<string, LevelRecord> =>
  new Map([...kept].map(([path, { record }]) => [path, record]))

/** The worst level with what each of them remembers, and all lines. `undefined`: there is none. */
const together = (kept: Kept): Content | undefined =>
  LevelBeginning.of([], { kept: recordsIn(kept), living: new Set() }).pipe(
    Option.map((record) => ({ record, lines: [...kept.values()].flatMap(({ lines }) => lines) })),
    Option.getOrUndefined
  )

const isIn = ({ isCutOff = false, level }: LevelRecord): boolean => level > 0 || isCutOff

const inForce = ({ isCutOff = false, level }: LevelRecord): InForce => ({ level, isCutOff })

/** A line that waits. `isOfAnother`: a process that has ended has left it. */
interface Waiting extends UnrecordedLine {
  readonly isOfAnother?: boolean
}

/** The line says what others are in. For that of another process this one is among them. */
const besideOthers = (
  { isOfAnother, ...self }: Waiting,
  own: LevelRecord | undefined,
  beside: ReadonlyArray<LevelRecord>
): UnrecordedLine => {
  const others = [...beside, ...(isOfAnother === true && own !== undefined ? [own] : [])].filter(isIn).map(inForce)
  if (others.length === 0) return self
  const data = { ...self.line.data, others: others.map(({ isCutOff, level }) => ({ level, isCutOff })) }
  return { ...self, line: { ...self.line, data } }
}

/** The same for the same line, also when it counts those before it that were lost. */
const keyOf = ({ actor, at, data, kind, subject }: LevelLine): string =>
  typeof data["key"] === "string"
    ? data["key"]
    : hash("sha256", JSON.stringify([actor, at, { ...data, lost: undefined }, kind, subject])).slice(0, 32)

/**
 * Every line is recorded with its key, and with those who have heard of it. Nobody knows when a write begins whether it
 * will be late, and the line is then told from memory while it is written.
 */
const withKey = ({ key, line, told }: UnrecordedLine): LevelLine => ({
  ...line,
  data: { ...line.data, key, ...(told.length === 0 ? {} : { told: [...told] }) }
})

const heard = (self: Waiting, sink: string): Waiting => ({
  ...self,
  told: [...new Set([...self.told, sink])]
})

/** Those that were not taken are recorded again and again. */
const withFresh = (
  waiting: ReadonlyArray<Waiting>,
  lines: ReadonlyArray<LevelLine>,
  sinceMs: number
): ReadonlyArray<Waiting> => {
  const known = new Set(waiting.map(({ key }) => key))
  const all = lines.map((line) => ({ line, key: keyOf(line), told: [], sinceMs }))
  return [...waiting, ...all.filter(({ key }) => !known.has(key))]
}

/** A line of this process of which nobody has heard: who hears of it then has heard of those before it. */
const isUntold = ({ isOfAnother, told }: Waiting): boolean => isOfAnother !== true && told.length === 0

/** Whether a line that is recorded later ends an emergency or a level as bad as this one. */
const isEndedBy = (waiting: ReadonlyArray<Waiting>, { level }: LevelRecord): boolean =>
  waiting.some(
    ({ line: { data, kind } }) => kind === "level.changed" && typeof data["from"] === "number" && data["from"] >= level
  )

const isReachedBy = (waiting: ReadonlyArray<Waiting>): boolean =>
  waiting.some(({ line: { kind } }) => kind === "peers.reached")

/**
 * What a process that has a level does to what another one has kept: its own level is in force. What is worse in it was
 * told when it began.
 */
const replacedBy = (
  kept: LevelRecord,
  own: LevelRecord,
  waiting: ReadonlyArray<Waiting>,
  at: Timestamp
): ReadonlyArray<LevelLine> => [
  ...(kept.level <= own.level || isEndedBy(waiting, kept)
    ? []
    : [
        {
          kind: "level.changed",
          subject: levelName(own.level),
          data: { from: kept.level, to: own.level, reasons: own.reasons },
          at
        }
      ]),
  ...(kept.isCutOff === true && own.isCutOff !== true && !isReachedBy(waiting)
    ? [{ kind: "peers.reached", subject: "peers", data: { reasons: own.reasons }, at }]
    : [])
]

/** The level of one process, its lines that wait, and its file. */
class Unrecorded {
  readonly #levels: Recorder
  #file: SmallFile.SmallFile<void> | undefined
  #record: Beginning | undefined
  /** What this process has begun with. One that is well records nothing, and this is its level. */
  #begun: LevelRecord | undefined
  #waiting: ReadonlyArray<Waiting> = []
  /** Whether the file may have something. */
  #isLate = false
  /** What processes that have ended have kept, until it is taken up. */
  #kept: Kept = new Map()
  /** What the others keep, when they were last looked at. */
  #beside: Kept = new Map()
  /** The files of others with which this process has begun. */
  #begunWith: ReadonlySet<string> = new Set()
  /** Those of processes that have ended, whose lines wait here. */
  #over: ReadonlySet<string> = new Set()
  /** What was dismissed in another process, and since when this one remembers it. */
  #dismissed: ReadonlyMap<string, number> = new Map()
  #own: string | undefined
  #living: ReadonlySet<string> = new Set()
  /** Whether the file has been read. Its disk may answer late. */
  #isRead = false
  #isAwaited = false

  constructor(levels: Recorder) {
    this.#levels = levels
  }

  /** Keeps it in files, too. The first one is at `path`. */
  readonly keepAt = (path: string): Effect.Effect<void, never, Scope.Scope> =>
    Effect.map(
      LevelFiles.make(path, {
        content: () => {
          const content = this.#content()
          return content === undefined ? undefined : encode(content)
        },
        found: ({ beside, left, living, own }) => {
          if (left.size > 0) this.#kept = new Map([...this.#kept, ...decoded(left)])
          this.#beside = decoded(beside)
          this.#living = living
          this.#own = own
          this.#isRead = true
        },
        takesAtOnce: (path, text) => this.#takesAtOnce(path, text)
      }),
      (file) => {
        this.#file = file
      }
    )

  readonly latest = Effect.gen({ self: this }, function* () {
    // What was taken up and is not recorded yet is the level all the same.
    if ((this.#isLate || this.#waiting.length > 0) && this.#record !== undefined) return Option.some(this.#record)
    const kept = yield* this.#read()
    const shown = { living: this.#living, kept: recordsIn(new Map([...this.#beside, ...kept])) }
    const alone = LevelBeginning.of([], shown)
    const all = this.#levels.latest(shown)
    const found = yield* Option.isNone(alone) ? all : Effect.orElseSucceed(Effect.retry(all, again), () => alone)
    this.#begun = Option.getOrUndefined(found)
    this.#begunWith = new Set(this.#beside.keys())
    // More may have been found meanwhile.
    if (kept.size > 0 && kept === this.#kept && this.#record === undefined) {
      this.#record = this.#begun
      this.#adopt(kept, yield* Monotonic.nowMs)
      yield* Effect.ignore(this.#flush)
    } else yield* Effect.ignore(this.#takeUpLate)
    return found
  })

  readonly unrecorded = Effect.sync(() => this.#lines())

  readonly record: Levels["Service"]["record"] = (next, lines) =>
    Effect.flatMap(Monotonic.nowMs, (nowMs) => {
      this.#dismissed = new Map([...this.#dismissed].filter(([, sinceMs]) => nowMs - sinceMs < dismissedMs))
      this.#record = this.#withDismissed(next)
      this.#waiting = withFresh(this.#waiting, lines, nowMs)
      return Effect.andThen(this.#flush, Effect.ignore(this.#takeUpLate))
    })

  /** Looks what others have left, and takes up what was found before: its disk may hang. */
  readonly tidy = Effect.gen({ self: this }, function* () {
    yield* Effect.ignore(this.#takeUpLate)
    if (this.#file !== undefined && this.#isRead) yield* Effect.forkDetach(this.#file.answer)
    yield* this.#levels.tidy
  })

  readonly told: Levels["Service"]["told"] = (key, sink) =>
    Effect.suspend(() => {
      this.#waiting = this.#waiting.map((each) => (each.key === key ? heard(each, sink) : each))
      return this.#isLate ? this.#keep : Effect.void
    })

  /**
   * Takes up what was read after this process had a level of its own, and says that this one is in force. One that has
   * begun with nothing records its level soon, and takes it up then.
   */
  readonly #takeUpLate = Effect.gen({ self: this }, function* () {
    const at = yield* now
    const nowMs = yield* Monotonic.nowMs
    const own = this.#record ?? this.#begun
    const kept = together(this.#kept)
    if (kept === undefined || own === undefined) return
    const over = replacedBy(kept.record, own, this.#waiting.filter(isUntold), at)
    this.#adopt(this.#kept, nowMs)
    this.#record = this.#withDismissed(own)
    this.#waiting = withFresh(this.#waiting, over, nowMs)
    yield* this.#flush
  })

  readonly #keep = Effect.sync(() => {
    if (this.#record === undefined) return
    this.#isLate = true
    this.#store()
  })

  readonly #write = Effect.gen({ self: this }, function* () {
    if (this.#record === undefined) return
    const [batch, over] = [this.#waiting, this.#over]
    const files = { over, ...(this.#own === undefined ? {} : { file: this.#own }) }
    yield* this.#levels.record(LevelBeginning.recordOf(this.#record), this.#lines().map(withKey), files)
    const keys = new Set(batch.map(({ key }) => key))
    this.#waiting = this.#waiting.filter(({ key }) => !keys.has(key))
    if (this.#over === over) this.#over = new Set()
    const wasLate = this.#isLate
    this.#isLate = false
    if (wasLate) this.#store()
  })

  readonly #flush = Effect.scoped(
    Effect.andThen(
      Effect.forkScoped(Effect.delay(this.#keep, patience)),
      Effect.onExit(this.#write, (exit) => (Exit.isFailure(exit) ? this.#keep : Effect.void))
    )
  )

  /** What processes that have ended have kept. It is taken up later where its disk does not answer in time. */
  readonly #read = Effect.fnUntraced({ self: this }, function* () {
    if (this.#file === undefined || this.#record !== undefined) return this.#kept
    if (!this.#isRead) yield* this.#file.read
    if (!this.#isRead && !this.#isAwaited) {
      this.#isAwaited = true
      yield* Effect.forkDetach(Effect.andThen(this.#file.answer, Effect.ignore(this.#takeUpLate)))
    }
    return this.#kept
  })

  #lines(): ReadonlyArray<UnrecordedLine> {
    const beside = [...this.#beside.values()].map(({ record }) => record)
    return this.#waiting.map((each) => besideOthers(each, this.#record, beside))
  }

  /**
   * Where this process has begun with the file of a neighbour and is still in what that was in: then it is the next
   * one, and the end of what it is in comes after the lines of the neighbour.
   */
  #takesAtOnce(path: string, text: string): boolean {
    const own = this.#record ?? this.#begun
    if (own === undefined || !this.#begunWith.has(path)) return false
    return Option.exists(decode(text), ({ record }) => replacedBy(record, own, [], record.since).length === 0)
  }

  #withDismissed<A extends LevelRecord>(record: A): A {
    return { ...record, dismissed: LevelBeginning.union([record.dismissed, [...this.#dismissed.keys()]]) }
  }

  /** Its lines come before those of this process. */
  #adopt(kept: Kept, nowMs: number): void {
    const all = [...kept.values()]
    const lines = all.flatMap((each) => each.lines.map((line) => ({ ...line, sinceMs: nowMs, isOfAnother: true })))
    const known = new Set(lines.map(({ key }) => key))
    this.#waiting = [...lines, ...this.#waiting.filter(({ key }) => !known.has(key))]
    this.#dismissed = new Map([
      ...this.#dismissed,
      ...all.flatMap(({ record }) => record.dismissed.map((key) => [key, nowMs] as const))
    ])
    this.#over = new Set([...this.#over, ...kept.keys()])
    this.#begunWith = new Set([...this.#begunWith].filter((path) => !kept.has(path)))
    this.#kept = new Map()
    this.#isLate = true
  }

  /** What the file has to keep; none if it has to be away. */
  #content(): Content | undefined {
    const kept = together(this.#kept)
    const record = this.#record ?? kept?.record
    if (record === undefined || (!this.#isLate && kept === undefined)) return undefined
    const dismissed = LevelBeginning.union([record.dismissed, kept?.record.dismissed ?? []])
    const own = this.#waiting.map(({ key, line, told }) => ({ key, line, told }))
    return { record: { ...LevelBeginning.recordOf(record), dismissed }, lines: [...(kept?.lines ?? []), ...own] }
  }

  /** Nobody waits for a disk that may hang. */
  #store(): void {
    void this.#file?.store()
  }
}

/** `levels` beside a file, whose first place is `path`. Others take it up once the scope is closed. */
export const make = Effect.fnUntraced(function* (levels: Recorder, path: string | undefined) {
  const self = new Unrecorded(levels)
  if (path !== undefined) yield* self.keepAt(path)
  const { latest, record, tidy, told, unrecorded } = self
  return { latest, recorded: levels.recorded, record, tidy, unrecorded, told } satisfies Levels["Service"]
})
