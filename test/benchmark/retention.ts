/**
 * What a large database costs: the time to open it, and the time to accept one alert, compared with an empty one.
 *
 * The large one is generated: finished remediations with the journal, the audit lines and the action of a usual one,
 * and two audit lines for each event. `KUBERNAUT_TEST_EVENTS` sets the number of journal events (default 200,000); with
 * 10,000,000 the file takes about 5 GB and a few minutes to generate. Ratios stay close to 1 when nothing reads the
 * past.
 */

import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Layer, ManagedRuntime } from "effect"
import * as Intake from "../../src/intake/Intake.ts"
import { genesis, lineHash } from "../../src/storage/AuditChain.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { compare, measure, type Result } from "./harness.ts"

const events = Number(process.env["KUBERNAUT_TEST_EVENTS"] ?? 200_000)
const perRemediation = [
  "Accepted",
  "Started",
  "Investigated",
  "Decided",
  "Intended",
  "Executed",
  "Verified",
  "Concluded"
]

// About the size of an event with an investigation or a plan.
const data = JSON.stringify({ _tag: "Investigated", text: "x".repeat(300) })

const open = (file: string) =>
  ManagedRuntime.make(
    Intake.layer({
      cluster: "benchmark",
      onAccepted: () => Effect.void,
      capacity: Number.MAX_SAFE_INTEGER,
      rateLimit: { perSecond: 1e9, burst: 1e9 }
    }).pipe(Layer.provideMerge(Storage.layerSqlite({ filename: file })))
  )

const openAndClose = async (file: string): Promise<void> => {
  const runtime = open(file)
  await runtime.runPromise(Effect.void)
  await runtime.dispose()
}

/** Fills the tables as a year of work would, in transactions of 1000 remediations. */
const generate = (file: string): void => {
  const database = new DatabaseSync(file)
  database.exec("pragma synchronous = off; pragma cache_size = -200000")
  const remediation = database.prepare(
    `insert into remediations (id, fingerprint, starts_at, target_key, cluster, namespace, kind, name, alert_name, severity, state, open,
       resolved, received_at, updated_at, sequence)
     values (?, ?, ?, ?, 'benchmark', 'shop', 'Deployment', ?, 'KubePodCrashLooping', 'warning', 'Remediated', 0, 1, ?, ?, 8)`
  )
  const event = database.prepare("insert into remediation_events values (?, ?, 1, ?, ?, ?)")
  const audit = database.prepare("insert into audit values (?, ?, 'kubernaut', ?, ?, '{}', ?)")
  const action = database.prepare(
    "insert into action_history values (?, ?, 'benchmark', ?, 'KubePodCrashLooping', 'RestartWorkload', ?, 'yes', 'fixed')"
  )
  const at = "2025-06-01T00:00:00.000Z"
  let sequence = 0
  let previousHash = genesis
  for (let index = 0; index * perRemediation.length < events; index++) {
    if (index % 1000 === 0) database.exec(index === 0 ? "begin" : "commit; begin")
    const id = `rem-01${String(index).padStart(24, "0")}`
    const name = `d${index % 5000}`
    const target = `benchmark/shop/Deployment/${name}`
    remediation.run(id, `f${index}`, at, target, name, at, at)
    perRemediation.forEach((kind, position) => {
      event.run(id, position, kind, at, data)
      const line = {
        sequence: ++sequence,
        at,
        actor: "kubernaut",
        kind: `remediation.${kind}`,
        subject: id,
        previousHash
      }
      previousHash = lineHash(line, "{}")
      audit.run(sequence, at, line.kind, id, previousHash)
    })
    action.run(`${id}-1`, id, target, at)
  }
  database.exec("commit")
  database.close()
}

let posted = 0

const sender = (runtime: ReturnType<typeof open>) => async (calls: number) => {
  for (let call = 0; call < calls; call++) {
    const name = `new${posted++}`
    const webhook = webhookOf([
      alertOf({ alertname: "KubeDeploymentRolloutStuck", namespace: "shop", deployment: name }, { fingerprint: name })
    ])
    await runtime.runPromise(Effect.flatMap(Intake.Intake, (intake) => intake.receive(webhook)))
  }
}

export async function* run(): AsyncGenerator<Result> {
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-benchmark-"))
  const files = { large: join(directory, "large.db"), empty: join(directory, "empty.db") }
  try {
    await openAndClose(files.large)
    await openAndClose(files.empty)
    generate(files.large)
    const size = Math.round(statSync(files.large).size / 1e6)
    const repeat = (file: string) => async (calls: number) => {
      for (let call = 0; call < calls; call++) await openAndClose(file)
    }
    const starts = await measure({ large: repeat(files.large), empty: repeat(files.empty) }, { calls: 1, turns: 5 })
    const millis = Object.fromEntries(Object.entries(starts).map(([name, nanos]) => [name, nanos / 1e6]))
    yield* compare("retention", `start, ${events} events, ${size} MB`, "ms", millis)
    const large = open(files.large)
    const empty = open(files.empty)
    const accepts = await measure({ large: sender(large), empty: sender(empty) }, { calls: 200, turns: 7 })
    const micros = Object.fromEntries(Object.entries(accepts).map(([name, nanos]) => [name, nanos / 1000]))
    yield* compare("retention", `intake, ${events} events`, "µs/alert", micros)
    await large.dispose()
    await empty.dispose()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
