import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Channel from "../../src/notification/Channel.ts"
import * as Derivation from "../../src/notification/Derivation.ts"
import { makeFacts } from "../../src/notification/RemediationFacts.ts"
import { AccountSuspensions } from "../../src/storage/AccountSuspensions.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Levels } from "../../src/storage/Levels.ts"
import { type Derived, Outbox } from "../../src/storage/Outbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { conditionSink, emergency, type Harness, start, stopped, testSink, type TestSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass in small steps. */
const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("250 millis"), Effect.repeat(Effect.yieldNow, { times: 60 })), {
    times: seconds * 4
  })

const emergencyOver = ({ audit }: Harness) =>
  audit.record({ actor: "kubernaut", kind: "level.changed", subject: "full", data: { from: 3, to: 0, reasons: [] } })
const stopLifted = ({ audit }: Harness) =>
  audit.record({ actor: "ada", kind: "emergency-stop.lifted", subject: "emergency-stop", data: {} })

const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))
const shownBy = ({ refreshed }: TestSink) => refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)

const filename = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-derivation-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))

/** A process whose commits of conditions take eight seconds, and that is killed after its first one. */
const slowProcess = Effect.fnUntraced(function* (file: string, scope: Scope.Closeable) {
  const stores = yield* Effect.flatMap(Sqlite.open({ filename: file }), (database) =>
    Layer.build(Storage.layerDatabase(database))
  ).pipe(Scope.provide(scope))
  const outbox = Context.get(stores, Outbox)
  const slow = (derived: Derived) =>
    derived.conditions.length === 0
      ? outbox.add(derived)
      : Effect.sleep("8 seconds").pipe(
          Effect.andThen(outbox.add(derived)),
          Effect.andThen(Scope.close(scope, Exit.void)),
          Effect.andThen(Effect.never)
        )
  const run = Derivation.run(
    [yield* Channel.make(conditionSink("alertmanager").sink)],
    {
      audit: Context.get(stores, AuditLog),
      remediations: Context.get(stores, RemediationStore),
      outbox: { ...outbox, add: slow },
      records: {
        accounts: Context.get(stores, AccountSuspensions),
        levels: Context.get(stores, Levels),
        orders: Context.get(stores, StandingOrders)
      }
    },
    { ...makeFacts((text) => text), cluster: "prod", isOwnAlert: () => false }
  )
  yield* Effect.forkIn(run, scope)
})

describe("of two processes that derive from one audit log", () => {
  it.effect("the slower one does not bring back an emergency that is over", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const sink = conditionSink("alertmanager")
      const one = yield* Effect.flatMap(Sqlite.open({ filename: file }), (database) => start(database, [sink]))
      yield* slowProcess(file, yield* Scope.make())
      yield* pass(3)
      yield* emergency(one.audit)
      yield* pass(11)
      assert.deepStrictEqual(
        (yield* one.outbox.conditions).map(({ condition }) => condition.name),
        ["emergency"]
      )
      yield* emergencyOver(one)
      yield* pass(130)
      assert.deepStrictEqual(yield* one.outbox.conditions, [])
      assert.deepStrictEqual(shownBy(sink), [])
      assert.deepStrictEqual(kindsOf(sink), ["emergency-entered", "emergency-left"])
    })
  )

  for (const [what, others] of [
    ["other sinks", ["chat"]],
    ["no sinks", []]
  ] as const)
    it.effect(`one with ${what} takes no news from a process that is killed before it has derived them`, () =>
      Effect.gen(function* () {
        const database = Sqlite.openMemory()
        const ops = testSink("ops")
        const [first, second] = [yield* Scope.make(), yield* Scope.make()]
        yield* Scope.provide(start(database, [ops]), first)
        yield* pass(1)
        const { audit } = yield* Scope.provide(
          start(
            database,
            others.map((name) => testSink(name))
          ),
          second
        )
        yield* pass(1)
        yield* Scope.close(first, Exit.void)
        yield* emergency(audit)
        yield* pass(20)
        yield* Scope.close(second, Exit.void)
        assert.deepStrictEqual(kindsOf(ops), [])
        yield* start(database, [ops])
        yield* pass(5)
        assert.deepStrictEqual(kindsOf(ops), ["emergency-entered"])
      })
    )
})

describe("the first heartbeat of a process that starts", () => {
  it.effect.each(["ops", "chat"])("is no news beside a process whose sink is %s, which derives it later", (name) =>
    Effect.gen(function* () {
      const file = yield* filename
      const open = Sqlite.open({ filename: file })
      const [sink, other] = [testSink("ops"), testSink(name)]
      yield* Effect.flatMap(open, (database) => start(database, [other]))
      yield* pass(13)
      const { audit } = yield* Effect.flatMap(open, (database) => start(database, [sink]))
      yield* pass(2)
      yield* audit.record({ actor: "kubernaut", kind: "alerting.heard", subject: "Watchdog", data: {} })
      yield* stopped(audit)
      yield* pass(30)
      assert.sameMembers([...new Set([...kindsOf(sink), ...kindsOf(other)])], ["emergency-stop-set"])
    })
  )
})

/** A line that says of the emergency what the record says and no line has said. */
const found = ({ audit }: Harness, kind: "condition.ended" | "condition.lasts") =>
  audit.record({
    actor: "kubernaut",
    kind,
    subject: "emergency",
    data: { severity: "critical", reason: "found", ...(kind === "condition.lasts" ? { key: "lasts-emergency-1" } : {}) }
  })

const suspended = ({ audit }: Harness) =>
  audit.record({
    actor: "kubernaut",
    kind: "account.suspended",
    subject: "openai",
    data: { services: ["llm:openai"], reason: "out-of-money", isFirst: true, times: 1 }
  })

describe("two processes that start at once", () => {
  it.effect("tell once of the end of an account's suspension that both have found", () =>
    Effect.gen(function* () {
      const open = Sqlite.open({ filename: yield* filename })
      const [before, one, other] = [testSink("ops"), testSink("ops"), testSink("ops")]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const harness = yield* Effect.flatMap(open, (database) => start(database, [before]))
          yield* pass(2)
          yield* suspended(harness)
          yield* pass(5)
        })
      )
      assert.deepStrictEqual(kindsOf(before), ["account-suspended"])
      const [first, second] = [yield* open, yield* open]
      const { audit } = yield* start(first, [one])
      yield* start(second, [other])
      yield* pass(30)
      const found = (yield* audit.read(0, 100)).filter(({ kind }) => kind === "condition.ended")
      assert.strictEqual(found.length, 2)
      assert.deepStrictEqual([...kindsOf(one), ...kindsOf(other)], ["account-resumed"])
    })
  )
})

describe("a sink that was away while another process derived", () => {
  /** What the sink is told when it comes back, after what another process has derived meanwhile. */
  const toldAfter = <E>(
    before: (harness: Harness) => Effect.Effect<unknown, E>,
    meanwhile: (harness: Harness) => Effect.Effect<unknown, E>
  ) =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const life = (sink: TestSink, use: (harness: Harness) => Effect.Effect<unknown, E>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const harness = yield* start(database, [sink])
            yield* pass(2)
            yield* use(harness)
            yield* pass(20)
          })
        )
      const sink = testSink("ops")
      yield* life(sink, before)
      yield* life(testSink("chat"), meanwhile)
      const known = sink.arrived.length
      yield* life(sink, () => Effect.void)
      return kindsOf({ ...sink, arrived: sink.arrived.slice(known) })
    })
  /** The record agrees with the lines, so that nothing else is found. */
  const isIn = (level: 0 | 3) => (harness: Harness) =>
    harness.levels.record({ level, automatic: level, reasons: [], since: "", out: [], dismissed: [] }, [])

  it.effect("is told of an emergency that still lasts", () =>
    Effect.gen(function* () {
      const told = yield* toldAfter(
        () => Effect.void,
        (harness) => Effect.andThen(isIn(3)(harness), found(harness, "condition.lasts"))
      )
      assert.deepStrictEqual(told, ["emergency-entered"])
    })
  )

  it.effect("is told of the end that was found of an emergency that it was told of", () =>
    Effect.gen(function* () {
      const told = yield* toldAfter(
        (harness) => Effect.andThen(isIn(3)(harness), emergency(harness.audit)),
        (harness) => Effect.andThen(isIn(0)(harness), found(harness, "condition.ended"))
      )
      assert.deepStrictEqual(told, ["emergency-left"])
    })
  )

  it.effect("is told of each change of an emergency once, however often it was found", () =>
    Effect.gen(function* () {
      const told = yield* toldAfter(
        (harness) => Effect.andThen(isIn(3)(harness), emergency(harness.audit)),
        (harness) =>
          Effect.gen(function* () {
            for (const kind of ["condition.ended", "condition.ended", "condition.lasts", "condition.lasts"] as const)
              yield* found(harness, kind)
          })
      )
      assert.deepStrictEqual(told, ["emergency-left", "emergency-entered"])
    })
  )

  it.effect("is told once of the end of an account's suspension that was found several times", () =>
    Effect.gen(function* () {
      const ended = Effect.fnUntraced(function* ({ audit }: Harness) {
        yield* audit.record({ actor: "kubernaut", kind: "condition.ended", subject: "account/openai", data: {} })
        yield* pass(1)
      })
      const told = yield* toldAfter(suspended, (harness) =>
        Effect.andThen(Effect.repeat(ended(harness), { times: 2 }), stopped(harness.audit))
      )
      assert.deepStrictEqual(told, ["account-resumed", "emergency-stop-set"])
    })
  )

  /** What is recorded of our own alerting when a process hears the Watchdog for the first time, and when it does not. */
  const heartbeat = (kind: "alerting.heard" | "alerting.silent" | "alerting.unwatched") => (harness: Harness) =>
    harness.audit.record({ actor: "kubernaut", kind, subject: "Watchdog", data: {} })
  const [heard, silent] = [heartbeat("alerting.heard"), heartbeat("alerting.silent")]
  const inTurn =
    (...lines: ReadonlyArray<typeof heard>) =>
    (harness: Harness) =>
      Effect.forEach(lines, (line) => line(harness), { discard: true })

  for (const end of ["heard", "unwatched"] as const)
    it.effect(`is told that the alerting is ${end} if it was told of the silence`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* toldAfter(silent, heartbeat(`alerting.${end}`)), [`alerting-${end}`])
      })
    )

  it.effect("is not told that the alerting is heard if it knows of no silence, also before a silence that lasts", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldAfter(() => Effect.void, inTurn(heard, silent)), ["alerting-silent"])
      assert.deepStrictEqual(yield* toldAfter(inTurn(silent, heard), inTurn(heard, silent)), ["alerting-silent"])
    })
  )

  it.effect("is told of each change of the alerting in turn", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldAfter(silent, inTurn(heard, heard, silent, heard)), [
        "alerting-heard",
        "alerting-silent",
        "alerting-heard"
      ])
    })
  )
})

describe("conditions", () => {
  it.effect("end also while no sink is configured, and where every sink has another name", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const life = <E>(sinks: ReadonlyArray<TestSink>, use: (harness: Harness) => Effect.Effect<unknown, E>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const harness = yield* start(database, sinks)
            yield* pass(2)
            yield* use(harness)
            yield* pass(70)
          })
        )
      const sink = conditionSink("alertmanager")
      yield* life([sink], ({ audit }) => Effect.andThen(emergency(audit), stopped(audit)))
      assert.sameMembers(shownBy(sink)?.slice() ?? [], ["emergency", "emergency-stop"])
      yield* life([], emergencyOver)
      const renamed = conditionSink("other")
      yield* life([renamed], () => Effect.void)
      assert.deepStrictEqual(shownBy(renamed), ["emergency-stop"])
      yield* life([], stopLifted)
      yield* life([sink], () => Effect.void)
      assert.deepStrictEqual(shownBy(sink), [])
    })
  )
})
