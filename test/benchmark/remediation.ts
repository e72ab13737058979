/**
 * Complete remediations: an alert arrives over HTTP, is stored (`synchronous=FULL`), investigated, decided, planned,
 * dry run, executed, verified and concluded.
 *
 * The peers are trivial, so that only the service is measured: an investigator that returns at once, and a cluster of
 * Deployments that a patch heals at once. The service runs in this process, the senders in another (`senders.ts`).
 * There are three results: remediations per second with 64 senders, the CPU time of this process per remediation, and
 * the median time from request to conclusion with one alert at a time. Each is compared with the project's goal. On a
 * busy machine only the CPU time is meaningful.
 */

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Duration, Effect, JsonPatch, Layer, Logger, Stream } from "effect"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as Components from "../../src/http/routes/Components.ts"
import * as Server from "../../src/http/Server.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"
import type { Result } from "./harness.ts"

const goals = { perSecond: 3000, p50Ms: 4 }
// The CPU time per remediation of one event loop that is never idle.
const cpuGoal = 1e6 / goals.perSecond
const port = 18_732
const load = { alerts: 3000, senders: 64 }
const trickle = { alerts: 300, senders: 1 }

const status = { observedGeneration: 1, replicas: 1, updatedReplicas: 1 }
const broken = {
  ...status,
  readyReplicas: 0,
  availableReplicas: 0,
  conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }]
}
const healthy = { ...status, readyReplicas: 1, availableReplicas: 1, conditions: [] }

const deployment = (name: string): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "bench", uid: name, resourceVersion: "1", generation: 1, annotations: {} },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name }, annotations: {} },
      spec: { containers: [{ name: "app", image: "app:1" }] }
    }
  },
  status: broken
})

/** Deployments that exist when they are first read, are broken until they are patched, and store patches. */
const trivialCluster = Layer.sync(KubernetesClient, () => {
  const objects = new Map<string, KubernetesObject>()
  const find = (name: string) => objects.get(name) ?? deployment(name)
  let version = 1
  return {
    get: (ref) => Effect.sync(() => find(ref.name)),
    list: () => Effect.succeed([]),
    apply: (change, options) =>
      Effect.suspend(() => {
        // Whether a pod of the new template would be admitted.
        if (change._tag === "Create" && options?.dryRun === true)
          return Effect.succeed(change.manifest as unknown as KubernetesObject)
        if (change._tag !== "Patch")
          return Effect.fail(
            new KubernetesError({
              reason: { _tag: "Invalid", fields: [] },
              operation: change._tag,
              applied: "no",
              retryable: false
            })
          )
        const patched = JsonPatch.apply(change.patch, find(change.ref.name) as never) as unknown as KubernetesObject
        if (options?.dryRun !== true)
          objects.set(change.ref.name, {
            ...patched,
            status: healthy,
            metadata: { ...patched.metadata, resourceVersion: String(++version) }
          })
        return Effect.succeed(patched)
      }),
    logs: () => Effect.succeed(""),
    watch: () => Stream.empty,
    probe: Effect.void
  }
})

const restart: Investigator = {
  name: "custom",
  investigate: ({ target }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "benchmark",
      evidence: [],
      action: {
        type: "RestartWorkload",
        target: { namespace: target.namespace, kind: target.kind, name: target.name }
      },
      confidence: 1
    })
}

const service = (filename: string) =>
  Server.layer({
    host: "127.0.0.1",
    port,
    maxBodyBytes: 1 << 20,
    version: "benchmark",
    clusterName: "bench",
    mode: "auto",
    live: [],
    ready: [],
    metrics: Effect.succeed({ contentType: "text/plain", text: "" }),
    page: ""
  }).pipe(
    Layer.provide(Components.layer([])),
    Layer.provideMerge(
      Kubernaut.layer({
        cluster: "bench",
        mode: "auto",
        investigators: [restart],
        guardrails: {
          ...unlimited,
          cooldown: Duration.millis(1)
        },
        verification: { stabilisation: 0 },
        intake: { rateLimit: { perSecond: 1_000_000, burst: 1_000_000 } }
      })
    ),
    Layer.provideMerge(Layer.mergeAll(trivialCluster, Storage.layerSqlite({ filename }))),
    Layer.provide(Logger.layer([]))
  )

/**
 * Runs the senders in a separate process and waits until all remediations have concluded. Returns the milliseconds from
 * the first request to the last conclusion, and those of each remediation.
 */
const send = Effect.fnUntraced(function* (batch: { readonly alerts: number; readonly senders: number }, round: number) {
  const events = yield* RemediationEvents
  const durationsMs: Array<number> = []
  const done = yield* Deferred.make<number>()
  let startedMs = 0
  yield* events.listen(({ event, remediation }) => {
    if (event !== "Concluded") return
    startedMs ||= Timestamp.toMillis(remediation.receivedAt)
    if (remediation.state !== "Remediated")
      Deferred.doneUnsafe(done, Effect.die(new Error(`${remediation.state}: ${remediation.conclusion}`)))
    durationsMs.push(Timestamp.toMillis(remediation.updatedAt) - Timestamp.toMillis(remediation.receivedAt))
    if (durationsMs.length === batch.alerts)
      Deferred.doneUnsafe(done, Effect.succeed(Timestamp.toMillis(remediation.updatedAt) - startedMs))
  })
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "senders.ts"), port, batch.alerts, batch.senders, round, "fresh"].map(String),
    { stdio: ["ignore", "ignore", "inherit"] }
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => child.kill()))
  return { elapsedMs: yield* Deferred.await(done), durationsMs }
}, Effect.scoped)

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN

const measure = Effect.gen(function* () {
  yield* send(load, 0)
  const rates: Array<number> = []
  const cpuMicros: Array<number> = []
  for (let round = 1; round <= 3; round++) {
    const before = process.cpuUsage()
    rates.push((load.alerts / (yield* send(load, round)).elapsedMs) * 1000)
    const { system, user } = process.cpuUsage(before)
    cpuMicros.push((user + system) / load.alerts)
  }
  const { durationsMs } = yield* send(trickle, 4)
  return { perSecond: median(rates), cpuMicros: median(cpuMicros), p50Ms: median(durationsMs) }
})

export async function* run(): AsyncGenerator<Result> {
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-benchmark-"))
  try {
    const { cpuMicros, p50Ms, perSecond } = await Effect.runPromise(
      Effect.provide(measure, service(join(directory, "kubernaut.db")))
    )
    yield {
      benchmark: "remediation",
      variant: "throughput",
      unit: "remediations/s",
      median: Math.round(perSecond),
      ratio: Number((perSecond / goals.perSecond).toPrecision(3)),
      against: `goal of ${goals.perSecond}/s`
    }
    yield {
      benchmark: "remediation",
      variant: "cpu",
      unit: "µs",
      median: Math.round(cpuMicros),
      ratio: Number((cpuMicros / cpuGoal).toPrecision(3)),
      against: `${Math.round(cpuGoal)} µs, for that rate on one core`
    }
    yield {
      benchmark: "remediation",
      variant: "latency-p50",
      unit: "ms",
      median: p50Ms,
      ratio: Number((p50Ms / goals.p50Ms).toPrecision(3)),
      against: `goal of ${goals.p50Ms} ms`
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
