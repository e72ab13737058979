/**
 * Crash recovery: a process is killed at marked points and at random, and the next process continues. The cluster runs
 * in the test process and records its writes.
 */

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import { isFinal, RemediationId } from "../../src/domain/Remediation.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import * as RemoteCluster from "./RemoteCluster.ts"

interface Ended {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
  readonly lines: ReadonlyArray<string>
}

/** Runs the service until it ends by itself, dies at its marked point, or `kill` says so after a line. */
const run = (
  args: Readonly<Record<string, string>>,
  kill: (line: string, kill: () => void) => void = () => {},
  flags: ReadonlyArray<string> = []
): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    const child = spawn(
      process.execPath,
      [
        join(import.meta.dirname, "crashing-service.ts"),
        ...Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]),
        ...flags
      ],
      { stdio: ["ignore", "pipe", "pipe"] }
    )
    const lines: Array<string> = []
    let rest = ""
    let talk = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n")
      rest = parts.pop() ?? ""
      for (const line of parts) {
        lines.push(line)
        kill(line, () => child.kill("SIGKILL"))
      }
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      talk += text
    })
    child.on("close", (code, signal) => {
      if (code !== null && code !== 0) console.error(talk)
      resume(Effect.succeed({ signal, code, lines }))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-crash-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

const postAbout = (alerts: ReadonlyArray<Readonly<Record<string, string>>>): string =>
  JSON.stringify(webhookAbout(alerts, 0))

const acceptedIds = ({ lines }: Ended): ReadonlyArray<RemediationId> =>
  lines.flatMap((line) => (line.startsWith("accepted ") ? [RemediationId.make(line.slice("accepted ".length))] : []))

/** Reads the database after the processes have ended: the given remediations, or all. */
const inspect = (database: string, of?: ReadonlyArray<RemediationId>) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const ids = of ?? (yield* store.list({ limit: 10 })).items.map(({ id }) => id)
    const journals = yield* Effect.forEach(ids, store.journal)
    const remediations = yield* Effect.forEach(ids, (id) => Effect.flatMap(store.get(id), Effect.fromOption))
    return { journals, remediations, brokenLine: yield* (yield* AuditLog).verify }
  }).pipe(Effect.provide(Storage.layerSqlite({ filename: database })), Effect.orDie)

const templateWrites = (writes: ReadonlyArray<Change>): ReadonlyArray<string> =>
  writes.flatMap((change) =>
    change._tag === "Patch" && change.patch.some(({ path }) => path.startsWith("/spec/template"))
      ? [change.ref.name]
      : []
  )

const scaleWrites = (writes: ReadonlyArray<Change>): ReadonlyArray<unknown> =>
  writes.flatMap((change) =>
    change._tag === "Patch"
      ? change.patch.flatMap((operation) =>
          operation.op !== "remove" && operation.path === "/spec/replicas" ? [operation.value] : []
        )
      : []
  )

// Each activation journals `Started`. No other event repeats.
const repeated = (journal: ReadonlyArray<{ readonly event: { readonly _tag: string } }>): ReadonlyArray<string> => {
  const steps = journal.map(({ event }) => event._tag).filter((tag) => tag !== "Started")
  return steps.filter((tag, index) => steps.indexOf(tag) !== index)
}

// `Decided` is committed with `Intended`, and `Concluded` with `Verified`.
const points = ["Started", "Retargeted", "Investigated", "Intended", "write", "Executed", "Verified"].flatMap(
  (step) => [`before:${step}`, `after:${step}`]
)

// `RollbackRequested` is committed with `Verified`, and `Concluded` with `RollbackVerified`.
const rollbackPoints = [
  "RollbackRequested",
  "RollbackIntended",
  "rollback write",
  "RollbackExecuted",
  "RollbackVerified"
].flatMap((step) => [`before:${step}`, `after:${step}`])

/** A remediation of the bad rollout by a process that is killed at a point, and by the one that follows it. */
const killedAt = Effect.fnUntraced(function* (point: string, useless: ReadonlyArray<string> = []) {
  const directory = yield* temporaryDirectory
  const cluster = yield* RemoteCluster.serve({ pace: { startup: "50 millis", termination: "20 millis" } })
  const pods = yield* cluster.client.list("Pod", { namespace: "shop" })
  const pod = pods.find(({ metadata }) => metadata.name.startsWith("checkout-"))
  const checkout = cluster.client.get({ namespace: "shop", kind: "Deployment", name: "checkout" })
  const before = yield* checkout
  const database = join(directory, "kubernaut.db")
  const webhook = join(directory, "webhook.json")
  writeFileSync(
    webhook,
    postAbout([{ alertname: "KubePodCrashLooping", namespace: "shop", pod: pod?.metadata.name ?? "" }])
  )

  const first = yield* run({ database, cluster: cluster.url, webhook, die: point }, undefined, useless)
  assert.strictEqual(first.signal, "SIGKILL", "the first process is killed at its marked point")
  const second = yield* run({ database, cluster: cluster.url }, undefined, useless)
  assert.strictEqual(second.code, 0)

  // The alert was accepted before the first marked point, but the process may not have printed it.
  const found = yield* inspect(database)
  assert.deepStrictEqual(found.journals.map(repeated), [[]])
  assert.isUndefined(found.brokenLine)
  return { cluster, before, after: yield* checkout, remediations: found.remediations }
})

describe("a process that is killed", () => {
  it.live.each(points)(
    "at %s is followed by one that concludes the remediation and repeats no write and no journal event",
    (point) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { cluster, remediations } = yield* killedAt(point)
          assert.deepStrictEqual(
            remediations.map(({ state }) => state),
            ["Remediated"]
          )
          assert.deepStrictEqual(templateWrites(cluster.writes), ["checkout"])
        })
      ).pipe(Effect.orDie),
    180_000
  )

  it.live.each(rollbackPoints)(
    "at %s is followed by one that undoes the action once and repeats no journal event",
    (point) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { after, before, cluster, remediations } = yield* killedAt(point, ["--useless"])
          assert.deepStrictEqual(
            remediations.map(({ rollback, state }) => [state, rollback?.outcome, rollback?.attempts.length]),
            [["RolledBack", "restored", 1]]
          )
          assert.deepStrictEqual(after["spec"], before["spec"])
          assert.deepStrictEqual(scaleWrites(cluster.writes), [5, 4])
        })
      ).pipe(Effect.orDie),
    180_000
  )

  it.live.each([1, 2, 3])(
    "three times with 200 open alerts loses no alert and repeats no action (round %i)",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const names = Array.from({ length: 200 }, (_, index) => `app-${index}`)
          const cluster = yield* RemoteCluster.serve({
            pace: { startup: "50 millis", termination: "20 millis" },
            deployments: names.map((name) => ({ namespace: "storm", name, behaviour: "bad-rollout", replicas: 2 }))
          })
          const database = join(directory, "kubernaut.db")
          const webhook = join(directory, "webhook.json")
          let lines = 0
          writeFileSync(
            webhook,
            postAbout(
              names.map((deployment) => ({ alertname: "KubeDeploymentRolloutStuck", namespace: "storm", deployment }))
            )
          )

          const restart = { database, cluster: cluster.url }
          // Kills the first process after the last accepted alert, and two more after thirty writes each.
          const first = yield* run({ ...restart, webhook }, (line, kill) => {
            if (line.startsWith("accepted") && (lines += 1) === names.length) kill()
          })
          const accepted = acceptedIds(first)
          assert.strictEqual(accepted.length, names.length)
          yield* Effect.raceFirst(run(restart), cluster.written(cluster.writes.length + 30))
          yield* Effect.raceFirst(run(restart), cluster.written(cluster.writes.length + 30))
          const last = yield* run(restart)
          assert.strictEqual(last.code, 0)

          const { brokenLine, journals, remediations } = yield* inspect(database, accepted)
          assert.strictEqual(remediations.length, accepted.length)
          assert.isTrue(remediations.every(({ state }) => isFinal(state)))
          assert.deepStrictEqual(journals.flatMap(repeated), [])
          const writes = templateWrites(cluster.writes)
          assert.strictEqual(new Set(writes).size, writes.length)
          assert.isUndefined(brokenLine)
        })
      ).pipe(Effect.orDie),
    180_000
  )
})
