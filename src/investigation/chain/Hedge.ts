/**
 * A hedge: while a tier shows no sign of work, the next model is asked beside it, and the better answer at the deadline
 * of the decision is used. Pure. `HedgedHop` carries it out.
 *
 * | the first tier             | the model beside it | what is done                                  |
 * | -------------------------- | ------------------- | --------------------------------------------- |
 * | has answered               | any                 | the answer of the first tier is used          |
 * | works, before the deadline | any                 | both continue                                 |
 * | works, after the deadline  | has answered        | the answer beside it is used                  |
 * | works, after the deadline  | works or has failed | the first answer that is complete is used     |
 * | has failed                 | has answered        | the answer beside it is used                  |
 * | has failed                 | works               | the answer beside it is waited for            |
 * | has failed                 | has failed, or none | the chain continues with the tiers after them |
 *
 * The deadline does not count for the calls by which a tier is tried that was overtaken again and again
 * (`OvertakenRun`).
 *
 * The tier that comes first in the chain has the better answer: HolmesGPT reads the cluster itself, and may claim a
 * confidence of 1, a model beside it 0.8 (`HopOutcome`). What a model says of its own confidence does not matter.
 *
 * Only HolmesGPT is hedged, and only by an LLM: both read and write nothing, so that to ask both does no harm. Of an
 * embedder's own investigator nobody knows that.
 */

import type { Hop, InvestigatorName } from "../../domain/Investigation.ts"
import { isHostUnreachable, type Sharer, shares, type Used } from "./SharedFate.ts"

/** What became of a hedge, for metrics. `lost`: the first tier answered. */
export type HedgeOutcome = "won" | "lost" | "failed" | "no-token" | "no-model"

/** What became of a hedge of `from` by `to`. Published once it is decided. */
export interface HedgeEvent {
  readonly from: string
  /** Absent where no other model was asked. */
  readonly to?: string
  readonly outcome: HedgeOutcome
}

/** How far a tier is. `none`: it was not called. */
export type Course = "none" | "works" | "answered" | "failed"

/** Both tiers, and whether the deadline of the decision is over. */
export interface Race {
  readonly first: Exclude<Course, "none">
  readonly beside: Course
  readonly isOver: boolean
}

/** Whose answer is used. `neither`: both have failed. */
export type Choice = "wait" | "first" | "beside" | "neither"

/** What is done now. */
export const choose = ({ beside, first, isOver }: Race): Choice => {
  if (first === "answered") return "first"
  if (beside === "answered") return first === "failed" || isOver ? "beside" : "wait"
  return first === "failed" && beside !== "works" ? "neither" : "wait"
}

/** The outcome for metrics, of a race that is decided; `undefined` where no hedge was due. */
export const outcomeOf = (choice: Exclude<Choice, "wait">, hedge: Hop["hedge"]): HedgeOutcome | undefined => {
  if (hedge === "no-token" || hedge === "no-model") return hedge
  if (hedge !== "started") return undefined
  return choice === "beside" ? "won" : choice === "first" ? "lost" : "failed"
}

/** Whether a tier is hedged at all. */
export const isHedged = (name: InvestigatorName): boolean => name === "holmesgpt"

/** What a tier must be known by to serve as a hedge. */
export interface Candidate extends Sharer {
  readonly service: string
  readonly investigator: { readonly name: InvestigatorName }
}

/**
 * The models that may be asked beside `first`, the best first: LLMs after it in the chain that this investigation has
 * not called. One behind the same server or key as `first` would fail like it, so it is left out.
 */
export const candidates = <Tier extends Candidate>(
  first: Tier,
  tiers: ReadonlyArray<Tier>,
  used: ReadonlyArray<Used<Tier>>,
  held: ReadonlyArray<string> = []
): ReadonlyArray<Tier> =>
  tiers
    .slice(tiers.indexOf(first) + 1)
    .filter(
      (tier) =>
        tier.investigator.name === "llm"
        && !used.some((each) => each.tier === tier)
        && !held.includes(tier.service)
        && !shares(tier, first)
        && !isHostUnreachable(tier, used)
    )
