/**
 * What the earlier changes of its object say about a suspect, as far back as the journal reaches.
 *
 * Suspects are looked for in the hours before a symptom. Who has changed the object before counts for longer.
 */

import { Effect } from "effect"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { Suspect, Suspects } from "../domain/Suspects.ts"
import type { StorageError } from "../storage/StorageError.ts"
import type { ChangeJournal } from "./ChangeJournal.ts"
import { recurs } from "./Habit.ts"
import { madeAgain } from "./MadeAgain.ts"
import { suspectScore } from "./SuspectScore.ts"

/** Earlier changes of one object are not considered. */
const mostCompared = 200

const judged = (suspect: Suspect, others: ReadonlyArray<ObjectChange>): Suspect => {
  const needsPerson = madeAgain(suspect.change, others) ?? recurs(suspect.change, others)
  return needsPerson === undefined ? suspect : { ...suspect, needsPerson, reasons: [...suspect.reasons, needsPerson] }
}

/** The suspects, and which of them need a person because of what was there before. */
export const withHistory = Effect.fnUntraced(function* (
  { list }: Pick<ChangeJournal["Service"], "list">,
  found: Suspects
): Effect.fn.Return<Suspects, StorageError> {
  const ranked = yield* Effect.forEach(found.ranked, (suspect) =>
    suspect.needsPerson !== undefined || suspect.score < suspectScore
      ? Effect.succeed(suspect)
      : Effect.map(list({ refs: [suspect.change.ref], limit: mostCompared }), (others) => judged(suspect, others))
  )
  return { ...found, ranked }
})
