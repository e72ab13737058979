import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Result } from "effect"
import * as Timestamp from "../../../src/domain/Timestamp.ts"
import { parse, resolve } from "../../../src/investigation/rules/Rulebook.ts"
import { categoryOf } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { alert, evidence, request } from "../fixtures/Requests.ts"
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

  it.effect("an action that fixed this alert in fewer than a third of its uses is skipped for the next rule", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* withRecord(33, 100)).rule, "notify")
      assert.strictEqual((yield* withRecord(34, 100)).rule, "restart")
      assert.strictEqual((yield* withRecord(0, 5)).rule, "notify")
    })
  )

  it.effect("four failures in a row are too few to skip an action", () =>
    Effect.gen(function* () {
      const { confidence, rule } = yield* withRecord(0, 4)
      assert.strictEqual(rule, "restart")
      assert.strictEqual(confidence, 0.4)
    })
  )

  it.effect("a better record raises confidence, and no record leaves the rule's confidence unchanged", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* investigate(request(), { rules, recordOf: () => Effect.undefined })).confidence, 0.4)
      assert.closeTo((yield* withRecord(6, 6)).confidence, 0.4, 1e-9)
      assert.closeTo((yield* withRecord(3, 6)).confidence, 0.3, 1e-9)
    })
  )

  it.effect("is queried for this alert, the proposed action and the last week", () =>
    Effect.gen(function* () {
      const queries: Array<string> = []
      yield* investigate(request(), {
        rules,
        recordOf: (name, action, since) =>
          Effect.sync(() => void queries.push(`${name} ${action} ${since}`)).pipe(Effect.as(undefined))
      })
      assert.deepStrictEqual(queries, [
        `KubePodCrashLooping RestartWorkload ${Timestamp.fromMillis((yield* Clock.currentTimeMillis) - 7 * 24 * 60 * 60 * 1000)}`
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
