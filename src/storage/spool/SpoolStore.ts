/**
 * Takes entries of the spool into the database, each exactly once.
 *
 * The database keeps how far each spool has been replayed, and writes it in the transaction that stores the alerts. So
 * an entry that a crash left in its file is recognized, and a gap in the numbers shows that entries are damaged.
 */

import { Context, type Effect } from "effect"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { AcceptResult, AlertResolution, NewAlert, ResolveResult } from "../RemediationStore.ts"
import type { StorageError } from "../StorageError.ts"

/** An entry of the spool, with ids for its alerts. */
export interface ReplayedPost {
  readonly spool: string
  readonly sequence: number
  /** When it was received. */
  readonly at: Timestamp
  readonly firing: ReadonlyArray<NewAlert>
  readonly resolved: ReadonlyArray<AlertResolution>
  /** No other entry waits: the audit log then says that the spool has been replayed. */
  readonly isLast: boolean
  /** The database refuses its alerts: only its number is stored. The file that keeps it. */
  readonly refusedTo?: string
}

/** What an entry became. */
export interface Replayed {
  /** It had been replayed before, so nothing was done now. */
  readonly isRepeat: boolean
  /** One result per firing alert, in order. Empty for a repeat. */
  readonly accepted: ReadonlyArray<AcceptResult>
  /** One result per end, in order. Empty for a repeat. */
  readonly resolved: ReadonlyArray<ResolveResult>
  /** The number of entries before it that never came: they are damaged. */
  readonly missing: number
}

/** Provided by the layers of `Storage`. */
export class SpoolStore extends Context.Service<
  SpoolStore,
  {
    /** The identity of the database, which is stored in it. Absent for one in memory: no other process sees it. */
    readonly database?: string
    /**
     * Stores the alerts as they were received at `post.at`, firing ones first. One transaction. An alert whose end has
     * overtaken it (`AlertResolution.mayOvertake`) is resolved at once.
     */
    readonly replay: (post: ReplayedPost, now: Timestamp) => Effect.Effect<Replayed, StorageError>
  }
>()("kubernaut/storage/spool/SpoolStore") {}
