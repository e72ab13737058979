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
 * rejection without a reason needs them too. What has no namespace, such as a node, counts for that of the alert.
 *
 * Where two tiers refuse the same request, either the request is at fault, or what the tiers share: a gateway that
 * knows neither model. They have a run together then, and a usable answer of any of them ends it: one that answers
 * other alerts shows that the request is at fault. Without that, the later tier would count only what the earlier one
 * refuses, and never what that one answers. At the end of the run all of them are out.
 *
 * After the fifth the provider is out for a while, and the run begins again. The namespaces that have put it out do not
 * count again for ten minutes, also if an answer to others is usable meanwhile, so that one tenant cannot keep it out.
 * There is one exception: a model that gives nothing but malformed answers would be asked by the same alerts for all of
 * that time. So what is not refused counts again where it comes from five namespaces, and one tenant does not have
 * those.
 */

import type { InvestigatorName } from "../../domain/Investigation.ts"
import { displayName } from "../../domain/Target.ts"
import type { PipelineError } from "../../resilience/pipeline/Pipeline.ts"
import {
  type InvestigationRequest,
  type InvestigatorError,
  type InvestigatorErrorReason,
  isNotSent
} from "../Investigator.ts"

/** Five failures in a row open a breaker (`docs/requirements.md`); here each has to be of another target. */
export const runLength = 5

/** How long a namespace that has put a provider out does not count again. */
export const spentForMs = 10 * 60_000

/** The reason code of a tier that is out because of this. */
export const ofNoUse = "of-no-use"

/** Who or what a useless call was about. `tenant`: who may have written it. */
interface Source {
  readonly name: string
  readonly tenant: string
}

/** Where the useless calls since the last usable one came from, each once. */
export interface UselessRun {
  /** The tiers that it is about. */
  readonly tiers: ReadonlyArray<string>
  /** Since they were last out because of them, and since the last usable one. */
  readonly counted: ReadonlyArray<Source>
  /** Who has put them out, and when. */
  readonly spent: ReadonlyMap<string, number>
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

/** What a call was about. */
type About = Pick<InvestigationRequest, "alert" | "target">

/**
 * Who may have written it. Any alert can name a node or a volume, so of one without a namespace it is the namespace
 * that the alert comes from. All that come from none are together one tenant's: their names would be as many as
 * somebody likes.
 */
const tenantOf = ({ alert, target }: About): string => {
  const namespace = target.namespace || alert.labels["namespace"]
  return namespace ? `namespace ${namespace}` : "no namespace"
}

const breadthOf = (sources: ReadonlyArray<Source>): number => new Set(sources.map(({ tenant }) => tenant)).size

/** The run after a useless call about a target, and whether it shows that its tiers are of no use. */
const afterCall = (
  { counted: before, spent: all, tiers }: UselessRun,
  worth: "useless" | "rejected" | "refused",
  about: About,
  nowMs: number
): { readonly run: UselessRun; readonly isOfNoUse: boolean } => {
  const spent = new Map([...all].filter(([, atMs]) => nowMs - atMs < spentForMs))
  const tenant = tenantOf(about)
  const isSpent = spent.has(tenant)
  const name = worth === "useless" && !isSpent ? displayName(about.target) : tenant
  const isKnown = before.some((source) => source.name === name)
  if (isKnown || (isSpent && worth === "refused")) return { run: { tiers, counted: before, spent }, isOfNoUse: false }
  const counted = [...before, { name, tenant }]
  const fresh = counted.filter((source) => !spent.has(source.tenant))
  return fresh.length < runLength && breadthOf(counted) < runLength
    ? { run: { tiers, counted, spent }, isOfNoUse: false }
    : {
        run: { tiers, counted: [], spent: new Map([...spent, ...fresh.map((each) => [each.tenant, nowMs] as const)]) },
        isOfNoUse: true
      }
}

/** The run after a usable answer. */
const afterUse = (run: UselessRun, nowMs: number): ReadonlyArray<UselessRun> => {
  const isForgotten = [...run.spent.values()].every((atMs) => nowMs - atMs >= spentForMs)
  return isForgotten ? [] : [{ ...run, counted: [] }]
}

const isOf = (run: UselessRun, tiers: ReadonlyArray<string>): boolean =>
  run.tiers.length === tiers.length && tiers.every((tier) => run.tiers.includes(tier))

/** The runs after all calls about one request, and the tiers that these show to be of no use. */
export const afterCalls = (
  runs: UselessRuns,
  calls: ReadonlyArray<Call>,
  about: About,
  nowMs: number
): { readonly runs: UselessRuns; readonly ofNoUse: ReadonlySet<string> } => {
  const ofNoUse = new Set<string>()
  let after = runs
  for (const { tiers, worth } of countsOf(calls)) {
    if (worth === "nothing") continue
    if (worth === "usable") {
      after = after.flatMap((run) => (tiers.some((tier) => run.tiers.includes(tier)) ? afterUse(run, nowMs) : [run]))
      continue
    }
    const before = after.find((run) => isOf(run, tiers)) ?? { tiers, counted: [], spent: new Map<string, number>() }
    const { isOfNoUse, run } = afterCall(before, worth, about, nowMs)
    after = [...after.filter((each) => each !== before), run]
    if (isOfNoUse) for (const tier of tiers) ofNoUse.add(tier)
  }
  return { runs: after, ofNoUse }
}
