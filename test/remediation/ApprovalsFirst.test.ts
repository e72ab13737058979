/** A person's approval in an overload: it goes before new work, and keeps nothing from being worked on. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { RemediationId } from "../../src/domain/Remediation.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import { Reviews } from "../../src/remediation/Reviews.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

const namespace = "storm"

/** Alerts about Deployments that exist only if they are called `real`. */
const alerts = (severity: string, count: number, name: string = severity) =>
  webhookOf(
    Array.from({ length: count }, (_, index) =>
      alertOf(
        { alertname: "KubeDeploymentRolloutStuck", namespace, deployment: `${name}-${index}`, severity },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${name}-${index}` }
      )
    )
  )

/** The targets in the order in which they are investigated, a second each, and executed. */
const overloaded = (concurrency: number) => {
  const order: Array<string> = []
  const investigator: Investigator = {
    name: "custom",
    investigate: ({ target: { kind, name, namespace } }) =>
      Effect.gen(function* () {
        order.push(name)
        yield* Effect.sleep("1 second")
        return {
          investigator: "custom" as const,
          rootCause: "A test.",
          evidence: [],
          action: { type: "RestartWorkload" as const, target: { kind, name, namespace } },
          confidence: 1
        }
      })
  }
  const deployments = Array.from({ length: 4 }, (_, index) => ({
    namespace,
    name: `real-${index}`,
    behaviour: "healthy" as const,
    replicas: 1
  }))
  const layer = Kubernaut.layer({
    cluster: "test",
    mode: "approve",
    guardrails: unlimited,
    investigators: [investigator],
    actors: { concurrency, sweepInterval: "1 hour" }
  }).pipe(Layer.provideMerge(Layer.mergeAll(Sandbox.layer({ shop: false, deployments }), Storage.layerMemory)))
  /** The questions about the Deployments that exist. */
  const asked = Effect.gen(function* () {
    const { receive } = yield* Kubernaut.Kubernaut
    yield* (yield* RemediationEvents).listen(({ event, remediation }) => {
      if (event === "Executed") order.push(`${remediation.target.name} executed`)
    })
    const { results } = yield* receive(alerts("warning", 4, "real"))
    yield* seconds(10)
    order.length = 0
    return results.map(({ remediationId }) => remediationId!)
  })
  return { order, layer, asked }
}

const seconds = (count: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < count; second++) yield* TestClock.adjust("1 second")
  })

const approve = (id: RemediationId) =>
  Effect.flatMap(Reviews, (reviews) => Effect.forkChild(reviews.answer(id, { answer: "approved", by: "ada" })))

describe("an approval", () => {
  it.effect("is carried out before the warnings that wait for a place", () => {
    const { asked, layer, order } = overloaded(1)
    return Effect.gen(function* () {
      const [first] = yield* asked
      yield* (yield* Kubernaut.Kubernaut).receive(alerts("warning", 20))
      yield* seconds(2)
      yield* approve(first!)
      yield* seconds(5)
      const place = order.indexOf("real-0 executed")
      assert.isAtLeast(place, 0, order.join())
      assert.isAtMost(place, 4, order.join())
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect(
    "does not overtake a critical alert that came before it, or a warning that has waited for five minutes",
    () => {
      const { asked, layer, order } = overloaded(1)
      return Effect.gen(function* () {
        const [first] = yield* asked
        const { receive } = yield* Kubernaut.Kubernaut
        yield* receive(alerts("warning", 310))
        yield* seconds(301)
        yield* receive(alerts("critical", 2))
        yield* approve(first!)
        yield* seconds(30)
        const place = order.indexOf("real-0 executed")
        assert.isAbove(place, order.indexOf("critical-1"), order.join())
        assert.isAbove(place, order.indexOf("warning-304"), order.join())
        assert.isAbove(order.indexOf("critical-0"), 0)
      }).pipe(Effect.scoped, Effect.provide(layer))
    }
  )

  it.effect("leaves the place that is kept for critical alerts, however many are approved", () => {
    // One place of four is kept, and approvals may take half of those that are kept.
    const { asked, layer, order } = overloaded(4)
    return Effect.gen(function* () {
      const ids = yield* asked
      const { receive } = yield* Kubernaut.Kubernaut
      for (const id of ids) yield* approve(id)
      // Their verification takes minutes.
      yield* seconds(5)
      yield* receive(alerts("critical", 1))
      yield* TestClock.adjust("10 millis")
      assert.include(order, "critical-0")
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("that a crash has cut short is still the first after the restart", () => {
    const { asked, layer } = overloaded(1)
    return Effect.gen(function* () {
      const [first] = yield* asked
      const store = yield* RemediationStore
      // As if the process had ended after it recorded the answer.
      const at = "1970-01-01T00:01:00.000Z"
      yield* store.review(first!, { answer: "approved", by: "ada", at }, at)
      const { target } = Option.getOrThrow(yield* store.get(first!))
      const work = yield* store.openWork
      assert.deepInclude(
        work.find((each) => each.target.includes(target.name)),
        { answered: true }
      )
      assert.strictEqual(yield* (yield* RemediationActors).active, 0)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })
})
