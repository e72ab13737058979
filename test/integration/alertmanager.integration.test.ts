/** A real Alertmanager with the configuration of examples/alertmanager. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationList } from "../../src/http/Responses.ts"
import { freePort, program, start as startAlertmanager } from "./RealAlertmanager.ts"
import * as Service from "./Service.ts"

/** `endsAt` in the past resolves the alert. */
const fire = (alertmanager: string, labels: Readonly<Record<string, string>>, endsAt?: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${alertmanager}/api/v2/alerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([{ labels, ...(endsAt === undefined ? {} : { endsAt }) }])
    })
    assert.strictEqual(response.status, 200)
  })

describe("Alertmanager", () => {
  // Skipped when no Alertmanager is installed. `scripts/test` reports this.
  it.live.skipIf(program === undefined)("delivers alerts of different groups, and each starts one remediation", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Service.start()
      const alertmanager = yield* startAlertmanager(program ?? "", kubernaut.url, yield* freePort)
      yield* fire(alertmanager, {
        alertname: "KubeHpaMaxedOut",
        severity: "warning",
        namespace: "shop",
        horizontalpodautoscaler: "search"
      })
      yield* fire(alertmanager, { alertname: "Watchdog", severity: "none" })

      const { remediations } = yield* Service.until(
        "both remediations exist and the Watchdog is observed",
        kubernaut.get<typeof RemediationList.Type>("/api/v1/remediations"),
        (answer) => answer.remediations.length >= 2 && answer.remediations.some(({ state }) => state === "Observed")
      )
      const byName = new Map(remediations.map((remediation) => [remediation.alertName, remediation]))
      assert.strictEqual(remediations.length, 2)
      assert.strictEqual(byName.get("Watchdog")?.state, "Observed")
      assert.deepInclude(byName.get("KubeHpaMaxedOut")?.target, { kind: "Deployment", name: "search" })
    })
  )

  it.live.skipIf(program === undefined)("is queried before a remediation ends as Remediated", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const kubernaut = yield* Service.start({ KUBERNAUT_ALERTMANAGER_URL: `http://127.0.0.1:${port}` })
      // This Alertmanager does not send resolved alerts, so Kubernaut only learns of them by a query.
      const alertmanager = yield* startAlertmanager(program ?? "", kubernaut.url, port, (text) =>
        text.replace("send_resolved: true", "send_resolved: false")
      )
      const labels = {
        alertname: "KubeDeploymentRolloutStuck",
        severity: "warning",
        namespace: "shop",
        deployment: "checkout"
      }
      yield* fire(alertmanager, labels)
      const { data } = yield* kubernaut.seen((event) => event.data["kind"] === "Executed")
      yield* fire(alertmanager, labels, new Date(Date.now() - 1000).toISOString())

      const ended = yield* kubernaut.ended(String(data["id"]))
      assert.strictEqual(ended.state, "Remediated")
      assert.deepInclude(ended.verification!.reasons, "alert-resolved: Alertmanager reports the alert as resolved")
      assert.notInclude(
        ended.events.map(({ kind }) => kind),
        "AlertResolved"
      )
    })
  )
})
