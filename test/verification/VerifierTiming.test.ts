import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { AlertPosts } from "../../src/verification/AlertEvidence.ts"
import type { Sighting } from "../../src/verification/FiringAlerts.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { hourMs, withWallClock } from "../resilience/WallClock.ts"
import {
  absent,
  acted,
  begin,
  catalog,
  checkout,
  hasResolved,
  healthyRestart,
  layer,
  listed,
  repairingRestart,
  restart,
  restarted,
  said,
  silent,
  verified,
  type World
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
      const intent = yield* repairingRestart
      world.silent = true
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("1 minute")
      world.silent = false
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled problem-gone")
    }).pipe(Effect.provide(layer({}, world)))
  })
})

describe("a verification at a slow cluster", () => {
  // With 180 ms, and 2 s between the polls, four polls take little more than the stabilisation window.
  for (const latencyMs of [180, 300, 1000, 3000]) {
    it.effect(
      `finds that the target is still settled when the alert resolves, if a request takes ${latencyMs} ms`,
      () => {
        const world: World = { silent: false, reads: 0 }
        return Effect.gen(function* () {
          const intent = yield* healthyRestart
          world.latencyMs = latencyMs
          let says = listed
          const fiber = yield* begin(intent, catalog, { look: Effect.sync(() => says) })
          yield* TestClock.adjust("2 minutes")
          assert.isUndefined(fiber.pollUnsafe())
          says = absent
          yield* TestClock.adjust("40 seconds")
          assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled alert-resolved")
        }).pipe(Effect.provide(layer({ alertQuiet: "10 seconds" }, world)))
      }
    )
  }
})

describe("a verification of a settled target that waits for its alert", () => {
  it.effect("continues after the cluster was away for half a minute, and is fixed when the alert resolves", () => {
    const world = { silent: false, reads: 0 }
    return Effect.gen(function* () {
      let says = listed
      const fiber = yield* begin(yield* healthyRestart, catalog, { look: Effect.sync(() => says) })
      yield* TestClock.adjust("6 minutes")
      world.silent = true
      yield* TestClock.adjust("30 seconds")
      world.silent = false
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(fiber.pollUnsafe())
      says = absent
      yield* TestClock.adjust("30 seconds")
      assert.match(said(yield* Fiber.join(fiber)), /^fixed/)
    }).pipe(Effect.provide(layer({ alertQuiet: "10 seconds" }, world)))
  })
})

describe("a verification of a firing alert", () => {
  it.effect("is fixed only once Alertmanager has not listed the alert for two minutes", () =>
    Effect.gen(function* () {
      let says = listed
      const fiber = yield* begin(yield* healthyRestart, catalog, { look: Effect.sync(() => says) })
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      says = absent
      yield* TestClock.adjust("119 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("waits two minutes for a gone problem too, where Alertmanager responds and never listed the alert", () =>
    Effect.gen(function* () {
      const fiber = yield* begin(yield* repairingRestart, catalog, { look: Effect.succeed(absent) })
      yield* TestClock.adjust("119 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled problem-gone")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not wait for an Alertmanager that does not respond", () =>
    Effect.gen(function* () {
      const fiber = yield* begin(yield* repairingRestart, catalog, { look: Effect.succeed(silent) })
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled problem-gone")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("of a target that is well again waits for a graver alert that had joined before the action", () =>
    Effect.gen(function* () {
      const joinedAt = Timestamp.fromMillis(0)
      let posts: AlertPosts = { joinedAt, graverJoined: true }
      const fiber = yield* begin(yield* repairingRestart, catalog, { posts: Effect.sync(() => posts) })
      yield* TestClock.adjust("4 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      posts = {}
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled problem-gone")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is unknown if that graver alert has not ended after ten minutes", () =>
    Effect.gen(function* () {
      const posts: AlertPosts = { joinedAt: Timestamp.fromMillis(0), graverJoined: true }
      const { verification } = yield* verified(yield* repairingRestart, catalog, { posts: Effect.succeed(posts) })
      assert.strictEqual(said(verification), "unknown alert-firing")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("of a settled target makes at most one poll every ten seconds", () => {
    const world = { silent: false, reads: 0 }
    return Effect.gen(function* () {
      yield* begin(yield* healthyRestart, catalog, { look: Effect.succeed(listed) })
      yield* TestClock.adjust("2 minutes")
      const before = world.reads
      yield* TestClock.adjust("5 minutes")
      assert.isAtMost(world.reads - before, 30 * 7)
    }).pipe(Effect.provide(layer({}, world)))
  })

  it.effect("is not fixed if the alert still fires after ten minutes", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* healthyRestart, catalog, {
        look: Effect.succeed(listed)
      })
      assert.strictEqual(said(verification), "not-fixed alert-firing settled")
      assert.isAtLeast(seconds, 600)
      assert.isAtMost(seconds, 602)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not fixed if webhooks repeat the alert after the action, without an Alertmanager", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* healthyRestart, catalog, {
        posts: Effect.map(Timestamp.now, (firingAt) => ({ firingAt }))
      })
      assert.strictEqual(said(verification), "not-fixed alert-firing settled")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is unknown if a webhook repeated the alert once, and nothing says how it ended", () =>
    Effect.gen(function* () {
      const intent = yield* healthyRestart
      yield* TestClock.adjust("3 seconds")
      const firingAt = yield* Timestamp.now
      const { verification } = yield* verified(intent, catalog, { posts: Effect.succeed({ firingAt }) })
      assert.strictEqual(said(verification), "unknown alert-firing")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is never fixed if Alertmanager restarts and forgets the alert", () =>
    Effect.gen(function* () {
      let says: Sighting = listed
      const fiber = yield* begin(yield* healthyRestart, catalog, { look: Effect.sync(() => says) })
      yield* TestClock.adjust("5 seconds")
      says = { _tag: "Absent", instance: "am-2" }
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "unknown alert-firing")
    }).pipe(Effect.provide(layer()))
  )

  it.effect.each([hourMs, -hourMs])(
    "keeps its windows and deadlines if the wall clock is set by %i ms meanwhile",
    (byMs) =>
      withWallClock((setWallClock) =>
        Effect.gen(function* () {
          yield* setWallClock(byMs)
          const unwell = yield* begin(yield* acted(restart, checkout, restarted("checkout")), checkout)
          const firing = yield* begin(yield* healthyRestart, catalog, { look: Effect.succeed(listed) })
          const steady = yield* begin(yield* repairingRestart, catalog)
          yield* TestClock.adjust("5 seconds")
          yield* setWallClock(byMs)
          yield* TestClock.adjust("4 seconds")
          assert.isUndefined(steady.pollUnsafe(), "it must be healthy for ten seconds")
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual(said(yield* Fiber.join(steady)), "fixed settled problem-gone")
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

  it.effect("trusts Alertmanager if it lists the alert after a webhook reported it as resolved", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* healthyRestart, catalog, {
        posts: yield* Effect.map(hasResolved, Effect.succeed),
        look: Effect.succeed(listed)
      })
      assert.strictEqual(said(verification), "not-fixed alert-firing settled")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("trusts Alertmanager if it lists the alert in the same look that finds its resolution", () =>
    Effect.gen(function* () {
      const intent = yield* repairingRestart
      let posts: AlertPosts = {}
      const fiber = yield* begin(intent, catalog, { posts: Effect.sync(() => posts), look: Effect.succeed(listed) })
      yield* TestClock.adjust("30 seconds")
      posts = yield* hasResolved
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(fiber.pollUnsafe())
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is fixed if a webhook reports the end of the alert after Alertmanager listed it", () =>
    Effect.gen(function* () {
      const intent = yield* healthyRestart
      let posts: AlertPosts = {}
      const fiber = yield* begin(intent, catalog, {
        posts: Effect.sync(() => posts),
        look: Effect.sync(() => (posts.resolvedAt === undefined ? listed : silent))
      })
      yield* TestClock.adjust("30 seconds")
      posts = yield* hasResolved
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is unknown if the alert ends and fires again until the deadline", () =>
    Effect.gen(function* () {
      let posts: AlertPosts = {}
      const fiber = yield* begin(yield* healthyRestart, catalog, { posts: Effect.sync(() => posts) })
      for (let minute = 0; minute < 10; minute++) {
        posts = yield* hasResolved
        yield* TestClock.adjust("5 seconds")
        posts = { firingAt: yield* Timestamp.now }
        yield* TestClock.adjust("20 seconds")
        posts = yield* hasResolved
        yield* TestClock.adjust("35 seconds")
      }
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "unknown alert-firing")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("depends on the target alone if nothing is said about the alert", () =>
    Effect.gen(function* () {
      const { verification } = yield* verified(yield* repairingRestart, catalog, { look: Effect.succeed(silent) })
      assert.strictEqual(said(verification), "fixed settled problem-gone")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is unknown if the target was healthy before and after, and nothing is said about the alert", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* healthyRestart, catalog)
      assert.strictEqual(said(verification), "unknown nothing-was-wrong")
      assert.isAtLeast(seconds, 600)
      assert.isAtMost(seconds, 602)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is fixed if the target was healthy before and after, and a webhook reports the end of the alert", () =>
    Effect.gen(function* () {
      let posts: AlertPosts = {}
      const fiber = yield* begin(yield* healthyRestart, catalog, { posts: Effect.sync(() => posts) })
      yield* TestClock.adjust("6 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      posts = yield* hasResolved
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails with the journal's own error", () =>
    Effect.gen(function* () {
      const verifier = yield* Verifier.Verifier
      const intent = yield* healthyRestart
      const failure = yield* Effect.flip(
        verifier.verify({
          intent,
          target: catalog,
          actedAt: intent.plannedAt,
          posts: Effect.fail("storage is down")
        })
      )
      assert.strictEqual(failure, "storage is down")
    }).pipe(Effect.provide(layer()))
  )
})

describe("the settings of the verifier", () => {
  it.effect("can make a verification take less than two seconds", () =>
    Effect.gen(function* () {
      const { seconds, verification } = yield* verified(yield* repairingRestart, catalog)
      assert.strictEqual(said(verification), "fixed settled problem-gone")
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
