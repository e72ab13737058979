import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { type Check, healthy, type Outcome, unhealthy, unknown } from "../../src/health/Check.ts"
import * as HealthSupervisor from "../../src/health/HealthSupervisor.ts"

const check = (run: Effect.Effect<Outcome>, more: Partial<Check> = {}): Check => ({
  name: "database",
  layer: "component",
  run,
  ...more
})

const started = Effect.fnUntraced(function* (...checks: ReadonlyArray<Check>) {
  const supervisor = yield* HealthSupervisor.make(checks)
  yield* Effect.forkScoped(supervisor.run)
  yield* TestClock.adjust(0)
  return supervisor
})

const statuses = (supervisor: HealthSupervisor.HealthSupervisor["Service"]) =>
  Effect.map(supervisor.findings, (findings) => findings.map(({ name, status }) => `${name} ${status}`))

describe("a health check", () => {
  it.effect("is unknown until it has run, and runs within the first second", () =>
    Effect.gen(function* () {
      const supervisor = yield* HealthSupervisor.make([check(Effect.succeed(healthy()))])
      assert.deepStrictEqual(yield* statuses(supervisor), ["database unknown"])
      yield* Effect.forkScoped(supervisor.run)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* statuses(supervisor), ["database healthy"])
    })
  )

  it.effect("runs again at its interval, give or take a tenth", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const run = Effect.clockWith((clock) =>
        Effect.sync(() => {
          at.push(clock.currentTimeMillisUnsafe())
          return healthy()
        })
      )
      yield* started(check(run, { interval: "10 seconds" }))
      yield* TestClock.adjust("10 minutes")
      const gaps = at.slice(1).map((each, index) => each - at[index]!)
      assert.isAtLeast(gaps.length, 50)
      for (const gap of gaps) {
        assert.isAtLeast(gap, 9000)
        assert.isAtMost(gap, 11_000)
      }
      assert.isAbove(new Set(gaps).size, 10, "checks do not march in step")
    })
  )

  it.effect("that hangs is unknown after its timeout, and holds up no other", () =>
    Effect.gen(function* () {
      const supervisor = yield* started(
        check(Effect.never, { name: "hangs", timeout: "3 seconds" }),
        check(Effect.succeed(healthy()), { name: "works" })
      )
      yield* TestClock.adjust("4 seconds")
      const [hangs, works] = yield* supervisor.findings
      assert.deepInclude(hangs, { status: "unknown", message: "found nothing out within 3 s" })
      assert.deepInclude(works, { status: "healthy" })
    })
  )

  it.effect("that cannot be interrupted is not run again before it has ended", () =>
    Effect.gen(function* () {
      let runs = 0
      const run = Effect.suspend(() => {
        runs++
        return Effect.uninterruptible(Effect.as(Effect.sleep("1 hour"), healthy()))
      })
      const supervisor = yield* started(check(run, { interval: "10 seconds", timeout: "1 second" }))
      yield* TestClock.adjust("50 minutes")
      assert.strictEqual(runs, 1)
      assert.deepInclude((yield* supervisor.findings)[0], {
        status: "unknown",
        message: "the run before has not ended, and cannot be interrupted"
      })
      yield* TestClock.adjust("11 minutes")
      assert.strictEqual(runs, 2)
    })
  )

  it.effect("that dies is unknown, and the supervisor goes on", () =>
    Effect.gen(function* () {
      const runs = [Effect.die(new Error("a bug")), Effect.interrupt, Effect.succeed(healthy())]
      const supervisor = yield* started(
        check(
          Effect.suspend(() => runs.shift() ?? Effect.succeed(healthy())),
          { interval: "10 seconds" }
        )
      )
      yield* TestClock.adjust("1 second")
      assert.deepInclude((yield* supervisor.findings)[0], { status: "unknown", message: "the check itself failed" })
      yield* TestClock.adjust("11 seconds")
      assert.deepInclude((yield* supervisor.findings)[0], { status: "unknown", message: "the check was interrupted" })
      yield* TestClock.adjust("11 seconds")
      assert.deepInclude((yield* supervisor.findings)[0], { status: "healthy" })
    })
  )

  it.effect("is outdated, and unknown, when nobody runs it any more", () =>
    Effect.gen(function* () {
      const supervisor = yield* HealthSupervisor.make([check(Effect.succeed(healthy()), { interval: "10 seconds" })])
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.forkScoped(supervisor.run)
          yield* TestClock.adjust("1 second")
        })
      )
      assert.deepStrictEqual(yield* statuses(supervisor), ["database healthy"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* statuses(supervisor), ["database unknown"])
    })
  )

  it.effect("runs at once when it is woken", () =>
    Effect.gen(function* () {
      let outcome: Outcome = healthy()
      let wake = () => {}
      const supervisor = yield* started(
        check(
          Effect.sync(() => outcome),
          { interval: "1 hour", wakes: (given) => Effect.sync(() => void (wake = given)) }
        )
      )
      yield* TestClock.adjust("1 second")
      outcome = unhealthy("it stores nothing")
      wake()
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(yield* statuses(supervisor), ["database unhealthy"])
    })
  )
})

describe("findings", () => {
  it.effect("are listed by layer, and say since when", () =>
    Effect.gen(function* () {
      let outcome: Outcome = healthy("fine")
      const supervisor = yield* started(
        check(Effect.succeed(healthy()), { name: "business", layer: "business" }),
        check(
          Effect.sync(() => outcome),
          { name: "component", interval: "10 seconds" }
        )
      )
      yield* TestClock.adjust("5 minutes")
      outcome = unhealthy("it is gone")
      yield* TestClock.adjust("1 minute")
      const [component, business] = yield* supervisor.findings
      assert.strictEqual(business?.name, "business")
      assert.deepInclude(component, { name: "component", status: "unhealthy", message: "it is gone" })
      assert.isAtLeast(Date.parse(component!.since), 300_000)
      assert.isAtMost(Date.parse(component!.since), 311_000)
    })
  )

  it.effect("are published when their status changes, and not otherwise", () =>
    Effect.gen(function* () {
      let outcome: Outcome = healthy()
      const supervisor = yield* started(
        check(
          Effect.sync(() => outcome),
          { interval: "10 seconds" }
        )
      )
      const published: Array<string> = []
      yield* supervisor.changes.listen(({ status }) => published.push(status))
      yield* TestClock.adjust("1 minute")
      outcome = unhealthy("it is gone")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(published, ["healthy", "unhealthy"])
    })
  )

  it.effect("of a check that is an emergency are listed while it is found", () =>
    Effect.gen(function* () {
      const emergency = { key: "audit-chain", cause: "the audit chain is broken at line 17" }
      let outcome: Outcome = unhealthy("broken at line 17", emergency)
      const supervisor = yield* started(
        check(
          Effect.sync(() => outcome),
          { interval: "10 seconds" }
        )
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* supervisor.emergencies, [{ check: "database", ...emergency }])
      outcome = healthy()
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(yield* supervisor.emergencies, [])
    })
  )

  it.effect(
    "keep an emergency while its check finds nothing out, hangs, dies or is not run, until it finds it gone",
    () =>
      Effect.gen(function* () {
        const emergency = { key: "audit-chain:17", cause: "the audit chain is broken at line 17" }
        let run: Effect.Effect<Outcome> = Effect.succeed(unhealthy("broken at line 17", emergency))
        const supervisor = yield* HealthSupervisor.make([
          check(
            Effect.suspend(() => run),
            { interval: "10 seconds" }
          )
        ])
        const keeps = Effect.gen(function* () {
          assert.deepStrictEqual(yield* supervisor.emergencies, [{ check: "database", ...emergency }])
        })
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.forkScoped(supervisor.run)
            yield* TestClock.adjust("1 second")
            for (const nothing of [
              Effect.succeed(unknown("could not be read: database is locked")),
              Effect.never,
              Effect.die("a bug")
            ]) {
              run = nothing
              yield* TestClock.adjust("1 minute")
              assert.deepStrictEqual(yield* statuses(supervisor), ["database unknown"])
              yield* keeps
            }
          })
        )
        yield* TestClock.adjust("1 hour")
        yield* keeps
        run = Effect.succeed(healthy())
        yield* Effect.forkScoped(supervisor.run)
        yield* TestClock.adjust("11 seconds")
        assert.deepStrictEqual(yield* supervisor.emergencies, [])
      })
  )

  it.effect("of the process before go on until the check has found something out", () =>
    Effect.gen(function* () {
      const before = { check: "database", key: "audit-chain:17", cause: "the audit chain is broken at line 17" }
      let outcome: Outcome = unknown("could not be read")
      const supervisor = yield* HealthSupervisor.make(
        [
          check(
            Effect.sync(() => outcome),
            { interval: "10 seconds" }
          )
        ],
        [before, { ...before, check: "removed" }]
      )
      assert.deepStrictEqual(yield* supervisor.emergencies, [before])
      yield* Effect.forkScoped(supervisor.run)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* supervisor.emergencies, [before])
      outcome = healthy()
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(yield* supervisor.emergencies, [])
    })
  )

  it.effect("include checks that are added later, until their scope closes", () =>
    Effect.gen(function* () {
      const supervisor = yield* started()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* supervisor.add(check(Effect.succeed(healthy()), { name: "watchdog" }))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(yield* statuses(supervisor), ["watchdog healthy"])
        })
      )
      assert.deepStrictEqual(yield* statuses(supervisor), [])
    })
  )
})
