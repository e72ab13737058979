/**
 * The append-only, hash-chained record of everything that was accepted, decided, executed and overridden.
 *
 * `RemediationStore` audits remediation events in the transaction that journals them. Everything else, such as breaker
 * overrides, is added through `record`.
 */

import { Context, type Effect } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import type { StorageError } from "./StorageError.ts"

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
  }
>()("kubernaut/storage/AuditLog") {}
