/** A cheap request that shows whether a provider responds again: it lists the models. */

import { Effect } from "effect"
import type { AiError } from "effect/ai"
import * as TimeLimit from "../../../resilience/TimeLimit.ts"
import { InvestigatorError } from "../../Investigator.ts"
import { toInvestigatorError } from "../AiFailure.ts"

const noPrompt = { tokens: 0, limit: 0 } as const

/** What these statuses refuse is the request, although both are written as a failure of the server. */
const refusals = new Set<unknown>([409, 501])

/** No response, and a failure of the server itself. Any other response shows that it responds, and no more. */
const showsAnOutage = (reason: AiError.AiErrorReason): boolean => {
  if (reason._tag === "NetworkError") return reason.isRetryable
  if (reason._tag !== "InternalProviderError") return false
  const own = reason.metadata["kubernaut"] as { readonly status?: unknown } | null | undefined
  return !refusals.has(own?.status)
}

/** The error of a probe. It keeps the reason, for people. */
const probeError = (service: string, reason: AiError.AiErrorReason): InvestigatorError => {
  const { reason: told, retryable } = toInvestigatorError(service, reason, noPrompt)
  return new InvestigatorError({
    investigator: service,
    reason: told,
    retryable,
    countsAsFailure: showsAnOutage(reason)
  })
}

/**
 * Succeeds when the request does. Times out after 5 s. A response that refuses the request is inconclusive: a server
 * without that route, a key that may call models and not list them (401 or 403, by the provider), a limit on requests.
 * Real calls may work all the same, so only they show it. A key that is wrong is found by the first of them.
 */
export const probeOf = (
  service: string,
  request: (signal: AbortSignal) => PromiseLike<unknown>,
  reasonOf: (error: unknown) => AiError.AiErrorReason
): Effect.Effect<void, InvestigatorError> =>
  Effect.tryPromise({ try: request, catch: reasonOf }).pipe(
    Effect.mapError((reason) => probeError(service, reason)),
    TimeLimit.within(new TimeLimit.Excuses(), "5 seconds", (isExcused) =>
      Effect.fail(
        new InvestigatorError({
          investigator: service,
          reason: { _tag: "Timeout" },
          retryable: false,
          countsAsFailure: !isExcused
        })
      )
    ),
    Effect.withSpan("probe llm"),
    Effect.asVoid
  )
