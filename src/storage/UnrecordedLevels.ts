/**
 * Keeps the level and its lines while the database takes none, in memory and, where there is a path, in a small file:
 * the process may end before the database is back, and the level with its lines must not end with it.
 *
 * The file is written when the database has failed, or has not committed for two seconds. The next process records what
 * is in it when it reads the level, or as soon as the disk of the file answers. Where there is none, a process beside
 * it records it (`LevelFiles`). It is best effort: a file that cannot be written or read is as none.
 */

import { hash } from "node:crypto"
import { Effect, Exit, Option, Schema, type Scope } from "effect"
import { levelName } from "../domain/DegradationLevel.ts"
import { type LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import { now, Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as LevelFiles from "./LevelFiles.ts"
import type { Levels, UnrecordedLine } from "./Levels.ts"
import type * as SmallFile from "./SmallFile.ts"

/** A commit that takes longer may never come. */
const patience = "2 seconds"

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

/** The worst level, and all lines. */
const together = (left: Content, right: Content): Content => ({
  record: right.record.level > left.record.level ? right.record : left.record,
  lines: [...left.lines, ...right.lines]
})

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

const heard = (self: UnrecordedLine, sink: string): UnrecordedLine => ({
  ...self,
  told: [...new Set([...self.told, sink])]
})

/** Those that were not taken are recorded again and again. */
const withFresh = (
  waiting: ReadonlyArray<UnrecordedLine>,
  lines: ReadonlyArray<LevelLine>,
  sinceMs: number
): ReadonlyArray<UnrecordedLine> => {
  const known = new Set(waiting.map(({ key }) => key))
  const all = lines.map((line) => ({ line, key: keyOf(line), told: [], sinceMs }))
  return [...waiting, ...all.filter(({ key }) => !known.has(key))]
}

/** What a process that has begun without it does to what another one has kept: its own level is in force. */
const replacedBy = (kept: LevelRecord, own: LevelRecord, at: Timestamp): ReadonlyArray<LevelLine> => [
  ...(kept.level === own.level
    ? []
    : [
        {
          kind: "level.changed",
          subject: levelName(own.level),
          data: { from: kept.level, to: own.level, reasons: own.reasons },
          at
        }
      ]),
  ...(kept.isCutOff === true && own.isCutOff !== true
    ? [{ kind: "peers.reached", subject: "peers", data: { reasons: own.reasons }, at }]
    : [])
]

type Recorder = Pick<Levels["Service"], "latest" | "record" | "recorded" | "tidy">

/** The level of one process, its lines that wait, and its file. */
class Unrecorded {
  readonly #levels: Recorder
  #file: SmallFile.SmallFile<void> | undefined
  #record: LevelRecord | undefined
  /** What this process has begun with. One that is well records nothing, and this is its level. */
  #begun: LevelRecord | undefined
  #waiting: ReadonlyArray<UnrecordedLine> = []
  /** Whether the file may have something. */
  #isLate = false
  /** What processes that have ended have kept, until it is taken up. */
  #kept: Content | undefined
  /** Whether the file has been read. Its disk may answer late. */
  #isRead = false
  #isAwaited = false

  constructor(levels: Recorder) {
    this.#levels = levels
  }

  /** Keeps it in files, too. The first one is at `path`. */
  readonly keepAt = (path: string): Effect.Effect<void, never, Scope.Scope> =>
    Effect.map(
      LevelFiles.make(
        path,
        () => {
          const content = this.#content()
          return content === undefined ? undefined : encode(content)
        },
        (texts) => {
          const kept = texts.flatMap((text) => Option.toArray(decode(text)))
          this.#kept = (this.#kept === undefined ? kept : [this.#kept, ...kept]).reduce<Content | undefined>(
            (all, each) => (all === undefined ? each : together(all, each)),
            undefined
          )
          this.#isRead = true
        }
      ),
      (file) => {
        this.#file = file
      }
    )

  readonly latest = Effect.gen({ self: this }, function* () {
    yield* Effect.ignore(this.#takeUp)
    // What was taken up and is not recorded yet is the level all the same.
    const found =
      this.#waiting.length > 0 && this.#record !== undefined ? Option.some(this.#record) : yield* this.#levels.latest
    this.#begun = Option.getOrUndefined(found)
    // Its disk may have answered meanwhile.
    yield* Effect.ignore(this.#takeUpLate)
    return found
  })

  readonly unrecorded = Effect.sync(() => this.#waiting)

  readonly record: Levels["Service"]["record"] = (next, lines) =>
    Effect.flatMap(Monotonic.nowMs, (nowMs) => {
      this.#record = next
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

  /** Takes up what the process before this one has kept. A level of another process that is newer stays. */
  readonly #takeUp = Effect.gen({ self: this }, function* () {
    if (this.#file === undefined || this.#record !== undefined) return
    if (!this.#isRead) yield* this.#file.read
    if (!this.#isRead && !this.#isAwaited) {
      this.#isAwaited = true
      yield* Effect.forkDetach(Effect.andThen(this.#file.answer, Effect.ignore(this.#takeUpLate)))
    }
    if (this.#kept === undefined) return
    const latest = Option.getOrUndefined(yield* this.#levels.latest)
    const nowMs = yield* Monotonic.nowMs
    if (this.#kept === undefined || this.#record !== undefined) return
    const { record } = this.#kept
    this.#record = latest !== undefined && latest.since > record.since ? latest : record
    this.#adopt(this.#kept, nowMs)
    yield* this.#flush
  })

  /**
   * Takes up what was read after this process had a level of its own, and says that this one is in force. One that has
   * begun with nothing records its level soon, and takes it up then.
   */
  readonly #takeUpLate = Effect.gen({ self: this }, function* () {
    const at = yield* now
    const nowMs = yield* Monotonic.nowMs
    const own = this.#record ?? this.#begun
    if (this.#kept === undefined || own === undefined) return
    const over = replacedBy(this.#kept.record, own, at)
    this.#record = own
    this.#adopt(this.#kept, nowMs)
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
    const batch = this.#waiting
    yield* this.#levels.record(this.#record, batch.map(withKey))
    const keys = new Set(batch.map(({ key }) => key))
    this.#waiting = this.#waiting.filter(({ key }) => !keys.has(key))
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

  /** Its lines come before those of this process. */
  #adopt({ lines }: Content, nowMs: number): void {
    this.#waiting = [...lines.map((each) => ({ ...each, sinceMs: nowMs })), ...this.#waiting]
    this.#kept = undefined
    this.#isLate = true
  }

  /** What the file has to keep; none if it has to be away. */
  #content(): Content | undefined {
    const record = this.#record ?? this.#kept?.record
    if (record === undefined || (!this.#isLate && this.#kept === undefined)) return undefined
    const own = this.#waiting.map(({ key, line, told }) => ({ key, line, told }))
    return { record, lines: [...(this.#kept?.lines ?? []), ...own] }
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
