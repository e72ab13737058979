/**
 * Language models of a server that is not ours, through the public layers, over real HTTP: what the chain makes of each
 * way in which it fails, and that the next provider answers.
 */

import type { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import {
  AnthropicLanguageModel,
  InvestigationChain,
  LlmInvestigator,
  OpenAiLanguageModel,
  PeerIdentity
} from "../../../src/index.ts"
import { standard } from "../../../src/investigation/rules/Rulebook.ts"
import { make as makeRules } from "../../../src/investigation/rules/RuleInvestigator.ts"
import * as Aimock from "../../peers/Aimock.ts"
import { answer, type Row, rows } from "../fixtures/AimockRows.ts"
import { longEvidence, request } from "../fixtures/Requests.ts"

const providers = { openai: OpenAiLanguageModel, anthropic: AnthropicLanguageModel } as const
const other = { openai: "anthropic", anthropic: "openai" } as const

const llm = (provider: string, kind: Aimock.Kind, mock: LLMock, patience: Row["patience"] = {}) => {
  const settings = {
    url: Aimock.urlFor(mock, kind),
    model: "m",
    apiKey: Redacted.make(`key-of-${provider}`),
    patience
  }
  return LlmInvestigator.make({ provider, ...PeerIdentity.identityOf(settings) }).pipe(
    Effect.provide(providers[kind].layer(settings))
  )
}

/** One alert, investigated by a provider, then by one with the other API, then by the rules. */
const investigated = (kind: Aimock.Kind, first: LLMock, second: LLMock, patience?: Row["patience"]) =>
  Effect.gen(function* () {
    const { rules } = yield* Effect.orDie(standard)
    const investigators = [
      yield* llm("a", kind, first, patience),
      yield* llm("b", other[kind], second),
      makeRules({ rules })
    ]
    const layer = InvestigationChain.layer({ investigators, pipeline: () => ({ retry: { baseDelay: "1 millis" } }) })
    return yield* Effect.gen(function* () {
      const chain = yield* InvestigationChain.InvestigationChain
      const result = yield* chain.investigate(request({ evidence: longEvidence() }))
      return { ...result, breaker: yield* chain.tiers[0]!.circuitBreaker!.state }
    }).pipe(Effect.provide(layer))
  })

const started = ({ options, script }: Pick<Row, "options" | "script">, kind: Aimock.Kind) =>
  Effect.tap(Aimock.make(options), (mock) => Effect.sync(() => script(mock, kind)))

const healthy: Row["script"] = (mock, kind) =>
  void mock.addFixture({ match: {}, response: Aimock.answering(kind, answer) })

const textOf = ({ attempts, outcome, reason = "" }: InvestigationChain.ChainResult["hops"][number]) =>
  `${outcome} ${reason} ${attempts}`.replace("  ", " ")

for (const kind of ["openai", "anthropic"] as const) {
  describe(`an aimock with the API of ${kind} that`, () => {
    it.live.each(rows.filter(({ kinds }) => kinds?.includes(kind) ?? true))(
      "$name: $hop, $seen seen, $breaker, and an answer is found",
      (row) =>
        Effect.gen(function* () {
          const first = yield* started(row, kind)
          const second = yield* started({ script: healthy }, other[kind])
          const { breaker, hops, investigation } = yield* investigated(kind, first, second, row.patience)
          assert.strictEqual(textOf(hops[0]!), row.hop)
          assert.strictEqual(Aimock.seen(first), row.seen, "the requests that it has recorded")
          assert.strictEqual(breaker._tag, row.breaker)
          const answers = row.hop.startsWith("answered") ? "a" : "b"
          assert.strictEqual(hops.length, answers === "a" ? 1 : 2)
          assert.deepStrictEqual(
            [investigation?.provider, investigation?.action.type, investigation?.confidence],
            [answers, "RollbackDeployment", 0.8]
          )
          assert.strictEqual(investigation?.rootCause, answer.rootCause)
        }).pipe(Effect.scoped)
    )

    it.live("is gone: five attempts, then the other provider", () =>
      Effect.gen(function* () {
        const first = yield* started({ script: healthy }, kind)
        const second = yield* started({ script: healthy }, other[kind])
        const url = first.url
        yield* Aimock.stop(first)
        const { hops } = yield* investigated(kind, { url } as LLMock, second)
        assert.deepStrictEqual(hops.map(textOf), ["failed unavailable 5", "answered 1"])
      }).pipe(Effect.scoped)
    )

    it.live("is asked for a stream, and for an answer by its schema", () =>
      Effect.gen(function* () {
        const first = yield* started({ script: healthy }, kind)
        yield* investigated(kind, first, first)
        const body = JSON.parse(JSON.stringify(first.getLastRequest()?.body)) as Record<string, unknown>
        assert.strictEqual(body["stream"], true)
        assert.include(JSON.stringify(kind === "openai" ? body["response_format"] : body["tools"]), "rootCause")
      }).pipe(Effect.scoped)
    )
  })
}

describe("two aimocks that fail", () => {
  it.live("leave the decision to the rules", () =>
    Effect.gen(function* () {
      const dropping: Row["script"] = (mock) => mock.setChaos({ dropRate: 1 })
      const cutting: Row["script"] = (mock, kind) =>
        void mock.addFixture({
          match: {},
          response: Aimock.answering(kind, answer),
          truncateAfterChunks: 5,
          latency: 20
        })
      const first = yield* started({ script: dropping }, "openai")
      const second = yield* started({ script: cutting }, "anthropic")
      const { hops, investigation } = yield* investigated("openai", first, second)
      assert.deepStrictEqual(hops.map(textOf), ["failed unavailable 5", "failed invalid-answer 1", "answered 1"])
      assert.deepStrictEqual(
        [investigation?.investigator, investigation?.action.type, investigation?.confidence],
        ["rules", "RollbackDeployment", 0.5]
      )
    }).pipe(Effect.scoped)
  )
})
