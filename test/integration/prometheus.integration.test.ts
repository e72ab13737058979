/** A real Prometheus with the rules of otel/prometheus, and a real Alertmanager that posts its alerts to the service. */

import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationList } from "../../src/http/Responses.ts"
import { make as makeHolmesGptPeer } from "../peers/HolmesGptPeer.ts"
import * as RealAlertmanager from "./RealAlertmanager.ts"
import * as Service from "./Service.ts"

const prometheus = RealAlertmanager.installed("prometheus")
const alertmanager = RealAlertmanager.program
const folder = join(import.meta.dirname, "../../otel/prometheus")

/** The rules and the configuration of otel/prometheus, with other addresses and shorter times. */
const startPrometheus = Effect.fnUntraced(function* (command: string, kubernaut: string, alertmanagerUrl: string) {
  const directory = yield* Service.temporaryDirectory
  const port = yield* RealAlertmanager.freePort
  const edited = (name: string, edits: ReadonlyArray<readonly [string | RegExp, string]>) => {
    const text = edits.reduce(
      (before, [from, to]) => {
        const after = before.replaceAll(from, to)
        assert.notStrictEqual(after, before, `${name} has ${String(from)}`)
        return after
      },
      readFileSync(join(folder, name), "utf8")
    )
    writeFileSync(join(directory, name), text)
  }
  edited("kubernaut.rules.yaml", [[/for: \d+[mh]/g, "for: 1s"]])
  edited("watchdog.rules.yaml", [])
  edited("prometheus.yaml", [
    ["127.0.0.1:8080", new URL(kubernaut).host],
    ["127.0.0.1:9093", new URL(alertmanagerUrl).host],
    ["15s", "1s"]
  ])
  return yield* RealAlertmanager.running(
    command,
    [
      `--config.file=${join(directory, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`
    ],
    `http://127.0.0.1:${port}`
  )
})

const ask = <A>(url: string) => Effect.promise(async () => (await (await fetch(url)).json()) as A)

interface RuleGroups {
  readonly data: {
    readonly groups: ReadonlyArray<{
      readonly rules: ReadonlyArray<{ readonly name: string; readonly health: string; readonly lastError?: string }>
    }>
  }
}
interface Values {
  readonly data: { readonly result: ReadonlyArray<{ readonly value: readonly [number, string] }> }
}

const valueOf = (url: string, query: string) =>
  Effect.map(ask<Values>(`${url}/api/v1/query?query=${encodeURIComponent(query)}`), ({ data }) =>
    data.result.map(({ value }) => Number(value[1]))
  )

const named = (service: Service.Service, alertName: string) =>
  Effect.map(service.get<typeof RemediationList.Type>("/api/v1/remediations?limit=100"), ({ remediations }) =>
    remediations.filter((remediation) => remediation.alertName === alertName)
  )

interface Checks {
  readonly health: ReadonlyArray<{ readonly name: string; readonly status: string; readonly message?: string }>
}

describe("Prometheus and Alertmanager", () => {
  // Skipped when one of them is not installed. `scripts/test` reports this.
  it.live.skipIf(prometheus === undefined || alertmanager === undefined)(
    "an outage of HolmesGPT fires an alert that comes back to the service, which records it and does nothing else",
    () =>
      Effect.gen(function* () {
        const holmes = yield* makeHolmesGptPeer()
        const port = yield* RealAlertmanager.freePort
        const kubernaut = yield* Service.start({
          KUBERNAUT_HOLMESGPT_URL: holmes.url,
          KUBERNAUT_ALERTMANAGER_URL: `http://127.0.0.1:${port}`,
          KUBERNAUT_MODE: "auto"
        })
        const alertmanagerUrl = yield* RealAlertmanager.start(alertmanager ?? "", kubernaut.url, port, (text) =>
          text.replace("group_wait: 5s", "group_wait: 1s").replace("group_interval: 30s", "group_interval: 1s")
        )
        const url = yield* startPrometheus(prometheus ?? "", kubernaut.url, alertmanagerUrl)

        const watchdog = yield* Service.until(
          "the alert that always fires arrives",
          named(kubernaut, "Watchdog"),
          ([first]) => first !== undefined
        )
        assert.strictEqual(watchdog[0]!.state, "Observed")
        const seen = yield* Service.until(
          "the watchdog check is healthy",
          Effect.map(kubernaut.get<Checks>("/api/v1/status"), ({ health }) =>
            health.find(({ name }) => name === "watchdog")
          ),
          (finding) => finding?.status === "healthy"
        )
        assert.include(seen?.message, "was seen")

        yield* holmes.setMode({ _tag: "Down" })
        yield* kubernaut.post(Service.exampleAlert("hpa-maxed"))
        const [outage] = yield* Service.until(
          "the alert about HolmesGPT comes back",
          named(kubernaut, "KubernautPrimaryAiDown"),
          ([first]) => first !== undefined
        )
        const record = yield* kubernaut.remediation(outage!.id)
        assert.strictEqual(record.state, "Observed")
        assert.include(record.conclusion, "Kubernaut does not act on its own alerts")
        assert.deepStrictEqual(record.hops, [])
        assert.deepStrictEqual(record.executions, [])
        assert.deepInclude(record.alert.labels, { severity: "high", kubernaut_self: "true" })
        assert.deepStrictEqual(yield* valueOf(url, "kubernaut_degradation_level"), [2], "only the rules are left")

        // The other alerts about the outage come back too, because their times are shortened.
        const { remediations } = yield* kubernaut.get<typeof RemediationList.Type>("/api/v1/remediations?limit=100")
        for (const { alertName, state } of remediations) {
          if (alertName === "KubeHpaMaxedOut") continue
          assert.match(alertName, /^(Watchdog|Kubernaut[A-Z].*)$/)
          assert.strictEqual(state, "Observed", alertName)
        }

        const { data } = yield* ask<RuleGroups>(`${url}/api/v1/rules`)
        const unhealthy = data.groups.flatMap(({ rules }) => rules).filter(({ health }) => health !== "ok")
        assert.deepStrictEqual(unhealthy, [], "every rule can be evaluated on real samples")
      }),
    180_000
  )
})
