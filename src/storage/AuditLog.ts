/**
 * The append-only, hash-chained account of everything that was accepted, decided, done and overridden.
 *
 * Remediation events are audited by `RemediationStore` in their own transaction; everything else (breakers taken by
 * hand, levels, emergency stops) comes through `record`.
 */

import { Context, type Effect } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import type { StorageError } from "./StorageError.ts"

export class AuditLog extends Context.Service<
  AuditLog,
  {
    readonly record: (
      entry: Pick<AuditEvent, "actor" | "kind" | "subject" | "data">
    ) => Effect.Effect<AuditEvent, StorageError>
    /** Lines after a sequence number, in order. */
    readonly read: (after: number, limit: number) => Effect.Effect<ReadonlyArray<AuditEvent>, StorageError>
    /** Recomputes the chain. Answers the first line that does not hold, or `undefined` when all do. */
    readonly verify: Effect.Effect<number | undefined, StorageError>
  }
>()("kubernaut/storage/AuditLog") {}
