/**
 * The sixteen faults of Failover Bench against the chain, over real HTTP: what the caller gets, and what the provider
 * sees. Every row ends with the whole answer, by the first provider or by the next.
 */

import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { make as makeHolmesGpt } from "../../src/investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../src/investigation/models/LlmInvestigator.ts"
import * as OpenAiLanguageModel from "../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import type { Patience } from "../../src/investigation/models/providers/StreamedResponse.ts"
import { make as makeMeter } from "../../src/investigation/spend/SpendMeter.ts"
import * as Monotonic from "../../src/resilience/Monotonic.ts"
import { make as makeHolmesGptPeer } from "../peers/HolmesGptPeer.ts"
import type { HttpPeer } from "../peers/HttpPeer.ts"
import { make as makePeer } from "../peers/LlmPeer.ts"
import { answer, healthy, rows } from "./fixtures/FailoverRows.ts"
import { longEvidence, request } from "./fixtures/Requests.ts"
import { chainOf, error, rules, scripted, steady, succeeds, withTime } from "./fixtures/ScriptedChain.ts"

const llm = (provider: string, { url }: HttpPeer, patience: Partial<Patience> = {}) =>
  LlmInvestigator.make({ provider, model: `model-${provider}` }).pipe(
    Effect.provide(
      OpenAiLanguageModel.layer({
        url: `${url}/v1`,
        model: `model-${provider}`,
        apiKey: Redacted.make(`key-${provider}`),
        patience
      })
    )
  )

const given = request({ evidence: longEvidence() })

const messagesOf = (body: string) =>
  (JSON.parse(body) as { readonly messages: ReadonlyArray<{ readonly role: string; readonly content: string }> })
    .messages

describe("Failover Bench", () => {
  it.live.each(rows)("$name: $hop, $seen seen, and the whole answer", ({ hop, patience, seen, turns }) =>
    Effect.gen(function* () {
      const [first, second] = [yield* makePeer({ kind: "openai" }), yield* makePeer({ kind: "openai" })]
      yield* first.setMode({ _tag: "Turns", modes: turns })
      yield* second.setMode(healthy)
      const chain = yield* chainOf([yield* llm("a", first, patience), yield* llm("b", second), rules()], {
        pipeline: () => ({ retry: { baseDelay: "1 millis" } })
      })
      const { hops, investigation } = yield* chain.investigate(given)
      const [{ attempts, outcome, reason } = assert.fail("there is no hop")] = hops
      assert.strictEqual([outcome, reason, attempts].filter((each) => each !== undefined).join(" "), hop)
      assert.strictEqual(first.calls.length, seen, "the requests that the provider has seen")

      const by = outcome === "answered" ? "a" : "b"
      const { confidence: _confidence, ...whole } = answer
      const { toRevision: _toRevision, ...action } = whole.action
      assert.deepInclude<object>(investigation ?? {}, {
        ...whole,
        action,
        investigator: "llm",
        provider: by,
        confidence: 0.8
      })

      const sizes = first.calls.map(({ body }) => body.length)
      if (reason === "context-overflow") assert.isBelow(sizes[1] ?? 0, sizes[0] ?? 0, "never the same size again")
      for (const { body } of [...first.calls, ...second.calls])
        assert.strictEqual(messagesOf(body).at(-1)?.role, "user", "no prefill, which a model may reject")

      yield* first.setMode(healthy)
      assert.strictEqual((yield* chain.investigate(given)).investigation?.rootCause, answer.rootCause, "alive after it")
    }).pipe(Effect.scoped)
  )

  it.live("S01, and no other model is next: waits as long as it says, and asks again", () =>
    Effect.gen(function* () {
      const only = yield* makePeer({ kind: "openai" })
      yield* only.setMode({ _tag: "Turns", modes: rows[0]!.turns })
      const { hops } = yield* (yield* chainOf([yield* llm("a", only), rules()])).investigate(given)
      assert.deepStrictEqual([hops[0]?.outcome, hops[0]?.attempts], ["answered", 2])
      const [before = 0, after = 0] = only.calls.map(({ atMs }) => atMs)
      assert.isAtLeast(after - before, 1995)
    }).pipe(Effect.scoped)
  )

  it.live("S16: the ledger counts the answer for the model that gave it, and no answer for the one that failed", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* makePeer({ kind: "openai" }), yield* makePeer({ kind: "openai" })]
      yield* first.setMode({ _tag: "Turns", modes: rows.at(-1)!.turns })
      const { events, meterOf } = yield* makeMeter({ budgets: {}, currency: "USD" }, undefined)
      const settled: Array<object> = []
      yield* events.listen((event) => {
        if (event._tag === "Settled") settled.push(event.call)
      })
      const chain = yield* chainOf([yield* llm("a", first), yield* llm("b", second)], {
        meterOf,
        pipeline: () => ({ retry: { baseDelay: "1 millis" } })
      })
      yield* chain.investigate(given)
      assert.lengthOf(settled, 6)
      for (const failed of settled.slice(0, 5))
        assert.deepInclude(failed, { provider: "a", model: "model-a", outcome: "rejected", basis: "measured" })
      const measured = { inputTokens: 1320, outputTokens: 96, basis: "measured" }
      assert.deepInclude(settled[5], { provider: "b", model: "model-b", outcome: "answered", ...measured })
    }).pipe(Effect.scoped)
  )

  it.effect(
    "S15 Primary flaps: the next answers while it is down, and it is asked again within 30 s of its recovery",
    () =>
      Effect.gen(function* () {
        let isDown = true
        const down = Effect.fail(error({ _tag: "Unavailable", status: 503 }, true))
        const flapping = scripted(
          "llm",
          Effect.suspend(() => (isDown ? down : succeeds)),
          { provider: "a" }
        )
        const chain = yield* chainOf([flapping, scripted("llm", succeeds, { provider: "b" }), rules()])
        yield* Effect.forkScoped(chain.watch)
        const startedMs = yield* Monotonic.nowMs
        let recoveredMs: number | undefined
        for (let alert = 0; alert < 25; alert++) {
          const nowMs = (yield* Monotonic.nowMs) - startedMs
          isDown = nowMs < 60_000
          const { hops } = yield* withTime(chain.investigate(given))
          assert.strictEqual(hops.at(-1)?.outcome, "answered")
          if (hops.at(-1)?.provider === "a") recoveredMs ??= nowMs
          yield* TestClock.adjust("4 seconds")
        }
        assert.isAtMost(recoveredMs ?? Infinity, 90_000)
        assert.isAtMost(flapping.calledAtMs.filter((atMs) => atMs - startedMs < 60_000).length, 7, "and little before")
      }).pipe(Effect.scoped, steady)
  )
})

describe("a silent provider", () => {
  /** Waits in real time for a request that really is on its way. */
  const arrived = ({ calls }: HttpPeer, path: string) =>
    Effect.gen(function* () {
      while (!calls.some((call) => call.path === path)) yield* Effect.promise(() => new Promise(setImmediate))
    })

  it.effect("delays the decision by 10 s, and no more: its request is closed, and the next answers", () =>
    Effect.gen(function* () {
      const [silent, second] = [yield* makePeer({ kind: "openai" }), yield* makePeer({ kind: "openai" })]
      yield* silent.setMode({ _tag: "Hang" })
      yield* second.setMode(healthy)
      const chain = yield* chainOf([yield* llm("a", silent), yield* llm("b", second), rules()])
      const startedMs = yield* Monotonic.nowMs
      const fiber = yield* Effect.forkChild(chain.investigate(given))
      yield* arrived(silent, "/v1/chat/completions")
      yield* TestClock.adjust("10 seconds")
      const { hops, investigation } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([hops[0]?.reason, hops[0]?.attempts, investigation?.provider], ["silent", 1, "b"])
      assert.isAtMost((yield* Monotonic.nowMs) - startedMs, 12_000)
    }).pipe(Effect.scoped)
  )

  it.effect("is the same if it is HolmesGPT", () =>
    Effect.gen(function* () {
      const [silent, second] = [yield* makeHolmesGptPeer(), yield* makePeer({ kind: "openai" })]
      yield* silent.setMode({ _tag: "Hang" })
      yield* second.setMode(healthy)
      const chain = yield* chainOf([yield* makeHolmesGpt({ url: silent.url }), yield* llm("b", second), rules()])
      const startedMs = yield* Monotonic.nowMs
      const fiber = yield* Effect.forkChild(chain.investigate(given))
      yield* arrived(silent, "/api/chat")
      yield* TestClock.adjust("5 seconds")
      yield* arrived(silent, "/openapi.json")
      yield* TestClock.adjust("5 seconds")
      const { hops, investigation } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([hops[0]?.reason, hops[0]?.attempts, investigation?.provider], ["silent", 1, "b"])
      assert.isAtMost((yield* Monotonic.nowMs) - startedMs, 12_000)
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )
})
