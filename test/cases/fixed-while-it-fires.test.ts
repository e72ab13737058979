/** A healthy Deployment is restarted, and the same alert is posted again and again. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Kubernaut } from "../../src/Kubernaut.ts"
import { deployment, remediate, type SmallCluster } from "./SmallCluster.ts"

const posted = Schema.decodeSync(Schema.fromJsonString(Webhook))(
  readFileSync(new URL("fixed-while-it-fires/alert.json", import.meta.url), "utf8")
)
/** The alert starts when the test's clock does. */
const firing: Webhook = {
  ...posted,
  alerts: posted.alerts.map((alert) => ({ ...alert, startsAt: "1970-01-01T00:00:00Z" }))
}
/** The same alerts, ended at this second of the test, or with other labels. */
const resolvedAt = (second: number, webhook = firing): Webhook => ({
  ...webhook,
  status: "resolved",
  alerts: webhook.alerts.map((alert) => ({
    ...alert,
    status: "resolved",
    endsAt: new Date(second * 1000).toISOString()
  }))
})
const ofPod: Webhook = {
  ...firing,
  alerts: firing.alerts.map((alert) => ({ ...alert, labels: { ...alert.labels, alertname: "HighLatency" } }))
}

type Service = Kubernaut["Service"]

const every =
  (seconds: number, webhook: Webhook) =>
  ({ receive }: Service): Effect.Effect<void> =>
    Effect.orDie(Effect.forever(Effect.andThen(Effect.sleep(seconds * 1000), receive(webhook))))

const at =
  (second: number, webhook: Webhook) =>
  ({ receive }: Service): Effect.Effect<void> =>
    Effect.orDie(Effect.asVoid(Effect.delay(receive(webhook), second * 1000)))

const small = (meanwhile?: SmallCluster["meanwhile"]): SmallCluster => ({
  namespace: "t6",
  objects: [deployment("t6", "web")],
  proposes: { type: "RestartWorkload", target: { namespace: "t6", kind: "Deployment", name: "web" } },
  ...(meanwhile === undefined ? {} : { meanwhile })
})

/** The last state, verdict and codes of its reasons. */
const ends = (meanwhile?: SmallCluster["meanwhile"]) =>
  Effect.map(remediate(firing, small(meanwhile)), ({ remediation: { state, verification }, writes }) => {
    assert.deepStrictEqual(writes, ["patch Deployment/web"])
    const codes = verification?.reasons.map((reason) => reason.split(":")[0])
    return [state, verification?.verdict, ...(codes ?? [])].join(" ")
  })

describe("a restart of a healthy workload", () => {
  it.effect("is not fixed while its alert is posted again and again", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ends(every(30, firing)), "Escalated not-fixed alert-firing settled")
    })
  )

  it.effect("is unknown if nothing is said about its alert", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ends(), "Escalated unknown nothing-was-wrong")
    })
  )

  it.effect("is fixed once its alert has resolved", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ends(at(240, resolvedAt(290))), "Remediated fixed settled alert-resolved")
    })
  )

  it.effect("is unknown if its alert ended before the restart and only the notification came later", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ends(at(240, resolvedAt(30))), "Escalated unknown nothing-was-wrong")
    })
  )

  it.effect("is not fixed if its alert resolves and fires again before the target has settled", () =>
    Effect.gen(function* () {
      const flaps = (service: Service) =>
        Effect.gen(function* () {
          yield* at(2, resolvedAt(62))(service)
          yield* every(3, firing)(service)
        })
      assert.strictEqual(yield* ends(flaps), "Escalated not-fixed alert-firing settled")
    })
  )

  it.effect("is not fixed while another alert that joined it fires, although its own has resolved", () =>
    Effect.gen(function* () {
      const both = (service: Service) =>
        Effect.gen(function* () {
          yield* at(3, ofPod)(service)
          yield* at(3, resolvedAt(66))(service)
          yield* every(60, ofPod)(service)
        })
      assert.strictEqual(yield* ends(both), "Escalated not-fixed alert-firing settled")
    })
  )

  it.effect("is fixed once its own alert and the one that joined it have resolved", () =>
    Effect.gen(function* () {
      const both = (service: Service) =>
        Effect.gen(function* () {
          yield* at(3, ofPod)(service)
          yield* at(3, resolvedAt(66))(service)
          yield* at(60, resolvedAt(120, ofPod))(service)
        })
      assert.strictEqual(yield* ends(both), "Remediated fixed settled alert-resolved")
    })
  )
})
