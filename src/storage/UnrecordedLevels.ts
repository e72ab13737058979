/**
 * Keeps the level and its lines while the database takes none, in memory and, where there is a path, in a small file:
 * the process may end before the database is back, and the level with its lines must not end with it.
 *
 * The file is written when the database has failed, or has not committed for two seconds. The next process records what
 * is in it when it reads the level. It is best effort: a file that cannot be written or read is as none.
 */

import { hash } from "node:crypto"
import { rm } from "node:fs/promises"
import { Effect, Exit, Option, Schema } from "effect"
import { type LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Levels, UnrecordedLine } from "./Levels.ts"
import * as SmallFile from "./SmallFile.ts"

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

/** The file of a path. Without one, nothing is kept. */
const fileAt = (path: string | undefined) => {
  // One write at a time, and the last one last. Nobody waits for a disk that may hang.
  let written = Promise.resolve()
  const then = (next: (path: string) => Promise<void>): void => {
    if (path !== undefined) written = written.then(() => next(path)).catch(() => {})
  }
  return {
    read:
      path === undefined
        ? Effect.succeed(Option.none<Content>())
        : Effect.map(SmallFile.reader(path), Option.flatMap(decode)),
    write: (content: Content) => then((file) => SmallFile.replace(file, encode(content))),
    remove: () => then((file) => rm(file, { force: true }))
  }
}

/** `levels` beside a file at `path`. */
export const make = (
  levels: Pick<Levels["Service"], "latest" | "record" | "recorded">,
  path: string | undefined
): Levels["Service"] => {
  const file = fileAt(path)
  let record: LevelRecord | undefined
  let waiting: ReadonlyArray<UnrecordedLine> = []
  /** Whether the file may have something. */
  let isLate = false

  const keep = Effect.sync(() => {
    if (record === undefined) return
    isLate = true
    file.write({ record, lines: waiting.map(({ key, line, told }) => ({ key, line, told })) })
  })

  const write = Effect.gen(function* () {
    if (record === undefined) return
    const batch = waiting
    yield* levels.record(record, batch.map(withKey))
    const keys = new Set(batch.map(({ key }) => key))
    waiting = waiting.filter(({ key }) => !keys.has(key))
    if (isLate) file.remove()
    isLate = false
  })

  const flush = Effect.scoped(
    Effect.andThen(
      Effect.forkScoped(Effect.delay(keep, patience)),
      Effect.onExit(write, (exit) => (Exit.isFailure(exit) ? keep : Effect.void))
    )
  )

  /** Takes up what the process before this one has kept. A level of another process that is newer stays. */
  const takeUp = Effect.gen(function* () {
    const kept = Option.getOrUndefined(yield* file.read)
    if (kept === undefined || record !== undefined) return
    const latest = Option.getOrUndefined(yield* levels.latest)
    record = latest !== undefined && latest.since > kept.record.since ? latest : kept.record
    const sinceMs = yield* Monotonic.nowMs
    waiting = [...kept.lines.map((each) => ({ ...each, sinceMs })), ...waiting]
    isLate = true
    yield* flush
  })

  return {
    latest: Effect.andThen(
      Effect.ignore(takeUp),
      // What was taken up and is not recorded yet is the level all the same.
      Effect.suspend(() => (waiting.length > 0 && record !== undefined ? Effect.succeedSome(record) : levels.latest))
    ),
    recorded: levels.recorded,
    record: (next, lines) =>
      Effect.suspend(() => {
        record = next
        return Effect.flatMap(Monotonic.nowMs, (nowMs) => {
          waiting = withFresh(waiting, lines, nowMs)
          return flush
        })
      }),
    unrecorded: Effect.sync(() => waiting),
    told: (key, sink) =>
      Effect.suspend(() => {
        waiting = waiting.map((each) => (each.key === key ? heard(each, sink) : each))
        return isLate ? keep : Effect.void
      })
  }
}
