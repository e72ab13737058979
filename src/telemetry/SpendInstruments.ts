/** The metrics of model calls and of their budgets: one series for each tier. */

import { type ModelCall, serviceOf } from "../domain/ModelCall.ts"
import { BudgetScope } from "../investigation/spend/Budget.ts"
import type { SpendEvent } from "../investigation/spend/SpendMeter.ts"
import type { Registering } from "./Registering.ts"

const instruments = ({ counter }: Registering) => ({
  calls: counter(
    "kubernaut_model_calls_total",
    "Calls to models by outcome: answered, failed or rejected; basis says whether their tokens were measured or estimated.",
    ["service", "outcome", "basis"]
  ),
  tokens: counter(
    "kubernaut_model_tokens_total",
    "Tokens of calls to models, by direction: input or output. A call whose tokens are not known adds none.",
    ["service", "direction"]
  ),
  cost: counter(
    "kubernaut_model_cost_total",
    "What calls to models have cost, in the configured currency. A call whose cost is not known adds nothing.",
    ["service"]
  ),
  unknownCost: counter(
    "kubernaut_model_calls_without_cost_total",
    "Calls to models whose cost is not known, because their provider has no price.",
    ["service"]
  ),
  refused: counter(
    "kubernaut_model_calls_over_budget_total",
    "Calls to models that were not made, because they would have exceeded the budget of the incident, the hour or the day.",
    ["service", "budget"]
  )
})

export class SpendInstruments {
  readonly #metrics: ReturnType<typeof instruments>
  readonly #service: (name: string) => string

  /** `label` bounds the names of services. */
  constructor(registering: Registering, services: ReadonlyArray<string>, label: (name: string) => string) {
    this.#metrics = instruments(registering)
    this.#service = label
    for (const service of services) this.#startSeries(service)
  }

  // If a counter appears with its first event, `rate()` misses that event.
  #startSeries(service: string): void {
    for (const direction of ["input", "output"]) this.#metrics.tokens.inc({ service, direction }, 0)
    for (const budget of BudgetScope.literals) this.#metrics.refused.inc({ service, budget }, 0)
    this.#metrics.cost.inc({ service }, 0)
    this.#metrics.unknownCost.inc({ service }, 0)
    this.#metrics.calls.inc({ service, outcome: "answered", basis: "measured" }, 0)
  }

  readonly onSpend = (event: SpendEvent): void => {
    if (event._tag === "Settled") return this.#onSettled(event.call)
    this.#metrics.refused.inc({ service: this.#service(event.service), budget: event.used.budget })
  }

  #onSettled(call: ModelCall): void {
    const service = this.#service(serviceOf(call))
    const { basis, cost, inputTokens, outcome = "failed", outputTokens } = call
    this.#metrics.calls.inc({ service, outcome, basis })
    this.#metrics.tokens.inc({ service, direction: "input" }, inputTokens ?? 0)
    this.#metrics.tokens.inc({ service, direction: "output" }, outputTokens ?? 0)
    if (cost === null) this.#metrics.unknownCost.inc({ service })
    else this.#metrics.cost.inc({ service }, cost / 1_000_000)
  }
}
