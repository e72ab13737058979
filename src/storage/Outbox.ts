/**
 * The notifications that wait for their sinks, those that were delivered, and the conditions that last.
 *
 * **Durability.** Notifications are derived from the audit log. `add` stores what follows from the lines up to a
 * position together with that position, so a crash neither loses a notification nor makes two of one line. A delivery
 * is recorded after it: a crash in between sends the message again, with the same key.
 *
 * **Several processes.** Before it sends a message, a process claims the notifications in it. Each claim has a number
 * that grows, so of two processes that have read the same row one gets it. A claim lasts until it is released, or until
 * its time is over, which each process measures from when it has first seen the claim (`notification/Lease`): a wall
 * clock that is set lengthens and shortens nothing.
 *
 * **Positions.** Each sink has its own, and so have the conditions. They move only with what was derived for them: a
 * process that has other sinks, or none, moves no position of its neighbours. What is derived from a line that the
 * conditions are past already changes none of them: a slow process brings back nothing that has ended since.
 *
 * **A sink that is new** begins at the end of the audit log: nobody wants to be told of last month. The position of a
 * sink that nobody names, and what it has not received, stay for `keptFor`. If it comes back in time, it is told of
 * what it has missed; later it is new. The position of the conditions stays: what began long ago may last.
 *
 * **A wall clock that is wrong** loses nothing that waits. What is too old by it is forgotten only after a day, by the
 * monotonic clock, of a process that has not got the sink. So where no process ran meanwhile, nothing was forgotten,
 * and a sink that comes back is told what has waited: too much is better than an emergency too few.
 */

import { Context, Duration, type Effect } from "effect"
import type { Condition, Lasting, Notification } from "../domain/Notification.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** How long a delivered notification, and one of a sink that nobody configures, is kept. */
export const keptFor = Duration.days(30)

/** A notification for one sink. */
export interface Addressed {
  readonly sink: string
  readonly notification: Notification
}

/** Who may send a notification. */
export interface Claim {
  /** How often it was claimed. */
  readonly number: number
  /** False: nobody has claimed it, or the claim was released. True: its process may be sending, or may have ended. */
  readonly isHeld: boolean
}

/** A notification that waits. */
export interface Waiting {
  /** Its place in the outbox; earlier ones have lower numbers. */
  readonly id: number
  readonly notification: Notification
  readonly claim: Claim
  /** The key of the message that it was put into, if that has been decided. A retry sends the same message. */
  readonly message?: string
}

/** A condition begins or ends with a line of the audit log. */
export type ConditionChange = { readonly line: number } & (
  | { readonly _tag: "Begins"; readonly lasting: Lasting }
  | { readonly _tag: "Ends"; readonly condition: Condition }
)

/** What follows from the audit lines up to `through`. */
export interface Derived {
  readonly through: number
  /** The sinks for which the lines were considered. */
  readonly sinks: ReadonlyArray<string>
  readonly notifications: ReadonlyArray<Addressed>
  /** In the order of the lines. */
  readonly conditions: ReadonlyArray<ConditionChange>
}

/** The last audit lines that were considered. */
export interface Positions {
  /** For each of the sinks that were named. */
  readonly sinks: ReadonlyMap<string, number>
  readonly conditions: number
}

/** Messages by their keys: all others, or only these, however many notifications they have. */
export type WhichMessages = { readonly without: ReadonlyArray<string> } | { readonly only: ReadonlyArray<string> }

/** How many messages a sink is sent in a minute. */
export interface Pace {
  readonly sink: string
  readonly most: number
}

/** How much waits for one sink. */
export interface Backlog {
  readonly waiting: number
  /** When the earliest of them happened. Absent: nothing waits. */
  readonly since?: Timestamp
}

/** The outbox. The layers of `Storage` provide it. */
export class Outbox extends Context.Service<
  Outbox,
  {
    /**
     * Names the sinks of this process, and returns the positions. A new sink begins at the end of the log, and so do
     * the conditions in a new database. Forgets none of them, whenever it was named before, but other sinks that nobody
     * has named for `keptFor`. So does `add`.
     */
    readonly register: (sinks: ReadonlyArray<string>) => Effect.Effect<Positions, StorageError>
    /** The last line of the audit log, as this process knows it. It costs nothing. */
    readonly head: Effect.Effect<number>
    /** Returns when this process has committed an audit line after `position`. Lines of others do not wake it. */
    readonly grown: (position: number) => Effect.Effect<void>
    /**
     * Stores what was derived, and the positions. What is there already is not stored again. It names the sinks, too.
     */
    readonly add: (derived: Derived) => Effect.Effect<void, StorageError>
    /**
     * What waits for a sink, the earliest first. Where more than `limit` wait, it is the earliest of all and as many of
     * the critical ones: what came before must not hide an emergency.
     */
    readonly waiting: (
      sink: string,
      limit: number,
      which?: WhichMessages
    ) => Effect.Effect<ReadonlyArray<Waiting>, StorageError>
    readonly backlog: (sink: string) => Effect.Effect<Backlog, StorageError>
    /**
     * Claims notifications, and decides that they go out as one message. Returns false, and changes nothing, when one
     * of them was claimed or delivered since it was read, or when all processes together have claimed as many messages
     * as `pace` allows in the minute before the commit. With it, the claim of each has the next number.
     *
     * `pace`: the message is sent now, and counts. Default: absent, only what is in it is decided.
     */
    readonly claim: (
      rows: ReadonlyArray<Pick<Waiting, "id" | "claim">>,
      message: string,
      pace?: Pace
    ) => Effect.Effect<boolean, StorageError>
    /** Gives back claims, unless somebody else has claimed the notifications since. */
    readonly release: (
      claims: ReadonlyArray<{ readonly id: number; readonly number: number }>
    ) => Effect.Effect<void, StorageError>
    /**
     * Records the delivery of a message, and forgets what is older than `keptFor`. It needs no valid claim: what has
     * arrived has arrived, and who has claimed it since need not send it.
     *
     * Where a later notification about one of its conditions was delivered before, the last one waits again, for a
     * message with another key: a receiver believes what it was told last.
     */
    readonly delivered: (ids: ReadonlyArray<number>, at: Timestamp) => Effect.Effect<void, StorageError>
    /**
     * Whether a condition lasts by the last notification about it for one of these sinks, delivered or not. Absent:
     * none of them was told of it in `keptFor`.
     */
    readonly lastWord: (
      sinks: ReadonlyArray<string>,
      condition: Condition["name"]
    ) => Effect.Effect<boolean | undefined, StorageError>
    /** How many messages to a sink were claimed in the last minute, by every process. */
    readonly sentInMinute: (sink: string) => Effect.Effect<number, StorageError>
    /** The conditions that last. */
    readonly conditions: Effect.Effect<ReadonlyArray<Lasting>, StorageError>
  }
>()("kubernaut/storage/Outbox") {}
