import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Layer, Logger, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as ResilienceEvent from "../../../src/resilience/ResilienceEvent.ts"
import * as Supervisor from "../../../src/resilience/supervision/Supervisor.ts"

/** A child that records its lives and that a test can end. */
const child = (name: string, journal: Array<string>) => {
  const self = {
    starts: 0,
    end: (_how: Effect.Effect<void, string>): Effect.Effect<void> => Effect.void,
    spec: { name, start: Effect.void as Effect.Effect<void, string> }
  }
  self.spec.start = Effect.suspend(() => {
    self.starts++
    journal.push(`+${name}`)
    const ending = Deferred.makeUnsafe<void, string>()
    self.end = (how) => Effect.andThen(Deferred.complete(ending, how), TestClock.adjust(0))
    return Effect.ensuring(
      Deferred.await(ending),
      Effect.sync(() => journal.push(`-${name}`))
    )
  })
  return self
}

const backoff = Schedule.spaced("1 second")
const statuses = (supervisor: Supervisor.Supervisor) =>
  Effect.map(supervisor.status, (all) => all.map((one) => one.status))

const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.mergeAll(Logger.layer([]), ResilienceEvent.layer))

const listen = Effect.gen(function* () {
  const events: Array<ResilienceEvent.ResilienceEvent> = []
  const hub = yield* ResilienceEvent.ResilienceEvents
  yield* hub.listen((event) => events.push(event))
  return events
})

describe("Supervisor", () => {
  it.effect("one_for_one restarts only the child that died, after its back-off", () =>
    Effect.gen(function* () {
      const journal: Array<string> = []
      const [a, b, c] = [child("a", journal), child("b", journal), child("c", journal)]
      const supervisor = yield* Supervisor.make({ backoff }, [a.spec, b.spec, c.spec])
      yield* TestClock.adjust(0)
      yield* b.end(Effect.die("bug"))
      assert.deepStrictEqual(yield* statuses(supervisor), ["running", "backing-off", "running"])
      yield* TestClock.adjust(999)
      assert.strictEqual(b.starts, 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(journal, ["+a", "+b", "+c", "-b", "+b"])
      assert.deepStrictEqual(
        (yield* supervisor.status).map((one) => one.restarts),
        [0, 1, 0]
      )
    }).pipe(quiet)
  )

  it.effect("rest_for_one stops the later children in reverse order and restarts them in order", () =>
    Effect.gen(function* () {
      const journal: Array<string> = []
      const [a, b, c, d] = [child("a", journal), child("b", journal), child("c", journal), child("d", journal)]
      const supervisor = yield* Supervisor.make({ backoff, strategy: "rest_for_one" }, [a.spec, b.spec, c.spec, d.spec])
      yield* TestClock.adjust(0)
      yield* b.end(Effect.fail("down"))
      assert.deepStrictEqual(yield* statuses(supervisor), ["running", "backing-off", "backing-off", "backing-off"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(journal.slice(4), ["-b", "-d", "-c", "+b", "+c", "+d"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(journal.length, 10)
      assert.deepStrictEqual(
        (yield* supervisor.status).map((one) => one.restarts),
        [0, 1, 1, 1]
      )
    }).pipe(quiet)
  )

  it.effect("rest_for_one: an earlier child that ends during a back-off delays the waiting children", () =>
    Effect.gen(function* () {
      const journal: Array<string> = []
      const [a, b, c] = [child("a", journal), child("b", journal), child("c", journal)]
      const supervisor = yield* Supervisor.make({ backoff, strategy: "rest_for_one" }, [a.spec, b.spec, c.spec])
      yield* TestClock.adjust(0)
      yield* b.end(Effect.fail("down"))
      yield* TestClock.adjust(500)
      yield* a.end(Effect.fail("down"))
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(journal.slice(3), ["-b", "-c", "-a"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(journal.slice(6), ["+a", "+b", "+c"])
      assert.deepStrictEqual(yield* statuses(supervisor), ["running", "running", "running"])
    }).pipe(quiet)
  )

  it.effect("a child that exceeds its intensity escalates and stays down, and the others continue", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const journal: Array<string> = []
      const [a, b] = [child("a", journal), child("b", journal)]
      const escalations: Array<string> = []
      const supervisor = yield* Supervisor.make(
        {
          name: "service",
          backoff,
          maxRestarts: 2,
          period: "1 minute",
          onEscalation: ({ cause, child, supervisor }) =>
            Effect.sync(() => escalations.push(`${supervisor}/${child}: ${Cause.squash(cause)}`))
        },
        [a.spec, b.spec]
      )
      yield* TestClock.adjust(0)
      for (const expected of ["backing-off", "backing-off", "escalated"]) {
        yield* a.end(Effect.fail("down"))
        assert.deepStrictEqual(yield* statuses(supervisor), [expected, "running"])
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(a.starts, 3)
      assert.deepStrictEqual(escalations, ["service/a: down"])
      assert.deepStrictEqual(events, [
        { _tag: "ChildRestarted", supervisor: "service", child: "a", restarts: 1, delayMs: 1000, reason: "failed" },
        { _tag: "ChildRestarted", supervisor: "service", child: "a", restarts: 2, delayMs: 1000, reason: "failed" },
        { _tag: "ChildEscalated", supervisor: "service", child: "a", maxRestarts: 2, periodMs: 60_000 }
      ])
      yield* b.end(Effect.fail("down"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* statuses(supervisor), ["escalated", "running"])
    }).pipe(quiet)
  )

  it.effect("restarts older than the period do not count", () =>
    Effect.gen(function* () {
      const a = child("a", [])
      const supervisor = yield* Supervisor.make({ backoff, maxRestarts: 1, period: "1 minute" }, [a.spec])
      yield* TestClock.adjust(0)
      for (let life = 0; life < 4; life++) {
        yield* a.end(Effect.fail("down"))
        assert.deepStrictEqual(yield* statuses(supervisor), ["backing-off"])
        yield* TestClock.adjust("1 minute")
      }
    }).pipe(quiet)
  )

  it.effect("a defect in onEscalation affects no child", () =>
    Effect.gen(function* () {
      const [a, b] = [child("a", []), child("b", [])]
      const supervisor = yield* Supervisor.make({ backoff, maxRestarts: 0, onEscalation: () => Effect.die("bug") }, [
        a.spec,
        b.spec
      ])
      yield* TestClock.adjust(0)
      yield* a.end(Effect.fail("down"))
      yield* b.end(Effect.fail("down"))
      assert.deepStrictEqual(yield* statuses(supervisor), ["escalated", "escalated"])
    }).pipe(quiet)
  )

  it.effect("restart starts an escalated child again and resets its intensity", () =>
    Effect.gen(function* () {
      const a = child("a", [])
      const supervisor = yield* Supervisor.make({ backoff, maxRestarts: 1 }, [a.spec])
      yield* TestClock.adjust(0)
      yield* a.end(Effect.fail("down"))
      yield* TestClock.adjust("1 second")
      yield* a.end(Effect.fail("down"))
      assert.deepStrictEqual(yield* statuses(supervisor), ["escalated"])
      assert.isTrue(yield* supervisor.restart("a"))
      yield* TestClock.adjust(0)
      yield* a.end(Effect.fail("down"))
      assert.deepStrictEqual(yield* statuses(supervisor), ["backing-off"])
      assert.isFalse(yield* supervisor.restart("nobody"))
    }).pipe(quiet)
  )

  it.effect(
    "the default back-off doubles from 100 ms up to 30 s, and starts again after a whole period of running",
    () =>
      Effect.gen(function* () {
        const events = yield* listen
        const a = child("a", [])
        yield* Supervisor.make({ maxRestarts: 100, period: "1 minute" }, [a.spec])
        yield* TestClock.adjust(0)
        for (let life = 0; life < 11; life++) {
          yield* a.end(Effect.fail("down"))
          yield* TestClock.adjust("34 seconds")
        }
        yield* TestClock.adjust("1 minute")
        yield* a.end(Effect.fail("down"))
        const delays = events.map((event) => (event._tag === "ChildRestarted" ? event.delayMs : -1))
        for (const [index, plain] of [
          100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 100
        ].entries()) {
          assert.isAtLeast(delays[index]!, plain)
          assert.isAtMost(delays[index]!, plain * 1.1)
        }
      }).pipe(quiet)
  )

  it.effect("closing the scope stops all children in reverse order and restarts none", () =>
    Effect.gen(function* () {
      const journal: Array<string> = []
      const [a, b, c] = [child("a", journal), child("b", journal), child("c", journal)]
      const scope = yield* Scope.make()
      yield* Supervisor.make({ backoff }, [a.spec, b.spec, c.spec]).pipe(Scope.provide(scope))
      yield* TestClock.adjust(0)
      yield* b.end(Effect.fail("down"))
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(journal, ["+a", "+b", "+c", "-b", "-c", "-a"])
    }).pipe(quiet)
  )

  it.effect("a child's own scope closes when it ends", () =>
    Effect.gen(function* () {
      let open = 0
      const start = Effect.acquireRelease(
        Effect.sync(() => ++open),
        () => Effect.sync(() => --open)
      ).pipe(Effect.andThen(Effect.sleep("1 second")), Effect.andThen(Effect.fail("down")))
      yield* Supervisor.make({ backoff }, [{ name: "a", start }])
      yield* TestClock.adjust(500)
      assert.strictEqual(open, 1)
      yield* TestClock.adjust(1000)
      assert.strictEqual(open, 0)
    }).pipe(quiet)
  )

  it.effect("each restart and escalation is logged once", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make((options) => lines.push(`${options.logLevel} ${options.message}`))
      const a = child("a", [])
      yield* Effect.gen(function* () {
        yield* Supervisor.make({ backoff, maxRestarts: 1 }, [a.spec])
        yield* TestClock.adjust(0)
        yield* a.end(Effect.fail("down"))
        yield* TestClock.adjust("1 second")
        yield* a.end(Effect.fail("down"))
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(lines, [
        "Warn a supervised child ended and will be restarted",
        "Error a supervised child exceeded its restart intensity and stays down"
      ])
    })
  )

  it.effect("duplicate names and an invalid intensity are rejected", () =>
    Effect.gen(function* () {
      const twice = yield* Effect.exit(
        Supervisor.make({}, [
          { name: "a", start: Effect.never },
          { name: "a", start: Effect.never }
        ])
      )
      assert.isTrue(Exit.isFailure(twice))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Supervisor.make({ maxRestarts: -1 }, []))))
    })
  )
})
