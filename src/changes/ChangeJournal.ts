/**
 * The change journal: what changed in the cluster, and when nobody watched.
 *
 * **When to use**
 *
 * To ask which change may have caused an alert, and to restore the fields that one recorded change has touched.
 *
 * **Details**
 *
 * A change is known as soon as its event has arrived: `list` and `find` return it even if the database does not have it
 * yet. A change that happened while nobody watched has `notBefore`, and its interval is a gap.
 *
 * **Gotchas**
 *
 * No recorded change does not mean that nothing changed. Ask `gaps` for the same kinds and the same time: only an empty
 * list says that they were watched throughout.
 */

import { Context, Effect, Layer } from "effect"
import type { ChangeId, ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { StorageError } from "../storage/StorageError.ts"

/** Which changes `ChangeJournal.list` returns. */
export interface ChangeQuery {
  /** Changes of any of these objects. Default: of all objects. */
  readonly refs?: ReadonlyArray<ResourceRef>
  /** Changes at this time or later. */
  readonly since?: Timestamp
  /** Changes at this time or earlier. */
  readonly until?: Timestamp
  /** The largest number of changes to return. */
  readonly limit: number
}

/** Reads the recorded changes and the gaps. `Kubernaut.layer` provides it. */
export class ChangeJournal extends Context.Service<
  ChangeJournal,
  {
    /** The recorded changes, newest first. A change whose event has arrived is among them. */
    readonly list: (query: ChangeQuery) => Effect.Effect<ReadonlyArray<ObjectChange>, StorageError>
    readonly find: (id: ChangeId) => Effect.Effect<ObjectChange | undefined, StorageError>
    /**
     * The intervals of these kinds since a time that were not watched, open ones included. Empty: all of them were
     * watched throughout. A kind that is never watched has an open gap.
     */
    readonly gaps: (
      kinds: ReadonlyArray<string>,
      since: Timestamp
    ) => Effect.Effect<ReadonlyArray<WatchGap>, StorageError>
    /**
     * The last seen state of an object, without a request, and without the fields that the journal leaves out.
     * `undefined`: its kind is not watched, or it does not exist.
     */
    readonly present: (ref: ResourceRef) => KubernetesObject | undefined
  }
>()("kubernaut/changes/ChangeJournal") {}

/** The gap of a kind that nobody has ever watched. */
export const neverWatched = (kind: string): WatchGap => ({ kind, from: null, to: null, reason: "not-started" })

/** A journal of a service that watches nothing: it knows no change, and no interval was watched. */
export const layerNone: Layer.Layer<ChangeJournal> = Layer.succeed(ChangeJournal, {
  list: () => Effect.succeed([]),
  find: () => Effect.undefined,
  gaps: (kinds) => Effect.succeed(kinds.map(neverWatched)),
  present: () => undefined
})

/** What a journal in memory contains. */
export interface MemoryOptions {
  /** In any order. Default: none. */
  readonly changes?: ReadonlyArray<ObjectChange>
  /** Default: none. Every kind was watched throughout. */
  readonly gaps?: ReadonlyArray<WatchGap>
  /** The objects as they are now. Default: none. */
  readonly objects?: ReadonlyArray<KubernetesObject>
}

const refOf = ({ kind, metadata }: KubernetesObject): ResourceRef => ({
  namespace: metadata.namespace ?? "",
  kind,
  name: metadata.name
})

/** Newest first. Changes of the same time are in the order of recording. */
const newestFirst = (left: ObjectChange, right: ObjectChange): number =>
  left.at === right.at ? (left.id < right.id ? 1 : -1) : left.at < right.at ? 1 : -1

/** A journal with fixed content, for tests and examples. */
export const layerMemory = ({ changes = [], gaps = [], objects = [] }: MemoryOptions): Layer.Layer<ChangeJournal> =>
  Layer.succeed(ChangeJournal, {
    list: ({ limit, refs, since, until }) =>
      Effect.succeed(
        changes
          .filter(
            ({ at, ref }) =>
              (since === undefined || at >= since)
              && (until === undefined || at <= until)
              && (refs === undefined || refs.some((each) => sameRef(each, ref)))
          )
          .toSorted(newestFirst)
          .slice(0, limit)
      ),
    find: (id) => Effect.succeed(changes.find((each) => each.id === id)),
    gaps: (kinds, since) =>
      Effect.succeed(gaps.filter(({ kind, to }) => kinds.includes(kind) && (to === null || to > since))),
    present: (ref) => objects.find((object) => sameRef(refOf(object), ref))
  })
