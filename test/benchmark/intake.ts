/**
 * The cost of accepting one alert, from the request body to the durable remediation, compared with the minimum that is
 * durable: `JSON.parse` and one row in plain `node:sqlite`, with group commit. Each has its own database file with WAL
 * and `synchronous=FULL`. Each request has one alert with its own target. Neither includes HTTP.
 *
 * In addition to that row, intake decodes the alert with a schema, resolves the target, searches for an active
 * remediation of the target and for one that the alert refutes, and writes the journal and the audit chain. A ratio of
 * 2 means twice the time.
 *
 * - `one at a time`: the next request is sent after the response. This measures the disk.
 * - `64 at a time`: a storm. Requests share commits.
 */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Intake from "../../src/intake/Intake.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { compare, type Contender, measure, type Result } from "./harness.ts"

let posted = 0

/** A request body of typical size, as Alertmanager sends it. */
const body = (): string => {
  const name = `d${posted++}`
  const labels = {
    alertname: "KubeDeploymentRolloutStuck",
    namespace: "shop",
    deployment: name,
    job: "kube-state-metrics",
    severity: "warning"
  }
  const alert = alertOf(labels, {
    annotations: {
      summary: "Deployment rollout is not progressing.",
      description: `Rollout of deployment shop/${name} is not progressing for longer than 15 minutes.`
    },
    startsAt: "2026-11-24T03:00:00.123456789Z",
    generatorURL: "http://prometheus:9090/graph?g0.expr=kube_deployment_status_condition",
    fingerprint: `f${name}`
  })
  return JSON.stringify(
    webhookOf([alert], {
      groupKey: `{}:{alertname="KubeDeploymentRolloutStuck", deployment="${name}"}`,
      truncatedAlerts: 0,
      groupLabels: { alertname: "KubeDeploymentRolloutStuck" },
      commonLabels: labels
    })
  )
}

/** Sends `calls` requests, `atATime` of them concurrently. */
const storm =
  (atATime: number, send: (text: string) => Promise<unknown>): Contender =>
  async (calls) => {
    let left = calls
    const sender = async (): Promise<void> => {
      while (left-- > 0) await send(body())
    }
    await Promise.all(Array.from({ length: atATime }, sender))
  }

const makeIntake = (file: string) => {
  const decode = Schema.decodeUnknownSync(Webhook)
  const runtime = ManagedRuntime.make(
    Intake.layer({
      cluster: "benchmark",
      onAccepted: () => Effect.void,
      capacity: Number.MAX_SAFE_INTEGER,
      rateLimit: { perSecond: 1e9, burst: 1e9 }
    }).pipe(Layer.provide(Storage.layerSqlite({ filename: file })))
  )
  const send = (text: string) =>
    runtime.runPromise(Effect.flatMap(Intake.Intake, (intake) => intake.receive(decode(JSON.parse(text)))))
  return { send, close: () => runtime.dispose() }
}

/** The handwritten minimum: a row per alert, and one commit for all alerts that arrived meanwhile. */
const makeRaw = (file: string) => {
  const database = new DatabaseSync(file)
  database.exec("pragma journal_mode = wal; pragma synchronous = full")
  database.exec(
    "create table alerts (fingerprint text, starts_at text, body text, primary key (fingerprint, starts_at))"
  )
  const insert = database.prepare("insert into alerts values (?, ?, ?) on conflict do nothing")
  let waiting: Array<() => void> = []
  const commit = (): void => {
    const answered = waiting
    waiting = []
    database.exec("commit")
    for (const answer of answered) answer()
  }
  const send = (text: string) =>
    new Promise<void>((resolve) => {
      const webhook = JSON.parse(text) as { alerts: ReadonlyArray<{ fingerprint: string; startsAt: string }> }
      if (waiting.length === 0) {
        database.exec("begin immediate")
        setImmediate(commit)
      }
      for (const alert of webhook.alerts) insert.run(alert.fingerprint, alert.startsAt, JSON.stringify(alert))
      waiting.push(resolve)
    })
  return { send, close: async () => database.close() }
}

const variants = [
  { variant: "one at a time", atATime: 1, calls: 200, turns: 5 },
  { variant: "64 at a time", atATime: 64, calls: 5000, turns: 7 }
]

export async function* run(): AsyncGenerator<Result> {
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-benchmark-"))
  const intake = makeIntake(join(directory, "intake.db"))
  const raw = makeRaw(join(directory, "raw.db"))
  try {
    for (const { atATime, calls, turns, variant } of variants) {
      const medians = await measure(
        { kubernaut: storm(atATime, intake.send), "node:sqlite": storm(atATime, raw.send) },
        { calls, turns }
      )
      const micros = Object.fromEntries(Object.entries(medians).map(([name, nanos]) => [name, nanos / 1000]))
      yield* compare("intake", variant, "µs/alert", micros)
    }
  } finally {
    await intake.close()
    await raw.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
