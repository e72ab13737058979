import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { defaults, type GuardrailSettings } from "../../src/decision/GuardrailSettings.ts"
import type { PastAction } from "../../src/domain/PastAction.ts"
import { RemediationId } from "../../src/domain/Remediation.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as SinceSeen from "../../src/remediation/SinceSeen.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertsOf, all, always, pass } from "./storm.ts"

const yearMs = 365 * 86_400_000
const minuteMs = 60_000

const failed = (atMs: number): PastAction => ({
  remediationId: RemediationId.make(`past-${atMs}`),
  action: "RollbackDeployment",
  at: fromMillis(atMs),
  applied: "yes",
  verdict: "not-fixed"
})

/** What a target's actions were, newest first. */
const serviceAfter = (history: ReadonlyArray<PastAction>, guardrails: Partial<GuardrailSettings>) =>
  Kubernaut.layer({
    cluster: "test",
    mode: "auto",
    investigators: [always("RollbackDeployment")],
    guardrails
  }).pipe(
    Layer.provideMerge(
      Layer.effect(
        ActionHistory,
        Effect.map(ActionHistory, (found) => ({
          ...found,
          ofTarget: (_target, limit) => Effect.succeed(history.slice(0, limit))
        }))
      )
    ),
    Layer.provideMerge(
      Layer.mergeAll(
        Sandbox.layer({
          deployments: [{ namespace: "ns-app", name: "app", behaviour: "bad-rollout", replicas: 1 }],
          shop: false
        }),
        Storage.layerMemory
      )
    )
  )

const rulesOfNewest = Effect.map(all, ([newest]) => newest?.decision?.reasons.map(({ rule }) => rule) ?? [])

describe("a clock that was set back by a year", () => {
  const tries = [2, 1, 0].map((minutes) => failed(yearMs + minutes * minuteMs))
  const giveUp = { ...defaults.giveUp, for: Duration.minutes(20) }

  it.effect("leaves an action given up for the stated time, and not until the year has passed", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(alertsOf(["app"]))
      yield* pass(5)
      assert.include(yield* rulesOfNewest, "gave-up")
      yield* pass(25 * 60)
      const again = alertsOf(["app"], "1970-01-01T00:25:00Z")
      yield* kubernaut.receive({ ...again, alerts: again.alerts.map((alert) => ({ ...alert, fingerprint: "again" })) })
      yield* pass(5)
      assert.notInclude(yield* rulesOfNewest, "gave-up")
    }).pipe(Effect.provide(serviceAfter(tries, { giveUp })))
  )

  it("puts what was done since then before it", () => {
    const sinceSeen = SinceSeen.make<PastAction>(({ remediationId }) => remediationId)
    const old = failed(yearMs)
    assert.strictEqual(sinceSeen([old], { nowMs: 1000, atMs: 0 })[0]?.at, fromMillis(1000))
    const since = failed(2000)
    assert.deepStrictEqual(
      sinceSeen([old, since], { nowMs: 3000, atMs: 2000 }).map(({ remediationId }) => remediationId),
      [since.remediationId, old.remediationId]
    )
  })
})

describe("giving up after more tries than are usually read", () => {
  it.effect("gives up after them", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(alertsOf(["app"]))
      yield* pass(5)
      assert.include(yield* rulesOfNewest, "gave-up")
    }).pipe(
      Effect.provide(
        serviceAfter(
          Array.from({ length: 25 }, () => failed(0)),
          { giveUp: { ...defaults.giveUp, tries: 25 } }
        )
      )
    )
  )
})
