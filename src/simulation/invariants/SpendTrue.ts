/**
 * The ledger of model calls tells the truth, and no call exceeds a budget: compared with what the models count, call by
 * call.
 *
 * - When a call is sent, its reservation is committed, and everything that is reserved or spent up to it is within each
 *   budget, apart from what calls before it have cost above their estimates.
 * - At the end, a line that says _measured_ has the tokens that the model counted for a call of that attempt. A response
 *   that was taken as an answer and told its tokens is measured. What was counted and not told has a line with no less
 *   than the estimate. Nothing stays reserved, except by a process that died.
 *
 * While the database is disturbed, calls are counted in the memory of the process, so a line may be late, and is
 * missing if the process ends before it was written. What was spent before the process has started may then be unknown
 * to it.
 */

import type { ModelCall } from "../../domain/ModelCall.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { costOf } from "../../investigation/spend/Price.ts"
import type { LedgerRow } from "../farEnds/Database.ts"
import type { Setting } from "../farEnds/FarEnd.ts"
import { budgetsOf, type Counted, holmesGptEstimate } from "../farEnds/ModelSpend.ts"
import type { Call, Observation } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import { type Invariant, type Truth, withTruth } from "./Invariant.ts"
import { type Attempt, priceOf, problemsOf } from "./LedgerLines.ts"

/** How long the service waits for the database before it counts in memory, with the time of the commit. */
const patienceMs = 3_000
/** The reservations of an attempt are among the newest lines: it may take minutes, with many others beside it. */
const newest = 2000
const micro = 1_000_000

/** What a call has cost above its estimate, which only that of HolmesGPT can. */
const excessOf = (peer: string, { inputTokens, outputTokens }: Counted): Counted =>
  peer === "holmesgpt"
    ? {
        inputTokens: Math.max(0, inputTokens - holmesGptEstimate.inputTokens),
        outputTokens: Math.max(0, outputTokens - holmesGptEstimate.outputTokens)
      }
    : { inputTokens: 0, outputTokens: 0 }

type Seen<Tag extends Observation["_tag"]> = Extract<Observation, { readonly _tag: Tag }>
type Report = (message: string) => void

/** What was spent above the estimates, by the hour, the day and the incident. */
class Excess {
  private readonly sums = new Map<string, { readonly tokens: number; readonly cost: number }>()

  of(prefix: string): { readonly tokens: number; readonly cost: number } {
    return this.sums.get(prefix) ?? { tokens: 0, cost: 0 }
  }

  add(call: ModelCall, peer: string, counted: Counted): void {
    const above = excessOf(peer, counted)
    for (const [, , prefix] of scopesOf(call)) {
      const { cost, tokens } = this.of(prefix)
      this.sums.set(prefix, {
        tokens: tokens + above.inputTokens + above.outputTokens,
        cost: cost + (costOf(above, priceOf(peer)) ?? 0)
      })
    }
  }
}

/** Where the sum of each budget is found: a column, and what it begins with. */
const scopesOf = ({ at, remediation }: ModelCall) =>
  [
    ["hour", "at", at.slice(0, 13)],
    ["day", "at", at.slice(0, 10)],
    ["incident", "remediation_id", remediation]
  ] as const

class SpendWatch {
  private readonly setting: Setting
  private readonly report: Report
  private readonly database: Truth["farEnds"]["database"]
  private readonly budgets: ReturnType<typeof budgetsOf>
  private readonly attempts = new Map<string, Attempt>()
  private readonly excess = new Excess()
  /** The service's process that lives. Another one on its database, or one before it, may have died at any step. */
  private alive: number | undefined
  private bootedAt: string = ""
  readonly standstill = new Standstill()

  constructor(setting: Setting, report: Report, { farEnds }: Truth) {
    this.setting = setting
    this.report = report
    this.database = farEnds.database
    this.budgets = budgetsOf(setting)
  }

  booted(number: number): void {
    this.alive = number
    this.bootedAt = Timestamp.fromMillis(this.setting.world.wallMs)
    this.standstill.booted()
  }

  ended(number: number): void {
    if (number === this.alive) this.alive = undefined
  }

  began({ attempt: span, peer, process, purpose }: Call, atMs: number): void {
    if (span === undefined || purpose !== "work") return
    const attempt = this.attempts.get(span.spanId) ?? {
      peer,
      process,
      calls: 0,
      isUncertain: false,
      questions: new Map()
    }
    this.attempts.set(span.spanId, attempt)
    attempt.calls++
    const [line, ...others] = this.linesOf(span)
    const isDisturbed = this.database.disturbedUntilMs >= atMs - patienceMs || this.standstill.since(atMs) < atMs
    if (line !== undefined && others.length + 1 >= attempt.calls) return this.checkBudgets(line, isDisturbed)
    attempt.isUncertain = true
    if (!isDisturbed) this.report(`${peer} is called without a reservation in the ledger`)
  }

  counted({ attempt: span, isAll, isTold, peer, tokens, work }: Seen<"ModelCounted">): void {
    if (span === undefined) return
    this.attempts.get(span.spanId)?.questions.set(work, { ...tokens, isAll, isTold })
    const [line] = isAll ? this.linesOf(span) : []
    if (line !== undefined) this.excess.add(line.call, peer, tokens)
  }

  end(): void {
    const lines = Map.groupBy(
      this.database.ledgerRows(1_000_000).map(({ call }) => call),
      ({ spanId = "" }) => spanId
    )
    for (const [span, attempt] of this.attempts)
      for (const problem of problemsOf(attempt, lines.get(span) ?? [], attempt.process !== this.alive))
        this.report(problem)
    for (const [span, [line]] of lines)
      if (line?.basis === "measured" && line.outcome !== "rejected" && !this.attempts.has(span))
        this.report(`${line.id} is measured, and nobody was called`)
  }

  private linesOf({ spanId }: { readonly spanId: string }) {
    return this.database.ledgerRows(newest, spanId).filter(({ call }) => call.spanId === spanId)
  }

  private checkBudgets({ call, row }: LedgerRow, isDisturbed: boolean): void {
    for (const [budget, column, prefix] of scopesOf(call)) {
      const { money = Infinity, tokens = Infinity } = this.budgets[budget] ?? {}
      if (money === Infinity && tokens === Infinity) continue
      const sum = this.database.ledgerSum(column, prefix, row, isDisturbed ? this.bootedAt : "")
      const above = this.excess.of(prefix)
      if (sum.tokens - above.tokens > tokens || sum.cost - above.cost > money * micro)
        this.report(
          `${call.id} is made with ${sum.tokens} tokens and ${sum.cost / micro} spent, beyond the budget of the ${budget}`
        )
    }
  }
}

export const spendTrue: Invariant = {
  name: "spend-true",
  description:
    "A call to a model is reserved before it is sent, within each budget, and settled by what the model counted.",
  make: withTruth((setting, report, truth) => {
    const watch = new SpendWatch(setting, report, truth)
    return {
      on: {
        ProcessBooted: ({ number, process }) => {
          if (process === "service") watch.booted(number)
        },
        ProcessPaused: ({ forMs }, atMs) => watch.standstill.paused(atMs, forMs),
        ProcessEnded: ({ number }) => watch.ended(number),
        CallBegan: ({ call }, atMs) => watch.began(call, atMs),
        ModelCounted: (seen) => watch.counted(seen)
      },
      atEnd: () => watch.end()
    }
  })
}
