/**
 * The guardrails: every rule that can keep an action from being carried out by itself, each a pure function from the
 * situation to a finding or nothing.
 *
 * A finding **blocks** or **asks**. A block holds whoever wants the action and whatever the level: the alert is
 * escalated. An ask is lifted by a person's approval, and by nothing else; no confidence that a model reports of itself
 * lifts anything.
 *
 * | rule                  | finding | when                                                                                  |
 * | --------------------- | ------- | ------------------------------------------------------------------------------------- |
 * | `emergency-stop`      | block   | an operator has stopped all new actions                                               |
 * | `emergency-level`     | block   | the level is 3                                                                        |
 * | `unobserved`          | block   | the cluster could not be read, so nothing is known to act on                          |
 * | `target-missing`      | block   | the target no longer exists                                                           |
 * | `other-target`        | block   | the action is aimed at something that is not the target or a part of it               |
 * | `wrong-kind`          | block   | the action does not apply to such a kind                                              |
 * | `protected-namespace` | block   | the namespace is protected                                                            |
 * | `autoscaler-owned`    | block   | an autoscaler owns the replica count and would put it back within seconds             |
 * | `irreversible`        | ask     | the action can't be undone                                                            |
 * | `level`               | ask     | the action may not run by itself at this level                                        |
 * | `rules-unsafe`        | ask     | a rule proposes an action that is not safe                                            |
 * | `risk`                | ask     | the action's risk is above what may run by itself                                     |
 * | `confidence`          | ask     | the investigator is too unsure                                                        |
 * | `managed-object`      | ask     | GitOps or Helm declares the fields, and would revert the change or be surprised by it |
 * | `capacity-reduction`  | ask     | fewer replicas than now, or none                                                      |
 * | `too-many-replicas`   | ask     | more replicas than may be set unasked                                                 |
 * | `cooldown`            | ask     | the same action was carried out on the target a moment ago                            |
 * | `actions-per-window`  | ask     | the cluster has had as many actions as may run unasked                                |
 * | `ineffective`         | ask     | the last actions on the target showed no effect                                       |
 */

import { Duration, Effect, Schema } from "effect"
import { type Action, appliesToItsTarget, isReadOnly } from "../domain/Action.ts"
import type { Alert } from "../domain/Alert.ts"
import { type DecisionReason, Risk } from "../domain/Decision.ts"
import { type DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import { DurationText } from "../domain/DurationText.ts"
import { Confidence, type Investigation } from "../domain/Investigation.ts"
import type { PastAction } from "../domain/PastAction.ts"
import { displayName, type ResourceRef, type Target } from "../domain/Target.ts"
import { toMillis } from "../domain/Timestamp.ts"
import { Manager, type WorkloadState } from "../domain/WorkloadState.ts"
import { entryOf, exceeds, isAllowedAt, isSafe } from "./ActionCatalog.ts"

const setting = <S extends Schema.Constraint>(schema: S, otherwise: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(otherwise))(schema)

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** Written as `10 minutes`. */
const Span = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) > 0 ? undefined : "Expected more than no time, such as 10 minutes"
  )
)

export const GuardrailSettings = Schema.Struct({
  /**
   * Namespaces in which nothing is ever written, exact names or globs with `*` (any text). Cluster-scoped objects such
   * as nodes are not affected. Default: the namespaces that Kubernetes itself makes for its own parts, after its
   * documentation ("Initial namespaces", without `default`, where people run things), and Kubernaut's own.
   */
  protectedNamespaces: setting(Schema.Array(Schema.NonEmptyString), [
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kubernaut"
  ]),
  /**
   * The time during which the same action is not carried out again on the same target unasked. Default 10 minutes,
   * which is the default `progressDeadlineSeconds` (600) of a Deployment: the earliest moment at which Kubernetes
   * itself calls a rollout failed.
   */
  cooldown: setting(Span, "10 minutes"),
  /**
   * How many actions may begin on one cluster unasked in a window. Default 20 in 10 minutes: two a minute is what a
   * person can still follow.
   */
  actionsPerWindow: setting(Schema.Struct({ limit: setting(Count, 20), window: setting(Span, "10 minutes") }), {}),
  /**
   * After how many actions in a row without shown effect a target is left to people. 1 or more. Default 3, as the
   * design has it.
   */
  ineffectiveLimit: setting(Count, 3),
  /**
   * How long that holds after the last of them; a fix in between ends it at once. Default 24 hours: somebody has had a
   * working day.
   */
  ineffectiveFor: setting(Span, "24 hours"),
  /**
   * Whose objects are left alone where the action writes fields that they declare. Default: all that are recognised.
   */
  respectManagers: setting(Schema.Array(Manager), ["helm", "argocd", "flux", "hpa"]),
  /**
   * The least confidence with which an action runs unasked, 0 to 1. Default 0.3: below the rules' own 0.5, above a
   * shrug.
   */
  minimumConfidence: setting(Confidence, 0.3),
  /** The greatest risk that runs unasked. Default medium: draining a node is left to people. */
  automaticRisk: setting(Risk, "medium"),
  /** The most replicas that a scale or an autoscaler's maximum is set to unasked. 1 or more. Default 50. */
  maximumReplicas: setting(Count, 50)
})
export type GuardrailSettings = typeof GuardrailSettings.Type

/** All defaults. */
export const defaults: GuardrailSettings = Schema.decodeSync(GuardrailSettings)({})

/** What the guardrails look at. */
export interface Situation {
  readonly alert: Alert
  readonly target: Target
  readonly investigation: Investigation
  readonly level: DegradationLevel
  readonly observed: WorkloadState | null
  /** Newest first. */
  readonly history: ReadonlyArray<PastAction>
  readonly actionsInWindow: number
  readonly guardrails: GuardrailSettings
  readonly emergencyStop: boolean
  readonly nowMs: number
}

export const GuardrailRule = Schema.Literals([
  "emergency-stop",
  "emergency-level",
  "unobserved",
  "target-missing",
  "other-target",
  "wrong-kind",
  "protected-namespace",
  "autoscaler-owned",
  "irreversible",
  "level",
  "rules-unsafe",
  "risk",
  "confidence",
  "managed-object",
  "capacity-reduction",
  "too-many-replicas",
  "cooldown",
  "actions-per-window",
  "ineffective"
])
export type GuardrailRule = typeof GuardrailRule.Type

export interface Finding {
  readonly effect: "block" | "ask"
  readonly reason: DecisionReason & { readonly rule: GuardrailRule }
}

const block = (rule: GuardrailRule, message: string): Finding => ({ effect: "block", reason: { rule, message } })
const ask = (rule: GuardrailRule, message: string): Finding => ({ effect: "ask", reason: { rule, message } })

type Guardrail = (situation: Situation) => Finding | undefined

const matchesGlob = (glob: string, text: string): boolean =>
  new RegExp(
    `^${glob
      .split("*")
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
      .join(".*")}$`,
    "s"
  ).test(text)

/**
 * Whether nothing may ever be written in a namespace. Cluster-scoped objects have none and are not protected by this.
 *
 * ```ts
 * import { Guardrails } from "kubernaut"
 *
 * Guardrails.isProtected("kube-system", Guardrails.defaults) // => true
 * Guardrails.isProtected("shop", { ...Guardrails.defaults, protectedNamespaces: ["sho*"] }) // => true
 * ```
 */
export const isProtected = (namespace: string, settings: GuardrailSettings): boolean =>
  namespace !== "" && settings.protectedNamespaces.some((glob) => matchesGlob(glob, namespace))

const sameRef = (left: ResourceRef, right: ResourceRef): boolean =>
  left.namespace === right.namespace && left.kind === right.kind && left.name === right.name

/**
 * A part of the target: one of its pods, or the autoscaler of its replica count. One actor owns a target and its parts;
 * an action on anything else would race with that thing's own actor.
 */
const isPartOf = (action: Action, target: Target, observed: WorkloadState | null): boolean => {
  if (observed === null || action.target.namespace !== target.namespace) return false
  if (action.target.kind === "Pod") return observed.pods.some((pod) => pod.name === action.target.name)
  return action.target.kind === "HorizontalPodAutoscaler" && observed.autoscaler === action.target.name
}

const emergencyStop: Guardrail = ({ emergencyStop }) =>
  emergencyStop ? block("emergency-stop", "The emergency stop is set: no new action starts.") : undefined

const emergencyLevel: Guardrail = ({ level }) =>
  level === 3
    ? block("emergency-level", "The system is in emergency mode: alerts are kept and put before a person.")
    : undefined

const unobserved: Guardrail = ({ observed, target }) =>
  observed === null
    ? block("unobserved", `${displayName(target)} could not be read, so there is nothing known to act on.`)
    : undefined

const targetMissing: Guardrail = ({ observed, target }) =>
  observed !== null && !observed.exists
    ? block("target-missing", `${displayName(target)} does not exist (any more).`)
    : undefined

const otherTarget: Guardrail = ({ investigation: { action }, observed, target }) =>
  sameRef(action.target, target) || isPartOf(action, target, observed)
    ? undefined
    : block(
        "other-target",
        `The proposal is aimed at ${displayName(action.target)}, which is neither ${displayName(target)} nor a part of it.`
      )

const wrongKind: Guardrail = ({ investigation: { action } }) =>
  appliesToItsTarget(action)
    ? undefined
    : block("wrong-kind", `${action.type} does not apply to a ${action.target.kind}.`)

const protectedNamespace: Guardrail = ({ guardrails, investigation: { action }, target }) => {
  const namespace = [target.namespace, action.target.namespace].find((name) => isProtected(name, guardrails))
  return namespace === undefined ? undefined : block("protected-namespace", `Namespace ${namespace} is protected.`)
}

const autoscalerOwned: Guardrail = ({ guardrails, investigation: { action }, observed }) => {
  if (action.type !== "ScaleWorkload" || observed === null || !guardrails.respectManagers.includes("hpa"))
    return undefined
  if (observed.autoscaler === null && !observed.managers.includes("hpa")) return undefined
  return block(
    "autoscaler-owned",
    `${observed.autoscaler === null ? "An autoscaler" : `HorizontalPodAutoscaler ${observed.autoscaler}`} owns the replica count and would put it back.`
  )
}

const irreversible: Guardrail = ({ investigation: { action } }) =>
  entryOf(action.type).reversibility === "irreversible"
    ? ask("irreversible", `${action.type} can't be undone, so a person decides.`)
    : undefined

const levelGate: Guardrail = ({ investigation: { action }, level }) =>
  level === 3 || isAllowedAt(action.type, level)
    ? undefined
    : ask("level", `${action.type} does not run by itself at level ${level} (${levelName(level)}).`)

const rulesUnsafe: Guardrail = ({ investigation }) =>
  investigation.investigator === "rules" && !isSafe(investigation.action.type)
    ? ask(
        "rules-unsafe",
        `Rule ${investigation.rule ?? "(unnamed)"} proposes ${investigation.action.type}, which is not a safe action.`
      )
    : undefined

const risk: Guardrail = ({ guardrails, investigation: { action } }) => {
  const entry = entryOf(action.type)
  return exceeds(entry.risk, guardrails.automaticRisk)
    ? ask("risk", `The risk of ${action.type} is ${entry.risk}; up to ${guardrails.automaticRisk} runs by itself.`)
    : undefined
}

const confidence: Guardrail = ({ guardrails, investigation }) =>
  investigation.confidence < guardrails.minimumConfidence
    ? ask("confidence", `Confidence ${investigation.confidence} is below ${guardrails.minimumConfidence}.`)
    : undefined

const managedObject: Guardrail = ({ guardrails, investigation: { action }, observed }) => {
  const contested = entryOf(action.type).contested.filter(
    (manager) => manager !== "hpa" && guardrails.respectManagers.includes(manager)
  )
  const managers = contested.filter((manager) => observed?.managers.includes(manager) === true)
  return managers.length === 0
    ? undefined
    : ask(
        "managed-object",
        `${displayName(action.target)} is managed by ${managers.join(" and ")}: the lasting fix belongs there.`
      )
}

const capacityReduction: Guardrail = ({ investigation: { action }, observed }) => {
  if (action.type !== "ScaleWorkload") return undefined
  if (action.replicas === 0) return ask("capacity-reduction", "Scaling to zero takes the service down.")
  const desired = observed?.desiredReplicas ?? null
  return desired !== null && action.replicas < desired
    ? ask("capacity-reduction", `Scaling from ${desired} to ${action.replicas} replicas takes capacity away.`)
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
        `${replicas} replicas are more than the ${guardrails.maximumReplicas} that may be set unasked.`
      )
    : undefined
}

const cooldown: Guardrail = ({ guardrails, history, investigation: { action }, nowMs }) => {
  const cooldownMs = Duration.toMillis(guardrails.cooldown)
  const last = history.find(
    (past) => past.action === action.type && past.applied !== "no" && nowMs - toMillis(past.at) < cooldownMs
  )
  return last === undefined
    ? undefined
    : ask(
        "cooldown",
        `${action.type} was carried out on this target at ${last.at}; the cooldown is ${Duration.format(guardrails.cooldown)}.`
      )
}

const actionsPerWindow: Guardrail = ({
  actionsInWindow,
  guardrails: {
    actionsPerWindow: { limit, window }
  }
}) =>
  actionsInWindow >= limit
    ? ask(
        "actions-per-window",
        `${actionsInWindow} actions began on this cluster in the last ${Duration.format(window)}; ${limit} may run unasked.`
      )
    : undefined

/**
 * How many of the newest actions in a row showed no effect. One that never reached the cluster says nothing, nor does
 * one that was not verified; an unknown verdict counts, because its effect was not shown.
 */
export const ineffectiveInARow = (history: ReadonlyArray<PastAction>): number => {
  const judged = history.filter((past) => past.applied !== "no" && past.verdict !== undefined)
  const fixed = judged.findIndex((past) => past.verdict === "fixed")
  return fixed === -1 ? judged.length : fixed
}

const ineffective: Guardrail = ({ guardrails, history, nowMs }) => {
  const recent = history.filter((past) => nowMs - toMillis(past.at) < Duration.toMillis(guardrails.ineffectiveFor))
  const count = ineffectiveInARow(recent)
  return count >= guardrails.ineffectiveLimit
    ? ask("ineffective", `The last ${count} actions on this target showed no effect; a person decides what is next.`)
    : undefined
}

// Blocks first, so that the reasons of a decision begin with what weighs most.
const always: ReadonlyArray<Guardrail> = [
  emergencyStop,
  emergencyLevel,
  unobserved,
  targetMissing,
  otherTarget,
  wrongKind
]

/** Those that are about what a write does. */
const writing: ReadonlyArray<Guardrail> = [
  protectedNamespace,
  autoscalerOwned,
  irreversible,
  levelGate,
  rulesUnsafe,
  risk,
  confidence,
  managedObject,
  capacityReduction,
  tooManyReplicas,
  cooldown,
  actionsPerWindow,
  ineffective
]

/** All findings about carrying out the proposed action in this situation, blocks first. None: it may run by itself. */
export const findings = (situation: Situation): ReadonlyArray<Finding> =>
  (isReadOnly(situation.investigation.action) ? always : [...always, ...writing]).flatMap(
    (guardrail) => guardrail(situation) ?? []
  )
