/**
 * The changes in an interval that may concern what an alert names, and what follows where there are too many of them.
 */

import { Effect } from "effect"
import { newestFirst } from "../domain/ChangeQuery.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { Suspect, Suspects } from "../domain/Suspects.ts"
import type { ResourceRef } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { StorageError } from "../storage/StorageError.ts"
import type { ChangeJournal } from "./ChangeJournal.ts"
import type { FirstSymptom } from "./FirstSymptom.ts"
import { scopesOf } from "./SuspectScope.ts"
import { closenessUpTo, similarShare } from "./SuspectScore.ts"

/** More changes of one scope are not considered; the newest are. */
export const mostChanges = 2000

export interface Interval {
  readonly since: Timestamp.Timestamp
  readonly until: Timestamp.Timestamp
}

/** The changes that may concern the target, the newest first. */
export interface Listed {
  readonly changes: ReadonlyArray<ObjectChange>
  /** There are more, at this time or before. Absent: these are all. */
  readonly moreUntilMs?: number
}

/** Each change once, the newest first. */
export const distinct = (changes: ReadonlyArray<ObjectChange>): ReadonlyArray<ObjectChange> =>
  [...new Map(changes.map((change) => [change.id, change])).values()].toSorted(newestFirst)

export const listed = Effect.fnUntraced(function* (
  journal: ChangeJournal["Service"],
  starts: ReadonlyArray<ResourceRef>,
  interval: Partial<Interval>
): Effect.fn.Return<Listed, StorageError> {
  const lists = yield* Effect.forEach(scopesOf(starts), (scope) =>
    journal.list({ ...scope, ...interval, limit: mostChanges })
  )
  const cuts = lists.flatMap((each) => (each.length < mostChanges ? [] : [Timestamp.toMillis(each.at(-1)!.at)]))
  return { changes: distinct(lists.flat()), ...(cuts.length === 0 ? {} : { moreUntilMs: Math.max(...cuts) }) }
})

/** Says so where there are more changes than are looked at. */
export const tooMany = (moreUntilMs: number | undefined): ReadonlyArray<string> =>
  moreUntilMs === undefined ? [] : [`changes before ${Timestamp.fromMillis(moreUntilMs)}: there are too many`]

/** The one suspect needs a person if one of the changes that were not looked at may be as likely. */
export const amongMore = (
  ranked: ReadonlyArray<Suspect>,
  clear: Suspects["finding"] | undefined,
  symptom: FirstSymptom,
  moreUntilMs: number | undefined
): ReadonlyArray<Suspect> => {
  const [best, ...others] = ranked
  if (clear !== "one" || best === undefined || moreUntilMs === undefined) return ranked
  if (closenessUpTo(moreUntilMs, symptom) < best.score * similarShare) return ranked
  const needsPerson = `More changed around it than is looked at, so a change before ${Timestamp.fromMillis(moreUntilMs)} may be the cause.`
  return [{ ...best, needsPerson: best.needsPerson ?? needsPerson }, ...others]
}
