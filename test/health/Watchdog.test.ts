import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { make } from "../../src/health/HealthSupervisor.ts"
import * as Watchdog from "../../src/health/Watchdog.ts"

const minute = 60_000
const options = { alert: "Watchdog", timeout: Duration.minutes(15) }
const find = (sights: Watchdog.Sights, nowMs: number) => Watchdog.findingOf(sights, options, nowMs)

describe("the finding", () => {
  it("is healthy while the alert was seen within the timeout", () =>
    assert.deepStrictEqual(find({ startedMs: 0, seenMs: minute }, 16 * minute), {
      _tag: "Healthy",
      message: "the alert Watchdog, which always fires, was seen 15m ago"
    }))

  it("is unknown after the start, and not healthy", () =>
    assert.strictEqual(find({ startedMs: 0 }, minute)._tag, "Unknown"))

  it("is that the pipeline is silent, not that there are no alerts", () => {
    const { _tag, message = "" } = find({ startedMs: 0, seenMs: 0, answer: "absent" }, 16 * minute)
    assert.strictEqual(_tag, "Unhealthy")
    assert.include(
      message,
      "the alerting pipeline is silent: the alert Watchdog, which always fires, was not seen for 16m"
    )
    assert.include(message, "That no alert arrives does not mean that nothing is wrong")
  })

  it("tells where it is broken: between Prometheus and Alertmanager, or further on", () => {
    const silent = (answer: "absent" | "none") => find({ startedMs: 0, answer }, 16 * minute).message ?? ""
    assert.include(silent("absent"), "Alertmanager answers and does not list it, so Prometheus does not send")
    assert.include(silent("none"), "Alertmanager cannot be asked, and no post with it arrived")
    assert.include(silent("none"), "since the start of the service")
  })
})

/** A watch whose Alertmanager answers what `answers` says, and the lines that it tells. */
const watching = Effect.gen(function* () {
  const state: { listed: boolean | undefined; fails: boolean } = { listed: true, fails: false }
  const told: Array<string> = []
  const watchdog = yield* Watchdog.make({
    ...options,
    lists: Effect.sync(() => state.listed),
    tell: ({ kind, subject }) =>
      state.fails ? Effect.fail({ message: "down" }) : Effect.sync(() => void told.push(`${kind} ${subject}`))
  })
  const run = Effect.map(watchdog.check.run, ({ _tag }) => _tag)
  return { state, told, watchdog, run }
})

describe("the watch", () => {
  it.effect("hears the alert from Alertmanager's list, and tells of silence and of its end once each", () =>
    Effect.gen(function* () {
      const { run, state, told } = yield* watching
      assert.strictEqual(yield* run, "Healthy")
      state.listed = false
      yield* TestClock.adjust("14 minutes")
      assert.strictEqual(yield* run, "Healthy")
      assert.deepStrictEqual(told, ["alerting.heard Watchdog"])
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* run, "Unhealthy")
      assert.strictEqual(yield* run, "Unhealthy")
      state.listed = true
      assert.strictEqual(yield* run, "Healthy")
      assert.deepStrictEqual(told, ["alerting.heard Watchdog", "alerting.silent Watchdog", "alerting.heard Watchdog"])
    })
  )

  it.effect("hears the alert from the webhook while Alertmanager cannot be asked", () =>
    Effect.gen(function* () {
      const { run, state, watchdog } = yield* watching
      state.listed = undefined
      yield* TestClock.adjust("14 minutes")
      watchdog.seen()
      yield* TestClock.adjust("14 minutes")
      assert.strictEqual(yield* run, "Healthy")
      assert.strictEqual(yield* watchdog.ageMs, 14 * minute)
    })
  )

  it.effect("is looked at again at once when the alert arrives", () =>
    Effect.gen(function* () {
      const { state, told, watchdog } = yield* watching
      state.listed = undefined
      const supervisor = yield* make([watchdog.check])
      yield* Effect.forkScoped(supervisor.run)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* supervisor.findings)[0]?.status, "unknown")
      watchdog.seen()
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* supervisor.findings)[0]?.status, "healthy")
      assert.deepStrictEqual(told, ["alerting.heard Watchdog"])
    })
  )

  it.effect("knows no age before it has seen the alert", () =>
    Effect.gen(function* () {
      const { state, watchdog } = yield* watching
      state.listed = false
      yield* watchdog.check.run
      assert.isUndefined(yield* watchdog.ageMs)
    })
  )

  it.effect("is silent after a start at which it never hears the alert", () =>
    Effect.gen(function* () {
      const { run, state, told } = yield* watching
      state.listed = undefined
      assert.strictEqual(yield* run, "Unknown")
      assert.deepStrictEqual(told, [], "nothing is known yet")
      yield* TestClock.adjust("16 minutes")
      assert.strictEqual(yield* run, "Unhealthy")
      assert.deepStrictEqual(told, ["alerting.silent Watchdog"])
    })
  )

  it.effect("tells later what the audit log could not take", () =>
    Effect.gen(function* () {
      const { run, state, told } = yield* watching
      state.fails = true
      assert.strictEqual(yield* run, "Healthy")
      assert.deepStrictEqual(told, [])
      state.fails = false
      yield* run
      assert.deepStrictEqual(told, ["alerting.heard Watchdog"])
    })
  )
})
