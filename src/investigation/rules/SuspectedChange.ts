/**
 * The rule by change: what follows from the changes before an alert, whatever the alert is. Pure.
 *
 * **Details**
 *
 * | the suspects                                   | what follows                                     |
 * | ---------------------------------------------- | ------------------------------------------------ |
 * | one is clear, and can be taken back            | its undo is proposed (`domain/UndoOfTemplate`)   |
 * | one is clear, and a person has to take it back | a notification that says why, and where          |
 * | one is clear, and something else fails as well | a notification with both (`changes/Outages`)     |
 * | two or more are of similar score               | a notification with all of them: nobody guesses  |
 * | Kubernaut has taken it back already            | a notification that says by which remediation    |
 * | none is clear                                  | nothing: the rulebook decides as without changes |
 *
 * A suspect is **clear** if its score is 0.4 or more and the next one has less than 0.8 of it (`changes/SuspectScore`).
 * A change that explains exactly what is broken has 0.9 seconds before the symptom, and 0.45 an hour before it. One
 * that may only lead to what is broken has 0.5 seconds before, and falls below within half an hour. Where something
 * failed before the change, or the change only gives more room, nothing reaches it.
 *
 * The clear suspect is taken back only if all of this holds:
 *
 * - the target could be read, so that it can be seen whether the undo helps;
 * - a person or a pipeline made it, or the API server names nobody, as for a deletion;
 * - its time is known, and nothing that is watched, or was in the last week, went unwatched between it and the symptom.
 *   What RBAC never allowed hides nothing more than before;
 * - nothing that the finder knows asks for a person, such as a clock that is wrong, or more changes than it looks at
 *   (`needsPerson`);
 * - its object is of a kind that is ever restored, and its content is recorded;
 * - if it created an object, that object limits others, such as a NetworkPolicy or a quota. An object that the target
 *   needs, such as its Service, is never removed, and neither is one that replaced another one of its name.
 *
 * The plan and the guardrails check the rest, against the objects as they are.
 */

import { type Action, appliesToItsTarget } from "../../domain/Action.ts"
import { display } from "../../domain/FieldPath.ts"
import { isLimiting } from "../../domain/LimitingKinds.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import type { Suspect, Suspects } from "../../domain/Suspects.ts"
import { displayName, resourceRef, sameRef } from "../../domain/Target.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import { undoOf } from "../../domain/UndoOfTemplate.ts"
import { changeText, findingText, outageText, rankedText, takenBackText } from "../evidence/ChangeText.ts"
import type { InvestigationRequest } from "../Investigator.ts"

/** A suspect with a lower score is not acted on. */
export const clearScore = 0.4

/** What follows from the suspects. */
export interface ByChange {
  readonly rule:
    | "undo-suspected-change"
    | "suspect-needs-person"
    | "suspect-amid-outage"
    | "several-suspects"
    | "suspect-taken-back"
  readonly cause: string
  readonly action: Action
}

/** The kinds whose content nobody can create again. */
const holding: ReadonlySet<string> = new Set(["Namespace", "Node", "PersistentVolumeClaim"])

/** A right that was taken away before is how the service is set up by now. */
const settledMs = 7 * 86_400_000

/**
 * Whether somebody may have changed more between the change and the symptom, while nobody watched, or what was seen is
 * no longer kept. A gap without an end hides something that would have been seen before; one that has ended hides what
 * is seen since.
 */
const hasBlindSpot = ({ gaps, symptomAt }: Suspects, { at }: ObjectChange): boolean =>
  gaps.some(({ from, reason, to }) => {
    if (from !== null && from > symptomAt) return false
    if (to !== null) return to > at
    return from !== null && (reason !== "forbidden" || toMillis(symptomAt) - toMillis(from) < settledMs)
  })

const whoObjects = ({ by, ref }: ObjectChange): string | undefined => {
  const name = by.name === undefined ? "" : ` (${by.name})`
  switch (by.kind) {
    case "gitops":
      return `GitOps${name} made it, and would make it again: revert it in the source that declares ${displayName(ref)}.`
    case "controller":
      return `A controller${name} made it, and would make it again: change what it follows.`
    case "kubernaut":
      return "Kubernaut itself made it, and an undo is never undone by another one."
    default:
      return undefined
  }
}

const whatObjects = ({ change, replaced = false }: Suspect): string | undefined => {
  const { manifest, operation, ref } = change
  if (replaced) return `It replaced another ${ref.kind} of this name, and its removal would not bring that back.`
  if (change.fields.some(({ path }) => display(path) === "metadata.deletionTimestamp"))
    return `The ${ref.kind} is being deleted, which nobody can take back: it is gone once nothing holds it.`
  if (ref.kind === "Secret") return "The values of a Secret are not recorded: put the earlier one back."
  if (!appliesToItsTarget({ type: "RestoreObject", target: ref, change: change.id }))
    return `A ${ref.kind} is never restored automatically.`
  if (operation !== "modified" && holding.has(ref.kind)) return `What a ${ref.kind} holds cannot be created again.`
  if (operation === "deleted" && manifest === undefined) return "What was deleted is not recorded: create it again."
  return operation === "created" && !isLimiting(ref.kind)
    ? `A ${ref.kind} is not removed because of an alert.`
    : undefined
}

/** Why a person has to take the change back; `undefined` if that can be proposed. */
const objectionTo = (suspect: Suspect, suspects: Suspects, { observed }: InvestigationRequest): string | undefined => {
  const { change, needsPerson } = suspect
  if (observed === null) return "The alert names no object that could be read, so nothing shows whether an undo helps."
  if (change.notBefore !== undefined)
    return "Nobody watched when it was made, so it may be older, or younger, than the symptom."
  return (
    whoObjects(change)
    ?? whatObjects(suspect)
    ?? needsPerson
    ?? (hasBlindSpot(suspects, change)
      ? "Between it and the symptom something was not watched, so another change may be the cause."
      : undefined)
  )
}

const notify = (request: InvestigationRequest, reason: string): Action => ({
  type: "Notify",
  target: resourceRef(request.target),
  reason
})

const sentence = (text: string): string => `${text}.`

const withOthers = (suspects: Suspects): string => findingText(suspects).join(" ")

const ofOne = (request: InvestigationRequest, suspects: Suspects, suspect: Suspect): ByChange | undefined => {
  const { change, followed, score } = suspect
  if (score < clearScore) return undefined
  const cause = sentence(changeText(change, suspects.symptomAt))
  const [outage] = outageText(suspects)
  if (outage !== undefined)
    return {
      rule: "suspect-amid-outage",
      cause: `${cause} ${outage}`,
      action: notify(
        request,
        `Nothing was changed, because only a person can tell which one it is. ${cause} ${outage} ${withOthers(suspects)}`
      )
    }
  const objection = objectionTo(suspect, suspects, request)
  if (objection !== undefined)
    return {
      rule: "suspect-needs-person",
      cause: `${cause} ${objection}`,
      action: notify(request, `The likeliest cause is a change. ${cause} ${objection} ${withOthers(suspects)}`)
    }
  const ofObject = suspects.ranked.flatMap((other) => (sameRef(other.change.ref, change.ref) ? [other.change] : []))
  return { rule: "undo-suspected-change", cause, action: undoOf(change, request.observed, ofObject, followed) }
}

const ofSeveral = (request: InvestigationRequest, suspects: Suspects): ByChange | undefined => {
  if ((suspects.ranked[0]?.score ?? 0) < clearScore) return undefined
  const cause = "Two or more changes before the alert are equally likely to be the cause."
  return {
    rule: "several-suspects",
    cause: `${cause} ${rankedText(suspects).join(" ")}`,
    action: notify(
      request,
      `${cause} Nothing was changed, because only a person can tell which one it is. ${withOthers(suspects)}`
    )
  }
}

const ofTakenBack = (request: InvestigationRequest, suspects: Suspects): ByChange => {
  const cause = takenBackText(suspects).join(" ")
  const keepsValues = (suspects.takenBack ?? []).some(({ change }) => change.ref.kind === "ConfigMap")
  const next = keepsValues
    ? " Containers keep values of a ConfigMap from their start: restart those that do not recover."
    : ""
  return {
    rule: "suspect-taken-back",
    cause,
    action: notify(request, `The likeliest cause is gone, so nothing is undone again. ${cause}${next}`)
  }
}

/** What follows from the suspects of a request; `undefined` if none is clear. */
export const byChange = (request: InvestigationRequest): ByChange | undefined => {
  const { suspects } = request
  const [best] = suspects?.ranked ?? []
  if (suspects === undefined) return undefined
  if ((suspects.takenBack ?? []).length > 0) return ofTakenBack(request, suspects)
  if (best === undefined) return undefined
  if (suspects.finding === "one") return ofOne(request, suspects, best)
  return suspects.finding === "several" ? ofSeveral(request, suspects) : undefined
}
