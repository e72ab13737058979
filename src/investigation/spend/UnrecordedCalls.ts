/** The calls that the ledger does not have yet, or not as they ended. Mutable, and bounded. */

import type { ModelCall, ModelCallId } from "../../domain/ModelCall.ts"
import type { BudgetScope, Spent } from "./Budget.ts"

/** More calls than one process makes in an outage of hours. Beyond it, the oldest are forgotten. */
const most = 1000

/** What is to be recorded. */
export interface Pending {
  readonly calls: ReadonlyArray<ModelCall>
  readonly removed: ReadonlyArray<ModelCallId>
}

const sumOf = (calls: ReadonlyArray<ModelCall>): Spent =>
  calls.reduce<Spent>(
    (sum, call) => ({
      inputTokens: sum.inputTokens + (call.inputTokens ?? 0),
      outputTokens: sum.outputTokens + (call.outputTokens ?? 0),
      cost: sum.cost + (call.cost ?? 0)
    }),
    { inputTokens: 0, outputTokens: 0, cost: 0 }
  )

export class UnrecordedCalls {
  private readonly calls = new Map<ModelCallId, ModelCall>()
  private readonly removed = new Set<ModelCallId>()

  get isEmpty(): boolean {
    return this.calls.size === 0 && this.removed.size === 0
  }

  get pending(): Pending {
    return { calls: [...this.calls.values()], removed: [...this.removed] }
  }

  put(call: ModelCall): void {
    this.calls.set(call.id, call)
    const [oldest] = this.calls.keys()
    if (this.calls.size > most && oldest !== undefined) this.calls.delete(oldest)
  }

  /** The call was not made. The ledger may have its line. */
  remove(id: ModelCallId): void {
    this.calls.delete(id)
    this.removed.add(id)
    const [oldest] = this.removed
    if (this.removed.size > most && oldest !== undefined) this.removed.delete(oldest)
  }

  /** The ledger has them. A call that has ended meanwhile stays. */
  done({ calls, removed }: Pending): void {
    for (const call of calls) if (this.calls.get(call.id) === call) this.calls.delete(call.id)
    for (const id of removed) this.removed.delete(id)
  }

  /** What these calls have cost, in the incident, the hour and the day of a call. */
  spentBefore({ at, remediation }: ModelCall): Readonly<Record<BudgetScope, Spent>> {
    const calls = [...this.calls.values()]
    const since = (length: number) => sumOf(calls.filter((call) => call.at.startsWith(at.slice(0, length))))
    return {
      incident: sumOf(calls.filter((call) => call.remediation === remediation)),
      hour: since(13),
      day: since(10)
    }
  }
}
