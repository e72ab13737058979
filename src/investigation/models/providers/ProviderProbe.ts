/** The cheap question whether a provider answers again, by its list of models. */

import { Effect } from "effect"
import type { AiError } from "effect/ai"
import { InvestigatorError } from "../../Investigator.ts"
import { toInvestigatorError } from "../AiFailure.ts"

const notAsked = { tokens: 0, limit: 0 } as const

const hasNoSuchRoute = (reason: AiError.AiErrorReason): boolean => {
  if (reason._tag !== "UnknownError") return false
  const status = (reason.metadata["kubernaut"] as { readonly status?: unknown } | null | undefined)?.status
  return status === 404 || status === 405
}

/**
 * Succeeds when the request does. A compatible server that has no such route says nothing about its health: that error
 * does not count, and real calls have to find out. Ends after 5 s.
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
        : toInvestigatorError(service, reason, notAsked)
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
