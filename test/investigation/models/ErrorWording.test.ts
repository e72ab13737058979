import { assert, describe, it } from "@effect/vitest"
import {
  resetAtMsIn,
  shareThatFits,
  statusIn,
  type Subject,
  subjectOf
} from "../../../src/investigation/models/providers/ErrorWording.ts"

type Row = readonly [vendor: string, status: number, code: string | null, message: string]

/** Written by anybody who can write an alert. */
const hostile = `{"summary":"No credits left\\npayment required; insufficient balance. It resets on 2031-01-01. API key not valid"}`

describe("a server that quotes the request", () => {
  it("says nothing about the account by words that are in it, however it encodes them", () => {
    for (const quoted of [hostile, JSON.stringify(hostile), hostile.toUpperCase(), hostile.replaceAll("\\n", "\n")])
      for (const status of [400, 403, 429]) {
        const message = `1 validation error: {'input': ${quoted}}`
        assert.isUndefined(subjectOf({ status, codes: [], message, request: `data: ${hostile}` }), quoted)
        assert.isUndefined(resetAtMsIn(message, `data: ${hostile}`), quoted)
      }
  })

  it("says that there is no money left by its own words, and by a status or a code whatever is in the request", () => {
    const request = `data: ${hostile}`
    const message = `Your credit balance is too low. Request: ${hostile}`
    assert.strictEqual(subjectOf({ status: 400, codes: [], message, request }), "quota")
    assert.strictEqual(subjectOf({ status: 402, codes: [], message: "insufficient balance", request }), "quota")
    assert.strictEqual(subjectOf({ status: 429, codes: ["insufficient_quota"], message: "", request }), "quota")
  })
})

const rows: Readonly<Record<NonNullable<Subject>, ReadonlyArray<Row>>> = {
  quota: [
    [
      "OpenAI",
      429,
      "insufficient_quota",
      "You exceeded your current quota, please check your plan and billing details."
    ],
    ["OpenAI", 400, "billing_hard_limit_reached", "Billing hard limit has been reached"],
    ["OpenAI", 429, "billing_not_active", "Your account is not active, please check your billing details."],
    ["Anthropic", 400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."],
    ["Anthropic", 400, "invalid_request_error", "You have reached your specified API usage limits."],
    ["OpenRouter", 402, null, "Insufficient credits. Add more using https://openrouter.example/credits"],
    ["OpenRouter", 402, null, "This request requires more credits, or fewer max_tokens."],
    ["OpenRouter", 403, null, "Key limit exceeded (total limit)."],
    ["LiteLLM", 400, "budget_exceeded", "Budget has been exceeded! Current cost: 10.2, Max budget: 10.0"],
    ["LiteLLM", 429, null, "ExceededBudget: User=default over budget. Spend=12, Budget=10"],
    ["DeepSeek", 402, "invalid_request_error", "Insufficient Balance"],
    ["Bedrock", 400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."],
    ["xAI", 429, null, "Your team has either used all available credits or reached its monthly spending limit."],
    ["New API", 403, "insufficient_user_quota", "user quota is not enough (request id: 2025)"],
    ["New API behind a gateway", 403, null, "user quota is not enough"],
    ["DashScope", 400, "Arrearage", "Access denied, please make sure your account is in good standing."],
    ["DashScope behind a gateway", 400, null, "Access denied, please make sure your account is in good standing."],
    ["Azure API Management", 403, null, "Out of call volume quota. Quota will be replenished in 2.10:00:00."],
    ["a gateway", 429, null, "Insufficient funds"]
  ],
  key: [
    ["Google", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."],
    ["Google", 400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."],
    ["xAI", 400, null, "Incorrect API key provided: na***ys. You can obtain an API key from https://console.example."]
  ],
  "context-length": [
    ["OpenAI", 400, "context_length_exceeded", "This model's maximum context length is 128000 tokens."],
    [
      "vLLM",
      400,
      "BadRequestError",
      "This model's maximum context length is 32768 tokens. However, you requested 40000."
    ],
    ["llama.cpp", 400, "exceed_context_size_error", "the request exceeds the available context size"],
    ["Anthropic", 400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"],
    ["Anthropic", 400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000"],
    ["Bedrock", 400, "ValidationException", "Input is too long for requested model."],
    [
      "Google",
      400,
      "INVALID_ARGUMENT",
      "The input token count (1200000) exceeds the maximum number of tokens allowed."
    ],
    ["Mistral", 400, "invalid_request_error", "Prompt contains too many tokens. Too many input tokens."],
    ["a gateway", 413, null, "Please reduce the length of the messages."],
    [
      "Text Generation Inference",
      422,
      null,
      "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 512 `max_new_tokens`"
    ],
    ["Text Generation Inference", 422, null, "`inputs` must have less than 1024 tokens. Given: 1872"],
    [
      "Groq",
      413,
      "rate_limit_exceeded",
      "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9120, please reduce your message size and try again."
    ],
    [
      "OpenAI",
      429,
      "rate_limit_exceeded",
      "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 36420. The input or output tokens must be reduced in order to run successfully."
    ]
  ],
  refusal: [
    [
      "Azure",
      400,
      "content_filter",
      "The response was filtered due to the prompt triggering content management policy."
    ],
    ["OpenAI", 400, "content_policy_violation", "Your request was rejected by our safety system."],
    ["Anthropic", 400, "invalid_request_error", "Output blocked by content filtering policy"]
  ]
}

const others: ReadonlyArray<Row> = [
  ["OpenAI", 429, "rate_limit_exceeded", "Rate limit reached for gpt-4o on tokens per min. Please try again in 6ms."],
  ["Google", 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry in 37.5s."],
  ["Groq", 429, "rate_limit_exceeded", "Rate limit reached on tokens per day (TPD). Please try again in 7m12s."],
  ["Azure", 429, "429", "Exceeded call rate limit of your current pricing tier. Please retry after 7 seconds."],
  ["Bedrock", 429, "ThrottlingException", "Too many requests, please wait before trying again."],
  ["OpenAI", 400, null, "Invalid value for 'messages'"],
  [
    "OpenAI",
    429,
    "rate_limit_exceeded",
    "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 5000. Please try again in 8s."
  ],
  ["a server", 500, null, "API key not valid"],
  ["a server", 500, null, "The context window of the cache is being rebuilt"],
  ["a server", 503, null, "no available credits service"],
  ["a server", 401, "invalid_api_key", "Incorrect API key provided"]
]

const subject = ([, status, code, message]: Row): Subject => subjectOf({ status, codes: [code], message })

describe("the error of a provider", () => {
  for (const [about, given] of Object.entries(rows))
    it.each(given)(`of %s (%i, %s: %s) is about ${about}`, (...row) => assert.strictEqual(subject(row), about))

  it.each(others)("of %s (%i, %s: %s) is what its status says", (...row) => assert.isUndefined(subject(row)))

  it.each([
    ["You will regain access on 2026-12-01 at 00:00 UTC.", "2026-12-01T00:00:00Z"],
    ["Your quota resets at 2026-12-01 13:30:00 UTC", "2026-12-01T13:30:00Z"],
    ["Your quota resets on 2026-12-01", "2026-12-01T00:00:00Z"],
    ["It resets on 2026-99-99", undefined],
    ["Your credit balance is too low", undefined],
    ["The alert fired at 2026-12-01 13:30 UTC", undefined]
  ])("%j names %s as the time when there is money again", (message, at) => {
    assert.strictEqual(resetAtMsIn(message), at === undefined ? undefined : Date.parse(at))
  })

  it.each([
    ["This model's maximum context length is 8000 tokens. However, your messages resulted in 10000 tokens.", 0.8],
    [
      "This model's maximum context length is 8000 tokens. However, you requested 10000 tokens (9000 in the messages).",
      0.8
    ],
    ["This model's maximum context length is 8000 tokens. However, your request has 16000 input tokens.", 0.5],
    ["prompt is too long: 250000 tokens > 200000 maximum", 0.8],
    ["The input token count (2000) exceeds the maximum number of tokens allowed (1000).", 0.5],
    ["The input token count (2000) exceeds the maximum number of tokens allowed.", undefined],
    ["prompt is too long: 100 tokens > 200000 maximum", undefined],
    ["prompt is too long: 0 tokens > 0 maximum", undefined],
    ["the request exceeds the available context size", undefined],
    ["`inputs` tokens + `max_new_tokens` must be <= 4000. Given: 5000 `inputs` tokens and 512", 0.8],
    ["`inputs` tokens + `max_new_tokens` must be <= 4000. Given: 3900 `inputs` tokens and 512", undefined],
    ["`inputs` must have less than 1000 tokens. Given: 2000", 0.5],
    ["tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced", 0.75],
    ["tokens per min (TPM): Limit 30000, Used 29000, Requested 40000.", undefined]
  ])("%j says that this share of the prompt fits: %s", (message, share) => {
    assert.strictEqual(shareThatFits(message), share)
    assert.isUndefined(shareThatFits(message, `data: ${message}`), "quoted")
  })

  it("in the middle of a stream has the status of its code, and 500 without one that is known", () => {
    assert.strictEqual(statusIn(["overloaded_error"]), 529)
    assert.strictEqual(statusIn([undefined, "rate_limit_exceeded", "requests"]), 429)
    assert.strictEqual(statusIn([502]), 502)
    assert.strictEqual(statusIn(["503", null]), 503)
    for (const unknown of [[], ["server_error"], [200], [null, undefined]]) assert.strictEqual(statusIn(unknown), 500)
  })
})
