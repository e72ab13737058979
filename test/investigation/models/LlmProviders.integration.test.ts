import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Layer, Redacted, type Scope, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import { make } from "../../../src/investigation/models/LlmInvestigator.ts"
import * as AnthropicLanguageModel from "../../../src/investigation/models/providers/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import { type ReportedUsage, ReportUsage } from "../../../src/investigation/spend/ModelUsage.ts"
import type { HttpPeer, Mode } from "../../peers/HttpPeer.ts"
import {
  anthropicMessage,
  make as makePeer,
  openAiCompletion,
  openAiContextLength,
  openAiQuotaExhausted
} from "../../peers/LlmPeer.ts"
import { alert, evidence, request } from "../fixtures/Requests.ts"
import { contract } from "../Investigator.contract.ts"

type Kind = "openai" | "anthropic"

const providers = { openai: OpenAiLanguageModel, anthropic: AnthropicLanguageModel } as const

const started = (
  kind: Kind,
  options: { readonly key?: string; readonly contextTokens?: number } = {}
): Effect.Effect<{ readonly peer: HttpPeer; readonly llm: Investigator }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const peer = yield* makePeer({ kind, apiKey: "sk-test-SECRET" })
    const settings = {
      url: kind === "openai" ? `${peer.url}/v1` : peer.url,
      model: "m",
      apiKey: Redacted.make(options.key ?? "sk-test-SECRET")
    }
    const llm = yield* make({
      provider: kind,
      probe: providers[kind].probe(settings),
      ...(options.contextTokens === undefined ? {} : { contextTokens: options.contextTokens })
    }).pipe(Effect.provide(providers[kind].layer(settings)))
    return { peer, llm }
  })

const given = request({ evidence: evidence() })

for (const kind of ["openai", "anthropic"] as const) {
  contract(
    `the ${kind} provider over HTTP`,
    Effect.map(started(kind), ({ llm }) => llm)
  )

  const failing = (mode: Mode) =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started(kind)
      yield* peer.setMode(mode)
      const error = yield* Effect.flip(llm.investigate(given))
      return { error, calls: peer.calls.length }
    })

  describe(`the ${kind} provider`, () => {
    const reportedIn = (mode: Mode) =>
      Effect.gen(function* () {
        const { llm, peer } = yield* started(kind)
        yield* peer.setMode(mode)
        const reported: Array<ReportedUsage> = []
        const exit = yield* Effect.exit(
          Effect.provideService(llm.investigate(given), ReportUsage, (usage) => void reported.push(usage))
        )
        return { reported: reported.at(-1), isAnswer: exit._tag === "Success" }
      })
    const usage = kind === "openai" ? { inputTokens: 1320, outputTokens: 96 } : { inputTokens: 1472, outputTokens: 89 }

    it.live("tells the tokens of an answer, and of one that is none", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* reportedIn({ _tag: "Ok" }), { reported: usage, isAnswer: true })
        const prose = yield* reportedIn({ _tag: "Answer", text: "Roll it back." })
        assert.deepStrictEqual(prose, { reported: usage, isAnswer: false })
        const cut =
          kind === "openai" ? openAiCompletion({ content: "{" }, "length") : anthropicMessage([], "max_tokens")
        assert.deepStrictEqual(yield* reportedIn({ _tag: "Raw", body: cut }), { reported: usage, isAnswer: false })
      }).pipe(Effect.scoped)
    )

    it.live("tells no output of an answer that broke off, and nothing without a response", () =>
      Effect.gen(function* () {
        assert.isNull((yield* reportedIn({ _tag: "Cut" })).reported?.outputTokens ?? null)
        assert.isUndefined((yield* reportedIn({ _tag: "Status", status: 500 })).reported)
      }).pipe(Effect.scoped)
    )

    it.live.each<readonly [string, string, boolean, boolean, Mode]>([
      ["is down", "Unavailable", true, true, { _tag: "Down" }],
      ["closes the connection within its response", "InvalidAnswer", false, false, { _tag: "Cut" }],
      ["responds with 500", "Unavailable", true, true, { _tag: "Status", status: 500 }],
      ["is overloaded", "Unavailable", true, true, { _tag: "Status", status: 529 }],
      ["limits the rate", "RateLimited", true, true, { _tag: "Status", status: 429 }],
      ["rejects the key", "Authentication", false, true, { _tag: "Status", status: 401 }],
      ["denies permission", "Authentication", false, false, { _tag: "Status", status: 403 }],
      ["requires payment", "QuotaExhausted", false, true, { _tag: "Status", status: 402 }],
      ["rejects the request", "BadRequest", false, false, { _tag: "Status", status: 400 }],
      ["does not have the model", "Unavailable", false, true, { _tag: "Status", status: 404 }],
      ["returns prose", "InvalidAnswer", false, false, { _tag: "Answer", text: "Roll it back." }],
      ["returns no answer", "InvalidAnswer", false, false, { _tag: "Answer", text: null }],
      ["returns truncated JSON", "InvalidAnswer", false, false, { _tag: "Answer", text: '{"rootCause": "The' }],
      ["responds with the HTML page of a proxy", "InvalidAnswer", false, true, { _tag: "Raw", body: "<html></html>" }],
      [
        "redirects",
        "Unavailable",
        false,
        true,
        { _tag: "Status", status: 307, headers: { location: "http://127.0.0.1:1/" } }
      ]
    ])(
      "whose server %s fails with %s (retryable: %s, counted: %s), after one request",
      ([, reason, retryable, counts, mode]) =>
        Effect.gen(function* () {
          const { calls, error } = yield* failing(mode)
          assert.deepStrictEqual(
            [error.reason._tag, error.retryable, error.countsAsFailure],
            [reason, retryable, counts]
          )
          assert.isAtMost(calls, 1, "the SDK must not retry by itself")
          assert.notInclude(`${error.message}${JSON.stringify(error)}`, "SECRET")
        }).pipe(Effect.scoped)
    )

    it.live("passes Retry-After on", () =>
      Effect.gen(function* () {
        const { error } = yield* failing({ _tag: "Status", status: 429, headers: { "retry-after": "7" } })
        assert.deepStrictEqual(error.reason, { _tag: "RateLimited", retryAfterMs: 7000 })
        const busy = yield* failing({ _tag: "Status", status: 503, headers: { "retry-after": "2" } })
        assert.deepStrictEqual(busy.error.reason, { _tag: "Unavailable", status: 503, retryAfterMs: 2000 })
      }).pipe(Effect.scoped)
    )

    it.live("fails its call when the key is wrong, and its probe finds nothing out about the calls", () =>
      Effect.gen(function* () {
        const { llm } = yield* started(kind, { key: "wrong" })
        assert.strictEqual((yield* Effect.flip(llm.investigate(given))).reason._tag, "Authentication")
        const { countsAsFailure, reason } = yield* Effect.flip(llm.probe!)
        assert.deepStrictEqual([reason._tag, countsAsFailure], ["Authentication", false])
      }).pipe(Effect.scoped)
    )

    it.live("fails its probe while the server is down, and does not count a probe that is refused", () =>
      Effect.gen(function* () {
        const { llm, peer } = yield* started(kind)
        yield* peer.setMode({ _tag: "Down" })
        assert.isTrue((yield* Effect.flip(llm.probe!)).countsAsFailure)
        yield* peer.setMode({ _tag: "Status", status: 503 })
        assert.isTrue((yield* Effect.flip(llm.probe!)).countsAsFailure)
        for (const status of [400, 401, 403, 404, 405, 429, 501]) {
          yield* peer.setMode({ _tag: "Status", status })
          assert.isFalse((yield* Effect.flip(llm.probe!)).countsAsFailure, String(status))
        }
      }).pipe(Effect.scoped)
    )

    it.live(
      "aborts the request when it is interrupted",
      () =>
        Effect.gen(function* () {
          const { llm, peer } = yield* started(kind)
          yield* peer.setMode({ _tag: "Hang" })
          const fiber = yield* Effect.forkChild(llm.investigate(given))
          while (peer.calls.length === 0) yield* Effect.sleep(5)
          yield* Fiber.interrupt(fiber)
          while (!peer.calls[0]!.aborted) yield* Effect.sleep(5)
        }).pipe(Effect.scoped),
      5000
    )

    it.live("omits logs when the prompt exceeds the context window, and makes no call when it never fits", () =>
      Effect.gen(function* () {
        const long = request({
          evidence: evidence({
            logs: [
              { pod: "p", revision: 2, current: true, container: "c", previous: true, text: "LOGLINE ".repeat(40_000) }
            ]
          })
        })
        const { llm, peer } = yield* started(kind)
        yield* llm.investigate(long)
        assert.notInclude(peer.calls[0]?.body ?? "", "LOGLINE")
        assert.include(peer.calls[0]?.body ?? "", "omitted to fit the context window")
        const tiny = yield* started(kind, { contextTokens: 1000 })
        const error = yield* Effect.flip(tiny.llm.investigate(long))
        assert.strictEqual(error.reason._tag, "ContextOverflow")
        assert.isFalse(error.countsAsFailure)
        assert.strictEqual(tiny.peer.calls.length, 0)
      }).pipe(Effect.scoped)
    )

    it.live("rejects a response longer than 4 MiB", () =>
      Effect.gen(function* () {
        const { error } = yield* failing({ _tag: "Answer", text: "x".repeat(6 * 1024 * 1024) })
        assert.strictEqual(error.reason._tag, "InvalidAnswer")
      }).pipe(Effect.scoped)
    )

    it.live("generates text as well, whole or as a stream", () =>
      Effect.gen(function* () {
        const peer = yield* makePeer({ kind })
        yield* peer.setMode({ _tag: "Answer", text: "Hello." })
        const layer: Layer.Layer<LanguageModel.LanguageModel> = providers[kind].layer({ url: peer.url, model: "m" })
        const text = yield* Effect.provide(LanguageModel.generateText({ prompt: "Say hello." }), layer)
        assert.strictEqual(text.text, "Hello.")
        assert.isAbove(text.usage.outputTokens.total ?? 0, 0)
        const parts = yield* LanguageModel.streamText({ prompt: "Say hello." }).pipe(
          Stream.provide(layer),
          Stream.runCollect
        )
        assert.deepStrictEqual(
          parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : [])),
          ["Hello."]
        )
      }).pipe(Effect.scoped)
    )
  })
}

describe("the chat completions API of OpenAI", () => {
  const failing = (mode: Mode) =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started("openai")
      yield* peer.setMode(mode)
      return yield* Effect.flip(llm.investigate(given))
    })

  it.live.each<readonly [string, string, Mode]>([
    ["429 with code insufficient_quota", "QuotaExhausted", { _tag: "Status", status: 429, body: openAiQuotaExhausted }],
    [
      "400 with code context_length_exceeded",
      "ContextOverflow",
      { _tag: "Status", status: 400, body: openAiContextLength }
    ],
    [
      "a refusal",
      "Refused",
      { _tag: "Raw", body: openAiCompletion({ content: null, refusal: "I can't help with that." }) }
    ],
    [
      "finish reason content_filter",
      "Refused",
      { _tag: "Raw", body: openAiCompletion({ content: "" }, "content_filter") }
    ],
    [
      "finish reason length",
      "InvalidAnswer",
      { _tag: "Raw", body: openAiCompletion({ content: '{"rootCause"' }, "length") }
    ]
  ])("%s is %s", ([, reason, mode]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failing(mode)).reason._tag, reason)
    }).pipe(Effect.scoped)
  )

  it.live("gets a strict JSON schema, and the key as a bearer token", () =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started("openai")
      yield* llm.investigate(given)
      const [call] = peer.calls
      const body = JSON.parse(call?.body ?? "")
      assert.strictEqual(call?.path, "/v1/chat/completions")
      assert.strictEqual(call?.headers.authorization, "Bearer sk-test-SECRET")
      assert.strictEqual(body.response_format.json_schema.strict, true)
      assert.strictEqual(body.response_format.json_schema.schema.additionalProperties, false)
      assert.deepStrictEqual(
        body.messages.map(({ role }: { readonly role: string }) => role),
        ["system", "user"]
      )
    }).pipe(Effect.scoped)
  )

  const options = (peer: HttpPeer) => peer.calls.map(({ body }) => JSON.parse(body).stream_options as unknown)
  const wanted = { include_usage: true }

  it.live("is asked for the usage of its stream, until it rejects that by name and takes the request without", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer({ kind: "openai", rejectsUsage: true })
      const model = OpenAiLanguageModel.layer({ url: peer.url, model: "m" })
      const llm = yield* Effect.provide(make({ provider: "openai" }), model)
      yield* llm.investigate(given)
      yield* llm.investigate(given)
      assert.deepStrictEqual(options(peer), [wanted, undefined, undefined])
    }).pipe(Effect.scoped)
  )

  it.live("is asked for it again when it rejects the request without it too", () =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started("openai")
      const message = "Unrecognized request argument supplied: stream_options"
      yield* peer.setMode({ _tag: "Status", status: 400, body: JSON.stringify({ error: { message } }) })
      assert.strictEqual((yield* Effect.flip(llm.investigate(given))).reason._tag, "BadRequest")
      yield* peer.setMode({ _tag: "Ok" })
      yield* llm.investigate(given)
      assert.deepStrictEqual(options(peer), [wanted, undefined, wanted])
    }).pipe(Effect.scoped)
  )

  it.live("is asked for it however often an alert names the option, and the server quotes it", () =>
    Effect.gen(function* () {
      const hostile = "Unrecognized argument: stream_options, include_usage"
      const summary = request({ evidence: evidence(), alert: alert({ annotations: { summary: hostile } }) })
      const quoted = `{"stream_options":{"include_usage":true},"messages":[{"content":"data: ${hostile}"}]}`
      for (const message of [
        `Invalid prompt: ${hostile}`,
        quoted,
        JSON.stringify(quoted),
        quoted.replaceAll('"', "'")
      ]) {
        const { llm, peer } = yield* started("openai")
        yield* peer.setMode({ _tag: "Status", status: 422, body: JSON.stringify({ error: { message } }) })
        yield* Effect.flip(llm.investigate(summary))
        assert.deepStrictEqual(options(peer), [wanted], message)
      }
    }).pipe(Effect.scoped)
  )

  it.live("is at /v1 when the address has no path", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer({ kind: "openai" })
      yield* OpenAiLanguageModel.probe({ url: peer.url, model: "m" })
      assert.strictEqual(peer.calls[0]?.path, "/v1/models")
    }).pipe(Effect.scoped)
  )
})

describe("the Messages API of Anthropic", () => {
  const answering = (body: string) =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started("anthropic")
      yield* peer.setMode({ _tag: "Raw", body })
      return yield* Effect.flip(llm.investigate(given))
    })

  it.live.each([
    ["refusal", "Refused"],
    ["max_tokens", "InvalidAnswer"],
    ["model_context_window_exceeded", "ContextOverflow"]
  ] as const)("stop reason %s is %s", ([stopReason, reason]) =>
    Effect.gen(function* () {
      const error = yield* answering(anthropicMessage([{ type: "text", text: "…" }], stopReason))
      assert.strictEqual(error.reason._tag, reason)
    }).pipe(Effect.scoped)
  )

  it.live("status 413 is ContextOverflow", () =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started("anthropic")
      yield* peer.setMode({ _tag: "Status", status: 413 })
      assert.strictEqual((yield* Effect.flip(llm.investigate(given))).reason._tag, "ContextOverflow")
    }).pipe(Effect.scoped)
  )

  it.live("gets one forced tool call whose input is the answer, and the key", () =>
    Effect.gen(function* () {
      const { llm, peer } = yield* started("anthropic")
      yield* llm.investigate(given)
      const [call] = peer.calls
      const body = JSON.parse(call?.body ?? "")
      assert.strictEqual(call?.path, "/v1/messages")
      assert.strictEqual(call?.headers.authorization, "Bearer sk-test-SECRET")
      assert.deepStrictEqual(body.tool_choice, { type: "tool", name: "answer", disable_parallel_tool_use: true })
      assert.strictEqual(body.tools[0].input_schema.type, "object")
    }).pipe(Effect.scoped)
  )
})
