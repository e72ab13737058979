/** Alerts about Kubernaut itself, and the alert that always fires, are recorded and never worked on. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { WebhookAlert } from "../../src/intake/AlertmanagerWebhook.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { alert, makeIntake, post, receive } from "./intaking.ts"
import { alertOf } from "./webhooks.ts"

const watchdog = "DeadMansSwitch"
const always = (overrides: Partial<WebhookAlert> = {}) =>
  alertOf({ alertname: watchdog, severity: "none" }, { fingerprint: "w", ...overrides })
const about = (labels: Readonly<Record<string, string>>, fingerprint: string) =>
  alertOf(
    { alertname: "KubernautStorageDown", severity: "critical", namespace: "shop", deployment: "checkout", ...labels },
    { fingerprint }
  )

const statesOf = Effect.flatMap(RemediationStore, (store) =>
  Effect.map(store.list({ limit: 10 }), ({ items }) => items.map(({ alertName, state }) => `${alertName} ${state}`))
)

describe("an alert about Kubernaut itself", () => {
  it.effect("ends as Observed in the commit that accepts it, starts no work, and says why", () =>
    Effect.gen(function* () {
      const { fired, received, run } = yield* makeIntake()
      const { results } = yield* run(receive(post(about({ kubernaut_self: "true" }, "1"))))
      assert.deepStrictEqual(yield* run(statesOf), ["KubernautStorageDown Observed"])
      assert.deepStrictEqual(fired, [])
      assert.deepStrictEqual(received[0]!.ended, "Observed")
      const remediation = yield* run(Effect.flatMap(RemediationStore, (store) => store.get(results[0]!.remediationId!)))
      assert.include(JSON.stringify(remediation), "Kubernaut does not act on its own alerts: a person has to.")
    })
  )

  it.effect("takes no place in the queue, and none of a workload that its labels name", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake({ capacity: 1 })
      const { results } = yield* run(
        receive(
          post(about({ kubernaut_self: "true" }, "1"), about({ kubernaut_self: "true" }, "2"), alert("3", "checkout"))
        )
      )
      assert.deepStrictEqual(
        results.map(({ status }) => status),
        ["accepted", "accepted", "accepted"]
      )
    })
  )

  it.effect("is only one with the label's value `true`", () =>
    Effect.gen(function* () {
      const { fired, run } = yield* makeIntake()
      yield* run(receive(post(about({ kubernaut_self: "false" }, "1"))))
      assert.strictEqual(fired.length, 1)
    })
  )

  it.effect("silences no other alert that has its fingerprint", () =>
    Effect.gen(function* () {
      const { fired, run } = yield* makeIntake({ watchdog })
      yield* run(receive(post(about({ kubernaut_self: "true" }, "1"))))
      yield* run(receive(post(alertOf({ alertname: watchdog }, { fingerprint: "2" }))))
      yield* run(receive(post(alert("1", "checkout"), alert("2", "cart"))))
      assert.deepStrictEqual(yield* run(statesOf), [
        "KubeDeploymentRolloutStuck Received",
        "KubeDeploymentRolloutStuck Received",
        `${watchdog} Observed`,
        "KubernautStorageDown Observed"
      ])
      assert.strictEqual(fired.flat().length, 2)
    })
  )

  it.effect("of another cluster says that it is of another cluster", () =>
    Effect.gen(function* () {
      const { results } = yield* Effect.gen(function* () {
        const { run } = yield* makeIntake()
        const receipt = yield* run(receive(post(about({ kubernaut_self: "true", cluster: "other" }, "1"))))
        const stored = yield* run(
          Effect.flatMap(RemediationStore, (store) => store.get(receipt.results[0]!.remediationId!))
        )
        assert.include(JSON.stringify(stored), "names cluster other")
        return receipt
      })
      assert.strictEqual(results[0]!.status, "accepted")
    })
  )
})

describe("the alert that always fires", () => {
  it.effect("starts no remediation, whatever its labels are, and every post of it is reported as seen", () =>
    Effect.gen(function* () {
      const { fired, received, run } = yield* makeIntake({ watchdog })
      yield* run(receive(post(always())))
      yield* run(receive(post(always())))
      yield* run(
        receive(
          post(
            alertOf(
              { alertname: watchdog, severity: "critical", namespace: "shop", deployment: "checkout" },
              { fingerprint: "w2" }
            )
          )
        )
      )
      assert.deepStrictEqual(fired, [])
      assert.deepStrictEqual(yield* run(statesOf), [`${watchdog} Observed`, `${watchdog} Observed`])
      assert.deepStrictEqual(
        received.map(({ watchdog: seen }) => seen),
        [true, true, true]
      )
    })
  )

  it.effect("is not seen by its resolution, nor by that of another cluster, and no other alert is one", () =>
    Effect.gen(function* () {
      const { received, run } = yield* makeIntake({ watchdog })
      const elsewhere = alertOf({ alertname: watchdog, cluster: "elsewhere" }, { fingerprint: "e" })
      yield* run(
        receive(post(always({ status: "resolved", endsAt: "2026-11-24T04:00:00Z" }), elsewhere, alert("1", "a")))
      )
      assert.deepStrictEqual(
        received.map(({ watchdog: seen }) => seen),
        [undefined, undefined, undefined]
      )
    })
  )

  it.effect("is an alert like any other where nothing watches it", () =>
    Effect.gen(function* () {
      const { fired, run } = yield* makeIntake()
      yield* run(receive(post(always())))
      assert.strictEqual(fired.length, 1)
    })
  )
})
