/**
 * When a provider that responds is of no use: it refuses, or gives answers that nothing can follow from, to one alert
 * after the other. Pure.
 *
 * | a call                                                                    | counts as | once for each | for                |
 * | ------------------------------------------------------------------------- | --------- | ------------- | ------------------ |
 * | returned an investigation                                                 | usable    | –             | –                  |
 * | gave an answer that is malformed, empty, cut off, about others            | useless   | target        | its tier           |
 * | went round in circles: the step limit, the same tool call again and again | useless   | target        | its tier           |
 * | was rejected for what we are (403)                                        | useless   | target        | its tier           |
 * | was rejected, and the provider does not say for what it says (400)        | rejected  | namespace     | its tier           |
 * | was refused for what it says, or as too long                              | refused   | namespace     | its tier           |
 * | the same, and another tier refused or rejected the same request           | refused   | namespace     | these tiers as one |
 * | was not sent: too long by our own count, or no request that can be sent   | nothing   | –             | –                  |
 * | was refused by a custom investigator: it may be for other alerts          | nothing   | –             | –                  |
 * | failed otherwise, or was not made: the breaker counts that                | nothing   | –             | –                  |
 *
 * Each of these may be due to the text of the alert, which somebody else writes. So one says nothing, and the same
 * target counts once, however often it fires: only different targets in a row, without a usable answer between them,
 * show that the fault is the provider's. What a filter rejects is easy to write, and a tenant who may write one object
 * of a namespace may write five. So there it needs different namespaces. Not every filter says that it is one, so a
 * rejection without a reason needs them too.
 *
 * Where two tiers refuse the same request, either the request is at fault, or what the tiers share: a gateway that
 * knows neither model. They have a run together then, and a usable answer of any of them ends it: one that answers
 * other alerts shows that the request is at fault. Without that, the later tier would count only what the earlier one
 * refuses, and never what that one answers. At the end of the run all of them are out.
 *
 * After the fifth the provider is out for a while, and the run begins again. What has counted does not count again
 * until an answer is usable, so that those who have put a provider out cannot keep it out. There is one exception: a
 * model that gives nothing but malformed answers would be asked by the same alerts for ever. So what is not refused
 * counts again where it comes from five namespaces, and one tenant does not have those.
 */

import type { InvestigatorName } from "../../domain/Investigation.ts"
import { displayName, type Target } from "../../domain/Target.ts"
import type { PipelineError } from "../../resilience/pipeline/Pipeline.ts"
import { type InvestigatorError, type InvestigatorErrorReason, isNotSent } from "../Investigator.ts"

/** Five failures in a row open a breaker (`docs/requirements.md`); here each has to be of another target. */
export const runLength = 5

/** The reason code of a tier that is out because of this. */
export const ofNoUse = "of-no-use"

/** Who or what a useless call was about. */
interface Source {
  readonly name: string
  /** Absent: nobody's tenant has written it. */
  readonly namespace?: string
}

/** Where the useless calls since the last usable one came from, each once. */
export interface UselessRun {
  /** The tiers that it is about. */
  readonly tiers: ReadonlyArray<string>
  /** Since they were last out because of them. */
  readonly counted: ReadonlyArray<Source>
  /** The names of those before that, the latest last. */
  readonly spent: ReadonlyArray<string>
}

/** The runs of all tiers. */
export type UselessRuns = ReadonlyArray<UselessRun>

export const noRuns: UselessRuns = []

export type Worth = "usable" | "useless" | "rejected" | "refused" | "nothing"

/** A call to a tier, and what it shows about its use. */
export interface Call {
  readonly tier: string
  readonly worth: Worth
}

type Tag = (InvestigatorErrorReason | PipelineError["reason"])["_tag"]

const uselessTags: ReadonlySet<Tag> = new Set(["Authentication", "InvalidAnswer", "StepLimit", "ToolLoop"])

const refusedTags: ReadonlySet<Tag> = new Set(["ContextOverflow", "Refused"])

/** What a failure shows. One that the breaker counts is not counted here too. */
export const worthOf = (name: InvestigatorName, error: InvestigatorError | PipelineError | undefined): Worth => {
  if (error === undefined || !("countsAsFailure" in error) || error.countsAsFailure) return "nothing"
  if (isNotSent(error.reason)) return "nothing"
  if (name === "custom" && error.reason._tag === "Refused") return "nothing"
  if (error.reason._tag === "BadRequest") return "rejected"
  if (refusedTags.has(error.reason._tag)) return "refused"
  return uselessTags.has(error.reason._tag) ? "useless" : "nothing"
}

/** What the calls about one request count as, and for which tiers. */
const countsOf = (
  calls: ReadonlyArray<Call>
): ReadonlyArray<{ readonly tiers: ReadonlyArray<string>; readonly worth: Worth }> => {
  const declined = calls.filter(({ worth }) => worth === "refused" || worth === "rejected")
  const together = [...new Set(declined.map(({ tier }) => tier))]
  const isShared = together.length > 1 && declined.some(({ worth }) => worth === "refused")
  const alone = isShared ? calls.filter(({ worth }) => worth !== "refused") : calls
  return [
    ...alone.map(({ tier, worth }) => ({ tiers: [tier], worth })),
    ...(isShared ? [{ tiers: together, worth: "refused" } as const] : [])
  ]
}

/** What has no namespace is written by nobody's tenant. */
const nameOf = (worth: Worth, target: Target): string =>
  worth !== "useless" && target.namespace !== "" ? `namespace ${target.namespace}` : displayName(target)

/** How many sources are remembered that have counted. */
const mostSpent = 100

/** How many tenants it may come from. */
const breadthOf = (sources: ReadonlyArray<Source>): number =>
  new Set(sources.map(({ name, namespace }) => namespace ?? name)).size

/** The run after a useless call about a target, and whether it shows that its tiers are of no use. */
const afterCall = (
  run: UselessRun,
  worth: "useless" | "rejected" | "refused",
  target: Target
): { readonly run: UselessRun; readonly isOfNoUse: boolean } => {
  const { counted: before, spent } = run
  const { namespace } = target
  const source: Source = { name: nameOf(worth, target), ...(namespace === "" ? {} : { namespace }) }
  const isKnown = before.some(({ name }) => name === source.name)
  if (isKnown || (worth === "refused" && spent.includes(source.name))) return { run, isOfNoUse: false }
  const counted = [...before, source]
  const fresh = counted.filter(({ name }) => !spent.includes(name))
  if (fresh.length < runLength && breadthOf(counted) < runLength) return { run: { ...run, counted }, isOfNoUse: false }
  return {
    run: { ...run, counted: [], spent: [...spent, ...fresh.map(({ name }) => name)].slice(-mostSpent) },
    isOfNoUse: true
  }
}

const isOf = (run: UselessRun, tiers: ReadonlyArray<string>): boolean =>
  run.tiers.length === tiers.length && tiers.every((tier) => run.tiers.includes(tier))

/** The runs after all calls about one request, and the tiers that these show to be of no use. */
export const afterCalls = (
  runs: UselessRuns,
  calls: ReadonlyArray<Call>,
  target: Target
): { readonly runs: UselessRuns; readonly ofNoUse: ReadonlySet<string> } => {
  const ofNoUse = new Set<string>()
  let after = runs
  for (const { tiers, worth } of countsOf(calls)) {
    if (worth === "nothing") continue
    if (worth === "usable") {
      after = after.filter((run) => !tiers.some((tier) => run.tiers.includes(tier)))
      continue
    }
    const before = after.find((run) => isOf(run, tiers)) ?? { tiers, counted: [], spent: [] }
    const { isOfNoUse, run } = afterCall(before, worth, target)
    after = [...after.filter((each) => each !== before), run]
    if (isOfNoUse) for (const tier of tiers) ofNoUse.add(tier)
  }
  return { runs: after, ofNoUse }
}
