import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import type { InvestigatorError } from "../../../src/investigation/Investigator.ts"
import { make } from "../../../src/investigation/models/LlmInvestigator.ts"
import * as AnthropicLanguageModel from "../../../src/investigation/models/providers/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import type { Mode } from "../../peers/HttpPeer.ts"
import {
  anthropicMessage,
  anthropicStream,
  make as makePeer,
  openAiCompletion,
  openAiStream
} from "../../peers/LlmPeer.ts"
import { answerTo } from "../../peers/ModelAnswer.ts"
import { evidence, request } from "../fixtures/Requests.ts"

const providers = { openai: OpenAiLanguageModel, anthropic: AnthropicLanguageModel } as const
const given = request({ evidence: evidence() })

/** The answer of a model, whole and as the stream of each provider. */
const answers = Effect.map(
  Effect.scoped(
    Effect.gen(function* () {
      const peer = yield* makePeer({ kind: "openai" })
      const settings = { url: peer.url, model: "m" }
      yield* Effect.provide(
        Effect.flatMap(make({ provider: "a" }), ({ investigate }) => investigate(given)),
        [OpenAiLanguageModel.layer(settings)]
      )
      const body = JSON.parse(peer.calls[0]!.body) as {
        readonly messages: ReadonlyArray<{ readonly role: string; readonly content: string }>
      }
      return answerTo(body.messages.find(({ role }) => role === "user")!.content)
    })
  ),
  (answer) => {
    const openai = openAiCompletion({ content: JSON.stringify(answer) })
    const anthropic = anthropicMessage([{ type: "tool_use", id: "toolu_1", name: "answer", input: answer }])
    return {
      openai: { whole: openai, stream: openAiStream(openai) },
      anthropic: { whole: anthropic, stream: anthropicStream(anthropic) }
    }
  }
)

const delta = (fields: object) => ({ choices: [{ index: 0, delta: fields, finish_reason: null }] })
const message = {
  id: "msg_1",
  role: "assistant",
  content: [],
  stop_reason: null,
  usage: { input_tokens: 7, output_tokens: 1 }
}
const tool = { type: "tool_use", id: "toolu_1", name: "answer", input: {} }
const sse = (event: object): string => `data: ${JSON.stringify(event)}\n\n`

/** Events that servers send before their model has begun. */
const empty = {
  openai: {
    "a role": delta({ role: "assistant", content: "", refusal: null, tool_calls: [] }),
    "a filter's results for the prompt": { choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
    "an empty text": delta({ content: "" }),
    "a usage without output": { choices: [], usage: { prompt_tokens: 7, completion_tokens: 0 } }
  },
  anthropic: {
    "the start of a message": { type: "message_start", message },
    ping: { type: "ping" },
    "the start of a text, which a gateway may send": {
      type: "content_block_start",
      index: 0,
      content_block: { type: "text", text: "" }
    }
  }
} as const

/** The least that shows that a model has begun. */
const begun = {
  openai: {
    "a text": delta({ content: "{" }),
    "a thought": delta({ role: "assistant", content: "", reasoning_content: "Hm" }),
    "a thought that is encrypted": delta({ reasoning_details: [{ type: "reasoning.encrypted", data: "gAA" }] }),
    "a tool call": delta({ tool_calls: [{ index: 0, function: { name: "answer", arguments: "" } }] }),
    "a refusal": delta({ refusal: "I" }),
    "a finish": { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    "a usage with output": { ...delta({}), usage: { prompt_tokens: 7, completion_tokens: 3 } },
    "an error": { error: { code: 503, message: "" } }
  },
  anthropic: {
    "the start of the tool call, whose values are held back": {
      type: "content_block_start",
      index: 0,
      content_block: tool
    },
    "a piece of the tool call": {
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json: "{" }
    },
    "a thought": { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "Hm" } },
    "the start of thoughts, which may not be sent": {
      type: "content_block_start",
      index: 0,
      content_block: { type: "thinking", thinking: "", signature: "" }
    },
    "a finish": { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 0 } },
    "an error": { type: "error", error: { type: "overloaded_error", message: "" } }
  }
} as const

for (const kind of ["openai", "anthropic"] as const) {
  const asked = (mode: Mode) =>
    Effect.gen(function* () {
      const peer = yield* makePeer({ kind })
      yield* peer.setMode(mode)
      const settings = { url: peer.url, model: "m", patience: { firstSignMs: 1000, stallMs: 300 } }
      const llm = yield* Effect.provide(make({ provider: kind }), providers[kind].layer(settings))
      const exit = yield* Effect.exit(llm.investigate(given))
      return { exit, peer }
    })
  const failureOf = (exit: Exit.Exit<unknown, InvestigatorError>): InvestigatorError => {
    const failure = Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find((reason) => reason._tag === "Fail")
    if (failure === undefined) throw new Error("it has not failed")
    return failure.error
  }
  const reasonOf = (mode: Mode) =>
    Effect.map(asked(mode), ({ exit }): InvestigatorError["reason"] | "answered" =>
      Exit.isSuccess(exit) ? "answered" : failureOf(exit).reason
    )
  const parts = (text: string, ending: "end" | "hang" | "close", count = 5): Mode => {
    const size = Math.ceil(text.length / count)
    return {
      _tag: "Parts",
      parts: Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size)),
      ending
    }
  }
  /** Without the events that say that the answer is over. */
  const endless = (stream: string) =>
    stream
      .split("\n\n")
      .filter((event) => !/"finish_reason":"|\[DONE\]|message_delta|message_stop/.test(event))
      .join("\n\n")
  const half = (stream: string) => stream.slice(0, Math.floor(stream.length / 2))

  describe(`the stream of ${kind}`, () => {
    it.live("is asked for, and an answer in parts is one answer", () =>
      Effect.gen(function* () {
        const { stream } = (yield* answers)[kind]
        const { exit, peer } = yield* asked(parts(stream, "end"))
        assert.isTrue(Exit.isSuccess(exit))
        assert.isTrue((JSON.parse(peer.calls[0]!.body) as { readonly stream: boolean }).stream)
      }).pipe(Effect.scoped)
    )

    it.live("may be a whole body, from a server that does not stream", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reasonOf({ _tag: "Raw", body: (yield* answers)[kind].whole }), "answered")
      }).pipe(Effect.scoped)
    )

    it.live("may lack its end, be cut or stall if the answer is whole", () =>
      Effect.gen(function* () {
        const stream = endless((yield* answers)[kind].stream)
        for (const ending of ["end", "close", "hang"] as const)
          assert.strictEqual(yield* reasonOf(parts(stream, ending)), "answered", ending)
      }).pipe(Effect.scoped)
    )

    it.live("that ends, is cut or stalls in the middle of the answer is never taken", () =>
      Effect.gen(function* () {
        const stream = half((yield* answers)[kind].stream)
        for (const ending of ["end", "close", "hang"] as const)
          assert.deepStrictEqual(
            yield* reasonOf(parts(stream, ending)),
            { _tag: "InvalidAnswer", problem: "the answer was cut off" },
            ending
          )
      }).pipe(Effect.scoped)
    )

    it.live("with a hole is never taken, wherever it is: the rest may read like a whole answer", () =>
      Effect.gen(function* () {
        const { stream } = (yield* answers)[kind]
        const events = stream.split("\n\n").filter((event) => event !== "")
        const spoilt = (at: number) =>
          events.map((event, index) => `${index === at ? event.slice(0, -3) : event}\n\n`).join("")
        // The last one says no more than that the stream is over.
        for (let at = 0; at < events.length - 1; at++)
          assert.deepStrictEqual(
            yield* reasonOf(parts(spoilt(at), "end")),
            { _tag: "InvalidAnswer", problem: "the response does not match the provider's API" },
            events[at]
          )
      }).pipe(Effect.scoped)
    )

    it.live("of a provider that says nothing is silent, before and after its headers", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* reasonOf({ _tag: "Hang" }), { _tag: "Silent" })
        assert.deepStrictEqual(yield* reasonOf({ _tag: "Parts", parts: [], ending: "hang" }), { _tag: "Silent" })
      }).pipe(Effect.scoped)
    )

    it.live.each(Object.entries(empty[kind]))("that sends %s, and then nothing, is silent", ([, event]) =>
      Effect.gen(function* () {
        const { exit } = yield* asked({ _tag: "Parts", parts: [sse(event), sse(event)], ending: "hang" })
        const { countsAsFailure, reason, retryable } = failureOf(exit)
        assert.deepStrictEqual<unknown>(
          { countsAsFailure, reason, retryable },
          { countsAsFailure: true, reason: { _tag: "Silent" }, retryable: false }
        )
      }).pipe(Effect.scoped)
    )

    it.live.each(Object.entries(empty[kind]))("that ends after %s counts against the provider", ([, event]) =>
      Effect.gen(function* () {
        const { exit } = yield* asked({ _tag: "Parts", parts: [sse(event)], ending: "end" })
        const { countsAsFailure, retryable } = failureOf(exit)
        assert.deepStrictEqual({ countsAsFailure, retryable }, { countsAsFailure: true, retryable: false })
      }).pipe(Effect.scoped)
    )

    it.live.each(Object.entries(begun[kind]))("that has sent %s has begun, and may pause", ([, event]) =>
      Effect.gen(function* () {
        const { exit } = yield* asked({ _tag: "Parts", parts: [sse(event)], ending: "hang" })
        assert.notStrictEqual(failureOf(exit).reason._tag, "Silent")
      }).pipe(Effect.scoped)
    )

    it.live("closes the connection of a silent provider", () =>
      Effect.gen(function* () {
        const { peer } = yield* asked({ _tag: "Parts", parts: [], ending: "hang" })
        while (!peer.calls[0]!.aborted) yield* Effect.sleep(5)
      }).pipe(Effect.scoped)
    )

    it.live("with an error in its middle, and a body that reports one, fail with that error", () =>
      Effect.gen(function* () {
        const { stream } = (yield* answers)[kind]
        const error =
          kind === "openai"
            ? { error: { message: "sk-SECRET is at its limit", type: "requests", code: "rate_limit_exceeded" } }
            : { type: "error", error: { type: "rate_limit_error", message: "sk-SECRET is at its limit" } }
        const event = `data: ${JSON.stringify(error)}\n\n`
        for (const mode of [
          parts(`${half(stream).split("\n\n").slice(0, -1).join("\n\n")}\n\n${event}`, "end"),
          { _tag: "Raw", body: JSON.stringify(error) } as const
        ]) {
          const { exit } = yield* asked(mode)
          assert.include(JSON.stringify(exit), "RateLimited")
          assert.notInclude(JSON.stringify(exit), "SECRET")
        }
      }).pipe(Effect.scoped)
    )

    it.live("with an error is repeated only if the model had not begun, and counts in either case", () =>
      Effect.gen(function* () {
        const { error } =
          kind === "openai"
            ? { error: { error: { code: 503, message: "" } } }
            : { error: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } } }
        const told = Effect.fnUntraced(function* (before: ReadonlyArray<object>, last: object = error) {
          const { exit } = yield* asked({ _tag: "Parts", parts: [...before, last].map(sse), ending: "end" })
          const { countsAsFailure, reason, retryable } = failureOf(exit)
          return [reason._tag, countsAsFailure, retryable]
        })
        for (const event of Object.values(empty[kind]))
          assert.deepStrictEqual(yield* told([event]), ["Unavailable", true, true])
        if (kind === "openai") {
          const behind = { ...error, choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }] }
          assert.deepStrictEqual(yield* told([], behind), ["Unavailable", true, true], "of the provider behind it")
        }
        const written = Object.entries(begun[kind]).filter(([name]) => name !== "an error")
        for (const [name, event] of written)
          assert.deepStrictEqual(yield* told([event]), ["Unavailable", true, false], name)
      }).pipe(Effect.scoped)
    )

    it.live("that is an HTML page is no answer", () =>
      Effect.gen(function* () {
        for (const mode of [
          { _tag: "Raw", body: "<html></html>" },
          { _tag: "Parts", parts: ["<html></html>"], ending: "end" }
        ] as const)
          assert.strictEqual(((yield* reasonOf(mode)) as InvestigatorError["reason"])._tag, "InvalidAnswer")
      }).pipe(Effect.scoped)
    )
  })
}
