/**
 * The guardrails: every rule that can prevent an action from running automatically. Each is a pure function from the
 * situation to a finding, or to nothing.
 *
 * A finding **blocks** or **asks**. A block always holds, at every level and no matter who proposed or approved the
 * action: the alert is escalated. Only a person's approval lifts an ask; the confidence that a model reports does not.
 * An approval lifts an ask only with the figures that the person saw. A rule gives as figures what describes the action
 * and its object, and leaves out what changes by itself: the level, and counts of other actions.
 *
 * | rule                  | finding | when                                                                     |
 * | --------------------- | ------- | ------------------------------------------------------------------------ |
 * | `emergency-stop`      | block   | an operator has stopped all new actions                                  |
 * | `emergency-level`     | block   | the level is 3                                                           |
 * | `unobserved`          | block   | the cluster could not be read, so the target's state is unknown          |
 * | `target-missing`      | block   | the target does not exist                                                |
 * | `other-target`        | block   | the action targets an object that is neither the target nor a part of it |
 * | `other-target`        | block   | a restoration of a change that the investigation does not list           |
 * | `wrong-kind`          | block   | the action does not apply to this kind of object                         |
 * | `protected-namespace` | block   | the namespace is protected                                               |
 * | `autoscaler-owned`    | block   | an autoscaler controls the replica count and would revert the change     |
 * | `gave-up`             | block   | the same action was tried on the target too often                        |
 * | `rollout-loop`        | block   | another controller has reverted the change twice                         |
 * | `peers-failed`        | block   | the action has just failed in the same way on similar targets            |
 * | `no-earlier-revision` | block   | a rollback of a workload that has no earlier revision                    |
 * | `no-such-revision`    | block   | a rollback to a revision that does not exist                             |
 * | `irreversible`        | ask     | the action can't be undone                                               |
 * | `level`               | ask     | the action may not run automatically at this level                       |
 * | `rules-unsafe`        | ask     | a rule proposes an action that is not safe                               |
 * | `risk`                | ask     | the action's risk exceeds what may run automatically                     |
 * | `confidence`          | ask     | the investigator's confidence is too low                                 |
 * | `unclear-cause`       | ask     | a model takes back a change that is not the one clear suspect            |
 * | `managed-object`      | ask     | an operator controls the written object, or GitOps or Helm declares it   |
 * | `rollout-under-way`   | ask     | a rollback would undo a rollout of which no pod fails                    |
 * | `failing-revision`    | ask     | a rollback would restore a revision whose pods fail                      |
 * | `capacity-reduction`  | ask     | fewer replicas than now, or none                                         |
 * | `too-many-replicas`   | ask     | more replicas than may be set automatically                              |
 * | `cooldown`            | ask     | the same action ran on the target recently                               |
 * | `blast-radius`        | ask     | the action has waited for its turn for as long as it may                 |
 * | `own-view-in-doubt`   | ask     | the action has waited, because everything seems to fail at once          |
 * | `ineffective`         | ask     | no recent action on the target had a demonstrated effect                 |
 */

import { Duration } from "effect"
import { appliesToItsTarget, isReadOnly, kindsOf } from "../domain/Action.ts"
import type { Alert } from "../domain/Alert.ts"
import type { DecisionReason, Figures } from "../domain/Decision.ts"
import { type DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import type { Investigation } from "../domain/Investigation.ts"
import type { EndedAction, PastAction } from "../domain/PastAction.ts"
import { type NodePlaces, placesOf } from "../domain/Places.ts"
import type { Suspects } from "../domain/Suspects.ts"
import { symptomsOf } from "../domain/Symptoms.ts"
import { displayName, type Target, targetKey } from "../domain/Target.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { entryOf, exceeds, isAllowedAt, isSafe } from "./ActionCatalog.ts"
import { createsTarget, outOfReach, suspectOf } from "./ActionReach.ts"
import { waitInForce } from "./BlastRadiusSettings.ts"
import { givenUp } from "./GiveUp.ts"
import type { GuardrailRule } from "./GuardrailRule.ts"
import { type GuardrailSettings, isProtected } from "./GuardrailSettings.ts"
import { recentlyIneffective } from "./Ineffective.ts"
import { managementOfWritten, ownerName } from "./Management.ts"
import { describePeers, failedPeers } from "./PeersFailed.ts"
import { missingRevision, restoredRolloutObjection, revisionObjection } from "./RevisionObjection.ts"
import { describeLoop, loopOf } from "./RolloutLoop.ts"
import { isSameAction } from "./SameAction.ts"

/** Why the turn of an action has not come: its budget is used up (`BlastRadius`), or our view is in doubt (`OwnView`). */
export interface OutOfTurn {
  readonly rule: "blast-radius" | "own-view-in-doubt"
  /** A sentence. */
  readonly because: string
}

/** Everything that the guardrails depend on. */
export interface Situation {
  readonly alert: Alert
  readonly target: Target
  readonly investigation: Investigation
  /** The changes that may be the cause, as the investigation found them. Absent: none is known. */
  readonly suspects?: Suspects
  readonly level: DegradationLevel
  readonly observed: WorkloadState | null
  /** Newest first. */
  readonly history: ReadonlyArray<PastAction>
  /** Why the action's turn has not come in time. Absent: it has, or the action has not waited yet. */
  readonly outOfTurn?: OutOfTurn
  /** The actions on the cluster that have just ended, newest first. Default: none. */
  readonly ended?: ReadonlyArray<EndedAction>
  /** Where the nodes of the target are. Default: not known. */
  readonly nodePlaces?: NodePlaces
  readonly guardrails: GuardrailSettings
  readonly emergencyStop: boolean
  readonly nowMs: number
}

/** One objection to an action: its effect, and the rule with a message for people. */
export interface Finding {
  readonly effect: "block" | "ask"
  readonly reason: DecisionReason & { readonly rule: GuardrailRule }
}

const block = (rule: GuardrailRule, message: string): Finding => ({ effect: "block", reason: { rule, message } })
const ask = (rule: GuardrailRule, message: string, figures?: Figures): Finding => ({
  effect: "ask",
  reason: { rule, message, ...(figures === undefined ? {} : { figures }) }
})

type Guardrail = (situation: Situation) => Finding | undefined

const emergencyStop: Guardrail = ({ emergencyStop }) =>
  emergencyStop ? block("emergency-stop", "The emergency stop is set, so no new action starts.") : undefined

const emergencyLevel: Guardrail = ({ level }) =>
  level === 3
    ? block(
        "emergency-level",
        "The service is in emergency mode (level 3), so alerts are stored and escalated, and no action starts."
      )
    : undefined

const unobserved: Guardrail = ({ observed, target }) =>
  observed === null
    ? block("unobserved", `${displayName(target)} could not be read from the cluster, so no action starts.`)
    : undefined

const targetMissing: Guardrail = (situation) =>
  situation.observed !== null && !situation.observed.exists && !createsTarget(situation)
    ? block("target-missing", `${displayName(situation.target)} does not exist.`)
    : undefined

const otherTarget: Guardrail = (situation) => {
  const objection = outOfReach(situation)
  return objection === undefined ? undefined : block("other-target", objection)
}

const wrongKind: Guardrail = ({ investigation: { action } }) =>
  appliesToItsTarget(action)
    ? undefined
    : block(
        "wrong-kind",
        `${action.type} does not apply to ${displayName(action.target)}; it applies to ${kindsOf[action.type]?.join(", ") ?? "any kind"}.`
      )

const protectedNamespace: Guardrail = ({ guardrails, investigation: { action }, target }) => {
  const { kind, name } = action.target
  const written = kind === "Namespace" ? [name] : []
  const namespace = [target.namespace, action.target.namespace, ...written].find((each) =>
    isProtected(each, guardrails)
  )
  return namespace === undefined
    ? undefined
    : block("protected-namespace", `Namespace ${namespace} is protected, so nothing is written in it.`)
}

const autoscalerOwned: Guardrail = ({ guardrails, investigation: { action }, observed }) => {
  if (action.type !== "ScaleWorkload" || observed === null || !guardrails.respectManagers.includes("hpa"))
    return undefined
  if (observed.autoscaler === null && !observed.managers.includes("hpa")) return undefined
  return block(
    "autoscaler-owned",
    `${observed.autoscaler === null ? "An autoscaler" : `HorizontalPodAutoscaler ${observed.autoscaler}`} controls the replica count and would revert the change.`
  )
}

const gaveUp: Guardrail = ({ guardrails, history, investigation: { action }, nowMs, target }) => {
  const over = givenUp(history, action.type, guardrails, nowMs)
  return over === undefined
    ? undefined
    : block(
        "gave-up",
        `${action.type} was tried ${over.tries} times on ${displayName(target)} since ${over.since} without a shown effect. It does not run there again before ${over.until}.`
      )
}

const rolloutLoop: Guardrail = ({ guardrails, history, investigation: { action }, nowMs, observed }) => {
  const loop = loopOf(history, { action: action.type }, observed, guardrails.giveUp.loopFor, nowMs)
  return loop === undefined ? undefined : block("rollout-loop", describeLoop(action.type, loop))
}

const peersFailed: Guardrail = ({
  ended = [],
  guardrails,
  investigation: { action },
  nodePlaces,
  nowMs,
  observed,
  target
}) => {
  if (observed === null) return undefined
  const places = placesOf(observed, nodePlaces)
  const symptoms = symptomsOf(observed)
  const candidate = { target: targetKey(target), action: action.type, symptoms, places, nodePlaces }
  const found = failedPeers(candidate, ended, guardrails, nowMs)
  return found === undefined ? undefined : block("peers-failed", describePeers(action.type, found))
}

const irreversible: Guardrail = ({ investigation: { action } }) =>
  entryOf(action.type).reversibility === "irreversible"
    ? ask("irreversible", `${action.type} can't be undone, so it needs an approval.`)
    : undefined

const levelGate: Guardrail = ({ investigation: { action }, level }) =>
  level === 3 || isAllowedAt(action.type, level)
    ? undefined
    : ask("level", `${action.type} needs an approval at level ${level} (${levelName(level)}).`)

const rulesUnsafe: Guardrail = ({ investigation }) =>
  investigation.investigator === "rules" && !isSafe(investigation.action.type)
    ? ask(
        "rules-unsafe",
        `Rule ${investigation.rule ?? "(unnamed)"} proposes ${investigation.action.type}, which is not a safe action, so it needs an approval.`
      )
    : undefined

const risk: Guardrail = ({ guardrails, investigation: { action } }) => {
  const entry = entryOf(action.type)
  return exceeds(entry.risk, guardrails.automaticRisk)
    ? ask(
        "risk",
        `The risk of ${action.type} is ${entry.risk}; above ${guardrails.automaticRisk} it needs an approval.`
      )
    : undefined
}

const confidence: Guardrail = ({ guardrails, investigation }) =>
  // Negated, so that NaN asks too.
  !(investigation.confidence >= guardrails.minimumConfidence)
    ? ask(
        "confidence",
        `The confidence is ${investigation.confidence}; below ${guardrails.minimumConfidence} an action needs an approval.`,
        { confidence: investigation.confidence }
      )
    : undefined

/** A model may choose among the suspects. Its confidence in one of several does not make that one the cause. */
const unclearCause: Guardrail = (situation) => {
  const { investigation, suspects } = situation
  const chosen = suspectOf(situation)
  if (chosen === undefined || investigation.investigator === "rules") return undefined
  const isClear = suspects?.finding === "one" && (suspects.outages ?? []).length === 0
  const [first] = suspects?.ranked ?? []
  return isClear && first?.change.id === chosen.id && first.needsPerson === undefined
    ? undefined
    : ask("unclear-cause", `It is not clear that the change of ${displayName(chosen.ref)} is the cause.`)
}

const managedObject: Guardrail = ({ guardrails, investigation: { action }, observed }) => {
  const written = managementOfWritten(action, observed)
  if (written === undefined) return undefined
  const name = displayName(action.target)
  const contested = entryOf(action.type).contested.filter(
    (manager) => manager !== "hpa" && guardrails.respectManagers.includes(manager)
  )
  const { owner } = written
  // A controller reacts to whatever happens to its object, so every action needs an approval, also a restart.
  const controlled = owner?.controls === true && guardrails.respectManagers.includes("operator")
  if (owner !== undefined && (controlled || contested.includes("operator")))
    return ask(
      "managed-object",
      `${name} is ${owner.controls ? "controlled" : "owned"} by ${ownerName(owner)}, on which Kubernaut cannot act. Its operator may revert the change. Make the lasting fix there.`,
      { owner: ownerName(owner) }
    )
  const managers = contested.filter((manager) => written.managers.includes(manager))
  return managers.length === 0
    ? undefined
    : ask(
        "managed-object",
        `${name} is managed by ${managers.map((manager) => (manager === "operator" ? "an operator" : manager)).join(" and ")}, which may revert the change. Make the lasting fix there.`,
        { managers: managers.join() }
      )
}

const revision: Guardrail = (situation) => {
  const { observed, suspects } = situation
  const { action } = situation.investigation
  const objection =
    missingRevision(action, observed)
    ?? revisionObjection(action, observed, suspects)
    ?? restoredRolloutObjection(suspectOf(situation), observed)
  return objection && { effect: objection.effect, reason: { rule: objection.rule, message: objection.message } }
}

const capacityReduction: Guardrail = ({ investigation: { action }, observed }) => {
  if (action.type !== "ScaleWorkload") return undefined
  const desired = observed?.desiredReplicas ?? null
  if (action.replicas === 0)
    return ask("capacity-reduction", `Scaling ${displayName(action.target)} to zero stops the service.`, {
      from: desired ?? "unknown",
      to: 0
    })
  return desired !== null && action.replicas < desired
    ? ask(
        "capacity-reduction",
        `Scaling ${displayName(action.target)} from ${desired} to ${action.replicas} replicas reduces capacity.`,
        { from: desired, to: action.replicas }
      )
    : undefined
}

const tooManyReplicas: Guardrail = ({ guardrails, investigation: { action } }) => {
  const replicas =
    action.type === "ScaleWorkload"
      ? action.replicas
      : action.type === "PatchHpa"
        ? Math.max(action.maxReplicas ?? 0, action.minReplicas ?? 0)
        : 0
  return replicas > guardrails.maximumReplicas
    ? ask(
        "too-many-replicas",
        `${replicas} replicas need an approval; up to ${guardrails.maximumReplicas} may be set without one.`,
        { replicas }
      )
    : undefined
}

const cooldown: Guardrail = ({ guardrails, history, investigation: { action }, nowMs }) => {
  const cooldownMs = Duration.toMillis(guardrails.cooldown)
  const recent = history.filter((past) => past.applied !== "no" && nowMs - toMillis(past.at) < cooldownMs)
  const last = recent.find((past) => isSameAction(past, action))
  return last === undefined
    ? undefined
    : ask(
        "cooldown",
        `${action.type} ran on this target at ${last.at}; within the cooldown of ${Duration.format(guardrails.cooldown)} it needs an approval.`,
        { last: last.at }
      )
}

/** An action that has waited for its turn in vain. */
const turn: Guardrail = ({ guardrails, outOfTurn }) => {
  if (outOfTurn === undefined) return undefined
  const { because, rule } = outOfTurn
  return ask(
    rule,
    rule === "blast-radius"
      ? `The action has waited ${Duration.format(waitInForce(guardrails))} for its turn: ${because}`
      : `Our own view of the cluster is in doubt, so no action starts without an approval: ${because}`
  )
}

const ineffective: Guardrail = ({ guardrails, history, nowMs }) => {
  const count = recentlyIneffective(history, guardrails, nowMs)
  return count >= guardrails.ineffectiveLimit
    ? ask(
        "ineffective",
        `The last ${count} actions on this target had no shown effect, so the next one needs an approval.`
      )
    : undefined
}

// Blocks come first, so that the reasons of a decision begin with the most serious one.
const always: ReadonlyArray<Guardrail> = [emergencyStop, emergencyLevel, unobserved, targetMissing, otherTarget]

/** The guardrails for actions that write. */
const writing: ReadonlyArray<Guardrail> = [
  protectedNamespace,
  wrongKind,
  autoscalerOwned,
  gaveUp,
  rolloutLoop,
  peersFailed,
  revision,
  irreversible,
  levelGate,
  rulesUnsafe,
  risk,
  confidence,
  unclearCause,
  managedObject,
  capacityReduction,
  tooManyReplicas,
  cooldown,
  turn,
  ineffective
]

/** Every finding about the proposed action in this situation, blocks first. Empty: it may run automatically. */
export const findings = (situation: Situation): ReadonlyArray<Finding> =>
  (isReadOnly(situation.investigation.action) ? always : [...always, ...writing]).flatMap(
    (guardrail) => guardrail(situation) ?? []
  )
