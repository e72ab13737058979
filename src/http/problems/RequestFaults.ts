/**
 * Middleware that turns schema errors into problems: an invalid request becomes a 400 that names each fault, and a
 * response that does not match its schema becomes a 500 without details.
 */

import { Cause, Effect, ErrorReporter, type Layer } from "effect"
import { type HttpApiError, HttpApiMiddleware } from "effect/http-api"
import { BadRequest, badRequest, failing, faultsOf, Internal } from "./Problem.ts"

const slots = { Params: "params", Headers: "headers", Query: "query", Payload: "payload" } as const

export class RequestFaults extends HttpApiMiddleware.Service<RequestFaults>()("kubernaut/http/problems/RequestFaults", {
  error: [BadRequest, Internal]
}) {}

export const layer: Layer.Layer<RequestFaults> = HttpApiMiddleware.layerSchemaErrorTransform(
  RequestFaults,
  (error: HttpApiError.HttpApiSchemaError) =>
    error.kind === "Body" || error.kind === "ResponseHeaders"
      ? Effect.andThen(
          ErrorReporter.report(Cause.fail(error)),
          failing(new Internal({ detail: "The response could not be encoded. See the log." }))
        )
      : failing(badRequest(faultsOf(slots[error.kind], error.cause.issue)))
)
