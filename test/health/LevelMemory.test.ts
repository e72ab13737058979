/** What a restarted process knows of the level, and what is recorded while the database is down. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
import { healthy, type Outcome, unknown } from "../../src/health/Check.ts"
import * as Degradation from "../../src/health/Degradation.ts"
import type { Finding } from "../../src/health/HealthSupervisor.ts"
import * as HealthSupervisor from "../../src/health/HealthSupervisor.ts"
import * as LevelMemory from "../../src/health/LevelMemory.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Levels } from "../../src/storage/Levels.ts"
import * as Storage from "../../src/storage/Storage.ts"

const at = "1970-01-01T00:00:00.000Z"
const kept: LevelRecord = {
  level: 2,
  automatic: 2,
  reasons: ["holmesgpt is out"],
  since: at,
  out: ["holmesgpt"],
  dismissed: []
}

/** A service with one model whose health check finds what `status` says. */
const restarted = Effect.fnUntraced(function* (
  record: LevelRecord,
  finding: () => Pick<Finding, "status" | "checkedAt">
) {
  const changes = EventHub.make<Finding>()
  const health = {
    changes,
    emergencies: Effect.succeed([]),
    findings: Effect.sync(() => [{ name: "holmesgpt", layer: "component" as const, since: at, ...finding() }])
  }
  const circuitBreaker = yield* CircuitBreaker.make("holmesgpt")
  const degradation = yield* Degradation.make({
    tiers: [{ name: "holmesgpt", service: "holmesgpt", circuitBreaker }],
    health,
    kept: record
  })
  const level = Effect.map(degradation.current, (status) => status.level)
  const first = yield* level
  yield* Effect.forkScoped(degradation.run)
  yield* TestClock.adjust(0)
  const look = Effect.andThen(
    Effect.sync(() => changes.publish({} as Finding)),
    TestClock.adjust(0)
  )
  return { circuitBreaker, degradation, first, level, look }
})

describe("a process that is restarted", () => {
  it.effect("begins at the level of the one before it, and a peer that was out is out until it has answered", () =>
    Effect.gen(function* () {
      let found: Pick<Finding, "status" | "checkedAt"> = { status: "unknown" }
      const { degradation, first, level, look } = yield* restarted(kept, () => found)
      assert.strictEqual(first, 2)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* level, 2)
      const { held, reasons } = yield* degradation.current
      assert.deepStrictEqual(held, ["holmesgpt"])
      assert.deepStrictEqual(reasons, ["holmesgpt was out before the restart, and has not answered since"])
      found = { status: "healthy", checkedAt: at }
      yield* look
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* level, 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* level, 0)
      assert.deepStrictEqual((yield* degradation.current).held, [])
    })
  )

  it.effect("leaves a peer that cannot be probed to the calls", () =>
    Effect.gen(function* () {
      const { level } = yield* restarted(kept, () => ({ status: "unknown", checkedAt: at }))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* level, 0)
    })
  )

  it.effect("does not rise within 5 minutes of the rise of the one before it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(100_000)
      const { level } = yield* restarted({ ...kept, roseAt: at }, () => ({ status: "healthy", checkedAt: at }))
      yield* TestClock.adjust("199 seconds")
      assert.strictEqual(yield* level, 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* level, 0)
    })
  )

  it.effect("waits at most 5 minutes although the wall clock was set back", () =>
    Effect.gen(function* () {
      const later = "1971-01-01T00:00:00.000Z"
      const { level } = yield* restarted({ ...kept, roseAt: later }, () => ({ status: "healthy", checkedAt: at }))
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* level, 0)
    })
  )

  it.effect("measures no recovery of a peer that was out only for another process that is there", () =>
    Effect.gen(function* () {
      const elsewhere = [{ service: "holmesgpt", since: at }]
      for (const record of [kept, { ...kept, unrestored: [], elsewhere }]) {
        let found: Pick<Finding, "status" | "checkedAt"> = { status: "unknown" }
        const { degradation, look } = yield* restarted(record, () => found)
        const recovered: Array<string> = []
        yield* degradation.recoveries.listen(({ service }) => recovered.push(service))
        found = { status: "healthy", checkedAt: at }
        yield* look
        assert.deepStrictEqual(recovered, record === kept ? ["holmesgpt"] : [])
      }
    })
  )

  it.effect("still ignores what an operator has dismissed", () =>
    Effect.gen(function* () {
      const circuitBreaker = yield* CircuitBreaker.make("holmesgpt")
      const degradation = yield* Degradation.make({
        tiers: [{ name: "holmesgpt", service: "holmesgpt", circuitBreaker }],
        allAiDown: "emergency",
        kept: { ...kept, dismissed: ["models"] }
      })
      yield* Effect.forkScoped(degradation.run)
      yield* circuitBreaker.isolate("10 minutes", "maintenance")
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* degradation.current).level, 2)
    })
  )
})

describe("a cut-off", () => {
  const cutOff: LevelRecord = { ...kept, out: ["holmesgpt", "kubernetes"], isCutOff: true }

  /** A process with HolmesGPT and these peers. */
  const restartedWith = Effect.fnUntraced(function* (record: LevelRecord, others: ReadonlyArray<string>) {
    const kinds: Array<string> = []
    const peers = yield* Effect.forEach(["holmesgpt", ...others], (service) =>
      Effect.map(CircuitBreaker.make(service), (circuitBreaker) => ({ service, circuitBreaker }))
    )
    let found: Pick<Finding, "status" | "checkedAt"> = { status: "unknown" }
    const changes = EventHub.make<Finding>()
    const degradation = yield* Degradation.make({
      tiers: [{ name: "holmesgpt", ...peers[0]! }],
      others: peers.slice(1),
      kept: record,
      health: {
        changes,
        emergencies: Effect.succeed([]),
        findings: Effect.sync(() =>
          peers.map(({ service }) => ({ name: service, layer: "component" as const, since: at, ...found }))
        )
      },
      store: {
        record: (_, lines) => Effect.sync(() => void kinds.push(...lines.map(({ kind }) => kind)))
      }
    })
    yield* Effect.forkScoped(degradation.run)
    yield* TestClock.adjust("1 second")
    const find = (status: Finding["status"]) => {
      found = { status, checkedAt: at }
      changes.publish({} as Finding)
      return TestClock.adjust("1 second")
    }
    return { find, kinds: () => kinds.filter((kind) => kind.startsWith("peers.")) }
  })

  it.effect("that lasts is not told again after a restart, and its end is told", () =>
    Effect.gen(function* () {
      const { find, kinds } = yield* restartedWith(cutOff, ["kubernetes"])
      yield* find("unhealthy")
      assert.deepStrictEqual(kinds(), [])
      yield* find("healthy")
      assert.deepStrictEqual(kinds(), ["peers.reached"])
    })
  )

  it.effect("ends with a restart after which there is one peer only", () =>
    Effect.gen(function* () {
      const { kinds } = yield* restartedWith(cutOff, [])
      assert.deepStrictEqual(kinds(), ["peers.reached"])
    })
  )
})

describe("an emergency that a check has found", () => {
  it.effect("lasts over a restart after which the check finds nothing out, until it finds the cause gone", () =>
    Effect.gen(function* () {
      const cause = { check: "audit-chain", key: "audit-chain:17", cause: "the audit log is broken at line 17" }
      let outcome: Outcome = unknown("could not be read: database is locked")
      const emergency: LevelRecord = { ...kept, level: 3, automatic: 3, out: [], found: [cause] }
      const check = {
        name: "audit-chain",
        layer: "component" as const,
        interval: "1 minute" as const,
        run: Effect.sync(() => outcome)
      }
      const health = yield* HealthSupervisor.make([check], emergency.found)
      let recorded: LevelRecord | undefined
      const degradation = yield* Degradation.make({
        tiers: [],
        health,
        kept: emergency,
        store: { record: (record) => Effect.sync(() => void (recorded = record)) }
      })
      yield* Effect.forkScoped(health.run)
      yield* Effect.forkScoped(degradation.run)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* degradation.current).level, 3)
      assert.deepStrictEqual(recorded?.found, [cause])
      outcome = healthy()
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* degradation.current).level, 0)
      assert.isUndefined(recorded?.found)
    })
  )
})

describe("the level", () => {
  const storeThatFails = () => {
    const written: Array<readonly [LevelRecord, ReadonlyArray<LevelLine>]> = []
    const store = {
      isDown: true,
      record: (record: LevelRecord, lines: ReadonlyArray<LevelLine>) =>
        Effect.suspend(() => {
          if (store.isDown) return Effect.fail({ _tag: "Down" as const })
          written.push([record, lines])
          return Effect.void
        })
    }
    return { store, written }
  }

  it.effect("is kept in memory while the database is down, and recorded in order when it is back", () =>
    Effect.gen(function* () {
      const { store, written } = storeThatFails()
      const holmesgpt = yield* CircuitBreaker.make("holmesgpt")
      const llm = yield* CircuitBreaker.make("llm:a")
      const degradation = yield* Degradation.make({
        tiers: [
          { name: "holmesgpt", service: "holmesgpt", circuitBreaker: holmesgpt },
          { name: "llm", service: "llm:a", circuitBreaker: llm }
        ],
        store
      })
      yield* Effect.forkScoped(degradation.run)
      yield* TestClock.adjust(0)
      yield* holmesgpt.isolate("1 hour", "maintenance")
      yield* TestClock.adjust("10 seconds")
      yield* llm.isolate("1 hour", "maintenance")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* degradation.current).level, 2)
      assert.deepStrictEqual(written, [])
      store.isDown = false
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(
        written.flatMap(([, lines]) =>
          lines.filter(({ kind }) => kind === "level.changed").map(({ at, data: { from, to } }) => [from, to, at])
        ),
        [
          [0, 1, "1970-01-01T00:00:00.000Z"],
          [1, 2, "1970-01-01T00:00:10.000Z"]
        ]
      )
      assert.deepInclude(written.at(-1)?.[0], { level: 2, out: ["holmesgpt", "llm:a"] })
    })
  )

  it.effect("of others is looked at every five seconds, also while nothing can be recorded", () =>
    Effect.gen(function* () {
      const { store } = storeThatFails()
      let looks = 0
      const memory = yield* LevelMemory.make({ ...store, tidy: Effect.sync(() => void looks++) }, undefined)
      yield* Effect.forkScoped(memory.run)
      memory.keep(kept, [])
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(looks, 6)
    })
  )

  it.effect("is recorded with its audit line, and read back", () =>
    Effect.gen(function* () {
      const levels = yield* Levels
      assert.deepStrictEqual(yield* levels.latest, Option.none())
      const data = { from: 0, to: 2, key: "the-key" }
      const line = { kind: "level.changed", subject: "rule-based", data, at }
      yield* levels.record(kept, [line])
      assert.deepStrictEqual(yield* levels.latest, Option.some(kept))
      const audit = yield* AuditLog
      const [event] = yield* audit.read(0, 10)
      assert.deepInclude(event, { kind: "level.changed", actor: "kubernaut", data: { ...data, at } })
      assert.isUndefined(yield* audit.verify)
    }).pipe(Effect.provide(Layer.fresh(Storage.layerMemory)))
  )
})
