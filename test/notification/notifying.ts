/** The real notifications on a database in memory, with sinks that a test controls. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Layer, type Scope } from "effect"
import type { Lasting } from "../../src/domain/Notification.ts"
import * as Notifications from "../../src/notification/Notifications.ts"
import { type Message, NotificationSinks, type Sink, type SinkError } from "../../src/notification/NotificationSink.ts"
import { makeFacts } from "../../src/notification/RemediationFacts.ts"
import { NoticeMemory, type StartMemory } from "../../src/notification/StartNotices.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"
import type { ChildStatus } from "../../src/resilience/supervision/Supervisor.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Levels } from "../../src/storage/Levels.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"
import type { StorageStatus } from "../../src/storage/StorageHealth.ts"
import { StorageHealth } from "../../src/storage/StorageHealth.ts"

/** A sink that a test controls. */
export interface TestSink {
  readonly sink: Sink
  /** Every message that arrived, in order, repeats included. */
  readonly arrived: Array<Message>
  readonly refreshed: Array<{ readonly lasting: ReadonlyArray<Lasting>; readonly isWorking: boolean }>
  /** What becomes of the next messages, after they have arrived or without. */
  behave: (message: Message) => Effect.Effect<void, SinkError>
  /** How many attempts there were, also those that did not arrive. */
  attempts: number
}

export const testSink = (name: string, more: Partial<Sink> = {}): TestSink => {
  const self: TestSink = {
    arrived: [],
    refreshed: [],
    attempts: 0,
    behave: () => Effect.void,
    sink: {
      name,
      send: (message) =>
        Effect.suspend(() => {
          self.attempts++
          return Effect.andThen(
            self.behave(message),
            Effect.sync(() => void self.arrived.push(message))
          )
        }),
      check: Effect.void,
      ...more
    }
  }
  return self
}

/** The same, for a sink that shows conditions. */
export const conditionSink = (name: string, more: Partial<Sink> = {}): TestSink => {
  const self: TestSink = testSink(name, {
    refresh: (lasting, isWorking) => Effect.sync(() => void self.refreshed.push({ lasting, isWorking })),
    ...more
  })
  return self
}

export const running: ReadonlyArray<ChildStatus> = ["sweep", "degradation", "storage", "notifications"].map((name) => ({
  name,
  status: "running",
  restarts: 0
}))

export interface Harness {
  readonly audit: AuditLog["Service"]
  readonly levels: Levels["Service"]
  readonly outbox: Outbox["Service"]
  readonly notifications: Notifications.Notifications["Service"]
  readonly recoveries: EventHub.EventHub<Notifications.Recovery>
  readonly setStorage: (status: StorageStatus) => void
}

/** Does what a line says, so that the record agrees with it. */
const order = (database: DatabaseSync, kind: string): void => {
  if (kind === "emergency-stop.set")
    database.exec("insert or ignore into standing_orders (name, given_by, since) values ('emergency-stop', 'ada', '')")
  if (kind === "emergency-stop.lifted") database.exec("delete from standing_orders where name = 'emergency-stop'")
}

/** Starts the notifications of one process on the database. They end with the scope. */
export const start = (
  database: DatabaseSync,
  sinks: ReadonlyArray<TestSink>,
  children: Effect.Effect<ReadonlyArray<ChildStatus>> = Effect.succeed(running),
  { memory, ...options }: Pick<Storage.StorageOptions, "levelFile"> & { readonly memory?: StartMemory } = {}
): Effect.Effect<Harness, StorageError, Scope.Scope> =>
  Effect.gen(function* () {
    const recoveries = EventHub.make<Notifications.Recovery>()
    const changes = EventHub.make<StorageStatus>()
    let status: StorageStatus = { _tag: "Up" }
    const health = {
      status: Effect.sync(() => status),
      check: Effect.sync(() => status),
      changes,
      watch: Effect.never
    }
    const context = yield* Layer.build(
      Notifications.layer({ ...makeFacts((text) => text), cluster: "prod", isOwnAlert: () => false }, recoveries).pipe(
        Layer.provideMerge(Layer.succeed(StorageHealth, health)),
        Layer.provide(memory === undefined ? Layer.empty : Layer.succeed(NoticeMemory, memory)),
        Layer.provide(
          Layer.succeed(
            NotificationSinks,
            sinks.map(({ sink }) => sink)
          )
        ),
        Layer.provideMerge(Storage.layerDatabase(database, options))
      )
    )
    const { audit, levels, notifications, outbox } = yield* Effect.all({
      audit: AuditLog,
      levels: Levels,
      outbox: Outbox,
      notifications: Notifications.Notifications
    }).pipe(Effect.provideContext(context))
    for (const child of notifications.children(children)) yield* Effect.forkScoped(child.start)
    return {
      audit: {
        ...audit,
        record: (line) =>
          Effect.suspend(() => {
            order(database, line.kind)
            return audit.record(line)
          })
      },
      levels,
      outbox,
      notifications,
      recoveries,
      setStorage: (next) => {
        status = next
        changes.publish(next)
      }
    }
  })

/** An audit line that people are told of. */
export const stopped = (audit: AuditLog["Service"], by = "ada") =>
  audit.record({ actor: by, kind: "emergency-stop.set", subject: "emergency-stop", data: {} })

/** An audit line that is critical. */
export const emergency = (audit: AuditLog["Service"]) =>
  audit.record({
    actor: "kubernaut",
    kind: "level.changed",
    subject: "emergency",
    data: { from: 0, to: 3, reasons: [] }
  })
