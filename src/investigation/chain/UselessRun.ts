/**
 * When a provider that responds is of no use: it refuses, or gives answers that nothing can follow from, to one alert
 * after the other. Pure.
 *
 * | a call                                                                    | counts as | once for each |
 * | ------------------------------------------------------------------------- | --------- | ------------- |
 * | returned an investigation                                                 | usable    | –             |
 * | gave an answer that is malformed, empty, cut off, about others            | useless   | target        |
 * | went round in circles: the step limit, the same tool call again and again | useless   | target        |
 * | was rejected for what we are (403)                                        | useless   | target        |
 * | was refused or rejected for what it says, or as too long                  | refused   | namespace     |
 * | the same, and so it was by another tier                                   | nothing   | –             |
 * | was not sent: too long by our own count, or no request that can be sent   | nothing   | –             |
 * | was refused by a custom investigator: it may be for other alerts          | nothing   | –             |
 * | failed otherwise, or was not made: the breaker counts that                | nothing   | –             |
 *
 * Each of these may be due to the text of the alert, which somebody else writes. So one says nothing, and the same
 * target counts once, however often it fires: only different targets in a row, without a usable answer between them,
 * show that the fault is the provider's. What a filter rejects is easy to write, and a tenant who may write one object
 * of a namespace may write five. So there it needs different namespaces, and a request that two tiers refuse is at
 * fault itself.
 *
 * After the fifth the provider is out for a while, and the run begins again. What has counted does not count again
 * until an answer is usable, so that those who have put a provider out cannot keep it out.
 */

import type { InvestigatorName } from "../../domain/Investigation.ts"
import { displayName, type Target } from "../../domain/Target.ts"
import type { PipelineError } from "../../resilience/pipeline/Pipeline.ts"
import { type InvestigatorError, type InvestigatorErrorReason, isNotSent } from "../Investigator.ts"

/** Five failures in a row open a breaker (`docs/requirements.md`); here each has to be of another target. */
export const runLength = 5

/** The reason code of a tier that is out because of this. */
export const ofNoUse = "of-no-use"

/** Where the useless calls since the last usable one came from, each once. */
export interface UselessRun {
  /** Since the provider was last out because of them. */
  readonly counted: ReadonlyArray<string>
  /** Before that, the latest last. */
  readonly spent: ReadonlyArray<string>
}

export const noRun: UselessRun = { counted: [], spent: [] }

export type Worth = "usable" | "useless" | "refused" | "nothing"

type Tag = (InvestigatorErrorReason | PipelineError["reason"])["_tag"]

const uselessTags: ReadonlySet<Tag> = new Set(["Authentication", "InvalidAnswer", "StepLimit", "ToolLoop"])

const refusedTags: ReadonlySet<Tag> = new Set(["BadRequest", "ContextOverflow", "Refused"])

/** What a failure shows. One that the breaker counts is not counted here too. */
export const worthOf = (name: InvestigatorName, error: InvestigatorError | PipelineError | undefined): Worth => {
  if (error === undefined || !("countsAsFailure" in error) || error.countsAsFailure) return "nothing"
  if (isNotSent(error.reason)) return "nothing"
  if (name === "custom" && error.reason._tag === "Refused") return "nothing"
  if (refusedTags.has(error.reason._tag)) return "refused"
  return uselessTags.has(error.reason._tag) ? "useless" : "nothing"
}

/** What the calls about one request show, all of them together. */
export const together = <Tier>(
  calls: ReadonlyArray<{ readonly tier: Tier; readonly worth: Worth }>
): ReadonlyArray<{ readonly tier: Tier; readonly worth: Worth }> => {
  const refusing = new Set(calls.filter(({ worth }) => worth === "refused").map(({ tier }) => tier))
  return refusing.size < 2 ? calls : calls.filter(({ worth }) => worth !== "refused")
}

/** What has no namespace is written by nobody's tenant. */
const sourceOf = (worth: Worth, target: Target): string =>
  worth === "refused" && target.namespace !== "" ? `namespace ${target.namespace}` : displayName(target)

/** How many sources are remembered that have counted. */
const mostSpent = 100

/** The run after a call about a target, and whether it shows that the provider is of no use. */
export const afterCall = (
  run: UselessRun,
  worth: Worth,
  target: Target
): { readonly run: UselessRun; readonly isOfNoUse: boolean } => {
  if (worth === "usable") return { run: noRun, isOfNoUse: false }
  const source = sourceOf(worth, target)
  if (worth === "nothing" || run.counted.includes(source) || run.spent.includes(source))
    return { run, isOfNoUse: false }
  const counted = [...run.counted, source]
  return counted.length < runLength
    ? { run: { ...run, counted }, isOfNoUse: false }
    : { run: { counted: [], spent: [...run.spent, ...counted].slice(-mostSpent) }, isOfNoUse: true }
}
