/**
 * A content filter responded with 200 and without a message. It was taken for an outage: five calls, and an open
 * circuit. The text of an alert decides what a filter does, so its author could keep every model away.
 */

import { readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as InvestigationChain from "../../src/investigation/InvestigationChain.ts"
import { make } from "../../src/investigation/models/LlmInvestigator.ts"
import * as AnthropicLanguageModel from "../../src/investigation/models/providers/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import { request } from "../investigation/fixtures/Requests.ts"
import { make as makePeer } from "../peers/LlmPeer.ts"

const filtered = readFileSync(new URL("./filtered-answer-without-message/message-null.json", import.meta.url), "utf8")

const choice = (fields: object) => JSON.stringify({ id: "c1", choices: [{ index: 0, ...fields }] })

const providers = { openai: OpenAiLanguageModel, anthropic: AnthropicLanguageModel } as const

/** Investigates twelve alerts by a provider that always responds with `body`. */
const investigated = (kind: keyof typeof providers, body: string) =>
  Effect.gen(function* () {
    const peer = yield* makePeer({ kind })
    yield* peer.setMode({ _tag: "Raw", body })
    const settings = { url: peer.url, model: "m" }
    const llm = yield* make({ provider: kind }).pipe(Effect.provide(providers[kind].layer(settings)))
    const { investigate, tiers } = yield* InvestigationChain.make({ investigators: [llm] })
    const first = yield* investigate(request())
    const callsOfFirst = peer.calls.length
    for (let alert = 0; alert < 11; alert++) yield* investigate(request())
    return { hop: first.hops[0], callsOfFirst, breaker: tiers[0]?.circuitBreaker?.tagUnsafe }
  })

it.live.each<readonly [claim: string, kind: keyof typeof providers, body: string]>([
  ["no message (OpenAI)", "openai", filtered],
  ["no message at all", "openai", choice({ finish_reason: "content_filter" })],
  ["the finish reason of another server", "openai", choice({ finish_reason: "SAFETY", message: { content: "" } })],
  ["a refusal without content (Anthropic)", "anthropic", JSON.stringify({ id: "m1", stop_reason: "refusal" })]
])("a filter with %s is a refusal: one call, and the circuit stays closed", ([, kind, body]) =>
  Effect.gen(function* () {
    const { breaker, callsOfFirst, hop } = yield* investigated(kind, body)
    assert.deepInclude(hop, { outcome: "failed", reason: "refused", attempts: 1 })
    assert.strictEqual(callsOfFirst, 1)
    assert.strictEqual(breaker, "Closed")
  }).pipe(Effect.scoped)
)

it.live.each<readonly [claim: string, kind: keyof typeof providers, body: string]>([
  ["a null message that was not filtered", "openai", choice({ finish_reason: "stop", message: null })],
  ["no choices", "openai", '{"id":"c1","choices":[]}'],
  ["null choices", "openai", '{"id":"c1","choices":null}'],
  ["a null choice", "openai", '{"id":"c1","choices":[null]}'],
  ["a list", "openai", "[]"],
  ["null", "openai", "null"],
  ["no content", "anthropic", '{"id":"m1","stop_reason":"end_turn"}'],
  ["null blocks", "anthropic", '{"id":"m1","stop_reason":"end_turn","content":[null]}'],
  ["a string", "anthropic", '"overloaded"']
])("a response with %s is an invalid answer, and no outage: one call", ([, kind, body]) =>
  Effect.gen(function* () {
    const { callsOfFirst, hop } = yield* investigated(kind, body)
    assert.deepInclude(hop, { outcome: "failed", reason: "invalid-answer", attempts: 1 })
    assert.strictEqual(callsOfFirst, 1)
  }).pipe(Effect.scoped)
)
