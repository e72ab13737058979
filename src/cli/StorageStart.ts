/**
 * Opens the database, and serves what works without it until it can be opened.
 *
 * A lock of another process, a full or read-only disk and a volume that is not mounted yet pass without a restart.
 * Until then alerts go to the spool, health and metrics say what is wrong, and every other route responds with 503. No
 * part of the service that reads the database or writes to the cluster has been started, so no check of such a part is
 * skipped: it is made when the database is open. People are told that the process waits, and that it is over.
 *
 * What waiting cannot help ends the start: a database that is damaged, of another program or of a newer version.
 */

import { Context, Effect, Exit, Layer, Scope } from "effect"
import { HttpServer } from "effect/http"
import { isSelfAlert } from "../domain/SelfAlert.ts"
import * as Components from "../http/routes/Components.ts"
import * as Server from "../http/Server.ts"
import * as Intake from "../intake/Intake.ts"
import { redact } from "../investigation/evidence/Redaction.ts"
import { NotificationSinks } from "../notification/NotificationSink.ts"
import { makeFacts } from "../notification/RemediationFacts.ts"
import * as StartMemoryFile from "../notification/StartMemoryFile.ts"
import * as StartNotices from "../notification/StartNotices.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import { Outbox } from "../storage/Outbox.ts"
import * as Storage from "../storage/Storage.ts"
import type { StorageError } from "../storage/StorageError.ts"
import * as WaitingMetrics from "../telemetry/WaitingMetrics.ts"
import { intakeOptions, type Prepared, serverOptions } from "./Application.ts"
import * as ServiceMetrics from "./ServiceMetrics.ts"
import * as SinkSettings from "./SinkSettings.ts"
import * as StorageParts from "./StorageParts.ts"
import { version } from "./Version.ts"

/** Each attempt may block the event loop for the busy timeout of the database. */
const pause = "1 second"

/** One attempt. Nothing of an attempt that has failed stays open. */
const attempt = Effect.fnUntraced(function* ({ settings }: Prepared) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return yield* Layer.build(Storage.layerSqlite(StorageParts.storageOptions(settings))).pipe(
    Scope.provide(scope),
    Effect.tapCause(() => Scope.close(scope, Exit.void))
  )
})

/** What is said of the database while it cannot be opened. */
const partsOf = Effect.fnUntraced(function* (because: Effect.Effect<string>) {
  const ready = yield* StorageParts.orInSpool({
    name: "storage",
    check: Effect.map(because, (message) => ({ ok: false, message }) as const)
  })
  const storage = {
    name: "storage",
    status: Effect.map(because, (message) => ({ status: "down" as const, message }))
  }
  return { ready, components: Components.layer([storage, ...(yield* StorageParts.spoolComponent)]) }
})

/** Serves what works without a database, on a socket that the service takes over. */
const serve = Effect.fnUntraced(function* (prepared: Prepared, error: Effect.Effect<StorageError>) {
  const { settings } = prepared
  const hubs = ServiceMetrics.makeIntakeHubs()
  const because = Effect.map(error, ({ message }) => message)
  const { components, ready } = yield* partsOf(because)
  const parts = yield* Layer.build(
    Layer.mergeAll(
      Intake.layerWithoutDatabase({ ...intakeOptions(settings, hubs), cluster: settings.clusterName }, error),
      WaitingMetrics.layer({ ...hubs, build: { version, mode: settings.mode } }),
      components
    )
  )
  const options = yield* Effect.provideContext(serverOptions(prepared, ready), parts)
  const socket = Context.get(yield* Layer.build(Server.shared(options)), HttpServer.HttpServer)
  // With a memo map of its own: the router of the service must not be the one that has these routes.
  yield* Layer.buildWithMemoMap(
    Server.waiting({ ...options, because, components: Context.get(parts, Components.Components).list }, socket),
    Layer.makeMemoMapUnsafe(),
    yield* Effect.scope
  ).pipe(Effect.provideContext(parts))
  return socket
})

/** Tells people that the process waits, until the scope closes. */
const tell = Effect.fnUntraced(function* (
  { settings }: Prepared,
  because: Effect.Effect<StorageError>,
  memory: StartNotices.StartMemory
) {
  const sinks = Context.get(yield* Layer.build(SinkSettings.layer(settings)), NotificationSinks)
  const teller = { ...makeFacts(redact), cluster: settings.clusterName, isOwnAlert: isSelfAlert }
  yield* StartNotices.tell(sinks, { because, means: StorageParts.meaningOfWaiting(settings) }, teller, memory)
})

/** Records that the wait is over, if people were told of it. The start does not wait for that. */
const endNotice = (
  { settings }: Prepared,
  storage: Context.Context<Storage.Services>,
  memory: StartNotices.StartMemory
) => {
  const sinks = settings.notificationSinks.map(({ name }) => name)
  const stores = { audit: Context.get(storage, AuditLog), outbox: Context.get(storage, Outbox) }
  return Effect.asVoid(Effect.forkScoped(StartNotices.end({ sinks, ...stores }, memory)))
}

/**
 * The database and the spool, for as long as the scope is open, and the socket that listens already if the database had
 * to be waited for. `onWaiting` is called with its address when it listens.
 */
export const open = Effect.fnUntraced(function* (
  prepared: Prepared,
  onWaiting: (address: HttpServer.HttpServer["Service"]["address"], error: StorageError) => Effect.Effect<void>
) {
  const spool = yield* Layer.build(StorageParts.spool(prepared.settings))
  const memory = StartMemoryFile.make(StorageParts.startNoticeFile(prepared.settings))
  const kept = Context.add(spool, StartNotices.NoticeMemory, memory)
  const first = yield* Effect.result(attempt(prepared))
  if (first._tag === "Success") {
    yield* endNotice(prepared, first.success, memory)
    return { storage: Layer.succeedContext(Context.merge(first.success, kept)) }
  }
  let error = first.failure
  if (!error.retryable) return yield* error
  const reason = Effect.sync(() => error)
  const socket = yield* Effect.provideContext(serve(prepared, reason), spool)
  yield* onWaiting(socket.address, error)
  const telling = yield* Scope.fork(yield* Effect.scope)
  yield* Effect.forkIn(Scope.provide(tell(prepared, reason, memory), telling), telling)
  const opened = yield* attempt(prepared).pipe(
    Effect.tapError((failed) =>
      Effect.gen(function* () {
        if (failed.retryable && failed.message !== error.message)
          yield* Effect.logError("The database still cannot be opened", { reason: failed.message })
        error = failed
      })
    ),
    Effect.delay(pause),
    Effect.retry({ while: ({ retryable }) => retryable })
  )
  yield* Effect.logInfo("The database is open")
  yield* Scope.close(telling, Exit.void)
  yield* endNotice(prepared, opened, memory)
  return { storage: Layer.succeedContext(Context.merge(opened, kept)), socket }
})
