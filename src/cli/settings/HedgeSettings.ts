/** The settings of hedging, and what they need besides. */

import { Duration } from "effect"
import { setting, Timeout } from "./Setting.ts"

export const hedge = {
  hedgeAfter: setting(Timeout, {
    form: "text",
    description:
      "How long HolmesGPT may show no sign of work before an LLM provider is asked beside it. HolmesGPT's answer is preferred. Each such call takes a token of HolmesGPT's retry budget, and both calls cost. Default: no provider is asked beside it.",
    expected: "a duration with a unit, more than zero and at most 1 day, such as 5 seconds"
  }),
  hedgeDeadline: setting(Timeout, {
    form: "text",
    fallback: "30 seconds",
    description:
      "Where a provider was asked beside HolmesGPT: how long HolmesGPT has until the provider's answer is used, from the start of its investigation. KUBERNAUT_HOLMESGPT_TIMEOUT ends it in any case.",
    expected: "a duration with a unit, more than zero and at most 1 day, such as 30 seconds"
  })
} as const

/** What the check reads. */
interface Given {
  readonly hedgeAfter?: Duration.Duration
  readonly hedgeDeadline?: Duration.Duration
  readonly holmesgptUrl?: string
  readonly llmProviders?: ReadonlyArray<unknown>
}

const required = "required when KUBERNAUT_HEDGE_AFTER is set: a provider is asked beside HolmesGPT"

/** What is wrong, by the name of the setting. A hedge that can never happen is a mistake. */
export const hedgeProblems = ({
  hedgeAfter,
  hedgeDeadline,
  holmesgptUrl,
  llmProviders = []
}: Given): ReadonlyArray<{ readonly key: string; readonly message: string }> => {
  if (hedgeAfter === undefined) return []
  return [
    ...(holmesgptUrl === undefined ? [{ key: "KUBERNAUT_HOLMESGPT_URL", message: required }] : []),
    ...(llmProviders.length === 0 ? [{ key: "KUBERNAUT_LLM_PROVIDERS", message: required }] : []),
    ...(hedgeDeadline !== undefined && Duration.isGreaterThanOrEqualTo(hedgeAfter, hedgeDeadline)
      ? [
          {
            key: "KUBERNAUT_HEDGE_AFTER",
            message: `must be less than KUBERNAUT_HEDGE_DEADLINE, ${Duration.format(hedgeDeadline)}`
          }
        ]
      : [])
  ]
}
