/** Several processes on one database, each with a connection of its own, and a file for its level. */

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Beginning, LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
import { fromMillis, type Timestamp } from "../../src/domain/Timestamp.ts"
import * as LevelMemory from "../../src/health/LevelMemory.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import * as FileOperations from "../../src/storage/FileOperations.ts"
import { Levels } from "../../src/storage/Levels.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

export const second = (seconds: number): Timestamp => fromMillis(seconds * 1000)

export const recordAt = (seconds: number, level: 0 | 2 | 3, rest: Partial<LevelRecord> = {}): LevelRecord => ({
  level,
  automatic: level,
  reasons: [],
  since: second(seconds),
  out: [],
  dismissed: [],
  ...rest
})
export const change = (seconds: number, from: number, to: number): LevelLine => ({
  kind: "level.changed",
  subject: "level",
  data: { from, to },
  at: second(seconds)
})
export const dismissal = (seconds: number): LevelLine => ({
  kind: "emergency.dismissed",
  subject: "emergency",
  data: { causes: ["memory is above 95 %"] },
  at: second(seconds),
  actor: "ada"
})

/** From, to, and the levels of others, of a change. */
const shownAs = ({ data: { from, others, to }, kind }: Pick<LevelLine, "kind" | "data">) =>
  kind === "level.changed" ? [from, to, ...(Array.isArray(others) ? others.map(({ level }) => level) : [])] : [kind]

/** Waits for the disk. */
const disk: Effect.Effect<void> = Effect.flatMap(TestClock.withLive(Effect.sleep("1 millis")), () =>
  FileOperations.areUnderWay() ? disk : Effect.void
)

/** Time passes, and the disk answers meanwhile. */
export const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), disk), { times: seconds - 1 })

export const world = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-beside-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
  )
  /** From now on the spool is on the disk of this pod. Its path is always the same. */
  const onPod = (pod: string) => {
    mkdirSync(join(directory, pod), { recursive: true })
    rmSync(join(directory, "spool"), { force: true })
    symlinkSync(join(directory, pod), join(directory, "spool"))
  }
  onPod("pod")
  const spool = join(directory, "spool")
  const opened = Sqlite.open({ filename: join(directory, "kubernaut.db") })
  const database = yield* opened
  /** A process. It is what `is` says, and before that what it has begun with. */
  const begin = Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    return yield* Effect.gen(function* () {
      // It stays on the disk where it has begun.
      const levelFile = join(realpathSync(spool), "spool.level.json")
      const layer = Layer.fresh(Storage.layerDatabase(yield* opened, { levelFile }))
      const levels = Context.get(yield* Layer.build(layer), Levels)
      yield* levels.latest
      // Health checks and the level begin with it, one after the other.
      const found = Option.getOrUndefined(yield* levels.latest)
      const begun: Beginning = found ?? recordAt(0, 0)
      const memory = yield* LevelMemory.make(levels, found)
      yield* Effect.forkScoped(memory.run)
      memory.keep(begun, [])
      yield* pass(2)
      return {
        begun,
        keeps: (record: LevelRecord, ...lines: ReadonlyArray<LevelLine>) => memory.keep(record, lines),
        unrecorded: Effect.map(levels.unrecorded, (all) => all.map(({ line }) => shownAs(line))),
        is: (record: LevelRecord, ...lines: ReadonlyArray<LevelLine>) =>
          Effect.andThen(
            Effect.sync(() => memory.keep(record, lines)),
            pass(3)
          ),
        ends: Scope.close(scope, Exit.void)
      }
    }).pipe(Scope.provide(scope))
  })
  const lines = Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(Storage.layerDatabase(yield* opened)))
    const events = yield* Context.get(context, AuditLog).read(0, 100)
    return events.map(shownAs)
  })
  const abort = "begin select raise(abort, 'full'); end"
  return {
    begin,
    onPod,
    spool,
    database,
    /** What was recorded. */
    lines,
    /** The files that keep something. */
    files: () => readdirSync(spool).filter((name) => name.endsWith(".json")),
    isFull: Effect.sync(() => {
      database.exec(`create trigger full before update on levels ${abort}`)
      database.exec(`create trigger fullToo before insert on levels ${abort}`)
    }),
    hasSpace: Effect.sync(() => database.exec("drop trigger full; drop trigger fullToo"))
  }
})
