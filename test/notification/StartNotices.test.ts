import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import { makeFacts } from "../../src/notification/RemediationFacts.ts"
import * as StartMemoryFile from "../../src/notification/StartMemoryFile.ts"
import * as StartNotices from "../../src/notification/StartNotices.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { conditionSink, start, testSink, type TestSink } from "./notifying.ts"

const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

const locked = new StorageError({
  reason: "busy",
  operation: "open",
  retryable: true,
  committed: "no",
  detail: "another process has it"
})

/** The file of successive processes. `isFull`: from now on nothing is written to it. */
const remembering = () => {
  const file: { notice: StartNotices.StartNotice | undefined; isFull: boolean } = { notice: undefined, isFull: false }
  const memory: StartNotices.StartMemory = {
    read: Effect.sync(() => Option.fromUndefinedOr(file.notice)),
    write: (next) => Effect.sync(() => void (file.isFull || (file.notice = next)))
  }
  return { file, memory, told: () => file.notice?.told }
}

const teller = { ...makeFacts((text) => text), cluster: "prod", isOwnAlert: () => false }

/** A process that waits for its database. */
const waiting = (sinks: ReadonlyArray<TestSink>, memory: StartNotices.StartMemory, because = locked) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const wait = { because: Effect.succeed(because), means: "Alerts are kept in the spool" }
    const all = sinks.map(({ sink }) => sink)
    yield* Effect.forkIn(Scope.provide(StartNotices.tell(all, wait, teller, memory), scope), scope)
    return { close: Scope.close(scope, Exit.void) }
  })

/** The database is open: the wait is recorded, and the notifications run. */
const opened = (sinks: ReadonlyArray<TestSink>, memory: StartNotices.StartMemory, database = Sqlite.openMemory()) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Storage.layerDatabase(database))
    const stores = { audit: Context.get(context, AuditLog), outbox: Context.get(context, Outbox) }
    yield* StartNotices.end({ sinks: sinks.map(({ sink }) => sink.name), ...stores }, memory)
    yield* start(database, sinks)
    yield* pass(120)
    return yield* stores.audit.read(0, 100)
  })

const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))
const keysOf = ({ arrived }: TestSink) => arrived.map(({ key }) => key)
const unreachable = new SinkError({ sink: "ops", reason: "unreachable" })

describe("a process that waits for its database", () => {
  it.effect("tells the sinks that take it, once, after ten seconds, and marks that it is sent directly", () =>
    Effect.gen(function* () {
      const [ops, others] = [testSink("ops"), testSink("others", { kinds: ["escalated"] })]
      yield* waiting([ops, others], remembering().memory)
      yield* pass(9)
      assert.strictEqual(ops.attempts, 0)
      yield* pass(2)
      yield* pass(3600)
      assert.deepStrictEqual([kindsOf(ops), kindsOf(others)], [["storage-down"], []])
      const [{ facts, severity, title }] = ops.arrived[0]!.notifications
      assert.deepStrictEqual(
        [severity, title],
        ["critical", "The database cannot be opened, so Kubernaut works on nothing"]
      )
      assert.deepInclude(facts, { name: "Means", value: "Alerts are kept in the spool" })
      assert.match(facts.find(({ name }) => name === "Because")?.value ?? "", /another process has it/)
      assert.match(facts.find(({ name }) => name === "Sent")?.value ?? "", /^directly/)
    })
  )

  it.effect("tells nothing of a wait of some seconds", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(8)
      yield* close
      assert.deepStrictEqual(yield* opened([ops], memory), [])
      assert.deepStrictEqual(kindsOf(ops), [])
    })
  )

  it.effect("tells that it is over when the database is open, by the outbox, and records both", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { memory, told } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(20)
      yield* close
      assert.deepStrictEqual(told(), ["ops"])
      const lines = yield* opened([ops], memory)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up"])
      assert.deepStrictEqual(
        lines.map(({ kind }) => kind),
        ["storage.down", "storage.up"]
      )
      // The next start has nothing to say.
      yield* opened([ops], memory)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up"])
    })
  )

  it.effect("leaves a sink that does not respond to the outbox, which tells it under the same key", () =>
    Effect.gen(function* () {
      const [ops, lost] = [testSink("ops"), testSink("lost")]
      lost.behave = (message) =>
        Effect.andThen(
          Effect.sync(() => void lost.arrived.push(message)),
          unreachable
        )
      const { memory } = remembering()
      const { close } = yield* waiting([ops, lost], memory)
      yield* pass(15)
      yield* close
      lost.behave = () => Effect.void
      yield* opened([ops, lost], memory)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up"])
      const downs = lost.arrived.filter(({ notifications: [{ kind }] }) => kind === "storage-down")
      assert.deepStrictEqual(new Set(downs.map(({ key }) => key)), new Set([keysOf(ops)[0]]))
      assert.isAtLeast(downs.length, 2)
    })
  )

  it.effect("that is restarted meanwhile tells nobody twice, and those who did not hear of it", () =>
    Effect.gen(function* () {
      const [ops, later] = [testSink("ops"), testSink("later")]
      later.behave = () => unreachable
      const { memory } = remembering()
      const { close } = yield* waiting([ops, later], memory)
      yield* pass(20)
      yield* close
      later.behave = () => Effect.void
      yield* waiting([ops, later], memory)
      yield* pass(60)
      assert.deepStrictEqual([kindsOf(ops), kindsOf(later)], [["storage-down"], ["storage-down"]])
      assert.deepStrictEqual(keysOf(later), keysOf(ops))
    })
  )

  it.effect("tells of the next wait not before five minutes have passed since the last notice", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(12)
      yield* close
      yield* opened([ops], memory)
      const arrived = ops.arrived.length
      yield* waiting([ops], memory)
      yield* pass(150)
      assert.strictEqual(ops.arrived.length, arrived)
      yield* pass(60)
      assert.strictEqual(ops.arrived.length, arrived + 1)
      assert.notStrictEqual(keysOf(ops).at(-1), keysOf(ops)[0])
    })
  )

  it.effect("shows it as an alert for as long as it waits, without the heartbeat", () =>
    Effect.gen(function* () {
      const sink = conditionSink("alertmanager")
      yield* waiting([sink], remembering().memory)
      yield* pass(11)
      yield* pass(120)
      assert.isAtLeast(sink.refreshed.length, 3)
      for (const { isWorking, lasting } of sink.refreshed)
        assert.deepStrictEqual([isWorking, lasting.map(({ condition }) => condition.name)], [false, ["storage"]])
      assert.deepStrictEqual(kindsOf(sink), ["storage-down"])
    })
  )
})

const full = new StorageError({ ...locked, reason: "full", detail: "no space" })
const days = (count: number) => TestClock.adjust(`${count} days`)

describe("a wait that was told", () => {
  it.effect("is the same for a process that is restarted hours later, if the one before has waited meanwhile", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* Effect.repeat(pass(60), { times: 120 })
      yield* close
      yield* pass(300)
      yield* waiting([ops], memory)
      yield* Effect.repeat(pass(60), { times: 10 })
      assert.deepStrictEqual(kindsOf(ops), ["storage-down"])
    })
  )

  it.effect("is not the next one, although it could not be written that it is over", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { file, memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(20)
      yield* close
      file.isFull = true
      yield* opened([ops], memory)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up"])
      yield* TestClock.adjust("1 hour")
      file.isFull = false
      yield* waiting([ops], memory)
      yield* pass(20)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up", "storage-down"])
      assert.notStrictEqual(keysOf(ops)[2], keysOf(ops)[0])
    })
  )

  it.effect("is not one for another reason, which is told when five minutes have passed", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(20)
      yield* close
      yield* waiting([ops], memory, full)
      yield* pass(60)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down"])
      yield* pass(300)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-down"])
    })
  )

  it.effect("to nobody, because no sink was configured, is no news for one of later", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { file, memory } = remembering()
      const { close } = yield* waiting([], memory)
      yield* pass(20)
      yield* close
      assert.isUndefined(file.notice)
      // An earlier version has written it all the same, and nobody has ended it.
      const at = "1970-01-01T00:00:00.000Z"
      file.notice = { key: "k", at, toldAt: at, message: "busy", told: [], isOver: false }
      yield* days(20)
      assert.deepStrictEqual(yield* opened([ops], memory), [])
      assert.deepStrictEqual(kindsOf(ops), [])
      assert.isTrue(file.notice.isOver)
    })
  )

  it.effect("is over also where no sink is configured any more", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { file, memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(20)
      yield* close
      yield* opened([], memory)
      assert.isTrue(file.notice?.isOver)
      yield* opened([ops], memory)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down"])
    })
  )

  it.effect("and has ended unseen is told to be over to those who heard of it, and to no other", () =>
    Effect.gen(function* () {
      const [ops, others] = [testSink("ops"), testSink("others")]
      const { memory } = remembering()
      const { close } = yield* waiting([ops], memory)
      yield* pass(20)
      yield* close
      yield* days(2)
      yield* opened([ops, others], memory)
      assert.deepStrictEqual([kindsOf(ops), kindsOf(others)], [["storage-down", "storage-up"], []])
    })
  )
})

describe("an outage that was told while the service ran", () => {
  for (const [when, wait] of [
    ["at once", 5],
    ["days later", 2 * 24 * 3600]
  ] as const)
    it.effect(`and whose end the process did not live to see is told to be over by the next one, ${when}`, () =>
      Effect.gen(function* () {
        const [ops, lost] = [testSink("ops"), testSink("lost")]
        lost.behave = () => unreachable
        const { file, memory } = remembering()
        const database = Sqlite.openMemory()
        const scope = yield* Scope.make()
        const first = yield* start(database, [ops, lost], undefined, { memory }).pipe(Scope.provide(scope))
        yield* pass(1)
        first.setStorage({ _tag: "Down", message: "disk full" })
        for (let count = 0; count < 30; count++) yield* pass(1)
        assert.deepStrictEqual(file.notice?.told, ["ops"])
        yield* Scope.close(scope, Exit.void)
        lost.behave = () => Effect.void
        yield* TestClock.adjust(`${wait} seconds`)
        yield* opened([ops, lost], memory, database)
        assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up"])
        assert.deepStrictEqual(kindsOf(lost), when === "at once" ? ["storage-down", "storage-up"] : [])
        assert.isTrue(file.notice?.isOver)
      })
    )

  it.effect("and whose end it has recorded leaves the next process nothing to tell", () =>
    Effect.gen(function* () {
      const ops = testSink("ops")
      const { file, memory } = remembering()
      const database = Sqlite.openMemory()
      const { setStorage } = yield* start(database, [ops], undefined, { memory })
      yield* pass(1)
      setStorage({ _tag: "Down", message: "disk full" })
      for (let count = 0; count < 30; count++) yield* pass(1)
      setStorage({ _tag: "Up" })
      yield* pass(5)
      assert.isTrue(file.notice?.isOver)
      assert.deepStrictEqual(kindsOf(ops), ["storage-down", "storage-up"])
    })
  )
})

describe("the file of what was told", () => {
  const notice: StartNotices.StartNotice = {
    key: "k",
    at: "2026-11-24T03:00:00.000Z",
    toldAt: "2026-11-24T03:00:10.000Z",
    message: "busy",
    told: ["ops"],
    isOver: false
  }
  const directory = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-notice-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
  )

  it.effect("is read by the next process, and by nobody else on the machine", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "notice.json")
      const written = StartMemoryFile.make(path)
      assert.isTrue(Option.isNone(yield* written.read))
      yield* Effect.all([written.write({ ...notice, told: [] }), written.write(notice)], { concurrency: 2 })
      assert.deepStrictEqual(yield* StartMemoryFile.make(path).read, Option.some(notice))
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
    })
  )

  it.effect("that answers late is known in the end, and this process then says that the wait is over", () =>
    Effect.gen(function* () {
      const { file, memory } = remembering()
      file.notice = notice
      const late = { ...memory, read: Effect.succeedNone, answer: Effect.delay(memory.read, "1 minute") }
      const lines = yield* Effect.forkScoped(opened([testSink("ops")], late))
      yield* pass(200)
      assert.deepStrictEqual(
        (yield* Fiber.join(lines)).map(({ kind }) => kind),
        ["storage.down", "storage.up"]
      )
      assert.isTrue(file.notice.isOver)
    })
  )

  it.effect("is nothing where it is torn or cannot be written, and this process remembers all the same", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      writeFileSync(join(folder, "notice.json"), "{")
      assert.isTrue(Option.isNone(yield* StartMemoryFile.make(join(folder, "notice.json")).read))
      writeFileSync(join(folder, "file"), "")
      const memory = StartMemoryFile.make(join(folder, "file", "notice.json"))
      yield* memory.write(notice)
      assert.deepStrictEqual(yield* memory.read, Option.some(notice))
    })
  )

  it.effect("is gone where it cannot be written that the wait is over: it would hide the next one", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "notice.json")
      const memory = StartMemoryFile.make(path)
      yield* memory.write(notice)
      // Nothing can be written beside it, as on a full disk.
      mkdirSync(`${path}.new`)
      yield* memory.write({ ...notice, told: ["ops", "others"] })
      assert.isTrue(existsSync(path))
      yield* memory.write({ ...notice, isOver: true })
      assert.isFalse(existsSync(path))
    })
  )
})
