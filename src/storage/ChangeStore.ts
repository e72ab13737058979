/**
 * Where the change journal is kept: the changes, the gaps, and what a restarted watcher needs to continue: how far each
 * watch had come, and the last state of each object.
 */

import { Context, type Effect } from "effect"
import type { ChangeQuery } from "../domain/ChangeQuery.ts"
import type { ChangeId, ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** How far the watch of a kind has come. */
export interface WatchCursor {
  readonly kind: string
  /** The watch continues from here; empty: it begins with a list. */
  readonly resourceVersion: string
  /** Everything up to this time has been seen. */
  readonly seenAt: Timestamp
}

/** The last seen state of an object, without noise. */
export interface Snapshot {
  readonly ref: ResourceRef
  readonly uid: string
  readonly resourceVersion: string
  /** JSON. A Secret has no values. */
  readonly text: string
}

/** One event: what is stored of it is stored together. */
export interface StoredEvent {
  readonly change?: ObjectChange
  /** The state of the object now. `undefined`: it no longer exists. */
  readonly ref: ResourceRef
  readonly snapshot: Snapshot | undefined
}

/** How much is kept. */
export interface ChangeRetention {
  /** The largest number of changes of one object. */
  readonly perObject: number
  /** The largest number of changes. */
  readonly inAll: number
  /** Older changes and gaps are dropped. */
  readonly before: Timestamp
}

/** Provided by the layers of `Storage`. */
export class ChangeStore extends Context.Service<
  ChangeStore,
  {
    readonly record: (events: ReadonlyArray<StoredEvent>) => Effect.Effect<void, StorageError>
    /** Stores how far the watches have come, and the gaps that have ended. A gap that is known is not stored again. */
    readonly advance: (
      cursors: ReadonlyArray<WatchCursor>,
      gaps: ReadonlyArray<WatchGap>
    ) => Effect.Effect<void, StorageError>
    /** Newest first. */
    readonly list: (query: ChangeQuery) => Effect.Effect<ReadonlyArray<ObjectChange>, StorageError>
    readonly find: (id: ChangeId) => Effect.Effect<ObjectChange | undefined, StorageError>
    /**
     * The gaps of these kinds that ended after a time. What was dropped is a gap of every kind: nobody knows any more
     * what happened then.
     */
    readonly gaps: (
      kinds: ReadonlyArray<string>,
      since: Timestamp
    ) => Effect.Effect<ReadonlyArray<WatchGap>, StorageError>
    readonly cursors: Effect.Effect<ReadonlyArray<WatchCursor>, StorageError>
    readonly snapshots: Effect.Effect<ReadonlyArray<Snapshot>, StorageError>
    /** Drops what exceeds the limits. */
    readonly prune: (retention: ChangeRetention) => Effect.Effect<void, StorageError>
  }
>()("kubernaut/storage/ChangeStore") {}
