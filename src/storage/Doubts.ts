/**
 * When our own view of a cluster was last in doubt. It is durable, so that after a restart, and in a second process on
 * the same database, actions begin one by one too.
 */

import { Context, type Effect, type Option } from "effect"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** Provided by the layers of `Storage`. */
export class Doubts extends Context.Service<
  Doubts,
  {
    /** Records that the view of the cluster is in doubt at a moment. Returns after the commit. */
    readonly record: (cluster: string, at: Timestamp) => Effect.Effect<void, StorageError>
    /** The moment that was recorded last. */
    readonly latest: (cluster: string) => Effect.Effect<Option.Option<Timestamp>, StorageError>
  }
>()("kubernaut/storage/Doubts") {}
