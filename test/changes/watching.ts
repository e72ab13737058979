/** A service process that watches the sandbox, and what a test asks of its journal. */

import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ChangeJournal } from "../../src/changes/ChangeJournal.ts"
import * as ChangeWatcher from "../../src/changes/ChangeWatcher.ts"
import type { Change } from "../../src/domain/Change.ts"
import { display } from "../../src/domain/FieldPath.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

export type Client = KubernetesClient["Service"]

export const catalog = { namespace: "shop", kind: "Deployment", name: "catalog" }
export const settings = { namespace: "shop", kind: "ConfigMap", name: "settings" }

export const create = (data: Readonly<Record<string, string>>): Change => ({
  _tag: "Create",
  ref: settings,
  manifest: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data }
})

export const set = (ref: Change["ref"], path: string, value: string | number): Change => ({
  _tag: "Patch",
  ref,
  patch: [{ op: "replace", path, value }]
})

export const line = ({ by, fields, operation, ref }: ObjectChange) =>
  `${operation} ${ref.kind} ${ref.name} ${fields.map(({ path }) => display(path)).join(",")} ${by.kind}`.trim()

/** Runs a service process: a watcher on a database and a cluster. Interrupting it is a crash. */
export const process = <A, E>(
  database: ReturnType<typeof openMemory>,
  client: Client,
  test: Effect.Effect<A, E, ChangeJournal | KubernetesClient>,
  options?: ChangeWatcher.ChangeOptions
) =>
  Effect.gen(function* () {
    const { run } = yield* ChangeWatcher.ChangeWatcher
    const fiber = yield* Effect.forkChild(run, { startImmediately: true })
    yield* TestClock.adjust("5 seconds")
    const result = yield* test
    yield* Fiber.interrupt(fiber)
    return result
  }).pipe(
    Effect.provide(
      ChangeWatcher.layer(options).pipe(
        Layer.provide(Storage.layerDatabase(database)),
        Layer.provide(Layer.succeed(KubernetesClient, client))
      )
    ),
    Effect.scoped
  )

export const changes = Effect.flatMap(ChangeJournal, (journal) => journal.list({ limit: 100 }))
export const gapsOf = (kind: string, since = "1960-01-01T00:00:00.000Z") =>
  Effect.flatMap(ChangeJournal, (journal) => journal.gaps([kind], since))
export const now = Effect.map(
  TestClock.testClockWith((clock) => Effect.sync(() => clock.currentTimeMillisUnsafe())),
  (ms) => new Date(ms).toISOString()
)
