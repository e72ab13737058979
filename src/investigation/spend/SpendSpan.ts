/**
 * Adds what a call to a model took to its span, and to the spans around it: the attempt, the hop, the investigation and
 * the remediation each tell what they cost in all.
 *
 * **Details**
 *
 * - `kubernaut.spend.calls`, `.input_tokens`, `.output_tokens`; `.cost` in `.currency`
 * - `kubernaut.spend.calls_estimated`: those whose response did not report its tokens
 * - `kubernaut.spend.calls_without_tokens`, `kubernaut.spend.calls_without_cost`: those that are missing in the sums,
 *   because nothing is known of them
 *
 * What is not known is absent, and never 0. The ledger has the single calls.
 */

import { Option, type Tracer } from "effect"
import type { ModelCall } from "../../domain/ModelCall.ts"

/** What a call adds to the attributes of a span. */
export const addedBy = ({
  basis,
  cost,
  inputTokens,
  outputTokens
}: Pick<ModelCall, "basis" | "cost" | "inputTokens" | "outputTokens">): Readonly<Record<string, number>> => ({
  "kubernaut.spend.calls": 1,
  ...(inputTokens === null ? {} : { "kubernaut.spend.input_tokens": inputTokens }),
  ...(outputTokens === null ? {} : { "kubernaut.spend.output_tokens": outputTokens }),
  ...(cost === null ? { "kubernaut.spend.calls_without_cost": 1 } : { "kubernaut.spend.cost": cost / millionths }),
  ...(inputTokens === null || outputTokens === null ? { "kubernaut.spend.calls_without_tokens": 1 } : {}),
  ...(basis === "estimated" ? { "kubernaut.spend.calls_estimated": 1 } : {})
})

const millionths = 1_000_000

const decimals = 6

/** Adds a call that is over to `span`, and to every span of this process around it. */
export const tell = (span: Tracer.AnySpan | undefined, call: ModelCall, currency: string): void => {
  const added = addedBy(call)
  for (let around = span; around?._tag === "Span"; around = Option.getOrUndefined(around.parent)) {
    for (const [attribute, value] of Object.entries(added)) {
      const before = around.attributes.get(attribute)
      // Without the fraction that floating point adds to a sum.
      around.attribute(attribute, Number(((typeof before === "number" ? before : 0) + value).toFixed(decimals)))
    }
    if (call.cost !== null) around.attribute("kubernaut.spend.currency", currency)
  }
}
