/** A real Alertmanager with the configuration of examples/alertmanager. */

import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationList } from "../../src/http/Responses.ts"
import * as Service from "./Service.ts"

const program = [process.env["KUBERNAUT_TEST_ALERTMANAGER"], "alertmanager", "prometheus-alertmanager"].find(
  (candidate) => candidate !== undefined && spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0
)

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

/**
 * Starts an Alertmanager with the example's configuration, except for the address of the receiver and `edit`. It stops
 * when the scope closes.
 */
const startAlertmanager = Effect.fnUntraced(function* (
  command: string,
  receiver: string,
  port: number,
  edit: (configuration: string) => string = (configuration) => configuration
) {
  const directory = yield* Service.temporaryDirectory
  const example = readFileSync(join(import.meta.dirname, "../../examples/alertmanager/alertmanager.yml"), "utf8")
  const configured = example.replace("http://127.0.0.1:8080/", `${receiver}/`)
  assert.notStrictEqual(configured, example, "the example names Kubernaut's default address")
  const file = join(directory, "alertmanager.yml")
  writeFileSync(file, edit(configured))
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        command,
        [
          `--config.file=${file}`,
          `--storage.path=${join(directory, "data")}`,
          `--web.listen-address=127.0.0.1:${port}`,
          "--cluster.listen-address="
        ],
        { stdio: "ignore" }
      )
    ),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null) return
        const ended = once(child, "exit")
        child.kill("SIGTERM")
        await ended
      })
  )
  const url = `http://127.0.0.1:${port}`
  const isReady = Effect.promise(() =>
    fetch(`${url}/-/ready`).then(
      (response) => response.ok,
      () => false
    )
  )
  yield* Service.until("Alertmanager is ready", isReady, (ready) => ready)
  return url
})

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
