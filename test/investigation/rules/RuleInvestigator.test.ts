import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Result } from "effect"
import type { ActionType } from "../../../src/domain/Action.ts"
import * as Timestamp from "../../../src/domain/Timestamp.ts"
import { parse, resolve } from "../../../src/investigation/rules/Rulebook.ts"
import { categoryOf } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { alert, completed, evidence, observed, pod, request } from "../fixtures/Requests.ts"
import { investigate, rulesOf } from "../fixtures/Rules.ts"

describe("the category of a severity", () => {
  it("is immediate for critical, standard for warning, and monitoring only for info and none", () => {
    assert.deepStrictEqual((["critical", "warning", "info", "none"] as const).map(categoryOf), [
      "immediate",
      "standard",
      "monitoring-only",
      "monitoring-only"
    ])
  })

  it.effect.each(["info", "none"] as const)(
    "an alert of severity %s gets a notification even when a rule has an action",
    (severity) =>
      Effect.gen(function* () {
        const found = yield* investigate(request({ alert: alert({ severity }) }), {
          rules: rulesOf({ name: "restart", action: { type: "RestartWorkload" } })
        })
        assert.strictEqual(found.action.type, "Notify")
        assert.strictEqual(found.rule, "restart")
      })
  )

  it.effect.each(["warning", "critical"] as const)("an alert of severity %s gets the action of the rule", (severity) =>
    Effect.gen(function* () {
      const found = yield* investigate(request({ alert: alert({ severity }) }), {
        rules: rulesOf({ name: "restart", action: { type: "RestartWorkload" } })
      })
      assert.strictEqual(found.action.type, "RestartWorkload")
    })
  )
})

it.effect("a rule is skipped when its action does not apply to the target's kind", () =>
  Effect.gen(function* () {
    const rules = rulesOf({ name: "restart", action: { type: "RestartWorkload" } }, { name: "notify" })
    const node = { cluster: "test", namespace: "", kind: "Node", name: "worker-1" }
    assert.strictEqual((yield* investigate(request({ target: node, observed: null }), { rules })).rule, "notify")
  })
)

describe("the history of an action", () => {
  const rules = rulesOf({ name: "restart", action: { type: "RestartWorkload" }, confidence: 0.4 }, { name: "notify" })
  const withRecord = (fixed: number, verified: number) =>
    investigate(request(), { rules, recordOf: () => Effect.succeed({ fixed, verified }) })

  it.effect(
    "an action that surely fixes this alert in fewer than a third of its uses is not proposed, and it says so",
    () =>
      Effect.gen(function* () {
        const { evidence: given, rule } = yield* withRecord(0, 4)
        assert.strictEqual(rule, "notify")
        assert.include(
          given,
          "Not proposed: RestartWorkload fixed this alert on 0 of 4 targets in the last week, by its last use on each."
        )
        assert.strictEqual((yield* withRecord(20, 100)).rule, "notify")
        assert.strictEqual((yield* withRecord(33, 100)).rule, "restart")
      })
  )

  it.effect("three failures in a row are too few", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* withRecord(0, 3)).rule, "restart")
    })
  )

  it.effect("failures lower the confidence, and without any the rule's own is unchanged", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* investigate(request(), { rules, recordOf: () => Effect.undefined })).confidence, 0.4)
      assert.closeTo((yield* withRecord(6, 6)).confidence, 0.4, 1e-9)
      const { confidence, evidence: given } = yield* withRecord(3, 6)
      assert.closeTo(confidence, 0.4 * (0.5 + 0.73 / 2), 0.001)
      assert.include(
        given,
        "RestartWorkload fixed this alert on 3 of 6 targets in the last week, by its last use on each."
      )
    })
  )

  describe("of two rules that match", () => {
    const both = rulesOf(
      { name: "evict", action: { type: "EvictPod" } },
      { name: "restart", action: { type: "RestartWorkload" } },
      { name: "notify" }
    )
    const pods = [pod("checkout-7d9f-a", { ready: false, restarts: 7, reason: "CrashLoopBackOff" })]
    const chosen = (records: Partial<Record<ActionType, readonly [fixed: number, verified: number]>>) =>
      Effect.map(
        investigate(request({ observed: observed({ ...completed, pods }) }), {
          rules: both,
          recordOf: ({ action }) => {
            const [fixed, verified] = records[action] ?? [0, 0]
            return Effect.succeed({ fixed, verified })
          }
        }),
        ({ rule }) => rule
      )

    it.effect("the first is proposed, unless the other one surely helps more often", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* chosen({}), "evict")
        assert.strictEqual(yield* chosen({ RestartWorkload: [20, 20] }), "evict")
        assert.strictEqual(yield* chosen({ EvictPod: [5, 10], RestartWorkload: [6, 10] }), "evict")
        assert.strictEqual(yield* chosen({ EvictPod: [5, 10], RestartWorkload: [10, 10] }), "restart")
      })
    )

    it.effect("the other is proposed where the first keeps failing, and a person is told where both do", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* chosen({ EvictPod: [0, 9] }), "restart")
        assert.strictEqual(yield* chosen({ EvictPod: [0, 9], RestartWorkload: [0, 9] }), "notify")
      })
    )
  })

  it.effect("is queried for this alert, the proposed action, the kind of the target and the last week", () =>
    Effect.gen(function* () {
      const queries: Array<string> = []
      yield* investigate(request(), {
        rules,
        recordOf: ({ action, alertName, kind }, since) =>
          Effect.sync(() => void queries.push(`${alertName} ${action} ${kind} ${since}`)).pipe(Effect.as(undefined))
      })
      assert.deepStrictEqual(queries, [
        `KubePodCrashLooping RestartWorkload Deployment ${Timestamp.fromMillis((yield* Clock.currentTimeMillis) - 7 * 24 * 60 * 60 * 1000)}`
      ])
    })
  )
})

it.effect("a rulebook without a matching rule fails with NoRule", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(
      investigate(request(), { rules: rulesOf({ name: "other", match: { alerts: ["Other"] } }) })
    )
    assert.strictEqual(error.reason._tag, "NoRule")
  })
)

it.effect("an operator's rule takes precedence over the default one for the same alert", () =>
  Effect.gen(function* () {
    const text =
      "version: 1\nrules:\n  - name: ours\n    match: { alerts: [KubePodCrashLooping] }\n    cause: Ours.\n    action: { type: Notify }\n    check: Ours.\n"
    const rules = yield* resolve(Result.getOrThrow(parse(text, "rules.yaml")))
    assert.strictEqual((yield* investigate(request({ evidence: evidence() }), { rules })).rule, "ours")
  })
)
