/**
 * Whether a change that is closer to the symptom than the one suspect may not have arrived yet.
 *
 * A watch that has lost its connection counts as watched until it has been silent for long, and what it misses
 * meanwhile may be a better suspect. How much has to be shown depends on how close the one suspect is to the symptom:
 *
 * | the suspect was made           | what has to be shown                                                |
 * | ------------------------------ | ------------------------------------------------------------------- |
 * | within a minute of the symptom | that no watch is silent for longer than bookmarks take              |
 * | earlier                        | that every change up to the symptom has arrived: a later one may be |
 * |                                | closer                                                              |
 *
 * So nothing is asked about a quick incident while all watches are heard.
 */

import { Effect, Option } from "effect"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { Suspects } from "../domain/Suspects.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { ChangeJournal } from "./ChangeJournal.ts"
import { lateMs } from "./Confirmation.ts"

/** A suspect that is so close to the symptom has hardly room for one that is closer. */
const closeMs = 60_000
/** Bookmarks come once a minute, and a little later at times. */
const heardWithinMs = 90_000

/** Kept of the time to judge what has arrived late, and to return. */
const judgeMs = 400
const returnMs = 100

/** The time up to which every change has to have arrived. */
const arrivedUpTo = (
  { at }: Pick<ObjectChange, "at">,
  symptomAt: Timestamp.Timestamp,
  nowMs: number
): Timestamp.Timestamp => {
  const symptomMs = Timestamp.toMillis(symptomAt)
  return symptomMs - Timestamp.toMillis(at) > closeMs
    ? symptomAt
    : Timestamp.fromMillis(Math.min(symptomMs, nowMs - heardWithinMs - lateMs))
}

interface Journaled {
  readonly journal: Pick<ChangeJournal["Service"], "confirm">
  readonly kinds: ReadonlyArray<string>
  /** When the alert is judged, by the wall clock. */
  readonly nowMs: number
  /** When the answer is due, by the monotonic clock. */
  readonly untilMs: number
}

/**
 * The one suspect, once what may be a better one has arrived. `late` judges again if there is something new;
 * `undefined` if there is not. A kind of which not everything can be shown to have arrived is a gap.
 */
export const unrivalled = Effect.fnUntraced(function* <E>(
  { journal, kinds, nowMs, untilMs }: Journaled,
  found: Suspects,
  late: Effect.Effect<Suspects | undefined, E>
): Effect.fn.Return<Suspects, E> {
  const [best] = found.ranked
  if (best === undefined) return found
  const leftMs = (keptMs: number) => Effect.map(Monotonic.nowMs, (atMs) => Math.max(0, untilMs - atMs - keptMs))
  const gaps = yield* journal.confirm(kinds, arrivedUpTo(best.change, found.symptomAt, nowMs), yield* leftMs(judgeMs))
  const judged = yield* Effect.timeoutOption(late, yield* leftMs(returnMs))
  if (Option.isSome(judged)) {
    const last = judged.value ?? found
    return { ...last, gaps: [...last.gaps, ...gaps] }
  }
  const needsPerson = "Changes arrived while it was looked for, and there was no time to judge them."
  return { ...found, ranked: [{ ...best, needsPerson }, ...found.ranked.slice(1)] }
})
