/** An intake whose database can be taken away, with a spool and its replay. */

import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { WebhookAlert } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Intake from "../../src/intake/Intake.ts"
import * as ReplaySpool from "../../src/intake/ReplaySpool.ts"
import { SpoolFiles, type SpoolDisturbance } from "../../src/simulation/farEnds/SpoolFolder.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { AlertSpool, make as makeSpool } from "../../src/storage/spool/AlertSpool.ts"
import { SpoolReplay } from "../../src/storage/spool/SpoolReplay.ts"
import { SpoolStore } from "../../src/storage/spool/SpoolStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { StorageHealth, type StorageStatus } from "../../src/storage/StorageHealth.ts"
import { post, receive } from "./intaking.ts"

export type Reason = StorageError["reason"]

export const down = (reason: Reason) =>
  new StorageError({ reason, operation: "accept", retryable: true, committed: "no", detail: "test" })

/** A service whose database can be taken away, with its replay. */
export const service = (options: Partial<Intake.IntakeOptions> = {}) =>
  Effect.gen(function* () {
    const faults: Array<SpoolDisturbance> = []
    const files = new SpoolFiles(faults)
    const database: { trouble: Effect.Effect<unknown, StorageError> | undefined; status: StorageStatus } = {
      trouble: undefined,
      status: { _tag: "Up" }
    }
    const behind = <A, E>(body: Effect.Effect<A, E>): Effect.Effect<A, E | StorageError> =>
      Effect.suspend(() => Effect.andThen(database.trouble ?? Effect.void, body))
    const storage = yield* Layer.build(Storage.layerMemory)
    const store = Context.get(storage, RemediationStore)
    const spoolStore = Context.get(storage, SpoolStore)
    const received: Array<string> = []
    const fired: Array<string> = []
    const onReceived = ({ status }: Intake.AlertReceived) => void received.push(status)
    const onAccepted = (targets: ReadonlyArray<string>) => Effect.sync(() => void fired.push(...targets))
    const spool = yield* makeSpool(files.diskOf(1), { maxBytes: 32 * 1024, reservedBytes: 1024 })
    const context = yield* Layer.build(
      Layer.merge(
        Intake.layer({ cluster: "test", onAccepted, onReceived, ...options }),
        ReplaySpool.layer({ onAccepted, onReceived })
      )
    ).pipe(
      Effect.provide(
        storage.pipe(
          Context.add(RemediationStore, {
            ...store,
            accept: (...args) => behind(store.accept(...args)),
            resolve: (...args) => behind(store.resolve(...args)),
            known: (...args) => behind(store.known(...args))
          }),
          Context.add(SpoolStore, { replay: (...args) => behind(spoolStore.replay(...args)) }),
          Context.add(StorageHealth, {
            ...Context.get(storage, StorageHealth),
            status: Effect.sync(() => database.status)
          }),
          Context.add(AlertSpool, spool)
        )
      )
    )
    yield* Effect.forkScoped(Context.get(context, SpoolReplay).run)
    const run = <A, E>(effect: Effect.Effect<A, E, Intake.Intake>) => Effect.provide(effect, context)
    return {
      database,
      faults,
      files,
      fired,
      received,
      spool,
      store,
      audit: Context.get(storage, AuditLog),
      receive: (...alerts: ReadonlyArray<WebhookAlert>) => run(receive(post(...alerts), "am")),
      /** Until nothing waits. */
      drained: Effect.gen(function* () {
        while (spool.isInUse()) yield* TestClock.adjust("1 second")
      })
    }
  })

export const unavailable = Effect.fail(down("unavailable"))

export const states = (store: RemediationStore["Service"]) =>
  Effect.map(store.list({ limit: 100 }), ({ items }) =>
    items.map(({ receivedAt, target }) => `${target.name} ${receivedAt}`).toReversed()
  )
