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

import { Effect, Exit, Option, Schedule, Schema, type Scope } from "effect"
import { type Beginning, LevelRecord } from "../domain/LevelRecord.ts"
import { now, Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as LevelBeginning from "./LevelBeginning.ts"
import * as LevelFiles from "./LevelFiles.ts"
import type { Levels, UnrecordedLine } from "./Levels.ts"
import type * as SmallFile from "./SmallFile.ts"
import type { Recorder } from "./sqlite/SqliteLevels.ts"
import type { StorageError } from "./StorageError.ts"
import { besideOthers, heard, isUntold, replacedBy, type Waiting, withFresh, withKey } from "./WaitingLines.ts"

/** A commit that takes longer may never come. */
const patience = "2 seconds"

/** The files may be all that can be read, but they are not all that a database has which fails for a moment. */
const again = {
  schedule: Schedule.upTo(Schedule.spaced("250 millis"), { duration: "1750 millis", times: 7 }),
  while: ({ retryable }: StorageError) => retryable
}

/** A look every five seconds: files that were not seen for 15 seconds may be of the past. */
const mostAsked = 3

/** Twice the parts in the row: those come before names of which nobody has anything any more. */
const mostHeard = 40

/** As long as a process remembers it that has found the cause itself (`LevelState`). */
const dismissedMs = 5 * 60_000

/** An earlier version has no name, and no beat. */
const Content = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.optionalKey(Schema.String),
    beat: Schema.optionalKey(Schema.Int),
    /** What the process has begun with, or knows to be gone (`LevelBeginning`). */
    over: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int)),
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

/** What the file of a process has. */
interface Kept extends LevelBeginning.Kept {
  readonly lines: Content["lines"]
}

const keptIn = (text: string, isLocked: boolean): ReadonlyArray<Kept> =>
  Option.toArray(decode(text)).map(({ beat = 0, over = {}, ...rest }) => ({
    ...rest,
    beat,
    over: new Map(Object.entries(over)),
    isLocked
  }))

/** The worst level with what each of them remembers. `undefined`: there is none. */
const together = (kept: ReadonlyArray<LevelBeginning.Kept>): LevelRecord | undefined =>
  Option.getOrUndefined(LevelBeginning.of([], { kept, living: new Set() }))

/** The level of one process, its lines that wait, and its file. */
class Unrecorded {
  readonly #levels: Recorder
  #file: SmallFile.SmallFile<void> | undefined
  #record: Beginning | undefined
  /** What was recorded last, without what was dismissed in others. */
  #own: LevelRecord | undefined
  /** What this process has begun with. One that is well records nothing, and this is its level. */
  #begun: LevelRecord | undefined
  #waiting: ReadonlyArray<Waiting> = []
  /** Whether the file may have something. */
  #isLate = false
  /** How often this process has said something, also where the database has not taken it. */
  #beat = 0
  /** What processes that have ended have kept, until it is taken up. */
  #kept: ReadonlyArray<Kept> = []
  /** What the others keep, when they were last looked at, and how often it was asked for since. */
  #beside: ReadonlyArray<Kept> = []
  #asked = 0
  /** What this process has begun with, and who is gone. */
  #heard: LevelBeginning.Heard = new Map()
  /** The beats that the row has had when it was last read. */
  #inRow: LevelBeginning.Heard = new Map()
  /** Those that have ended, whose words are this process's now. */
  #over: ReadonlySet<string> = new Set()
  /** What was dismissed in another process, and since when this one remembers it. */
  #dismissed: ReadonlyMap<string, number> = new Map()
  #living: ReadonlySet<string> = new Set()
  /** Whether the file has been read. Its disk may answer late. */
  #isRead = false
  #isAwaited = false
  /** A look at the files is under way: its disk may hang for a day. */
  #isLooking = false

  constructor(levels: Recorder) {
    this.#levels = levels
  }

  /** Keeps it in files, too. The first one is at `path`. */
  readonly keepAt = (path: string): Effect.Effect<void, never, Scope.Scope> =>
    Effect.map(
      LevelFiles.make(path, {
        name: this.#levels.name,
        content: () => {
          const content = this.#content()
          return content === undefined ? undefined : encode(content)
        },
        found: ({ beside, left, living }) => {
          // Where only its lock was removed, it finds its own file.
          const isOfAnother = ({ name }: Kept) => name !== this.#levels.name
          this.#kept = [...this.#kept, ...left.flatMap((text) => keptIn(text, false)).filter(isOfAnother)]
          this.#beside = beside.flatMap(({ isLocked, text }) => keptIn(text, isLocked)).filter(isOfAnother)
          this.#living = living
          this.#asked = 0
          this.#isRead = true
        }
      }),
      (file) => {
        this.#file = file
      }
    )

  readonly latest = Effect.gen({ self: this }, function* () {
    const isTakenUp = this.#isLate || this.#waiting.length > 0 || this.#record === this.#begun
    // What was taken up is the level, also before it is recorded.
    if (isTakenUp && this.#record !== undefined) return Option.some(this.#record)
    const kept = yield* this.#read()
    const shown = { living: this.#living, kept: [...this.#beside, ...kept] }
    const said = this.#levels.said
    const recorded = yield* shown.kept.length === 0 ? said : Effect.orElseSucceed(Effect.retry(said, again), () => [])
    this.#seeRow(recorded)
    const begun = LevelBeginning.of(recorded, shown)
    this.#begun = Option.getOrUndefined(begun)
    if (this.#record === undefined) {
      // Those that had ended in order when this process began where they were.
      this.#over = new Set([...this.#over, ...recorded.flatMap(({ isOver, name }) => (isOver === true ? [name] : []))])
      this.#hear(recorded.map(({ beat, name }) => [name, beat]))
    }
    // More may have been found meanwhile.
    if (kept.length > 0 && kept === this.#kept && this.#record === undefined) {
      this.#record = this.#begun
      this.#adopt(kept, yield* Monotonic.nowMs)
      // The start does not wait for the commit.
      yield* Effect.forkDetach(Effect.ignore(this.#flush), { startImmediately: true })
    } else yield* Effect.ignore(this.#takeUpLate)
    return begun
  })

  readonly unrecorded = Effect.sync(() => this.#lines(this.#beside))

  readonly record: Levels["Service"]["record"] = (next, lines) =>
    Effect.flatMap(Monotonic.nowMs, (nowMs) => {
      this.#forgetDismissed(nowMs)
      this.#own = next
      this.#record = this.#withDismissed(next)
      this.#waiting = withFresh(this.#waiting, lines, nowMs)
      return Effect.andThen(this.#flush, Effect.ignore(this.#takeUpLate))
    })

  /** Looks what others have left, and takes up what was found before: its disk may hang. */
  readonly tidy = Effect.gen({ self: this }, function* () {
    yield* Effect.ignore(this.#takeUpLate)
    yield* Effect.ignore(this.#sayAgain)
    if (++this.#asked >= mostAsked) this.#beside = []
    if (this.#file !== undefined && this.#isRead && !this.#isLooking) {
      this.#isLooking = true
      yield* Effect.forkDetach(
        Effect.ensuring(
          this.#file.answer,
          Effect.sync(() => (this.#isLooking = false))
        )
      )
    }
    if (this.#isLate) {
      const recorded = yield* Effect.orElseSucceed(this.#levels.said, () => [])
      this.#seeRow(recorded)
      this.#hear(recorded.flatMap(({ beat, isGone, name }) => (isGone === true ? [[name, beat] as const] : [])))
    }
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
    if (this.#kept.length > 0) this.#seeRow(yield* Effect.orElseSucceed(this.#levels.said, () => []))
    const at = yield* now
    const nowMs = yield* Monotonic.nowMs
    const own = this.#record ?? this.#begun
    if (this.#kept.length === 0 || own === undefined) return
    const kept = together(this.#upToDate(this.#kept))
    const over = kept === undefined ? [] : replacedBy(kept, own, this.#waiting.filter(isUntold), at)
    this.#adopt(this.#kept, nowMs)
    this.#record = this.#withDismissed(own)
    this.#waiting = withFresh(this.#waiting, over, nowMs)
    yield* this.#flush
  })

  /**
   * Nobody records again what a well process has said. So what it remembers of another one would silence the next
   * incident for as long as it lives, and what the database has not taken would never be there.
   */
  readonly #sayAgain = Effect.gen({ self: this }, function* () {
    const own = this.#own ?? this.#begun
    const isForgotten = this.#forgetDismissed(yield* Monotonic.nowMs)
    if (isForgotten && own !== undefined) this.#record = this.#withDismissed(own)
    if (isForgotten || this.#isLate) yield* this.#flush
  })

  readonly #keep = Effect.sync(() => {
    if (this.#record === undefined) return
    this.#isLate = true
    this.#store()
  })

  readonly #write = Effect.gen({ self: this }, function* () {
    if (this.#record === undefined) return
    const beat = ++this.#beat
    const [batch, over] = [this.#waiting, this.#over]
    const beside = { beat, over, files: this.#beside }
    yield* this.#levels.record(LevelBeginning.recordOf(this.#record), this.#lines([]).map(withKey), beside)
    const keys = new Set(batch.map(({ key }) => key))
    this.#waiting = this.#waiting.filter(({ key }) => !keys.has(key))
    if (this.#over === over) this.#over = new Set()
    if (!this.#isLate || this.#beat > beat) return
    this.#isLate = false
    this.#store()
  })

  readonly #flush = Effect.scoped(
    Effect.andThen(
      Effect.forkScoped(Effect.delay(this.#keep, patience)),
      Effect.onExit(this.#write, (exit) => (Exit.isFailure(exit) ? this.#keep : Effect.void))
    )
  )

  /** What processes that have ended have kept. It is taken up later where its disk does not answer in time. */
  readonly #read = Effect.fnUntraced({ self: this }, function* () {
    if (this.#file === undefined || this.#record !== undefined || this.#isRead || this.#isAwaited) return this.#kept
    yield* this.#file.read
    if (!this.#isRead) {
      this.#isAwaited = true
      yield* Effect.forkDetach(Effect.andThen(this.#file.answer, Effect.ignore(this.#takeUpLate)))
    }
    return this.#kept
  })

  #lines(beside: ReadonlyArray<Kept>): ReadonlyArray<UnrecordedLine> {
    return this.#waiting.map((each) =>
      besideOthers(
        each,
        this.#record,
        beside.map(({ record }) => record)
      )
    )
  }

  #withDismissed<A extends LevelRecord>(record: A): A {
    return { ...record, dismissed: LevelBeginning.union([record.dismissed, [...this.#dismissed.keys()]]) }
  }

  /** Whether there was something to forget. */
  #forgetDismissed(nowMs: number): boolean {
    const before = this.#dismissed
    this.#dismissed = new Map([...before].filter(([, sinceMs]) => nowMs - sinceMs < dismissedMs))
    return this.#dismissed.size < before.size
  }

  /** The row has no fewer than it had where it cannot be read. */
  #seeRow(recorded: ReadonlyArray<LevelBeginning.Recorded>): void {
    if (recorded.length > 0) this.#inRow = new Map(recorded.map(({ beat, name }) => [name, beat]))
  }

  /** These have nothing more to say beside this process, unless they say something new. */
  #hear(all: ReadonlyArray<readonly [name: string, beat: number]>): void {
    const heard = new Map(this.#heard)
    for (const [name, beat] of all) {
      const most = Math.max(beat, heard.get(name) ?? beat)
      heard.delete(name)
      heard.set(name, most)
    }
    const inRow = ([name]: readonly [string, number]) => this.#inRow.has(name)
    const ordered = [...[...heard].filter((each) => !inRow(each)), ...[...heard].filter(inRow)]
    this.#heard = new Map(ordered.slice(-mostHeard))
  }

  /** Without what a process has said before something that is known of it: the end of that may be told already. */
  #upToDate(kept: ReadonlyArray<Kept>): ReadonlyArray<Kept> {
    return kept.filter(({ beat, name }) =>
      [this.#heard, this.#inRow].every((known) => name === undefined || (known.get(name) ?? beat) <= beat)
    )
  }

  /** Its lines come before those of this process. What is outdated in it is in the row, and has its say there. */
  #adopt(kept: ReadonlyArray<Kept>, nowMs: number): void {
    const lines = LevelBeginning.union(
      kept.map(({ lines }) => lines.map((line) => ({ ...line, sinceMs: nowMs, isOfAnother: true }))),
      ({ key }) => key
    )
    const upToDate = this.#upToDate(kept)
    const known = new Set(lines.map(({ key }) => key))
    this.#waiting = [...lines, ...this.#waiting.filter(({ key }) => !known.has(key))]
    this.#dismissed = new Map([
      ...this.#dismissed,
      ...upToDate.flatMap(({ record }) => record.dismissed.map((key) => [key, nowMs] as const))
    ])
    const named = upToDate.flatMap(({ beat, name }) => (name === undefined ? [] : [[name, beat] as const]))
    this.#over = new Set([...this.#over, ...named.map(([name]) => name)])
    this.#hear([...kept.flatMap(({ over }) => [...over]), ...named])
    this.#kept = []
    this.#isLate = true
  }

  /** What the file has to keep; none if it has to be away. What is not taken up yet stays what it is. */
  #content(): Content | undefined {
    if (this.#record === undefined || (!this.#isLate && this.#kept.length === 0)) return undefined
    const own = { name: this.#levels.name, beat: this.#beat, record: LevelBeginning.recordOf(this.#record) }
    const all = [...this.#upToDate(this.#kept), { ...own, over: new Map(), isLocked: true }]
    const record = this.#kept.length === 0 ? own.record : (together(all) ?? own.record)
    const lines = this.#waiting.map(({ key, line, told }) => ({ key, line, told }))
    return {
      ...own,
      over: Object.fromEntries(this.#heard),
      record: LevelBeginning.recordOf(record),
      lines: [...this.#kept.flatMap(({ lines }) => lines), ...lines]
    }
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
