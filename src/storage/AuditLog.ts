/**
 * The append-only, hash-chained record of everything that was accepted, decided, executed and overridden.
 *
 * `RemediationStore` audits remediation events in the transaction that journals them. Everything else, such as breaker
 * overrides, is added through `record`.
 */

import { Context, type Effect } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import type { Ordered } from "./StandingOrders.ts"
import type { StorageError } from "./StorageError.ts"

/** The lines of the audit log that do not fit the line before them, by their sequence numbers. */
export interface AuditBreaks {
  /** Those that no operator has acknowledged. */
  readonly broken: ReadonlyArray<number>
  readonly acknowledged: ReadonlyArray<number>
}

/** Appends to the audit log, reads it and verifies its chain. Provided by the layers of `Storage`. */
export class AuditLog extends Context.Service<
  AuditLog,
  {
    /** Appends one line and returns it with its sequence number and hash. */
    readonly record: (
      entry: Pick<AuditEvent, "actor" | "kind" | "subject" | "data">
    ) => Effect.Effect<AuditEvent, StorageError>
    /** Lines with a sequence number greater than `after`, in order. Archived lines are not among them: see `Archive`. */
    readonly read: (after: number, limit: number) => Effect.Effect<ReadonlyArray<AuditEvent>, StorageError>
    /**
     * Recomputes the chain from the last archived line on. Returns the sequence number of the first invalid line, or
     * `undefined` if all are valid.
     */
    readonly verify: Effect.Effect<number | undefined, StorageError>
    /**
     * Checks the newest 1,000 lines, and every line that was found broken before: cheap enough to be repeated. At most
     * ten new breaks are found. A break is recorded (`audit.broken`), so that it is found until that line is intact
     * again, however many lines follow it, also after a restart. Then that is recorded, too (`audit.intact`).
     */
    readonly verifyEnd: Effect.Effect<AuditBreaks, StorageError>
    /**
     * An operator has looked at every break that an earlier check has found (`audit.acknowledged`). Returns those that
     * nobody had acknowledged. A break that nobody was told of yet, or a line that is changed once more, is a new one.
     */
    readonly acknowledge: (ordered: Ordered) => Effect.Effect<ReadonlyArray<number>, StorageError>
  }
>()("kubernaut/storage/AuditLog") {}
