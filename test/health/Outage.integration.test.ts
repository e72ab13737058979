/** Outages and recoveries of real peers over HTTP, with shortened open times of the breakers. */

import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { make as makeDegradation } from "../../src/health/Degradation.ts"
import { make as makeChain } from "../../src/investigation/InvestigationChain.ts"
import * as HolmesGptInvestigator from "../../src/investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../src/investigation/models/LlmInvestigator.ts"
import * as AnthropicLanguageModel from "../../src/investigation/models/providers/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import { standard } from "../../src/investigation/rules/Rulebook.ts"
import * as RuleInvestigator from "../../src/investigation/rules/RuleInvestigator.ts"
import { evidence, request } from "../investigation/fixtures/Requests.ts"
import { make as makeHolmesGptPeer } from "../peers/HolmesGptPeer.ts"
import { make as makeLlmPeer } from "../peers/LlmPeer.ts"

it.live(
  "falls back to an LLM at level 1 and to the rules at level 2, and returns to HolmesGPT at level 0 by probes alone",
  () =>
    Effect.gen(function* () {
      const holmes = yield* makeHolmesGptPeer()
      const openai = yield* makeLlmPeer({ kind: "openai" })
      const anthropic = yield* makeLlmPeer({ kind: "anthropic" })
      const apiKey = Redacted.make("k")
      const { rules } = yield* Effect.orDie(standard)
      const openAiSettings = { url: `${openai.url}/v1`, model: "m", apiKey }
      const anthropicSettings = { url: anthropic.url, model: "m", apiKey }
      const chain = yield* makeChain({
        investigators: [
          yield* HolmesGptInvestigator.make({ url: holmes.url }),
          yield* LlmInvestigator.make({ provider: "first", probe: OpenAiLanguageModel.probe(openAiSettings) }).pipe(
            Effect.provide(OpenAiLanguageModel.layer(openAiSettings))
          ),
          yield* LlmInvestigator.make({
            provider: "second",
            probe: AnthropicLanguageModel.probe(anthropicSettings)
          }).pipe(Effect.provide(AnthropicLanguageModel.layer(anthropicSettings))),
          RuleInvestigator.make({ rules })
        ],
        pipeline: () => ({ circuitBreaker: { openDuration: "300 millis" }, retry: { baseDelay: "5 millis" } })
      })
      const degradation = yield* makeDegradation({ tiers: chain.tiers, dwell: "2 seconds" })
      yield* Effect.forkScoped(degradation.run)

      const level = Effect.map(degradation.current, (status) => status.level)
      const reaches = (wanted: number) =>
        Effect.gen(function* () {
          while ((yield* level) !== wanted) yield* Effect.sleep(20)
        }).pipe(Effect.timeout("20 seconds"))
      const investigate = Effect.map(
        chain.investigate(request({ evidence: evidence() })),
        ({ hops, investigation }) => [
          ...hops.map(
            (hop) =>
              `${hop.provider ?? hop.investigator} ${hop.outcome}${hop.reason === undefined ? "" : ` ${hop.reason}`}`
          ),
          investigation?.confidence
        ]
      )

      assert.deepStrictEqual(yield* investigate, ["holmesgpt answered", 0.92])

      yield* holmes.setMode({ _tag: "Down" })
      assert.deepStrictEqual(yield* investigate, ["holmesgpt failed unavailable", "first answered", 0.8])
      yield* reaches(1)

      yield* openai.setMode({ _tag: "Status", status: 401 })
      // A rejected key suspends its account: it is not asked again at each alert.
      for (const first of ["first failed authentication", "first skipped wrong-key", "first skipped wrong-key"]) {
        const hops = yield* investigate
        assert.deepStrictEqual(hops.slice(1), [first, "second answered", 0.8])
      }
      yield* anthropic.setMode({ _tag: "Down" })
      assert.deepStrictEqual((yield* investigate).slice(-2), ["rules answered", 0.5])
      yield* reaches(2)

      yield* anthropic.setMode({ _tag: "Ok" })
      yield* openai.setMode({ _tag: "Ok" })
      yield* holmes.setMode({ _tag: "Ok" })
      yield* holmes.forget
      yield* reaches(0)
      assert.isTrue(
        holmes.calls.every((call) => call.path === "/healthz"),
        "recovery needs no traffic"
      )
      assert.deepStrictEqual(yield* investigate, ["holmesgpt answered", 0.92])
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
)
