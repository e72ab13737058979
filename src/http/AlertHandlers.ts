/**
 * `POST /api/v1/alerts`: the one route that a storm comes through.
 *
 * It reads and writes its bodies itself, which spares the generic machinery's copies; the interface's definition describes it all the same.
 * A body is decoded quickly first; only one that is wrong is decoded again for everything that is wrong with it.
 */
import { Effect, Exit, Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Webhook } from "../intake/AlertmanagerWebhook.ts"
import { Intake } from "../intake/Intake.ts"
import { Api } from "./Api.ts"
import { CurrentPrincipal } from "./Authentication.ts"
import { BadRequest, badRequest, failing, faultsOf, TooManyRequests, UnsupportedMediaType } from "./Problem.ts"
import { storageFault } from "./StorageFault.ts"

const decode = Schema.decodeUnknownExit(Webhook)
const decodeFully = Schema.decodeUnknownResult(Webhook, { errors: "all" })

const isJson = (contentType: string | undefined): boolean => contentType === undefined || /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)

const parse = (text: string): Effect.Effect<unknown, BadRequest> => {
  try {
    return Effect.succeed(JSON.parse(text) as unknown)
  } catch {
    return Effect.fail(new BadRequest({ detail: text.trim() === "" ? "The body is empty. Send an Alertmanager webhook, version 4." : "The body is not JSON." }))
  }
}

const faults = (body: unknown) => {
  const result = decodeFully(body)
  return badRequest(result._tag === "Failure" ? faultsOf("payload", result.failure.issue) : [])
}

export const AlertHandlers = HttpApiBuilder.group(
  Api,
  "alerts",
  Effect.fnUntraced(function*(handlers) {
    const intake = yield* Intake
    return handlers.handleRaw(
      "receive",
      Effect.fnUntraced(function*({ request }) {
        if (!isJson(request.headers["content-type"])) {
          return yield* failing(new UnsupportedMediaType({ detail: "Send Content-Type: application/json." }))
        }
        // What fails here is the connection or the size of the body: the last resort answers both.
        const text = yield* Effect.orDie(request.text)
        const body = yield* parse(text)
        const webhook = decode(body)
        if (Exit.isFailure(webhook)) return yield* faults(body)
        const { name } = yield* CurrentPrincipal
        const receipt = yield* intake.receive(webhook.value, name).pipe(Effect.catchTag("StorageError", storageFault))
        if (receipt.shed > 0 && receipt.shed === receipt.results.length) {
          return yield* failing(
            new TooManyRequests({
              detail: "No alert of this post was kept: there are more than can be worked on, or this source sends too many. Alertmanager sends them again.",
              retryAfterSeconds: Math.ceil((receipt.retryAfterMs ?? 30_000) / 1000)
            })
          )
        }
        return HttpServerResponse.jsonUnsafe({ results: receipt.results }, { status: 202 })
      })
    )
  })
)
