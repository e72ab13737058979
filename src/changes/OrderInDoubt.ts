/**
 * Whether it is known that a change came before the symptom. Pure.
 *
 * The API server dates a change by its own clock, and a watch shows it by ours. Mostly they agree within a second.
 * Where they do not, and the symptom lies between them, a clock is wrong or the event was late: the change may be
 * younger than the symptom. Then a person has to tell.
 */

import type { ObjectChange } from "../domain/ObjectChange.ts"
import { toMillis } from "../domain/Timestamp.ts"
import { type FirstSymptom, skewMs } from "./FirstSymptom.ts"

/** The API server states whole seconds, so a change may be dated that much earlier. */
const roundingMs = 1000

/** Why it is not known what came first, for people; `undefined` if it is, as far as the tolerance of clocks goes. */
export const orderInDoubt = (
  { at, notBefore, seenAt }: Pick<ObjectChange, "at" | "notBefore" | "seenAt">,
  { latestMs }: Pick<FirstSymptom, "latestMs">
): string | undefined => {
  const seenMs = toMillis(seenAt)
  const isLate = seenMs - toMillis(at) > skewMs + roundingMs
  return notBefore === undefined && isLate && seenMs > latestMs + skewMs
    ? `The API server says that it was made at ${at}, but it was seen only at ${seenAt}, after the first symptom: a clock may be wrong, so it is not known what came first.`
    : undefined
}
