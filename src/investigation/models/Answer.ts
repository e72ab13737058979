/**
 * The answer that a model must give, and the validation before anything acts on it.
 *
 * **Details**
 *
 * A model selects one action of the catalogue. Its answer is rejected when it is not JSON of the schema, has no root
 * cause, names an object that is neither the target nor part of it, or names an action that does not apply to the kind
 * of that object. It may take back any change that the prompt lists, of whatever object, and no other one. The
 * confidence that a model reports is capped by its tier (`InvestigationChain`) and never bypasses a guardrail.
 *
 * **Gotchas**
 *
 * A model's text may repeat secrets that it read in the cluster, and it is written to the journal, notifications and
 * logs. So `toInvestigation` redacts it.
 */

import { Result, Schema } from "effect"
import { OpenAiStructuredOutput } from "effect/ai"
import { Action, appliesToItsTarget } from "../../domain/Action.ts"
import { Confidence, type Investigation, type InvestigatorName } from "../../domain/Investigation.ts"
import { type ResourceRef, sameRef } from "../../domain/Target.ts"
import { redact } from "../evidence/Redaction.ts"
import type { InvestigationRequest } from "../Investigator.ts"

export const Answer = Schema.Struct({
  rootCause: Schema.String.annotate({ description: "The most likely cause in one or two sentences. Never empty." }),
  evidence: Schema.Array(Schema.String).annotate({
    description: "The observations that support it, one in each item."
  }),
  action: Action.annotate({
    description: "The one action to take. Choose Notify with the reason unless another action is clearly right."
  }),
  confidence: Confidence.annotate({
    description: "The probability that the root cause is right and the action helps, 0 to 1."
  })
}).annotate({ identifier: "Answer" })
export type Answer = typeof Answer.Type

type Restoration = Extract<Action, { readonly type: "RestoreObject" }>

/** How much of a model's text is kept: enough to read, too little to flood the journal and the console. */
export const limits = { rootCauseCharacters: 2000, evidenceItems: 20, evidenceCharacters: 500 } as const

const structured = OpenAiStructuredOutput.toCodecOpenAI(Answer)

/**
 * The schema of `Answer` in the subset of JSON Schema that strict structured output accepts: every property is
 * required, absent ones are `null`, and additional properties are not allowed.
 */
export const answerJsonSchema = structured.jsonSchema

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const decodeAnswer = Schema.decodeUnknownResult(structured.codec, { onExcessProperty: "error" })

// Exactly one fence around the whole text, with nothing before or after it.
const fence = /^\s*```(?:json)?[ \t]*\r?\n([\s\S]*?)\r?\n?[ \t]*```\s*$/

/** Removes a single Markdown fence around the whole text. Returns any other text unchanged. */
export const unfence = (text: string): string => fence.exec(text)?.[1] ?? text

/**
 * Parses the JSON text of a model strictly. The only exception is a single Markdown fence around the whole text:
 * servers that ignore `response_format` send it, and its content is unambiguous. Prose around the JSON, truncated JSON,
 * leaked tool calls and unknown fields are rejected.
 *
 * The problem says which rule the text broke, and never quotes it.
 */
export const parseAnswer = (text: string | null | undefined): Result.Result<Answer, string> => {
  if (text === null || text === undefined || text.trim() === "") return Result.fail("the answer is empty")
  const json = decodeJson(unfence(text))
  if (Result.isFailure(json)) return Result.fail("the answer is not JSON")
  if (looksLikeToolCall(json.success)) return Result.fail("the answer is a tool call that leaked")
  const answer = decodeAnswer(json.success)
  return Result.isFailure(answer) ? Result.fail("the answer does not match the schema") : Result.succeed(answer.success)
}

// Shapes seen in `analysis`: {"name": …, "arguments": …}, {"tool_calls": […]}, {"function": {…}}, or a list of those.
const looksLikeToolCall = (json: unknown): boolean => {
  if (Array.isArray(json)) return json.length > 0 && json.every(looksLikeToolCall)
  if (typeof json !== "object" || json === null) return false
  return (
    "tool_calls" in json
    || "tool_call_id" in json
    || "function" in json
    || ("name" in json && ("arguments" in json || "parameters" in json))
  )
}

/**
 * The objects that a remediation may touch: the target itself, its pods, its autoscaler, and the node and claim that
 * the alert names.
 */
export const isOwnObject = (request: InvestigationRequest, ref: ResourceRef): boolean => {
  const { alert, observed, target } = request
  const sameNamespace = ref.namespace === target.namespace
  if (sameNamespace && ref.kind === target.kind && ref.name === target.name) return true
  switch (ref.kind) {
    case "Pod":
      return (
        sameNamespace
        && (observed === null ? ref.name === alert.labels["pod"] : observed.pods.some((pod) => pod.name === ref.name))
      )
    case "HorizontalPodAutoscaler":
      return sameNamespace && observed !== null && observed.autoscaler === ref.name
    case "PersistentVolumeClaim":
      return sameNamespace && ref.name === alert.labels["persistentvolumeclaim"]
    case "Node":
      return ref.namespace === "" && ref.name === alert.labels["node"]
    default:
      return false
  }
}

/** Whether a change is one of the suspects, and of that object. Nobody may choose another one. */
const isSuspect = ({ suspects }: InvestigationRequest, { change, target }: Restoration): boolean =>
  suspects?.ranked.some((suspect) => suspect.change.id === change && sameRef(suspect.change.ref, target)) === true

/** How an answer contradicts itself, or the state that the model was given. */
const contradictionIn = ({ observed }: InvestigationRequest, { action, confidence }: Answer): string | undefined => {
  if (action.type !== "Notify" && confidence === 0) return "the answer has no confidence in its own action"
  if (
    action.type === "RollbackDeployment"
    && action.toRevision !== undefined
    && action.toRevision === observed?.revision
  )
    return "the answer rolls back to the revision that is current"
  return undefined
}

/** Why no action may follow from an answer; `undefined` when one may. */
export const problemOf = (request: InvestigationRequest, answer: Answer): string | undefined => {
  if (answer.rootCause.trim() === "") return "the root cause is empty"
  if (answer.action.type === "Notify" && answer.action.reason.trim() === "") return "the reason to notify is empty"
  if (answer.action.type === "RestoreObject")
    return isSuspect(request, answer.action)
      ? undefined
      : "the change is not one of those listed, or not one of that object"
  if (!isOwnObject(request, answer.action.target)) return "the action's target is not the alert's target or part of it"
  const contradiction = contradictionIn(request, answer)
  if (contradiction !== undefined) return contradiction
  if (!appliesToItsTarget(answer.action)) return `${answer.action.type} does not apply to the kind of object it names`
  return undefined
}

const shorten = (text: string, characters: number): string =>
  text.length <= characters ? text : `${text.slice(0, characters - 1)}…`

const clean = (text: string, characters: number): string => shorten(redact(text).trim(), characters)

const redactAction = (action: Action): Action =>
  action.type === "Notify" ? { ...action, reason: clean(action.reason, limits.rootCauseCharacters) } : action

/** Turns an answer into an investigation, or returns the problem with it. */
export const toInvestigation = (
  request: InvestigationRequest,
  answer: Answer,
  from: { readonly investigator: InvestigatorName; readonly provider?: string }
): Result.Result<Investigation, string> => {
  const problem = problemOf(request, answer)
  if (problem !== undefined) return Result.fail(problem)
  return Result.succeed({
    investigator: from.investigator,
    ...(from.provider === undefined ? {} : { provider: from.provider }),
    rootCause: clean(answer.rootCause, limits.rootCauseCharacters),
    evidence: answer.evidence
      .slice(0, limits.evidenceItems)
      .map((item) => clean(item, limits.evidenceCharacters))
      .filter((item) => item !== ""),
    action: redactAction(answer.action),
    confidence: answer.confidence
  })
}
