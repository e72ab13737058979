/** Which recorded changes are asked for, and their order: the newest first. Pure. */

import type { ChangeId, ObjectChange } from "./ObjectChange.ts"
import { type ResourceRef, sameRef } from "./Target.ts"
import type { Timestamp } from "./Timestamp.ts"

/** A place in the order of changes. */
export interface ChangePlace {
  readonly at: Timestamp
  readonly id: ChangeId
}

/** Which changes are asked for. A condition that is absent leaves nothing out. */
export interface ChangeQuery {
  /** Changes of any of these objects. */
  readonly refs?: ReadonlyArray<ResourceRef>
  /** Changes of objects of any of these kinds. */
  readonly kinds?: ReadonlyArray<string>
  /** Changes of objects in this namespace. */
  readonly namespace?: string
  /** Changes at this time or later. */
  readonly since?: Timestamp
  /** Changes at this time or earlier. */
  readonly until?: Timestamp
  /** Changes that come after this place in the order, so that a page begins where the one before has ended. */
  readonly after?: ChangePlace
  /** The largest number of changes. */
  readonly limit: number
}

/** The newest first. Changes of the same time are in the order of recording, the last one first. */
export const newestFirst = (left: ChangePlace, right: ChangePlace): number =>
  left.at === right.at ? (left.id < right.id ? 1 : left.id > right.id ? -1 : 0) : left.at < right.at ? 1 : -1

/** The changes that a query asks for. */
export const select = (
  { after, kinds, limit, namespace, refs, since, until }: ChangeQuery,
  changes: ReadonlyArray<ObjectChange>
): ReadonlyArray<ObjectChange> =>
  changes
    .filter(
      (change) =>
        (since === undefined || change.at >= since)
        && (until === undefined || change.at <= until)
        && (refs === undefined || refs.some((each) => sameRef(each, change.ref)))
        && (kinds === undefined || kinds.includes(change.ref.kind))
        && (namespace === undefined || change.ref.namespace === namespace)
        && (after === undefined || newestFirst(after, change) < 0)
    )
    .toSorted(newestFirst)
    .slice(0, limit)
