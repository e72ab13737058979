import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type * as Intake from "../../src/intake/Intake.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { alert, keyOf, makeIntake, of, post, receive, statuses } from "./intaking.ts"
import { alertOf } from "./webhooks.ts"

describe("Intake of what senders configure", () => {
  it.effect("records an alert about another cluster without notifying an actor or taking a place in the queue", () =>
    Effect.gen(function* () {
      const { fired, received, run } = yield* makeIntake({ capacity: 1 })
      const foreign = (fingerprint: string, cluster: string) =>
        alertOf({ alertname: "A", namespace: "shop", deployment: "a", cluster, severity: "critical" }, { fingerprint })
      const results = yield* run(
        statuses(post(foreign("1", "other"), of("2", "critical"), foreign("3", "other"), of("4", "critical")))
      )
      assert.deepStrictEqual(results, ["1 accepted", "2 accepted", "3 accepted", "4 shed"])
      assert.deepStrictEqual(fired, [[keyOf("2")]])
      assert.deepStrictEqual(
        received.map(({ ended }) => ended),
        ["Observed", undefined, "Observed", undefined]
      )
    })
  )

  it.effect("gives an alert that must name a cluster and does not a target of its own", () =>
    Effect.gen(function* () {
      const { fired, run } = yield* makeIntake({ unlabelledAlerts: "observe" })
      const { results } = yield* run(receive(post(alert("1", "a"))))
      const found = yield* run(
        Effect.flatMap(RemediationStore, (store) => store.get(results[0]!.remediationId!)).pipe(
          Effect.map(Option.getOrThrow)
        )
      )
      assert.deepStrictEqual([found.state, found.target.kind], ["Observed", "Alert"])
      assert.deepStrictEqual(fired, [])
    })
  )

  it.effect("says in the receipt and to the hook how many alerts the sender left out", () =>
    Effect.gen(function* () {
      const truncated: Array<Intake.AlertsTruncated> = []
      const { run } = yield* makeIntake({ onTruncated: (event) => void truncated.push(event) })
      const receipt = yield* run(receive({ ...post(alert("1", "a")), truncatedAlerts: 7 }, "alertmanager"))
      assert.strictEqual(receipt.truncated, 7)
      assert.deepStrictEqual(truncated, [{ count: 7, source: "alertmanager" }])
      for (const none of [0, null, -1, 0.5])
        assert.notProperty(yield* run(receive({ ...post(alert("1", "a")), truncatedAlerts: none })), "truncated")
      assert.strictEqual(truncated.length, 1)
    })
  )

  it.effect("does not count the alerts that were left out of a post that its sender has to repeat", () =>
    Effect.gen(function* () {
      const truncated: Array<unknown> = []
      const { run } = yield* makeIntake({
        rateLimit: { perSecond: 1, burst: 1 },
        onTruncated: (event) => void truncated.push(event)
      })
      yield* run(receive(post(alert("1", "a"))))
      const { shed } = yield* run(receive({ ...post(alert("2", "a")), truncatedAlerts: 7 }))
      assert.strictEqual(shed, 1)
      assert.deepStrictEqual(truncated, [])
    })
  )

  it.effect("admits alerts by the severity that an organisation gives its words", () =>
    Effect.gen(function* () {
      const { received, run } = yield* makeIntake({ severities: { P1: "critical", debug: "none", error: "info" } })
      yield* run(receive(post(of("1", " p1 "), of("2", "debug"), of("3", "ERROR"), of("4", "P2"), of("5", "critical"))))
      assert.deepStrictEqual(
        received.map(({ severity }) => severity),
        ["critical", "none", "info", "warning", "critical"]
      )
    })
  )

  it.effect("takes the cluster from the labels that all alerts of a post share", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake()
      const { results } = yield* run(receive({ ...post(alert("1", "a")), commonLabels: { cluster: "other" } }))
      const found = yield* run(
        Effect.flatMap(RemediationStore, (store) => store.get(results[0]!.remediationId!)).pipe(
          Effect.map(Option.getOrThrow)
        )
      )
      assert.deepStrictEqual([found.state, found.target.cluster], ["Observed", "other"])
    })
  )
})
