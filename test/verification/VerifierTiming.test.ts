import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Verifier from "../../src/verification/Verifier.ts"
import { hourMs, withWallClock } from "../resilience/WallClock.ts"
import {
  acted,
  alert,
  begin,
  catalog,
  checkout,
  healthyRestart,
  layer,
  restart,
  restarted,
  said,
  verified
} from "./verifying.ts"

describe("a verification while the cluster does not respond", () => {
  it.effect("is unknown at the deadline and not before", () => {
    const world = { silent: false, reads: 0 }
    return Effect.gen(function* () {
      const intent = yield* healthyRestart
      world.silent = true
      const { seconds, verification } = yield* verified(intent, catalog)
      assert.strictEqual(said(verification), "unknown unreadable")
      assert.isNull(verification.observed)
      assert.isAtLeast(seconds, 300)
      assert.isAtMost(seconds, 302)
    }).pipe(Effect.provide(layer({}, world)))
  })

  it.effect("continues once the cluster responds again", () => {
    const world = { silent: false, reads: 0 }
    return Effect.gen(function* () {
      const intent = yield* healthyRestart
      world.silent = true
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("1 minute")
      world.silent = false
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled")
    }).pipe(Effect.provide(layer({}, world)))
  })
})

describe("a verification of a firing alert", () => {
  it.effect("is fixed only once Alertmanager reports that the alert has stopped firing", () =>
    Effect.gen(function* () {
      let firing = true
      const fiber = yield* begin(yield* healthyRestart, catalog, { stillFiring: Effect.sync(() => firing) })
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      firing = false
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not fixed if the alert still fires after ten minutes", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* healthyRestart, catalog, {
        stillFiring: Effect.succeed(true)
      })
      assert.strictEqual(said(verification), "not-fixed alert-firing settled")
      assert.isAtLeast(seconds, 600)
      assert.isAtMost(seconds, 602)
    }).pipe(Effect.provide(layer()))
  )

  it.effect.each([hourMs, -hourMs])(
    "keeps its windows and deadlines if the wall clock is set by %i ms meanwhile",
    (byMs) =>
      withWallClock((setWallClock) =>
        Effect.gen(function* () {
          yield* setWallClock(byMs)
          const unwell = yield* begin(yield* acted(restart, checkout, restarted("checkout")), checkout)
          const firing = yield* begin(yield* healthyRestart, catalog, { stillFiring: Effect.succeed(true) })
          const steady = yield* begin(yield* healthyRestart, catalog)
          yield* TestClock.adjust("5 seconds")
          yield* setWallClock(byMs)
          yield* TestClock.adjust("4 seconds")
          assert.isUndefined(steady.pollUnsafe(), "it must be healthy for ten seconds")
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual(said(yield* Fiber.join(steady)), "fixed settled")
          yield* TestClock.adjust("40 seconds")
          yield* setWallClock(byMs)
          yield* TestClock.adjust("5 seconds")
          assert.isUndefined(
            unwell.pollUnsafe(),
            "its progress deadline of one minute must have passed ten seconds ago"
          )
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual((yield* Fiber.join(unwell)).verdict, "not-fixed")
          yield* TestClock.adjust("520 seconds")
          assert.isUndefined(firing.pollUnsafe())
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual(said(yield* Fiber.join(firing)), "not-fixed alert-firing settled")
        })
      ).pipe(Effect.provide(layer()))
  )

  it.effect("trusts a resolved notification even if Alertmanager reports the alert as firing", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* healthyRestart, catalog, {
        alertResolved: Effect.succeed(true),
        stillFiring: Effect.succeed(true)
      })
      assert.strictEqual(said(verification), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("depends on the target alone if Alertmanager reports no status", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* healthyRestart, catalog, { stillFiring: Effect.undefined })
      assert.strictEqual(said(verification), "fixed settled")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails with the journal's own error", () =>
    Effect.gen(function* () {
      const verifier = yield* Verifier.Verifier
      const failure = yield* Effect.flip(
        verifier.verify({
          intent: yield* healthyRestart,
          alert,
          target: catalog,
          alertResolved: Effect.fail("storage is down")
        })
      )
      assert.strictEqual(failure, "storage is down")
    }).pipe(Effect.provide(layer()))
  )
})

describe("the settings of the verifier", () => {
  it.effect("can make a verification take less than two seconds", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* healthyRestart, catalog)
      assert.strictEqual(said(verification), "fixed settled")
      assert.isBelow(seconds, 2)
    }).pipe(
      Effect.provide(layer({ stabilisation: "100 millis", pollInterval: "50 millis", pollIntervalCap: "50 millis" }))
    )
  )

  it.effect("default to a poll after 250 ms, and then at growing intervals of at most two seconds", () => {
    const world = { silent: true, reads: 0 }
    return Effect.gen(function* () {
      world.silent = false
      const intent = yield* healthyRestart
      world.silent = true
      world.reads = 0
      // One failed read a poll, at 0, 250, 625, 1187, 2031, 3297, 5195 ms and then every 2 s.
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("249 millis")
      assert.strictEqual(world.reads, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(world.reads, 2)
      yield* TestClock.adjust("4950 millis")
      assert.strictEqual(world.reads, 7)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(world.reads, 17)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(layer({}, world)))
  })
})
