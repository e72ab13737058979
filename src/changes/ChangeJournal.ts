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
 * No recorded change does not mean that nothing changed. Ask `confirm` and then `gaps` for the same kinds and the same
 * time: only two empty lists say that they were watched throughout, and that nothing is still on its way.
 */

import { Context, Effect, Layer } from "effect"
import { type ChangeQuery, select } from "../domain/ChangeQuery.ts"
import type { ChangeId, ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { watchedKinds } from "./WatchedKinds.ts"

/** Reads the recorded changes and the gaps. `Kubernaut.layer` provides it. */
export class ChangeJournal extends Context.Service<
  ChangeJournal,
  {
    /** The kinds whose changes are recorded. Empty: changes are not recorded. */
    readonly kinds: ReadonlyArray<string>
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
     * Asks the API server whether every change of these kinds up to a time has arrived. Returns the kinds for which
     * that could not be shown in less than three seconds, as open gaps. Kinds that are in a gap already are not asked
     * about. `mostMs` makes the time shorter.
     */
    readonly confirm: (
      kinds: ReadonlyArray<string>,
      until: Timestamp,
      mostMs?: number
    ) => Effect.Effect<ReadonlyArray<WatchGap>>
    /**
     * The last seen state of an object, without a request, and without the fields that the journal leaves out. Of an
     * object that the journal leaves out by now, the last state before. `undefined`: its kind is not watched, or it
     * does not exist.
     */
    readonly present: (ref: ResourceRef) => KubernetesObject | undefined
  }
>()("kubernaut/changes/ChangeJournal") {}

/** The gap of a kind that nobody has ever watched. */
export const neverWatched = (kind: string): WatchGap => ({ kind, from: null, to: null, reason: "not-started" })

/** A journal of a service that watches nothing: it knows no change, and no interval was watched. */
export const layerNone: Layer.Layer<ChangeJournal> = Layer.succeed(ChangeJournal, {
  kinds: [],
  list: () => Effect.succeed([]),
  find: () => Effect.undefined,
  gaps: (kinds) => Effect.succeed(kinds.map(neverWatched)),
  confirm: () => Effect.succeed([]),
  present: () => undefined
})

/** What a journal in memory contains. */
export interface MemoryOptions {
  /** In any order. Default: none. */
  readonly changes?: ReadonlyArray<ObjectChange>
  /** Default: none. Every kind was watched throughout. */
  readonly gaps?: ReadonlyArray<WatchGap>
  /** The kinds whose changes are recorded. Default: the built-in ones. */
  readonly kinds?: ReadonlyArray<string>
  /** The objects as they are now. Default: none. */
  readonly objects?: ReadonlyArray<KubernetesObject>
}

const refOf = ({ kind, metadata }: KubernetesObject): ResourceRef => ({
  namespace: metadata.namespace ?? "",
  kind,
  name: metadata.name
})

/** A journal with fixed content, for tests and examples. */
export const layerMemory = ({
  changes = [],
  gaps = [],
  kinds = watchedKinds,
  objects = []
}: MemoryOptions): Layer.Layer<ChangeJournal> =>
  Layer.succeed(ChangeJournal, {
    kinds,
    list: (query) => Effect.succeed(select(query, changes)),
    find: (id) => Effect.succeed(changes.find((each) => each.id === id)),
    gaps: (kinds, since) =>
      Effect.succeed(gaps.filter(({ kind, to }) => kinds.includes(kind) && (to === null || to > since))),
    confirm: () => Effect.succeed([]),
    present: (ref) => objects.find((object) => sameRef(refOf(object), ref))
  })
