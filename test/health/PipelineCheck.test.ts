import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Degradation } from "../../src/health/Degradation.ts"
import { HealthSupervisor } from "../../src/health/HealthSupervisor.ts"
import { Intake } from "../../src/intake/Intake.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"
import type { ResilienceEvent } from "../../src/resilience/ResilienceEvent.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { type AlertSpool, AlertSpool as Spool } from "../../src/storage/spool/AlertSpool.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import * as Storage from "../../src/storage/Storage.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"
import { apart, outcomeOf } from "../../src/wiring/PipelineCheck.ts"
import { webhookAbout } from "../intake/webhooks.ts"

/** A model that must not be asked. */
const model = (asked: Array<string>): Investigator => ({
  name: "llm",
  provider: "a",
  investigate: ({ alert }) =>
    Effect.andThen(
      Effect.sync(() => void asked.push(alert.name)),
      Effect.never
    )
})

/** A service with the check, and everything that it does with its cluster and its models. */
const service = Effect.fnUntraced(function* (
  options: Omit<Kubernaut.Options, "cluster"> = {},
  storage: Layer.Layer<Storage.Services, StorageError> = Storage.layerMemory
) {
  const asked: Array<string> = []
  const writes: Array<unknown> = []
  const heard: Array<string> = []
  const sandbox = yield* Sandbox.make({ shop: false, nodes: 1 })
  const client = {
    ...sandbox,
    apply: (...args: Parameters<typeof sandbox.apply>) =>
      Effect.andThen(
        Effect.sync(() => void writes.push(args)),
        sandbox.apply(...args)
      )
  }
  const events = EventHub.make<ResilienceEvent>()
  const context = yield* Layer.build(
    Kubernaut.layer({
      cluster: "dev",
      events,
      investigators: [model(asked)],
      health: { pipelineCheck: "5 minutes" },
      intake: { onReceived: ({ status }) => void heard.push(status) },
      ...options
    }).pipe(Layer.provide(Layer.succeed(KubernetesClient, client)), Layer.provideMerge(Layer.orDie(storage)))
  )
  yield* events.listen(({ _tag }) => void heard.push(_tag))
  yield* Context.get(context, RemediationEvents).listen(({ event }) => void heard.push(event))
  return { asked, context, heard, writes }
})

const finding = (context: Context.Context<HealthSupervisor>) =>
  Effect.map(Context.get(context, HealthSupervisor).findings, (findings) =>
    findings.find(({ name }) => name === "pipeline")
  )

/** Everything that is in the database, except what its health check and the level write in any case. */
const content = (database: DatabaseSync) =>
  database
    .prepare("select name from sqlite_schema where type = 'table' and name not in ('storage_check', 'levels')")
    .all()
    .map(({ name }) => [name, database.prepare(`select * from "${String(name)}"`).all()])

describe("a synthetic alert", () => {
  it.effect("goes the whole way every five minutes, and leaves nothing in the database, the cluster and the hubs", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const { asked, context, heard, writes } = yield* service({ mode: "auto" }, Storage.layerDatabase(database))
      const without = yield* service({ mode: "auto", health: {} })
      const before = content(database)
      yield* TestClock.adjust("3 seconds")
      const first = yield* finding(context)
      assert.deepInclude(first, { layer: "integration", status: "healthy" })
      assert.match(
        first?.message ?? "",
        /^a synthetic alert was accepted, journaled, investigated by the rules and decided in \d+ ms$/
      )
      yield* TestClock.adjust("1 hour")
      const later = yield* finding(context)
      assert.strictEqual(later?.status, "healthy")
      assert.isAbove(Date.parse(later?.checkedAt ?? ""), Date.parse(first?.checkedAt ?? "") + 3_000_000)
      assert.deepStrictEqual(content(database), before)
      assert.deepStrictEqual([asked, writes], [[], []])
      assert.deepStrictEqual(heard, without.heard)
      assert.strictEqual(yield* Context.get(context, RemediationActors).active, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("shares nothing with a service that has the same database in memory", () =>
    Effect.gen(function* () {
      const { context } = yield* service()
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* finding(context))?.status, "healthy")
      assert.deepStrictEqual((yield* Context.get(context, RemediationStore).list({ limit: 10 })).items, [])
      assert.deepStrictEqual(yield* Context.get(context, AuditLog).read(0, 10), [])
    }).pipe(Effect.scoped)
  )

  it.effect.each(["observe", "approve", "auto"] as const)("ends in mode %s, with the same result", (mode) =>
    Effect.gen(function* () {
      const { context, writes } = yield* service({ mode })
      yield* TestClock.adjust("3 seconds")
      assert.include((yield* finding(context))?.message, "investigated by the rules and decided")
      assert.deepStrictEqual(writes, [])
    }).pipe(Effect.scoped)
  )

  it.effect("ends although it names no cluster by a label that the service knows, and severities are mapped", () =>
    Effect.gen(function* () {
      const { context } = yield* service({
        intake: { clusterLabels: ["k8s"], unlabelledAlerts: "observe", severities: { warning: "critical" } }
      })
      yield* TestClock.adjust("3 seconds")
      assert.include((yield* finding(context))?.message, "investigated by the rules and decided")
    }).pipe(Effect.scoped)
  )

  it.effect("is sent while the emergency stop is set, and is not investigated at level 3, which the check says", () =>
    Effect.gen(function* () {
      const { context } = yield* service()
      const orders = Context.get(context, StandingOrders)
      yield* orders.give("emergency-stop", { by: "ada" })
      yield* TestClock.adjust("6 minutes")
      assert.deepInclude(yield* finding(context), { status: "healthy" })
      yield* orders.give("emergency", { by: "ada" })
      yield* Context.get(context, Degradation).refresh
      yield* TestClock.adjust("6 minutes")
      const found = yield* finding(context)
      assert.strictEqual(found?.status, "healthy")
      assert.match(found?.message ?? "", /journaled and decided in \d+ ms; at level 3 none is investigated$/)
    }).pipe(Effect.scoped)
  )

  it.effect("that the database does not store makes the check unhealthy, until it stores one", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const { context } = yield* service({}, Storage.layerDatabase(database))
      database.exec("create trigger broken before insert on remediations begin select raise(abort, 'no'); end")
      yield* TestClock.adjust("10 minutes")
      const found = yield* finding(context)
      assert.strictEqual(found?.status, "unhealthy")
      assert.match(found?.message ?? "", /^a synthetic alert is not stored: /)
      database.exec("drop trigger broken")
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual((yield* finding(context))?.status, "healthy")
    }).pipe(Effect.scoped)
  )

  it.effect("that no actor takes up makes the check unhealthy: others keep every place", () =>
    Effect.gen(function* () {
      const { asked, context } = yield* service({
        actors: { concurrency: 1 },
        investigation: { deadline: "1 hour" }
      })
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* finding(context))?.status, "healthy")
      yield* Context.get(context, Intake).receive(
        webhookAbout([{ alertname: "Stuck", namespace: "shop", service: "x", severity: "critical" }])
      )
      yield* TestClock.adjust("7 minutes")
      assert.deepStrictEqual(asked, ["Stuck"])
      assert.deepInclude(yield* finding(context), {
        status: "unhealthy",
        message: "a synthetic alert is stored, and no actor takes it up within 20 s"
      })
    }).pipe(Effect.scoped)
  )

  it.effect("is not enough while only critical alerts are taken up: unhealthy until another one is", () =>
    Effect.gen(function* () {
      const { asked, context } = yield* service({
        actors: { concurrency: 4 },
        investigation: { deadline: "1 hour" }
      })
      yield* TestClock.adjust("3 seconds")
      const stuck = ["a", "b", "c", "d"].map((name) => ({
        alertname: "Stuck",
        namespace: "shop",
        service: name,
        severity: "warning"
      }))
      yield* Context.get(context, Intake).receive(webhookAbout(stuck))
      yield* TestClock.adjust("6 minutes")
      // Three keep the places for what is not critical. A warning is due within five minutes.
      assert.lengthOf(asked, 3)
      assert.strictEqual((yield* finding(context))?.status, "healthy")
      yield* TestClock.adjust("10 minutes")
      const found = yield* finding(context)
      assert.strictEqual(found?.status, "unhealthy")
      assert.match(found?.message ?? "", /^critical alerts only: no other alert has been taken up for \d+ s$/)
      yield* TestClock.adjust("1 hour")
      assert.lengthOf(asked, 4)
      assert.strictEqual((yield* finding(context))?.status, "healthy")
    }).pipe(Effect.scoped)
  )

  it.effect("is not sent unless the options ask for it", () =>
    Effect.gen(function* () {
      const { context } = yield* service({ health: {} })
      yield* TestClock.adjust("10 minutes")
      assert.isUndefined(yield* finding(context))
    }).pipe(Effect.scoped)
  )
})

describe("what a synthetic alert is made of", () => {
  it.effect("has no service of the process within reach, and its clock", () =>
    Effect.gen(function* () {
      const reached = Effect.all([Effect.serviceOption(Spool), Clock.currentTimeMillis])
      yield* TestClock.adjust("1 hour")
      const spool = {} as AlertSpool["Service"]
      assert.isTrue(Option.isSome((yield* Effect.provideService(reached, Spool, spool))[0]))
      const [found, millis] = yield* Effect.provideService(apart(reached), Spool, spool)
      assert.isTrue(Option.isNone(found))
      assert.strictEqual(millis, 3_600_000)
    })
  )
})

describe("a journey that has not ended well", () => {
  const journey = (state: string, steps: ReadonlyArray<string>, more: object = {}) =>
    ({
      journal: steps.map((_tag, index) => ({ sequence: index + 1, at: "", event: { _tag } })),
      after: { state, alert: { severity: "warning" }, executions: [], ...more },
      broken: undefined
    }) as unknown as Parameters<typeof outcomeOf>[0]

  it.each([
    [["Accepted"], "is accepted and journaled, and no actor has begun to work on it"],
    [["Accepted", "Started"], "is accepted and journaled, and its investigation does not end"],
    [["Accepted", "Started", "Investigated"], "is investigated, and no decision is made"],
    [["Accepted", "Started", "Investigated", "Decided"], "is decided, and does not end"],
    [["Accepted", "Retargeted"], "is stuck after Retargeted"]
  ])("after %s says where it is stuck", (steps, text) => {
    assert.deepStrictEqual(outcomeOf(journey("Investigating", steps), 0, 20_000), {
      _tag: "Unhealthy",
      message: `a synthetic alert ${text}`
    })
  })

  it.each([
    ["was not accepted", undefined, 0],
    ["have not investigated", journey("Escalated", ["Accepted", "Concluded"]), 2],
    ["audit log", { ...journey("Escalated", ["Accepted", "Concluded"])!, broken: 3 }, 0],
    ["an action was planned", journey("Escalated", ["Accepted"], { executions: [{}] }), 0]
  ])("%s is unhealthy", (text, made, level) => {
    const outcome = outcomeOf(made, level, 5)
    assert.strictEqual(outcome._tag, "Unhealthy")
    assert.include(outcome.message, text)
  })

  it.each([
    [3, journey("Escalated", ["Accepted", "Concluded"]), "at level 3 none is investigated"],
    [0, journey("Observed", ["Accepted", "Concluded"]), "accepted, journaled and observed"],
    [0, journey("AwaitingReview", ["Accepted", "Decided"], { investigation: {} }), "investigated by the rules"]
  ] as const)("at level %s, one that has ended is healthy", (level, made, text) => {
    const outcome = outcomeOf(made, level, 5)
    assert.strictEqual(outcome._tag, "Healthy")
    assert.include(outcome.message, text)
  })
})
