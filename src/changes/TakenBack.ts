/** Which changes Kubernaut has taken back already. Pure. */

import { remediationOf } from "../domain/Execution.ts"
import { display, type FieldDifference } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { TakenBack } from "../domain/Suspects.ts"
import { toMillis } from "../domain/Timestamp.ts"
import { decisiveFields } from "./FieldEffects.ts"
import { type Candidate, isInForce, type Scene, score } from "./SuspectScore.ts"

const isWithin = (path: string, above: string): boolean =>
  path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)

const isTouchedBy = ({ fields }: ObjectChange, field: FieldDifference): boolean =>
  fields.some(({ path }) => {
    const [left, right] = [display(path), display(field.path)]
    return isWithin(left, right) || isWithin(right, left)
  })

/** Whether a write of ours has touched all that may be harmful about a change. */
const takesBack = (ours: ObjectChange, change: ObjectChange): boolean =>
  decisiveFields(change).every((field) => isTouchedBy(ours, field))

/**
 * The first later write of Kubernaut that has touched what a change has changed; `undefined` if there is none. If the
 * change is in force all the same, the write did not help and was taken back too. A write of a part of it, such as a
 * scale of what a release has changed, takes nothing back. `others` are the changes of the same object.
 */
export const takenBackBy = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): ObjectChange | undefined =>
  others
    .filter(
      (other) =>
        other.by.kind === "kubernaut"
        && other.id > change.id
        && (other.operation !== "modified" || change.operation !== "modified" || takesBack(other, change))
    )
    .toSorted((left, right) => (left.id < right.id ? -1 : 1))[0]

/** Alerts begin so long after their symptom: a rule is evaluated from time to time. */
const alertDelayMs = 300_000

/** A change that may only lead to what is broken stays below: that it was undone explains nothing. */
const explainingScore = 0.6

/**
 * The changes that would be clear suspects, had Kubernaut not taken them back, the newest first: another alert about
 * what they broke has been remediated. One that is in force again was taken back in vain, and one that was taken back
 * before the symptom began is not its cause.
 */
export const settled = (candidates: ReadonlyArray<Candidate>, scene: Scene): ReadonlyArray<TakenBack> =>
  candidates
    .flatMap((candidate): ReadonlyArray<TakenBack> => {
      const { present: _present, takenBack, ...asBefore } = candidate
      if (takenBack === undefined || isInForce(candidate) || score(asBefore, scene).score < explainingScore) return []
      const { at, execution } = takenBack
      const began = Math.min(scene.symptom.earliestMs, ...scene.symptom.onsets.map(({ atMs }) => atMs))
      if (began > toMillis(at) + alertDelayMs) return []
      return [
        { change: candidate.change, at, ...(execution === undefined ? {} : { remediation: remediationOf(execution) }) }
      ]
    })
    .toSorted((left, right) => (left.change.id < right.change.id ? 1 : -1))
