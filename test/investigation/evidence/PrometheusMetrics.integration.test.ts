/** The metrics of a real Prometheus, and of a peer that misbehaves. */

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as PrometheusMetrics from "../../../src/investigation/evidence/PrometheusMetrics.ts"
import { TargetMetrics } from "../../../src/investigation/evidence/TargetMetrics.ts"
import * as RealAlertmanager from "../../integration/RealAlertmanager.ts"
import * as Service from "../../integration/Service.ts"
import * as HttpPeer from "../../peers/HttpPeer.ts"

const program = RealAlertmanager.installed("prometheus")

const deployment = { namespace: "shop", kind: "Deployment", name: "checkout" }

const metricsOf = (url: string, selector?: string) =>
  Effect.map(
    Layer.build(
      Layer.provide(
        PrometheusMetrics.layer({ url, ...(selector === undefined ? {} : { selector }) }),
        NodeHttpClient.layerUndici
      )
    ),
    (services) => Context.get(services, TargetMetrics)
  )

/** What a kubelet and kube-state-metrics would expose. */
const exposition = [
  ...["checkout.a", "checkoutxa"].flatMap((pod) =>
    ["app", "POD", ""].map(
      (container) =>
        `container_memory_working_set_bytes{namespace="shop",pod="${pod}",container="${container}"} 268435456`
    )
  ),
  'container_memory_working_set_bytes{namespace="other",pod="checkout.a",container="app"} 1',
  'container_cpu_usage_seconds_total{namespace="shop",pod="checkout.a",container="app"} 5',
  'kube_pod_container_status_restarts_total{namespace="shop",pod="checkout.a",container="app"} 3',
  'kubelet_volume_stats_used_bytes{namespace="shop",persistentvolumeclaim="data"} 95',
  'kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="data"} 100',
  'kubelet_volume_stats_used_bytes{namespace="shop",persistentvolumeclaim="empty"} 0',
  'kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="empty"} 0',
  ""
].join("\n")

const startPrometheus = Effect.fnUntraced(function* (command: string) {
  const kubelet = yield* HttpPeer.make({
    reply: () => ({ status: 200, headers: { "content-type": "text/plain; version=0.0.4" }, body: exposition }),
    error: () => ""
  })
  const directory = yield* Service.temporaryDirectory
  const port = yield* RealAlertmanager.freePort
  writeFileSync(
    join(directory, "prometheus.yaml"),
    JSON.stringify({
      global: { scrape_interval: "1s" },
      scrape_configs: [
        { job_name: "kubelet", static_configs: [{ targets: [new URL(kubelet.url).host], labels: { cluster: "prod" } }] }
      ]
    })
  )
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

describe("a real Prometheus", () => {
  // Skipped when it is not installed. `scripts/test` reports this.
  it.live.skipIf(program === undefined)(
    "gives the values of the containers that are asked about, and of no others",
    () =>
      Effect.gen(function* () {
        const url = yield* startPrometheus(program ?? "")
        const metrics = yield* metricsOf(url)
        const subject = { target: deployment, pods: ["checkout.a"] }
        const lines = yield* Service.until(
          "every series has two samples",
          Effect.orElseSucceed(metrics.read(subject), () => []),
          (found) => found.length >= 4
        )
        const about = { pod: "checkout.a", container: "app" }
        assert.deepStrictEqual(lines, [
          { ...about, name: "memory in use", unit: "bytes", value: 268_400_000 },
          { ...about, name: "memory in use, the highest value of the last hour", unit: "bytes", value: 268_400_000 },
          { ...about, name: "CPU in use", unit: "cores", value: 0 },
          { ...about, name: "restarts in the last hour", unit: "count", value: 0 }
        ])
        yield* metrics.probe!
        const volume = (name: string) =>
          metrics.read({ target: { namespace: "shop", kind: "PersistentVolumeClaim", name }, pods: [] })
        assert.deepStrictEqual(yield* volume("data"), [
          { name: "share of the volume in use", unit: "share", value: 0.95 }
        ])
        assert.deepStrictEqual(yield* volume("empty"), [], "a share of nothing is no value")
        assert.deepStrictEqual(yield* volume("unknown"), [])
        assert.lengthOf(yield* (yield* metricsOf(url, 'cluster="prod"')).read(subject), 4)
        assert.lengthOf(yield* (yield* metricsOf(url, 'cluster="other"')).read(subject), 0)
      }),
    180_000
  )
})

describe("a Prometheus that misbehaves", () => {
  const secret = "internal-secret-of-the-server"
  it.live.each([
    ["does not listen", { _tag: "Down" }, true],
    ["accepts requests and is silent", { _tag: "Hang" }, true],
    ["fails", { _tag: "Status", status: 503, body: secret }, true],
    ["refuses our request", { _tag: "Status", status: 403, body: secret }, false],
    ["sends a page", { _tag: "Raw", body: `<html>${secret}</html>` }, true],
    ["sends an error with 200", { _tag: "Raw", body: '{"status":"error","error":"x"}' }, true],
    ["cuts the response", { _tag: "Cut" }, true]
  ] as const satisfies ReadonlyArray<readonly [string, HttpPeer.Mode, boolean]>)(
    "and %s leaves the metrics unread",
    ([, mode, counts]) =>
      Effect.gen(function* () {
        const peer = yield* HttpPeer.make({
          reply: () => ({ status: 200, body: '{"status":"success","data":{"resultType":"vector","result":[]}}' }),
          error: () => secret
        })
        yield* peer.setMode(mode)
        const metrics = yield* metricsOf(peer.url)
        const error = yield* Effect.flip(metrics.read({ target: deployment, pods: ["a"] }))
        assert.strictEqual(error._tag, "MetricsUnread")
        assert.notInclude(JSON.stringify(error), secret)
        const { failures = 0 } = yield* metrics.circuitBreaker!.state
        assert.strictEqual(failures > 0, counts)
        assert.strictEqual((yield* Effect.flip(metrics.probe!)).countsAsFailure, counts)
      })
  )
})
