/**
 * Where notifications go: the port of a sink, and the sinks of the service.
 *
 * `AlertmanagerSink`, `WebhookSink` and `SlackSink` implement it. A sink of your own is an object with a name and a
 * `send`; provide it with `layer`.
 *
 * **Details**
 *
 * A message that was sent may be sent again: when its response was lost, or when the process ended before the delivery
 * was recorded. It then has the same `key`. A sink that can pass the key on, does.
 *
 * **Errors**
 *
 * `SinkError` names the sink and never its address, which may be a secret.
 */

import { Context, type Effect, Layer, Schema } from "effect"
import {
  isAtLeast,
  type Lasting,
  type Notification,
  type NotificationKind,
  type NotificationSeverity
} from "../domain/Notification.ts"
import type { Digest } from "./Digest.ts"

/**
 * Why a message was not taken.
 *
 * - `unreachable`: no connection, or no response in time. The message may have arrived.
 * - `overloaded`: the receiver asks to wait (429, 503), or fails (5xx).
 * - `refused`: the receiver does not take this message, or not from us (another 4xx). `status` says which.
 */
export const SinkErrorReason = Schema.Literals(["unreachable", "overloaded", "refused"])
export type SinkErrorReason = typeof SinkErrorReason.Type

/** A message was not taken. It contains neither the address of the sink nor the body of its response. */
export class SinkError extends Schema.TaggedError<SinkError>()("SinkError", {
  sink: Schema.String,
  reason: SinkErrorReason,
  /** The status of the response, if there was one. */
  status: Schema.optionalKey(Schema.Int),
  /** How long the receiver asks to wait. */
  retryAfterMs: Schema.optionalKey(Schema.Finite)
}) {
  override get message(): string {
    return `the sink ${this.sink} is ${this.reason}${this.status === undefined ? "" : ` (status ${this.status})`}`
  }
}

/** One message: a notification, or a digest of several. */
export interface Message {
  /** The idempotency key. Every attempt to send the message has the same. */
  readonly key: string
  /** The notifications in it, the earliest first. */
  readonly notifications: readonly [Notification, ...ReadonlyArray<Notification>]
  /** Present: there are too many to send each. */
  readonly digest?: Digest
}

/** Which notifications a sink takes. */
export interface Route {
  /** Default: all. */
  readonly kinds?: ReadonlyArray<NotificationKind>
  /** The least urgent severity that it takes. Default `info`, everything. */
  readonly minimumSeverity?: NotificationSeverity
}

/** A receiver of notifications. */
export interface Sink extends Route {
  /** Unique. It is the name of the sink's circuit breaker and part of metrics, so it contains no secret. */
  readonly name: string
  /** At most this many messages in any minute. Default 20. */
  readonly perMinute?: number
  /**
   * For a receiver that shows conditions for as long as they last: called each minute with those that last, whether the
   * service works, and those of the refresh before that have ended since. Such a sink takes all that waits in one
   * message, and is never sent a digest. Default: absent, it shows messages.
   */
  readonly refresh?: (
    conditions: ReadonlyArray<Lasting>,
    isWorking: boolean,
    ended: ReadonlyArray<Lasting>
  ) => Effect.Effect<void, SinkError>
  /** Sends one message. */
  readonly send: (message: Message) => Effect.Effect<void, SinkError>
  /** Finds out whether the receiver responds, without sending a message. */
  readonly check: Effect.Effect<void, SinkError>
}

/** The default of `Sink.perMinute`: more than that, nobody reads. */
export const defaultPerMinute = 20

/** Whether a sink takes a notification. A test goes to every sink. */
export const takes = (
  { kinds, minimumSeverity = "info" }: Route,
  { kind, severity }: Pick<Notification, "kind" | "severity">
): boolean => kind === "test" || ((kinds === undefined || kinds.includes(kind)) && isAtLeast(severity, minimumSeverity))

/**
 * The sinks of the service. Without this service, nobody is notified.
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { NotificationSink } from "kubernaut"
 *
 * const console = NotificationSink.layer([
 *   {
 *     name: "console",
 *     minimumSeverity: "critical",
 *     send: ({ notifications: [first] }) => Console.log(first.title),
 *     check: Effect.void
 *   }
 * ])
 * ```
 */
export class NotificationSinks extends Context.Service<NotificationSinks, ReadonlyArray<Sink>>()(
  "kubernaut/notification/NotificationSink/NotificationSinks"
) {}

/** Provides sinks. Provide the layer to `Kubernaut.layer`. */
export const layer = (sinks: ReadonlyArray<Sink>): Layer.Layer<NotificationSinks> =>
  Layer.succeed(NotificationSinks, sinks)

/** Provides sinks that an effect makes, such as those that need an HTTP client. */
export const layerEffect = <E, R>(
  sinks: Effect.Effect<ReadonlyArray<Sink>, E, R>
): Layer.Layer<NotificationSinks, E, R> => Layer.effect(NotificationSinks, sinks)
