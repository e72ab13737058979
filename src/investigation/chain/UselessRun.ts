/**
 * When a provider that responds is of no use: it refuses, or gives answers that nothing can follow from, to one alert
 * after the other. Pure.
 *
 * | a call                                                                            | counts as |
 * | --------------------------------------------------------------------------------- | --------- |
 * | returned an investigation                                                         | usable    |
 * | was refused or rejected, or its answer is malformed, empty, cut off, about others | useless   |
 * | went round in circles: the step limit, the same tool call again and again         | useless   |
 * | was not sent: too long by our own count, or no request that can be sent           | nothing   |
 * | was refused by a custom investigator: it may be for other alerts                  | nothing   |
 * | failed otherwise, or was not made: the breaker counts that                        | nothing   |
 *
 * Each of these may be due to the text of the alert, which somebody else writes. So one says nothing, and the same
 * target counts once, however often it fires: only different targets in a row, without a usable answer between them,
 * show that the fault is the provider's.
 */

import type { InvestigatorName } from "../../domain/Investigation.ts"
import type { PipelineError } from "../../resilience/pipeline/Pipeline.ts"
import { type InvestigatorError, type InvestigatorErrorReason, isNotSent } from "../Investigator.ts"

/** Five failures in a row open a breaker (`docs/requirements.md`); here each has to be of another target. */
export const runLength = 5

/** The reason code of a tier that is out because of this. */
export const ofNoUse = "of-no-use"

/** The targets of the useless calls since the last usable one, each once. */
export type UselessRun = ReadonlyArray<string>

export const noRun: UselessRun = []

export type Worth = "usable" | "useless" | "nothing"

const uselessTags: ReadonlySet<(InvestigatorErrorReason | PipelineError["reason"])["_tag"]> = new Set([
  "Authentication",
  "BadRequest",
  "ContextOverflow",
  "InvalidAnswer",
  "Refused",
  "StepLimit",
  "ToolLoop"
])

/** What a failure shows. One that the breaker counts is not counted here too. */
export const worthOf = (name: InvestigatorName, error: InvestigatorError | PipelineError | undefined): Worth => {
  if (error === undefined || !("countsAsFailure" in error) || error.countsAsFailure) return "nothing"
  if (isNotSent(error.reason)) return "nothing"
  if (name === "custom" && error.reason._tag === "Refused") return "nothing"
  return uselessTags.has(error.reason._tag) ? "useless" : "nothing"
}

/** The run after a call about a target. */
export const afterCall = (run: UselessRun, worth: Worth, target: string): UselessRun => {
  if (worth === "usable") return noRun
  return worth === "nothing" || run.includes(target) || isOfNoUse(run) ? run : [...run, target]
}

/** Whether the provider is of no use. It stays so until an answer is usable. */
export const isOfNoUse = (run: UselessRun): boolean => run.length >= runLength
