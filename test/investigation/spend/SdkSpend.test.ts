/** What the models on an SDK tell of their usage, by the bodies and streams that servers send. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { AiError, LanguageModel } from "effect/ai"
import { fieldsOf, make, type Sdk } from "../../../src/investigation/models/providers/SdkLanguageModel.ts"
import { bringsText } from "../../../src/investigation/models/SignOfWork.ts"
import { type ReportedUsage, ReportUsage } from "../../../src/investigation/spend/ModelUsage.ts"

/** An SDK whose server streams these events: pieces of an answer, usages, endings and errors. */
const sdkOf = (events: ReadonlyArray<object>): Sdk => ({
  provider: "test",
  codecTransformer: LanguageModel.defaultCodecTransformer,
  request: () =>
    Promise.resolve(
      new Response(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""), {
        headers: { "content-type": "text/event-stream" }
      })
    ),
  isWork: (event) => bringsText(["text", "thought", "ending"].map((field) => fieldsOf(event)[field])),
  assemble: (seen) => Object.assign({}, ...seen.filter((event) => fieldsOf(event)["error"] === undefined)),
  read: (body) => ({
    id: "",
    model: "",
    text: "",
    ending: "missing",
    inputTokens: undefined,
    outputTokens: undefined,
    ...fieldsOf(body)
  }),
  errorIn: (event) => (fieldsOf(event)["error"] === undefined ? undefined : new AiError.RateLimitError({})),
  reasonOf: () => new AiError.UnknownError({ description: "?" })
})

/** What is told of a call, whether or not it succeeds. */
const toldOf = (events: ReadonlyArray<object>) =>
  Effect.gen(function* () {
    const told: Array<ReportedUsage> = []
    const model = yield* make(sdkOf(events))
    const result = yield* Effect.exit(
      Effect.provideService(model.generateText({ prompt: "Why?" }), ReportUsage, (usage) => void told.push(usage))
    )
    return { told, outcome: result._tag }
  })

const whole = { text: '{"a":1}', ending: "stop", inputTokens: 900, outputTokens: 50 }

describe("a language model on an SDK", () => {
  it.effect("tells the tokens of a whole answer", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldOf([whole]), {
        told: [{ inputTokens: 900, outputTokens: 50 }],
        outcome: "Success"
      })
    })
  )

  it.effect("does not tell 0 for the tokens of a text, and tells it where there is none", () =>
    Effect.gen(function* () {
      const {
        told: [ofText]
      } = yield* toldOf([{ ...whole, outputTokens: 0 }])
      assert.deepStrictEqual(ofText, { inputTokens: 900, outputTokens: null })
      const {
        told: [ofNothing]
      } = yield* toldOf([{ ...whole, text: "", ending: "refusal", outputTokens: 0 }])
      assert.deepStrictEqual(ofNothing, { inputTokens: 900, outputTokens: 0 })
    })
  )

  it.effect("tells the output of an answer that has no end as not known", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldOf([{ ...whole, ending: "missing", outputTokens: 1 }]), {
        told: [{ inputTokens: 900, outputTokens: null }],
        outcome: "Success"
      })
    })
  )

  it.effect(
    "has worked if its stream ends with an error after a part of an answer or of a thought, or after it counted the request",
    () =>
      Effect.gen(function* () {
        const error = { error: "rate limit" }
        for (const [begun, inputTokens] of [
          [{ text: "The" }, null],
          [{ thought: "Let me see." }, null],
          [{ inputTokens: 900, outputTokens: 1 }, 900]
        ] as const)
          assert.deepStrictEqual(yield* toldOf([begun, error]), {
            told: [{ inputTokens, outputTokens: null, isPartial: true }],
            outcome: "Failure"
          })
        assert.deepStrictEqual(yield* toldOf([{ text: "" }, error]), { told: [], outcome: "Failure" })
      })
  )
})
