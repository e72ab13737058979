import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { AiError, LanguageModel } from "effect/ai"
import { isNotSent } from "../../../src/investigation/Investigator.ts"
import { contextLength } from "../../../src/investigation/models/AiFailure.ts"
import { make } from "../../../src/investigation/models/LlmInvestigator.ts"
import { alert, evidence, request } from "../fixtures/Requests.ts"

const action = { type: "RollbackDeployment", target: { namespace: "shop", kind: "Deployment", name: "checkout" } }
const good = { rootCause: "The rollout is broken.", evidence: ["Pods crash."], action, confidence: 1 }

/** An embedder's own provider. It implements nothing but the `LanguageModel` of `effect/ai`. */
const model = (answer: Effect.Effect<string, AiError.AiError>) => {
  const calls: Array<LanguageModel.ProviderOptions> = []
  const layer = LanguageModel.make({
    generateText: (options) => Effect.map(answer, (text) => (calls.push(options), [{ type: "text", text }])),
    streamText: () => Stream.empty
  })
  return { calls, layer }
}

const investigate = (answer: Effect.Effect<string, AiError.AiError>) =>
  Effect.gen(function* () {
    const { calls, layer } = model(answer)
    const llm = yield* make({ provider: "own" }).pipe(Effect.provideServiceEffect(LanguageModel.LanguageModel, layer))
    return { calls, investigation: yield* llm.investigate(request({ evidence: evidence() })) }
  })

describe("any LanguageModel is an investigator", () => {
  it.effect("sends one request, with the instructions as system message and the question as user message", () =>
    Effect.gen(function* () {
      const { calls, investigation } = yield* investigate(Effect.succeed(JSON.stringify(good)))
      assert.strictEqual(calls.length, 1)
      assert.deepStrictEqual(
        calls[0]?.prompt.content.map((message) => message.role),
        ["system", "user"]
      )
      assert.strictEqual(calls[0]?.responseFormat.type, "json")
      assert.deepStrictEqual(calls[0]?.tools, [])
      assert.deepStrictEqual(
        [investigation.investigator, investigation.provider, investigation.rootCause],
        ["llm", "own", good.rootCause]
      )
    })
  )

  it.effect.each([
    [
      "names another workload",
      JSON.stringify({ ...good, action: { ...action, target: { ...action.target, name: "cart" } } })
    ],
    ["has no root cause", JSON.stringify({ ...good, rootCause: " " })],
    ["selects an unknown action", JSON.stringify({ ...good, action: { ...action, type: "DeleteNamespace" } })],
    ["is a tool call", JSON.stringify({ name: "kubectl", arguments: {} })]
  ] as const)("an answer that %s is rejected", ([, text]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(investigate(Effect.succeed(text)))
      assert.deepStrictEqual([error.reason._tag, error.countsAsFailure], ["InvalidAnswer", false])
    })
  )

  it.effect(
    "a prompt that the provider rejects as too long is sent again without logs, then events, then related alerts",
    () =>
      Effect.gen(function* () {
        const prompts: Array<string> = []
        const tooLong = AiError.make({
          module: "own",
          method: "generateText",
          reason: new AiError.InvalidRequestError({ constraint: contextLength })
        })
        const long = (name: string) => alert({ name, annotations: { description: "It is down. ".repeat(3000) } })
        const asking = (fits: (prompt: string) => boolean) =>
          make({ provider: "own" }).pipe(
            Effect.provideServiceEffect(
              LanguageModel.LanguageModel,
              LanguageModel.make({
                generateText: (options) =>
                  Effect.suspend(() => {
                    const prompt = JSON.stringify(options.prompt)
                    prompts.push(prompt)
                    return fits(prompt)
                      ? Effect.succeed([{ type: "text" as const, text: JSON.stringify(good) }])
                      : Effect.fail(tooLong)
                  }),
                streamText: () => Stream.empty
              })
            ),
            Effect.flatMap((llm) =>
              // However long its alerts are, a repeat loses a part, and not some letters of them.
              llm.investigate(request({ evidence: evidence(), related: [long("Related"), long("Other")] }))
            )
          )
        yield* asking((prompt) => !prompt.includes("Back-off"))
        assert.deepStrictEqual(
          prompts.map((prompt) => ["PAYMENT_URL", "Back-off", "Related"].filter((part) => prompt.includes(part))),
          [["PAYMENT_URL", "Back-off", "Related"], ["Back-off", "Related"], ["Related"]]
        )
        prompts.length = 0
        const { reason } = yield* Effect.flip(asking(() => false))
        assert.strictEqual(reason._tag, "ContextOverflow")
        assert.isFalse(isNotSent(reason))
        assert.strictEqual(prompts.length, 4)
      })
  )

  it.effect("a prompt that is too long by our own count is not sent, and its failure says so", () =>
    Effect.gen(function* () {
      const llm = yield* make({ provider: "own", contextTokens: 5000 }).pipe(
        Effect.provideServiceEffect(
          LanguageModel.LanguageModel,
          LanguageModel.make({ generateText: () => Effect.die("sent"), streamText: () => Stream.empty })
        )
      )
      const { reason } = yield* Effect.flip(llm.investigate(request({ evidence: evidence() })))
      assert.strictEqual(reason._tag, "ContextOverflow")
      assert.isTrue(isNotSent(reason))
    })
  )

  it.effect("a prompt of which the provider says how much fits is fitted to that, and sent once more at most", () =>
    Effect.gen(function* () {
      const prompts: Array<string> = []
      const tooLong = (shareThatFits: number) =>
        AiError.make({
          module: "own",
          method: "generateText",
          reason: new AiError.InvalidRequestError({
            constraint: contextLength,
            metadata: { kubernaut: { shareThatFits } }
          })
        })
      const rejected = (shareThatFits: number) =>
        Effect.gen(function* () {
          prompts.length = 0
          const llm = yield* make({ provider: "own" }).pipe(
            Effect.provideServiceEffect(
              LanguageModel.LanguageModel,
              LanguageModel.make({
                generateText: (options) =>
                  Effect.suspend(() => {
                    prompts.push(JSON.stringify(options.prompt))
                    return Effect.fail(tooLong(shareThatFits))
                  }),
                streamText: () => Stream.empty
              })
            )
          )
          const logs = [
            { pod: "p", revision: 2, current: true, container: "c", previous: true, text: "LOGLINE ".repeat(2000) }
          ]
          return yield* Effect.flip(llm.investigate(request({ evidence: evidence({ logs }) })))
        })
      assert.strictEqual((yield* rejected(0.6)).reason._tag, "ContextOverflow")
      assert.deepStrictEqual(
        prompts.map((prompt) => prompt.includes("LOGLINE")),
        [true, false]
      )
      yield* rejected(0.01)
      assert.strictEqual(prompts.length, 1, "nothing of it would fit")
    })
  )

  it.effect("maps its errors by AiFailure", () =>
    Effect.gen(function* () {
      const quota = AiError.make({ module: "own", method: "generateText", reason: new AiError.QuotaExhaustedError({}) })
      assert.strictEqual((yield* Effect.flip(investigate(Effect.fail(quota)))).reason._tag, "QuotaExhausted")
    })
  )
})
