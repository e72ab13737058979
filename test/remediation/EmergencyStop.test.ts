/** What an emergency stop keeps from starting, and what it leaves alone. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { StandingOrder } from "../../src/domain/StandingOrder.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import { begun, investigatorOf, rollback } from "./remediating.ts"

const order = { by: "ada", reason: "the sale" }
const rolledBack = investigatorOf(() => rollback)

/** A stop that is set once it has been read a number of times. */
const setAfter = (reads: number) => {
  const stop: StandingOrder = { ...order, since: "1970-01-01T00:00:00.000Z" }
  let read = 0
  return Layer.mock(StandingOrders, {
    current: (name) =>
      Effect.sync(() => (name === "emergency-stop" && ++read > reads ? Option.some(stop) : Option.none()))
  })
}

describe("while the emergency stop is set", () => {
  it.effect("an alert is investigated and escalated, and nothing is written", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { deployment, events, image, outcome, orders } = yield* begun(rolledBack)
        const before = yield* image
        yield* orders.give("emergency-stop", order)
        const ended = yield* outcome
        assert.strictEqual(ended.state, "Escalated")
        assert.deepStrictEqual(
          ended.decision?.reasons.map(({ rule }) => rule),
          ["emergency-stop"]
        )
        assert.isDefined(ended.investigation)
        assert.isFalse((yield* events).some(({ _tag }) => _tag === "Intended"))
        assert.strictEqual(yield* image, before)
        assert.strictEqual((yield* deployment).metadata.annotations?.["kubernaut.dev/execution" as never], undefined)
      })
    )
  )

  it.effect("an action that was decided just before is not written, and the record says who set the stop", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { events, image, outcome } = yield* begun(rolledBack, {}, {}, undefined, setAfter(1))
        const before = yield* image
        const ended = yield* outcome
        assert.isTrue((yield* events).some(({ _tag }) => _tag === "Intended"))
        assert.strictEqual(ended.state, "Escalated")
        assert.deepInclude(ended.executions[0]?.outcome, {
          applied: "no",
          failure: "emergency-stop",
          category: "policy"
        })
        assert.match(ended.conclusion ?? "", /ada has set the emergency stop, .*the sale/)
        assert.strictEqual(yield* image, before)
      })
    )
  )

  it.effect("an action that runs is verified, and counts as fixed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { outcome, store, id, orders } = yield* begun(rolledBack)
        while (Option.getOrThrow(yield* store.get(id)).state !== "Verifying") yield* TestClock.adjust("1 second")
        yield* orders.give("emergency-stop", order)
        assert.strictEqual((yield* outcome).state, "Remediated")
      })
    )
  )

  it.effect("a person can undo an action", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { id, image, outcome, rollbackRequests, orders } = yield* begun(rolledBack)
        const bad = yield* image
        assert.strictEqual((yield* outcome).state, "Remediated")
        assert.notStrictEqual(yield* image, bad)
        yield* orders.give("emergency-stop", order)
        yield* rollbackRequests.request(id, { by: "ada" })
        assert.strictEqual((yield* outcome).state, "RolledBack")
        assert.strictEqual(yield* image, bad)
      })
    )
  )

  it.effect("an approval starts nothing", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { approve, image, outcome, orders } = yield* begun(rolledBack, { mode: "approve" })
        const before = yield* image
        assert.strictEqual((yield* outcome).state, "AwaitingReview")
        yield* orders.give("emergency-stop", order)
        const ended = yield* approve
        assert.strictEqual(ended.state, "Escalated")
        assert.strictEqual(yield* image, before)
      })
    )
  )
})

describe("after the emergency stop is lifted", () => {
  it.effect("the next post of the alert is acted on", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { fire, image, outcome, orders, store } = yield* begun(rolledBack)
        const before = yield* image
        yield* orders.give("emergency-stop", order)
        const held = yield* outcome
        assert.strictEqual(held.state, "Escalated")
        yield* TestClock.adjust("5 minutes")
        assert.deepInclude((yield* fire).results[0], { status: "duplicate", remediationId: held.id })
        yield* orders.takeBack("emergency-stop", order)
        const again = (yield* fire).results[0]?.remediationId as never
        while (Option.getOrThrow(yield* store.get(again)).conclusion === undefined) yield* TestClock.adjust("1 second")
        assert.strictEqual(Option.getOrThrow(yield* store.get(again)).state, "Remediated")
        assert.notStrictEqual(yield* image, before)
      })
    )
  )
})
