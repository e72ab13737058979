/**
 * Renders what is wrong with a request as 400 that names the fault, and a response that does not fit its schema as 500
 * that says nothing.
 */

import { Cause, Effect, ErrorReporter, type Layer } from "effect"
import { type HttpApiError, HttpApiMiddleware } from "effect/http-api"
import { BadRequest, badRequest, failing, faultsOf, Internal } from "./Problem.ts"

const slots = { Params: "params", Headers: "headers", Query: "query", Payload: "payload" } as const

export class RequestFaults extends HttpApiMiddleware.Service<RequestFaults>()("kubernaut/http/RequestFaults", {
  error: [BadRequest, Internal]
}) {
  static readonly layer: Layer.Layer<RequestFaults> = HttpApiMiddleware.layerSchemaErrorTransform(
    RequestFaults,
    (error: HttpApiError.HttpApiSchemaError) =>
      error.kind === "Body" || error.kind === "ResponseHeaders"
        ? Effect.andThen(
            ErrorReporter.report(Cause.fail(error)),
            failing(new Internal({ detail: "The answer could not be written down. The log has more." }))
          )
        : failing(badRequest(faultsOf(slots[error.kind], error.cause.issue)))
  )
}
