/** Hedging through the service process, over real HTTP: the hops, the ledger, the metrics, and what both peers see. */

import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { events } from "../peers/HolmesGptPeer.ts"
import type { HttpPeer } from "../peers/HttpPeer.ts"
import { make as makeLlmPeer } from "../peers/LlmPeer.ts"
import { answerTo } from "../peers/ModelAnswer.ts"
import { type Environment, exampleAlert, start, until } from "./Service.ts"

interface HolmesGpt {
  readonly url: string
  /** The investigations that it was asked for, and those whose client went away. */
  readonly asked: () => number
  readonly left: () => number
  /** Lets it answer. */
  readonly answer: Effect.Effect<void>
}

/** A HolmesGPT that shows one sign of work, and nothing more until it is told to answer. */
const stalling: Effect.Effect<HolmesGpt, never, Scope.Scope> = Effect.gen(function* () {
  let asked = 0
  let left = 0
  const answers: Array<() => void> = []
  const server = Http.createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8").on("data", (part: string) => void (body += part))
    request.on("end", () => {
      if (request.url !== "/api/chat") return void response.writeHead(200).end(JSON.stringify({ status: "healthy" }))
      asked++
      response.on("close", () => {
        if (!response.writableFinished) left++
      })
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.write(events.tokens)
      const { ask } = JSON.parse(body) as { readonly ask: string }
      answers.push(() => response.end(events.answer(JSON.stringify(answerTo(ask)))))
    })
  })
  yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked: () => asked,
    left: () => left,
    answer: Effect.sync(() => answers.forEach((send) => send()))
  }
})

const startWith = (holmes: HolmesGpt, llm: HttpPeer, more: Environment = {}) =>
  start({
    KUBERNAUT_MODE: "observe",
    KUBERNAUT_HOLMESGPT_URL: holmes.url,
    KUBERNAUT_HOLMESGPT_TIMEOUT: "50 seconds",
    KUBERNAUT_HOLMESGPT_SPEND: `{"inputTokens":20000,"outputTokens":800,"price":{"input":2,"output":8}}`,
    KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
      { name: "main", kind: "openai", url: `${llm.url}/v1`, model: "m", key: "k", price: { input: 2.5, output: 10 } }
    ]),
    KUBERNAUT_HEDGE_AFTER: "200 millis",
    ...more
  })

const asked = ({ calls }: HttpPeer): number => calls.filter(({ method }) => method === "POST").length

describe("a HolmesGPT that begins and then shows no sign of work", () => {
  it.live(
    "is overtaken at the deadline of the decision by a model beside it. Both calls are in the ledger, as they ended",
    () =>
      Effect.gen(function* () {
        const holmes = yield* stalling
        const llm = yield* makeLlmPeer({ kind: "openai" })
        const service = yield* startWith(holmes, llm, { KUBERNAUT_HEDGE_DEADLINE: "1500 millis" })
        const [posted] = yield* service.post(exampleAlert("crash-loop"))
        const { calls = [], hops, investigation } = yield* service.ended(posted!.remediationId!)
        assert.deepStrictEqual(
          hops.map(({ attempts, hedge, investigator, outcome, reason = "" }) =>
            [investigator, outcome, reason, hedge, attempts].join(" ")
          ),
          ["holmesgpt failed overtaken started 1", "llm answered  beside 1"]
        )
        assert.deepInclude(investigation, { investigator: "llm", provider: "main", confidence: 0.8 })
        assert.deepStrictEqual([holmes.asked(), asked(llm)], [1, 1])
        // Its stream is closed, which makes it stop.
        yield* until("HolmesGPT is left", Effect.sync(holmes.left), (count) => count === 1)

        const lines = calls.map(({ basis, cost, inputTokens, investigator, outcome, state }) => ({
          basis,
          cost,
          inputTokens,
          investigator,
          outcome,
          state
        }))
        assert.sameDeepMembers(lines, [
          // It had reported less than is expected of it, and may have worked on.
          {
            basis: "estimated",
            cost: 46_400,
            inputTokens: 20_000,
            investigator: "holmesgpt",
            outcome: "failed",
            state: "settled"
          },
          {
            basis: "measured",
            cost: 4260,
            inputTokens: 1320,
            investigator: "llm",
            outcome: "answered",
            state: "settled"
          }
        ])
        const metrics = yield* service.metrics
        assert.strictEqual(metrics.get(`kubernaut_hedges_total{outcome="won"}`), 1)
        assert.strictEqual(metrics.get(`kubernaut_fallback_activations_total{from="holmesgpt",to="llm"}`), 1)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "and answers after all is used, and the model beside it is interrupted and paid for",
    () =>
      Effect.gen(function* () {
        const holmes = yield* stalling
        const llm = yield* makeLlmPeer({ kind: "openai" })
        yield* llm.setMode({ _tag: "Hang" })
        const service = yield* startWith(holmes, llm)
        const [posted] = yield* service.post(exampleAlert("crash-loop"))
        yield* until(
          "the model is asked",
          Effect.sync(() => asked(llm)),
          (count) => count === 1
        )
        yield* holmes.answer
        const { calls = [], hops, investigation } = yield* service.ended(posted!.remediationId!)
        assert.deepStrictEqual(
          hops.map(({ hedge, outcome, reason = "" }) => `${outcome} ${reason} ${hedge}`),
          ["answered  started", "failed overtaken beside"]
        )
        assert.deepInclude(investigation, { investigator: "holmesgpt", confidence: 0.92 })
        yield* until(
          "the model is left",
          Effect.sync(() => llm.calls.filter(({ aborted }) => aborted).length),
          (count) => count === 1
        )
        const line = calls.find(({ investigator }) => investigator === "llm")
        assert.deepInclude(line, { basis: "estimated", outcome: "failed", state: "settled" })
        assert.isAbove(line?.cost ?? 0, 0)
        const metrics = yield* service.metrics
        assert.strictEqual(metrics.get(`kubernaut_hedges_total{outcome="lost"}`), 1)
        assert.strictEqual(metrics.get(`kubernaut_fallback_activations_total{from="holmesgpt",to="llm"}`), 0)
      }).pipe(Effect.scoped),
    60_000
  )
})
