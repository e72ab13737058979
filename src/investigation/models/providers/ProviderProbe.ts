/** A cheap request that shows whether a provider responds again: it lists the models. */

import { Effect } from "effect"
import type { AiError } from "effect/ai"
import { InvestigatorError } from "../../Investigator.ts"
import { toInvestigatorError } from "../AiFailure.ts"

const noPrompt = { tokens: 0, limit: 0 } as const

const hasNoSuchRoute = (reason: AiError.AiErrorReason): boolean => {
  if (reason._tag !== "UnknownError") return false
  const status = (reason.metadata["kubernaut"] as { readonly status?: unknown } | null | undefined)?.status
  return status === 404 || status === 405
}

/**
 * Succeeds when the request does. Times out after 5 s. A compatible server without that route says nothing about its
 * health, so that error does not count. Only real calls show it.
 */
export const probeOf = (
  service: string,
  request: (signal: AbortSignal) => PromiseLike<unknown>,
  reasonOf: (error: unknown) => AiError.AiErrorReason
): Effect.Effect<void, InvestigatorError> =>
  Effect.tryPromise({ try: request, catch: reasonOf }).pipe(
    Effect.mapError((reason) =>
      hasNoSuchRoute(reason)
        ? new InvestigatorError({
            investigator: service,
            reason: { _tag: "BadRequest" },
            retryable: false,
            countsAsFailure: false
          })
        : toInvestigatorError(service, reason, noPrompt)
    ),
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () =>
        Effect.fail(
          new InvestigatorError({
            investigator: service,
            reason: { _tag: "Timeout" },
            retryable: false,
            countsAsFailure: true
          })
        )
    }),
    Effect.withSpan("probe llm"),
    Effect.asVoid
  )
