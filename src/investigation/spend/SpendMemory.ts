/**
 * What this process knows of the spending while the ledger does not work. Mutable, and bounded.
 *
 * It is what the ledger had at the last reservation, with every change by this process since then: the calls that the
 * ledger does not have yet, or not as they ended. So an outage of the database, or a slow one, does not begin the
 * budgets again. What other processes spend meanwhile is not known.
 *
 * The oldest calls are forgotten where there are too many. Their sums are not, so they count against the budgets also
 * when the ledger is back, which has no line of them.
 */

import type { ModelCall, ModelCallId } from "../../domain/ModelCall.ts"
import type { BudgetScope, Spent } from "./Budget.ts"

/** More calls than one process makes in an outage of hours. */
const mostCalls = 1000

/** Hours, days and incidents of which a sum is kept: the ones that were used last. An incident lasts minutes. */
const mostSums = 3000

/** What is to be recorded. */
export interface Pending {
  readonly calls: ReadonlyArray<ModelCall>
  readonly removed: ReadonlyArray<ModelCallId>
}

/** What is spent in the incident, the hour and the day of a call. */
export type SpentBefore = Readonly<Record<BudgetScope, Spent>>

type Counted = Pick<ModelCall, "cost" | "inputTokens" | "outputTokens">

const nothing: Spent = { inputTokens: 0, outputTokens: 0, cost: 0 }

const plus = (sum: Spent, { cost, inputTokens, outputTokens }: Counted, times = 1): Spent => ({
  inputTokens: sum.inputTokens + times * (inputTokens ?? 0),
  outputTokens: sum.outputTokens + times * (outputTokens ?? 0),
  cost: sum.cost + times * (cost ?? 0)
})

const keysOf = ({ at, remediation }: ModelCall): Readonly<Record<BudgetScope, string>> => ({
  incident: remediation,
  hour: at.slice(0, 13),
  day: at.slice(0, 10)
})

/** Each scope with what `of` returns for it. */
const each = (of: (scope: BudgetScope) => Spent): SpentBefore => ({
  incident: of("incident"),
  hour: of("hour"),
  day: of("day")
})

/** Sums by incident, hour and day. */
class Sums {
  private readonly sums = new Map<string, Spent>()

  of(key: string): Spent {
    return this.sums.get(key) ?? nothing
  }

  has(key: string): boolean {
    return this.sums.has(key)
  }

  set(key: string, sum: Spent): void {
    this.sums.delete(key)
    this.sums.set(key, sum)
    const [oldest] = this.sums.keys()
    if (this.sums.size > mostSums && oldest !== undefined) this.sums.delete(oldest)
  }

  add(call: ModelCall, times = 1): void {
    for (const key of Object.values(keysOf(call))) this.set(key, plus(this.of(key), call, times))
  }
}

export class SpendMemory {
  private readonly calls = new Map<ModelCallId, ModelCall>()
  private readonly removed = new Set<ModelCallId>()
  /** The lines in the ledger that will change, because their calls are under way. */
  private readonly lines = new Map<ModelCallId, ModelCall>()
  /** What the ledger has in all. */
  private readonly known = new Sums()
  /** What the calls have cost that were forgotten, apart from their lines in the ledger. */
  private readonly lost = new Sums()

  get isEmpty(): boolean {
    return this.calls.size === 0 && this.removed.size === 0
  }

  get pending(): Pending {
    return { calls: [...this.calls.values()], removed: [...this.removed] }
  }

  put(call: ModelCall): void {
    this.calls.set(call.id, call)
    if (this.calls.size > mostCalls) this.forgetOldest()
  }

  /** The call was not made. The ledger may have its line. */
  remove(id: ModelCallId): void {
    this.calls.delete(id)
    this.removed.add(id)
    const [oldest] = this.removed
    if (this.removed.size <= mostCalls || oldest === undefined) return
    this.removed.delete(oldest)
    this.lines.delete(oldest)
  }

  /** The ledger has them. A call that has ended meanwhile stays. */
  done({ calls, removed }: Pending): void {
    for (const call of calls) {
      if (this.calls.get(call.id) === call) this.calls.delete(call.id)
      this.replaceLine(call.id, call)
    }
    for (const id of removed) {
      this.removed.delete(id)
      this.replaceLine(id, undefined)
    }
  }

  /** The ledger was asked for a reservation: what was spent before it, and whether it has the line now. */
  asked(call: ModelCall, spent: SpentBefore, isReserved: boolean): void {
    const keys = keysOf(call)
    for (const scope of ["incident", "hour", "day"] as const) this.known.set(keys[scope], spent[scope])
    if (isReserved) this.replaceLine(call.id, call)
  }

  /** Whether the ledger has told what was spent for the incident of a call, in its hour and on its day. */
  knows(call: ModelCall): boolean {
    return Object.values(keysOf(call)).every((key) => this.known.has(key))
  }

  /** What the ledger says was spent before a call, with what it will never have. */
  withLost(call: ModelCall, spent: SpentBefore): SpentBefore {
    const keys = keysOf(call)
    return each((scope) => plus(spent[scope], this.lost.of(keys[scope])))
  }

  /** What was spent before a call, as far as is known. */
  spentBefore(call: ModelCall): SpentBefore {
    const keys = keysOf(call)
    const pending = each((scope) => {
      const isIn = (other: ModelCall) => keysOf(other)[scope] === keys[scope]
      const changed = [...this.calls.keys(), ...this.removed].flatMap((id) => this.lines.get(id) ?? [])
      const added = [...this.calls.values()].filter(isIn).reduce<Spent>((sum, one) => plus(sum, one), nothing)
      return changed.filter(isIn).reduce((sum, line) => plus(sum, line, -1), added)
    })
    return this.withLost(
      call,
      each((scope) => plus(this.known.of(keys[scope]), pending[scope]))
    )
  }

  private replaceLine(id: ModelCallId, line: ModelCall | undefined): void {
    const before = this.lines.get(id)
    if (before !== undefined) this.known.add(before, -1)
    if (line !== undefined) this.known.add(line)
    if (line?.state === "reserved") this.lines.set(id, line)
    else this.lines.delete(id)
  }

  /** The oldest call that is over. Those that are under way are few. */
  private forgetOldest(): void {
    const oldest = [...this.calls.values()].find(({ state }) => state === "settled")
    if (oldest === undefined) return
    const line = this.lines.get(oldest.id)
    this.lost.add(oldest)
    if (line !== undefined) this.lost.add(line, -1)
    this.calls.delete(oldest.id)
    this.lines.delete(oldest.id)
  }
}
