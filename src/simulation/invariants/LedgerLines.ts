/** Compares the lines of the ledger of model calls that one attempt has with what the model counted for it. Pure. */

import type { ModelCall } from "../../domain/ModelCall.ts"
import { costOf } from "../../investigation/spend/Price.ts"
import { type Counted, holmesGptEstimate, prices } from "../farEnds/ModelSpend.ts"

/** What a model has counted for one question. */
export interface Question extends Counted {
  isAll: boolean
  isTold: boolean
}

/** The calls of one attempt: one, unless a rotated key or a shorter question made it another one. */
export interface Attempt {
  readonly peer: string
  readonly process: number
  calls: number
  /** Its reservation may be in memory only. */
  isUncertain: boolean
  readonly questions: Map<object, Question>
}

type Peer = keyof typeof prices

/** The price of a model, by the name of its breaker. */
export const priceOf = (peer: string) => prices[peer.replace("llm:", "") as Peer]

/** The least that counts for a question of which the service was not told. */
const leastOf = (peer: string, { inputTokens }: Counted): number =>
  peer === "holmesgpt" ? holmesGptEstimate.inputTokens : inputTokens

const textOf = ({ inputTokens, outputTokens }: Pick<ModelCall, "inputTokens" | "outputTokens">): string =>
  `${inputTokens} and ${outputTokens} tokens`

/** What is wrong with the lines of one attempt. `hasEnded`: the process that made it. */
export const problemsOf = (
  attempt: Attempt,
  lines: ReadonlyArray<ModelCall>,
  hasEnded: boolean
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const open = new Set(attempt.questions.values())
  for (const line of lines) {
    const { basis, cost, inputTokens, outcome, outputTokens, state } = line
    if (state === "reserved") {
      if (!hasEnded) problems.push(`${line.id} was never settled`)
      continue
    }
    if (cost !== costOf(line, priceOf(attempt.peer))) problems.push(`${line.id} costs ${cost} for ${textOf(line)}`)
    if (outcome === "rejected" && inputTokens === 0 && outputTokens === 0) continue
    const counted = [...open].find(
      (question) => question.isAll && question.inputTokens === inputTokens && question.outputTokens === outputTokens
    )
    if (basis === "measured") {
      if (counted === undefined) problems.push(`${line.id} says ${textOf(line)}, which ${attempt.peer} did not count`)
      else open.delete(counted)
    } else if (outcome === "answered" && [...open].some(({ isAll, isTold }) => isAll && isTold))
      problems.push(`${line.id} is estimated, although ${attempt.peer} told its tokens`)
  }
  const estimated = lines.filter(({ basis }) => basis === "estimated")
  for (const question of open) {
    const at = estimated.findIndex(({ inputTokens }) => (inputTokens ?? 0) >= leastOf(attempt.peer, question))
    if (at >= 0) estimated.splice(at, 1)
    else if (!(hasEnded && attempt.isUncertain))
      problems.push(`${attempt.peer} counted ${textOf(question)}, which no line of the ledger has`)
  }
  return problems
}
