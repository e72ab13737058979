/**
 * The cost of accepting alerts over HTTP, compared with a minimal equivalent: plain `node:http` and `node:sqlite`,
 * which parse the JSON, store three rows per alert (the alert, its journal entry, its audit line) and use group commit.
 * Each has its own database file with WAL and `synchronous=FULL`. A separate process runs 64 senders (`senders.ts`).
 * Each request has one alert with its own target. No remediation runs.
 *
 * In addition to those rows, intake authenticates, decodes the alert with a schema, resolves the target, searches for
 * an active remediation of the target and for one that the alert refutes, admits by severity and rate, and chains the
 * audit lines with SHA-256.
 *
 * `throughput`: alerts per second, and their ratio to the plain server's. `cpu`: CPU time of the server process per
 * alert, which a busy machine distorts least.
 */

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Layer, Logger } from "effect"
import * as Degradation from "../../src/health/Degradation.ts"
import * as HealthSupervisor from "../../src/health/HealthSupervisor.ts"
import * as Components from "../../src/http/routes/Components.ts"
import * as Server from "../../src/http/Server.ts"
import * as Intake from "../../src/intake/Intake.ts"
import * as InvestigationChain from "../../src/investigation/InvestigationChain.ts"
import * as SpendMeter from "../../src/investigation/spend/SpendMeter.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import * as RemediationEvents from "../../src/remediation/RemediationEvents.ts"
import * as Reviews from "../../src/remediation/Reviews.ts"
import { RollbackRequests } from "../../src/remediation/RollbackRequests.ts"
import * as Supervised from "../../src/remediation/Supervised.ts"
import * as Storage from "../../src/storage/Storage.ts"
import type { Result } from "./harness.ts"

const ports = { kubernaut: 18_734, raw: 18_735 }
const load = { alerts: 6000, senders: 64 }
const turns = 5

const ours = (filename: string) =>
  Server.layer({
    host: "127.0.0.1",
    port: ports.kubernaut,
    maxBodyBytes: 1 << 20,
    version: "benchmark",
    clusterName: "bench",
    mode: "observe",
    live: [],
    ready: [],
    metrics: Effect.succeed({ contentType: "text/plain", text: "" }),
    page: ""
  }).pipe(
    Layer.provide([
      Components.layer([]),
      Supervised.layer,
      Intake.layer({
        cluster: "bench",
        onAccepted: () => Effect.void,
        capacity: Number.MAX_SAFE_INTEGER,
        rateLimit: { perSecond: 1e9, burst: 1e9 }
      })
    ]),
    Layer.provide(Reviews.layer()),
    Layer.provide([
      Layer.succeed(RemediationActors, {
        fire: () => Effect.void,
        sweep: Effect.never,
        turn: () => Effect.void,
        active: Effect.succeed(0)
      }),
      Layer.succeed(RollbackRequests, { request: () => Effect.die("no rollback is requested") }),
      RemediationEvents.layer,
      Degradation.layer({ tiers: [] }),
      HealthSupervisor.layer([]),
      InvestigationChain.layer({ investigators: [] }),
      Layer.effect(SpendMeter.SpendMeter, SpendMeter.make(SpendMeter.defaults, undefined)),
      Storage.layerSqlite({ filename })
    ]),
    Layer.provide(Logger.layer([]))
  )

/** The handwritten minimum: three rows per alert, and one commit for all alerts that arrived meanwhile. */
const raw = (filename: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const database = new DatabaseSync(filename)
      database.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -32768; pragma wal_autocheckpoint = 4000;
        create table alerts (id text primary key, fingerprint text, starts_at text, state text, received_at text);
        create unique index alerts_identity on alerts (fingerprint, starts_at);
        create table journal (alert text, sequence integer, at text, data text, primary key (alert, sequence));
        create table audit (sequence integer primary key, at text, kind text, subject text, data text)`)
      const alerts = database.prepare("insert into alerts values (?, ?, ?, 'Received', ?) on conflict do nothing")
      const journal = database.prepare("insert into journal values (?, 0, ?, ?)")
      const audit = database.prepare("insert into audit (at, kind, subject, data) values (?, 'accepted', ?, ?)")
      let count = 0
      let waiting: Array<() => void> = []
      const commit = (): void => {
        const answered = waiting
        waiting = []
        database.exec("commit")
        for (const answer of answered) answer()
      }
      const store = (text: string): ReadonlyArray<string> => {
        const webhook = JSON.parse(text) as { alerts: ReadonlyArray<{ fingerprint: string; startsAt: string }> }
        const at = new Date(performance.timeOrigin + performance.now()).toISOString()
        return webhook.alerts.map((alert) => {
          const id = `alert-${String(count++).padStart(12, "0")}`
          alerts.run(id, alert.fingerprint, alert.startsAt, at)
          journal.run(id, at, JSON.stringify(alert))
          audit.run(at, id, JSON.stringify({ fingerprint: alert.fingerprint }))
          return id
        })
      }
      const server = createServer((request, response) => {
        let text = ""
        request
          .setEncoding("utf8")
          .on("data", (part: string) => (text += part))
          .on("end", () => {
            if (waiting.length === 0) {
              database.exec("begin immediate")
              setImmediate(commit)
            }
            const answer = JSON.stringify({
              results: store(text).map((remediationId) => ({ status: "accepted", remediationId }))
            })
            waiting.push(() =>
              response
                .writeHead(202, { "content-type": "application/json", "content-length": answer.length })
                .end(answer)
            )
          })
      }).listen(ports.raw, "127.0.0.1")
      return { database, server }
    }),
    ({ database, server }) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
        database.close()
      })
  )

interface Turn {
  readonly perSecond: number
  readonly cpuMicros: number
}

const turn = (port: number, round: number): Promise<Turn> =>
  new Promise((resolve, reject) => {
    const before = process.cpuUsage()
    const words = [join(import.meta.dirname, "senders.ts"), port, load.alerts, load.senders, round, "fresh"].map(String)
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] })
    let elapsed = ""
    child.stdout.on("data", (text) => (elapsed += text))
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`the senders exited with ${code}`))
      const { system, user } = process.cpuUsage(before)
      resolve({ perSecond: (load.alerts / Number(elapsed)) * 1000, cpuMicros: (user + system) / load.alerts })
    })
  })

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN

const measure = Effect.gen(function* () {
  const found = { kubernaut: [] as Array<Turn>, raw: [] as Array<Turn> }
  // The first round of each is a warm-up.
  for (let round = 0; round <= turns; round++) {
    for (const name of ["kubernaut", "raw"] as const) {
      const measured = yield* Effect.promise(() => turn(ports[name], round))
      if (round > 0) found[name].push(measured)
    }
  }
  const middle = (name: "kubernaut" | "raw", figure: keyof Turn) => median(found[name].map((each) => each[figure]))
  const compared = (variant: string, unit: string, figure: keyof Turn): Result => ({
    benchmark: "intakeHttp",
    variant,
    unit,
    median: Math.round(middle("kubernaut", figure)),
    ratio: Number((middle("kubernaut", figure) / middle("raw", figure)).toPrecision(3)),
    against: `node:http + node:sqlite, ${Math.round(middle("raw", figure))} ${unit}`
  })
  return [compared("throughput", "alerts/s", "perSecond"), compared("cpu", "µs", "cpuMicros")]
})

export async function* run(): AsyncGenerator<Result> {
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-benchmark-"))
  try {
    yield* await Effect.runPromise(
      Effect.scoped(
        Effect.andThen(raw(join(directory, "raw.db")), Effect.provide(measure, ours(join(directory, "kubernaut.db"))))
      )
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
