/**
 * Notifies people of what matters, through the sinks that are configured.
 *
 *     audit log ──derivation──> outbox ──one fiber for each sink──> Alertmanager, webhooks, chats
 *                 pure              │
 *                                   └── conditions ──each minute──> Alertmanager, with the heartbeat
 *
 * No stage knows of notifications: they follow from the audit log. `children` are supervised one by one, so that the
 * failure of one sink's fiber touches no other.
 */

import { Context, Effect, Layer, Option, Queue, Schedule } from "effect"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"
import type { EventHub } from "../resilience/EventHub.ts"
import type { ChildSpec, ChildStatus } from "../resilience/supervision/Supervisor.ts"
import { AccountSuspensions } from "../storage/AccountSuspensions.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import { Levels } from "../storage/Levels.ts"
import { type Backlog, Outbox } from "../storage/Outbox.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import * as Channels from "./Channel.ts"
import * as Delivery from "./Delivery.ts"
import * as Derivation from "./Derivation.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as LevelNotices from "./LevelNotices.ts"
import type { Teller } from "./NotificationOf.ts"
import { NotificationSinks } from "./NotificationSink.ts"
import { NoticeMemory, type StartMemory } from "./StartNotices.ts"
import * as StorageNotices from "./StorageNotices.ts"

/** How a sink is, for status pages. */
export interface SinkStatus {
  readonly sink: string
  /** `degraded`: the sink responds, and has refused a message that waits. `unknown`: nothing was sent and asked yet. */
  readonly status: "up" | "degraded" | "down" | "unknown"
  /** Why, without its address. */
  readonly message?: string
  /** What waits for it. Absent: the database could not be read. */
  readonly backlog?: Backlog
}

/** The notifications of the service. */
export class Notifications extends Context.Service<
  Notifications,
  {
    /** What runs as long as the service. `supervised`: the state of the service's children, for the heartbeat. */
    readonly children: (supervised: Effect.Effect<ReadonlyArray<ChildStatus>>) => ReadonlyArray<ChildSpec<StorageError>>
    /** How a sink is, by what real messages have shown. Sends nothing. */
    readonly statusOf: (sink: string) => Effect.Effect<SinkStatus>
    /** The circuit breaker of each sink, by the sink's name. */
    readonly breakers: ReadonlyMap<string, CircuitBreaker>
  }
>()("kubernaut/notification/Notifications") {}

const recordRecoveries = (recoveries: EventHub<Recovery>, audit: AuditLog["Service"]) =>
  Effect.scoped(
    Effect.flatMap(recoveries.subscribe(), (recovered) =>
      Effect.forever(
        Effect.flatMap(Queue.take(recovered), ({ durationMs, service }) =>
          Effect.retry(
            audit.record({ actor: "kubernaut", kind: "service.recovered", subject: service, data: { durationMs } }),
            Schedule.spaced("1 second")
          )
        )
      )
    )
  )

const waitingText = ({ since, waiting }: Backlog): string =>
  `${waiting} ${waiting === 1 ? "notification waits" : "notifications wait"}${since === undefined ? "" : ` since ${since}`}`

const statusOf = (channel: Channels.Channel, outbox: Outbox["Service"]): Effect.Effect<SinkStatus> =>
  Effect.gen(function* () {
    const backlog = yield* Effect.orElseSucceed(outbox.backlog(channel.sink.name), () => undefined)
    const status =
      channel.failures > 0 || channel.isReachable === false
        ? "down"
        : channel.refusals.size > 0
          ? "degraded"
          : channel.isReachable === undefined
            ? "unknown"
            : "up"
    const words = [
      ...(channel.failure === undefined ? [] : [channel.failure]),
      ...(channel.memory.length === 0 ? [] : ["what the database has not taken waits to be told"]),
      ...(backlog === undefined
        ? ["what waits could not be read"]
        : backlog.waiting === 0
          ? []
          : [waitingText(backlog)])
    ]
    return {
      sink: channel.sink.name,
      status,
      ...(words.length === 0 ? {} : { message: words.join("; ") }),
      ...(backlog === undefined ? {} : { backlog })
    }
  })

/** Nothing outlives the process. */
const forgetful: StartMemory = { read: Effect.succeedNone, write: () => Effect.void }

/** A service that was out works again, `durationMs` after it went out. */
export interface Recovery {
  readonly service: string
  readonly durationMs: number
}

/**
 * The notifications to the sinks that are provided. `recoveries`: what is published there goes to the audit log, and
 * from there to people like everything else.
 */
export const layer = (
  teller: Teller,
  recoveries: EventHub<Recovery>
): Layer.Layer<
  Notifications,
  never,
  | NotificationSinks
  | AccountSuspensions
  | AuditLog
  | Levels
  | Outbox
  | RemediationStore
  | StandingOrders
  | StorageHealth
> =>
  Layer.effect(
    Notifications,
    Effect.gen(function* () {
      const sinks = yield* NotificationSinks
      const outbox = yield* Outbox
      const audit = yield* AuditLog
      const health = yield* StorageHealth
      const records = { accounts: yield* AccountSuspensions, levels: yield* Levels, orders: yield* StandingOrders }
      const stores = { audit, outbox, records, remediations: yield* RemediationStore }
      const memory = Option.getOrElse(yield* Effect.serviceOption(NoticeMemory), () => forgetful)
      const channels = yield* Effect.forEach(sinks, Channels.make)
      return {
        children: (supervised) => {
          const works = Effect.zipWith(health.status, supervised, Heartbeat.isWorking)
          return [
            { name: "notifications", start: Derivation.run(channels, stores, teller) },
            { name: "storage-notices", start: StorageNotices.run(channels, health, { audit, outbox }, teller, memory) },
            { name: "level-notices", start: LevelNotices.run(channels, records.levels, teller) },
            { name: "recoveries", start: recordRecoveries(recoveries, audit) },
            ...channels.flatMap((channel) => [
              { name: Channels.serviceOf(channel.sink), start: Delivery.run(channel, outbox) },
              ...(channel.sink.refresh === undefined
                ? []
                : [{ name: `heartbeat:${channel.sink.name}`, start: Heartbeat.run(channel, outbox, works) }])
            ])
          ]
        },
        statusOf: (sink) => {
          const channel = channels.find((each) => each.sink.name === sink)
          return channel === undefined
            ? Effect.succeed({ sink, status: "down", message: "it is not configured" })
            : statusOf(channel, outbox)
        },
        breakers: new Map(
          channels.flatMap(({ pipeline: { circuitBreaker }, sink }) =>
            circuitBreaker === undefined ? [] : [[sink.name, circuitBreaker] as const]
          )
        )
      }
    })
  )
