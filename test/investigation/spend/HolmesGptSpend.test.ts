/** What a call to HolmesGPT costs that fails. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import type { ModelCall } from "../../../src/domain/ModelCall.ts"
import { make } from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import { make as makeMeter } from "../../../src/investigation/spend/SpendMeter.ts"
import { evidence, request } from "../fixtures/Requests.ts"

const estimate = { inputTokens: 150_000, outputTokens: 5000 }

/** The line of a call to which HolmesGPT, or what is before it, responds with this. */
const lineOfResponse = (response: Response) =>
  Effect.gen(function* () {
    const client = HttpClient.make((given) => Effect.succeed(HttpClientResponse.fromWeb(given, response)))
    const holmes = yield* make({ url: "http://holmes:5050", estimate, price: { input: 2, output: 10 } }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
    const spend = yield* makeMeter({ budgets: {}, currency: "USD" }, undefined)
    const lines: Array<ModelCall> = []
    yield* spend.events.listen((event) => {
      if (event._tag === "Settled") lines.push(event.call)
    })
    const given = request({ evidence: evidence() })
    const meter = spend.meterOf({ remediation: given.remediationId, investigator: "holmesgpt" })
    const { reason } = yield* Effect.flip(holmes.investigate({ ...given, meter }))
    const [{ basis, inputTokens, outcome } = {} as ModelCall] = lines
    return { reason: reason._tag, basis, inputTokens, outcome }
  }).pipe(Effect.scoped)

/** The same of a stream. */
const lineOf = (stream: string) =>
  lineOfResponse(new Response(stream, { headers: { "content-type": "text/event-stream" } }))

const event = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const error = (description: string) => event("error", { error_code: 1, description })

const refusals = [
  ["litellm.BadRequestError: OpenAIException - invalid tool message", "BadRequest"],
  ["litellm.AuthenticationError: key expired", "UpstreamAuthentication"]
] as const

describe("a HolmesGPT whose model refuses a request", () => {
  it.effect("costs nothing if that is the first one", () =>
    Effect.gen(function* () {
      for (const [description, reason] of refusals)
        assert.deepStrictEqual(yield* lineOf(error(description)), {
          reason,
          basis: "measured",
          inputTokens: 0,
          outcome: "rejected"
        })
    })
  )

  it.effect("costs its estimate if its model had replied before, whatever the sign of that is", () =>
    Effect.gen(function* () {
      const signs = [
        event("start_tool_calling", { tool_name: "kubectl_logs", id: "1" }),
        event("ai_message", { content: "Let me look." }),
        event("tool_calling_result", { name: "kubectl_logs", result: { status: "success", data: "x", params: {} } }),
        event("token_count", { metadata: { costs: { total_cost: 0, prompt_tokens: 0, completion_tokens: 0 } } })
      ]
      for (const [description, reason] of refusals)
        for (const sign of signs)
          assert.deepStrictEqual(yield* lineOf(sign + error(description)), {
            reason,
            basis: "estimated",
            inputTokens: 150_000,
            outcome: "failed"
          })
    })
  )
})

describe("a gateway before HolmesGPT", () => {
  const rejected = { reason: "Unavailable", basis: "measured", inputTokens: 0, outcome: "rejected" } as const
  const failed = { reason: "Unavailable", basis: "estimated", inputTokens: 150_000, outcome: "failed" } as const
  const page = (status: number) => new Response("<h1>Service Temporarily Unavailable</h1>", { status })

  it.effect("costs nothing when no server behind it takes the request", () =>
    Effect.gen(function* () {
      for (const status of [502, 503, 504]) assert.deepStrictEqual(yield* lineOfResponse(page(status)), rejected)
    })
  )

  it.effect("costs nothing, unlike an error of HolmesGPT itself, and a stream that breaks off", () =>
    Effect.gen(function* () {
      const own = new Response(JSON.stringify({ detail: "boom" }), { status: 500 })
      assert.deepStrictEqual(yield* lineOfResponse(own), failed)
      assert.deepStrictEqual(yield* lineOf("event: start\n"), failed)
    })
  )
})
