import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { defaults as guardrails } from "../../src/decision/GuardrailSettings.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as ActionBudget from "../../src/remediation/ActionBudget.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { decided } from "./journals.ts"

const names = Array.from({ length: 60 }, (_, index) => `app-${index}`)

const undo: Investigator = {
  name: "custom",
  investigate: ({ target }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "A bad rollout.",
      evidence: [],
      action: {
        type: "RollbackDeployment",
        target: { namespace: target.namespace, kind: target.kind, name: target.name }
      },
      confidence: 1
    })
}

const storm = webhookOf(
  names.map((deployment) =>
    alertOf(
      { alertname: "KubeDeploymentRolloutStuck", namespace: "storm", deployment },
      { startsAt: "1970-01-01T00:00:00Z", fingerprint: deployment }
    )
  )
)

const service = Kubernaut.layer({
  cluster: "test",
  mode: "auto",
  investigators: [undo],
  guardrails: { ...guardrails, actionsPerWindow: { ...guardrails.actionsPerWindow, limit: 7 } }
}).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Sandbox.layer({
        deployments: names.map((name) => ({ namespace: "storm", name, behaviour: "bad-rollout", replicas: 1 }))
      }),
      Storage.layerMemory
    )
  )
)

describe("the action budget", () => {
  it.effect(
    "admits seven actions when its limit is seven and sixty targets are decided at once, and reviews the rest",
    () =>
      Effect.gen(function* () {
        const kubernaut = yield* Kubernaut.Kubernaut
        const store = yield* RemediationStore
        yield* kubernaut.receive(storm)
        // A minute exceeds the settle time of the verification.
        for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
        const states = (yield* store.list({ limit: 100 })).items.map(({ state }) => state)
        assert.strictEqual(states.filter((state) => state === "Remediated").length, 7)
        assert.strictEqual(states.filter((state) => state === "AwaitingReview").length, 53)
      }).pipe(Effect.provide(service))
  )
})

const budgetWith = (counted: number) =>
  ActionBudget.make(guardrails.actionsPerWindow).pipe(
    Effect.provideService(ActionHistory, {
      ofTarget: () => Effect.succeed([]),
      countSince: () => Effect.succeed(counted),
      recordOf: () => Effect.succeed({ verified: 0, fixed: 0 })
    })
  )

describe("a reservation of the action budget", () => {
  const take = (budget: ActionBudget.ActionBudget, outcome: "execute" | "review", seen: Array<number> = []) =>
    budget.decide("test", 0, (actionsInWindow) => {
      seen.push(actionsInWindow)
      return decided(outcome).decision
    })

  const inWindow = (budget: ActionBudget.ActionBudget) =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      yield* Effect.scoped(take(budget, "review", seen))
      return seen
    })

  it.effect("counts beside the action history until its scope closes", () =>
    Effect.gen(function* () {
      const budget = yield* budgetWith(3)
      const scope = yield* Scope.make()
      yield* Scope.provide(take(budget, "execute"), scope)
      assert.deepStrictEqual(yield* inWindow(budget), [4])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* inWindow(budget), [3])
    })
  )

  it.effect("is made only by a decision to execute", () =>
    Effect.gen(function* () {
      const budget = yield* budgetWith(0)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* take(budget, "review")
          assert.deepStrictEqual(yield* inWindow(budget), [0])
        })
      )
    })
  )

  it.effect.each([
    { after: "a failure", ending: Effect.fail("the commit failed") },
    { after: "a defect", ending: Effect.die("a bug") }
  ])("is released after $after", ({ ending }) =>
    Effect.gen(function* () {
      const budget = yield* budgetWith(0)
      yield* Effect.exit(Effect.scoped(Effect.andThen(take(budget, "execute"), ending)))
      assert.deepStrictEqual(yield* inWindow(budget), [0])
    })
  )

  it.effect("is released after an interruption", () =>
    Effect.gen(function* () {
      const budget = yield* budgetWith(0)
      const fiber = yield* Effect.forkChild(Effect.scoped(Effect.andThen(take(budget, "execute"), Effect.never)))
      yield* Effect.yieldNow
      assert.deepStrictEqual(yield* inWindow(budget), [1])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* inWindow(budget), [0])
    })
  )
})
