/**
 * `POST /api/v1/alerts`, the route that carries alert storms.
 *
 * It is not served through `HttpApiBuilder`: its generic steps (security, decoding, encoding) were measured to cost
 * more than accepting the alert. `Api` still describes the route, so the client, OpenAPI and docs include it. A body is
 * decoded up to its first error; only an invalid body is decoded again to collect all errors.
 */

import { Effect, Exit, Schema } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { Webhook } from "../../intake/AlertmanagerWebhook.ts"
import { Intake } from "../../intake/Intake.ts"
import { normalized } from "../../intake/SenderDialect.ts"
import { type AuthenticationOptions, authenticator, type Principal } from "../Authentication.ts"
import {
  BadRequest,
  badRequest,
  faultsOf,
  TooManyRequests,
  toResponse,
  UnsupportedMediaType
} from "../problems/Problem.ts"
import { storageProblem } from "../problems/StorageFault.ts"

const decode = Schema.decodeUnknownExit(Webhook)
const decodeFully = Schema.decodeUnknownResult(Webhook, { errors: "all" })

const isJson = (contentType: string | undefined): boolean =>
  contentType === undefined
  || contentType === "application/json"
  || /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)

const respond = (problem: Parameters<typeof toResponse>[0]) => Effect.succeed(toResponse(problem))

const faults = (body: unknown) => {
  const result = decodeFully(body)
  return respond(badRequest(result._tag === "Failure" ? faultsOf("payload", result.failure.issue) : []))
}

const noJson = (text: string) =>
  respond(
    new BadRequest({
      detail:
        text.trim() === ""
          ? "The body is empty. Send an Alertmanager webhook, version 4."
          : "The body is not JSON. Send an Alertmanager webhook, version 4."
    })
  )

const receive = (
  intake: Intake["Service"],
  { name }: Principal,
  text: string
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  let body: unknown
  try {
    body = normalized(JSON.parse(text))
  } catch {
    return noJson(text)
  }
  const webhook = decode(body)
  if (Exit.isFailure(webhook)) return faults(body)
  return Effect.matchEffect(intake.receive(webhook.value, name), {
    onFailure: (error) => Effect.map(storageProblem(error), (problem) => toResponse(problem)),
    onSuccess: ({ results, retryAfterMs = 30_000, shed, truncated }) =>
      shed > 0 && shed === results.length
        ? respond(
            new TooManyRequests({
              detail:
                "All alerts of this request were shed: the queue is full, or this source exceeds its rate limit. Alertmanager retries them.",
              retryAfterSeconds: Math.ceil(retryAfterMs / 1000)
            })
          )
        : Effect.succeed(
            HttpServerResponse.jsonUnsafe(
              { results, ...(truncated === undefined ? {} : { truncatedAlerts: truncated }) },
              { status: 202 }
            )
          )
  })
}

/** The route. Reading the body fails if the connection breaks or the body is too large: `LastResort` handles both. */
export const layer = (options: AuthenticationOptions) => {
  const authenticate = authenticator(options)
  return HttpRouter.use((router) =>
    Effect.flatMap(Intake, (intake) =>
      router.add("POST", "/api/v1/alerts", (request: HttpServerRequest.HttpServerRequest) => {
        const principal = authenticate(request.headers, "source")
        if (!("role" in principal)) return respond(principal)
        if (!isJson(request.headers["content-type"]))
          return respond(new UnsupportedMediaType({ detail: "Send the header Content-Type: application/json." }))
        return Effect.flatMap(Effect.orDie(request.text), (text) => receive(intake, principal, text))
      })
    )
  )
}
