import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
import * as LevelMemory from "../../src/health/LevelMemory.ts"
import * as Channel from "../../src/notification/Channel.ts"
import * as Delivery from "../../src/notification/Delivery.ts"
import * as Derivation from "../../src/notification/Derivation.ts"
import * as LevelNotices from "../../src/notification/LevelNotices.ts"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import { makeFacts } from "../../src/notification/RemediationFacts.ts"
import { AccountSuspensions } from "../../src/storage/AccountSuspensions.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import * as FileOperations from "../../src/storage/FileOperations.ts"
import { Levels } from "../../src/storage/Levels.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import * as Storage from "../../src/storage/Storage.ts"
import * as UnrecordedLevels from "../../src/storage/UnrecordedLevels.ts"
import { conditionSink, running, start, testSink, type TestSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass in small steps. */
const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), Effect.repeat(Effect.yieldNow, { times: 60 })), {
    times: seconds
  })

/** Waits for the disk. */
const until = (isSo: () => boolean) =>
  Effect.repeat(
    Effect.promise(() => stat(tmpdir())),
    { until: isSo }
  )

const shownBy = ({ refreshed }: TestSink) => refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)
const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))
const keysOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ key }) => key))

const record = (level: LevelRecord["level"], since: string): LevelRecord => ({
  level,
  automatic: level,
  reasons: ["4 services are out at once"],
  since,
  out: [],
  dismissed: []
})
const line = (from: number, to: number, at: string): LevelLine => ({
  kind: "level.changed",
  subject: "emergency",
  data: { from, to, reasons: ["4 services are out at once"] },
  at
})
const began = "1970-01-01T00:00:02.000Z"
const ended = "1970-01-01T00:10:00.000Z"

/** Processes on one file, which another program can lock. */
const world = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-level-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
  )
  const filename = join(directory, "kubernaut.db")
  const levelFile = join(directory, "spool.level.json")
  const begin = Effect.fnUntraced(function* (sinks: ReadonlyArray<TestSink>) {
    const scope = yield* Scope.make()
    return yield* Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename })
      database.exec("pragma busy_timeout = 1")
      const harness = yield* start(database, sinks, Effect.succeed(running), { levelFile })
      const memory = yield* LevelMemory.make(harness.levels, undefined)
      yield* Effect.forkScoped(memory.run)
      return { ...harness, keep: memory.keep, kill: Scope.close(scope, Exit.void) }
    }).pipe(Scope.provide(scope))
  })
  const lock = Effect.sync(() => {
    const other = new DatabaseSync(filename)
    other.exec("begin immediate")
    return Effect.sync(() => other.close())
  })
  return { begin, levelFile, lock }
})

describe("an emergency while the database takes nothing", () => {
  it.effect("is told from memory after ten seconds, with its end, and once", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const [pager, shows] = [testSink("pager"), conditionSink("alertmanager")]
      const { keep } = yield* begin([pager, shows])
      yield* pass(2)
      const unlock = yield* lock
      keep(record(3, began), [line(0, 3, began)])
      yield* pass(8)
      assert.deepStrictEqual(kindsOf(pager), [])
      yield* pass(70)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
      keep(record(0, ended), [line(3, 0, ended)])
      yield* pass(75)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(shownBy(shows), [])
      yield* until(() => existsSync(levelFile))
      yield* unlock
      yield* pass(90)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(kindsOf(shows), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(shownBy(shows), [])
      yield* until(() => !existsSync(levelFile))
    })
  )

  it.effect("is not ended from memory by another process, which is well", () =>
    Effect.gen(function* () {
      const { begin, lock } = yield* world
      const shows = conditionSink("alertmanager")
      const [one, other] = [yield* begin([]), yield* begin([shows])]
      yield* pass(2)
      one.keep(record(3, began), [line(0, 3, began)])
      other.keep(record(1, began), [line(0, 1, began)])
      yield* pass(90)
      assert.sameMembers([...(shownBy(shows) ?? [])], ["emergency", "level"])
      const unlock = yield* lock
      other.keep(record(0, ended), [line(1, 0, ended)])
      yield* pass(80)
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
      yield* unlock
      yield* pass(90)
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
    })
  )

  it.effect("is not told as over from memory by a process that began beside the one that is in it", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const pager = testSink("pager")
      const [first, second] = [yield* begin([]), yield* begin([pager])]
      yield* pass(2)
      const unlock = yield* lock
      first.keep(record(3, began), [line(0, 3, began)])
      yield* pass(5)
      yield* until(() => existsSync(levelFile))
      yield* second.levels.latest
      second.keep(record(0, ended), [line(3, 0, ended)])
      yield* pass(20)
      assert.deepStrictEqual(kindsOf(pager), ["level-changed"])
      yield* unlock
    })
  )

  it.effect("is known to the next process, which tells of its end, and those who have not heard of it", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const [pager, lost] = [testSink("pager"), testSink("lost")]
      lost.behave = () => new SinkError({ sink: "lost", reason: "unreachable" })
      const first = yield* begin([pager, lost])
      yield* pass(2)
      const unlock = yield* lock
      first.keep(record(3, began), [line(0, 3, began)])
      yield* pass(30)
      yield* until(() => existsSync(levelFile) && readFileSync(levelFile, "utf8").includes("pager"))
      yield* first.kill
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      yield* unlock
      lost.behave = () => Effect.void
      const second = yield* begin([pager, lost])
      const latest = yield* second.levels.latest
      assert.strictEqual(latest._tag === "Some" ? latest.value.level : undefined, 3)
      yield* pass(90)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.deepStrictEqual(keysOf(lost), keysOf(pager))
      second.keep(record(0, ended), [line(3, 0, ended)])
      yield* pass(5)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(
        (yield* second.audit.read(0, 10)).map(({ kind }) => kind),
        ["level.changed", "level.changed"]
      )
    })
  )

  it.effect("is told as over by a process beside it, which is well, where the one that was in it has ended", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const pager = testSink("pager")
      const [one, other] = [yield* begin([pager]), yield* begin([pager])]
      for (const { levels } of [one, other]) yield* levels.latest
      yield* pass(2)
      const unlock = yield* lock
      one.keep(record(3, began), [line(0, 3, began)])
      other.keep(record(0, began), [])
      yield* pass(30)
      yield* until(() => existsSync(levelFile) && readFileSync(levelFile, "utf8").includes("pager"))
      yield* one.kill
      yield* unlock
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      for (let turn = 0; existsSync(levelFile) && turn < 20; turn++) {
        yield* pass(5)
        yield* until(() => !FileOperations.areUnderWay())
      }
      assert.isFalse(existsSync(levelFile))
      yield* pass(90)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(
        (yield* other.audit.read(0, 10)).map(({ data: { from, to } }) => [from, to]),
        [
          [0, 3],
          [3, 0]
        ]
      )
    })
  )

  it.effect("that a process did not live to tell of is told by the next one", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const pager = testSink("pager")
      const first = yield* begin([pager])
      yield* pass(2)
      const unlock = yield* lock
      first.keep({ ...record(3, began), isCutOff: true }, [
        line(0, 3, began),
        { kind: "peers.cut-off", subject: "peers", data: { reasons: [] }, at: began }
      ])
      yield* pass(3)
      yield* until(() => existsSync(levelFile))
      yield* first.kill
      yield* unlock
      const second = yield* begin([pager])
      yield* second.levels.latest
      yield* pass(5)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "cut-off"])
    })
  )

  it.effect("is where the next process begins, also where another one has recorded a better level since", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const first = yield* begin([])
      const other = yield* begin([])
      yield* pass(2)
      const unlock = yield* lock
      first.keep(record(3, began), [line(0, 3, began)])
      yield* pass(5)
      yield* until(() => existsSync(levelFile))
      yield* first.kill
      yield* unlock
      other.keep(record(1, ended), [line(0, 1, ended)])
      yield* pass(5)
      const next = yield* begin([])
      const latest = yield* next.levels.latest
      // Nobody can tell yet which of them was the one before it.
      assert.strictEqual(latest._tag === "Some" ? latest.value.level : undefined, 3)
    })
  )

  it.effect("is not told from memory where the database takes it at once, and leaves no file", () =>
    Effect.gen(function* () {
      const { begin, levelFile } = yield* world
      const pager = testSink("pager")
      const { audit, keep } = yield* begin([pager])
      yield* pass(2)
      keep(record(3, began), [line(0, 3, began)])
      yield* pass(30)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.isFalse(existsSync(levelFile))
      const [recorded] = yield* audit.read(0, 1)
      assert.deepStrictEqual([recorded?.data["key"]], keysOf(pager))
      assert.notProperty(recorded?.data, "told")
    })
  )

  it.effect("is recorded once where the process ended after the commit, and before the file was gone", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const pager = testSink("pager")
      const first = yield* begin([pager])
      yield* pass(2)
      const unlock = yield* lock
      first.keep(record(3, began), [line(0, 3, began)])
      yield* pass(5)
      yield* until(() => existsSync(levelFile))
      const content = readFileSync(levelFile)
      yield* unlock
      yield* pass(5)
      yield* until(() => !existsSync(levelFile))
      yield* first.kill
      writeFileSync(levelFile, content)
      const second = yield* begin([pager])
      yield* second.levels.latest
      yield* pass(30)
      assert.lengthOf(yield* second.audit.read(0, 10), 1)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      yield* until(() => !existsSync(levelFile))
    })
  )
})

describe("an emergency whose commit takes long, and succeeds", () => {
  /** Notifications whose level is committed after `commit`. */
  const slow = Effect.fnUntraced(function* (sink: TestSink, commit: Duration.Input) {
    const context = yield* Layer.build(Layer.fresh(Storage.layerMemory))
    const stores = yield* Effect.all({
      audit: AuditLog,
      outbox: Outbox,
      remediations: RemediationStore,
      accounts: AccountSuspensions,
      orders: StandingOrders,
      recorded: Levels
    }).pipe(Effect.provideContext(context))
    const { accounts, audit, orders, outbox, recorded, remediations } = stores
    const levels = yield* UnrecordedLevels.make(
      {
        ...recorded,
        name: "this",
        said: Effect.succeed([]),
        record: (level, lines) => Effect.delay(recorded.record(level, lines), commit)
      },
      undefined
    )
    const teller = { ...makeFacts((text) => text), cluster: "prod", isOwnAlert: () => false }
    const channel = yield* Channel.make(sink.sink)
    const records = { accounts, levels, orders }
    yield* Effect.forkScoped(Derivation.run([channel], { audit, outbox, remediations, records }, teller))
    yield* Effect.forkScoped(Delivery.run(channel, outbox))
    yield* Effect.forkScoped(LevelNotices.run([channel], levels, teller))
    return { audit, levels, outbox }
  })

  it.effect.each([
    ["told from memory before", 15, 0],
    ["being told from memory then", 13, 4],
    ["not told from memory", 5, 0]
  ] as const)("is told once where it is %s", ([, commitSeconds, sendSeconds]) =>
    Effect.gen(function* () {
      const pager = testSink("pager")
      pager.behave = () => Effect.sleep(Duration.seconds(sendSeconds))
      const { audit, levels, outbox } = yield* slow(pager, Duration.seconds(commitSeconds))
      yield* pass(2)
      yield* Effect.forkScoped(levels.record(record(3, began), [line(0, 3, began)]))
      yield* pass(60)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      const [recorded] = yield* audit.read(0, 10)
      assert.deepStrictEqual(keysOf(pager), [recorded?.data["key"]])
      assert.deepStrictEqual(yield* outbox.backlog("pager"), { waiting: 0 })
      assert.lengthOf(yield* outbox.conditions, 1)
    })
  )

  it.effect("is told by the outbox where the sink was down while it was told from memory", () =>
    Effect.gen(function* () {
      const pager = testSink("pager")
      pager.behave = () => new SinkError({ sink: "pager", reason: "unreachable" })
      const { levels, outbox } = yield* slow(pager, "15 seconds")
      yield* pass(2)
      yield* Effect.forkScoped(levels.record(record(3, began), [line(0, 3, began)]))
      yield* pass(60)
      pager.behave = () => Effect.void
      yield* pass(90)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.deepStrictEqual(yield* outbox.backlog("pager"), { waiting: 0 })
    })
  )
})
