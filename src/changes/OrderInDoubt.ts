/**
 * Whether it is known that a change came before the symptom. Pure.
 *
 * The API server dates a change by its own clock, and a watch shows it by ours. Mostly they agree within a second.
 * Where they do not, and the symptom lies between them, a clock is wrong or the event was late: the change may be
 * younger than the symptom. Then a person has to tell. What the API server does not date, such as a deletion, is taken
 * to be as much ahead of us as other writes of the last minutes were (`ClockLead`). Likewise where what the alert says
 * about its beginning is in doubt (`FirstSymptom`).
 */

import type { ObjectChange } from "../domain/ObjectChange.ts"
import { toMillis } from "../domain/Timestamp.ts"
import { type FirstSymptom, skewMs } from "./FirstSymptom.ts"

/** The API server states whole seconds, so a change may be dated that much earlier. */
const roundingMs = 1000

/** Why it is not known what came first, for people; `undefined` if it is, as far as the tolerance of clocks goes. */
export const orderInDoubt = (
  { at, notBefore, seenAt, statedAt }: Pick<ObjectChange, "at" | "notBefore" | "seenAt" | "statedAt">,
  { doubt, latestMs }: Pick<FirstSymptom, "doubt" | "latestMs">
): string | undefined => {
  const seenMs = toMillis(seenAt)
  if (statedAt !== undefined && toMillis(statedAt) > latestMs + skewMs)
    return `By the clock of the API server it was made at ${statedAt}, after the first symptom, but it was seen at ${seenAt}: a clock is wrong, so it is not known what came first.`
  if (doubt !== undefined && toMillis(at) > doubt.afterMs) return doubt.because
  const isLate = seenMs - toMillis(at) > skewMs + roundingMs
  return notBefore === undefined && isLate && seenMs > latestMs + skewMs
    ? `The API server says that it was made at ${at}, but it was seen only at ${seenAt}, after the first symptom: a clock may be wrong, so it is not known what came first.`
    : undefined
}
