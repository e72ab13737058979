/**
 * Whether the next write to the database will be stored: what the last commit found and, when nothing is written, a
 * small write.
 *
 * **When to use**
 *
 * `status` for readiness and status pages: it costs nothing. Run `watch` as a supervised child.
 */

import { Context, type Effect } from "effect"
import type { EventHub } from "../resilience/EventHub.ts"

/** `message` says what failed. It contains no content of the database. */
export type StorageStatus = { readonly _tag: "Up" } | { readonly _tag: "Down"; readonly message: string }

/** The health of the database. The layers of `Storage` provide it. */
export class StorageHealth extends Context.Service<
  StorageHealth,
  {
    readonly status: Effect.Effect<StorageStatus>
    /** Commits a small write and returns the status after it. */
    readonly check: Effect.Effect<StorageStatus>
    /** Publishes each change between up and down. */
    readonly changes: EventHub<StorageStatus>
    /** Checks at intervals while nothing else is written, and every second while the database is down. */
    readonly watch: Effect.Effect<never>
  }
>()("kubernaut/storage/StorageHealth") {}
