import { assert, describe, it } from "@effect/vitest"
import { isUnreachable } from "../../../../src/investigation/chain/SharedFate.ts"
import type { InvestigatorError } from "../../../../src/investigation/Investigator.ts"
import {
  type Circumstances,
  errorOfEvent,
  errorOfResponse,
  refusedProbe
} from "../../../../src/investigation/models/holmesgpt/HolmesGptFailure.ts"

const size = { tokens: 100, limit: 200 }
const early: Circumstances = { size, isEarly: true, quotable: "" }
const late: Circumstances = { size, isEarly: false, quotable: "" }

const meaning = ({ countsAsFailure, reason, retryable }: InvestigatorError) => [reason._tag, retryable, countsAsFailure]
const ofDetail = (status: number, detail: unknown, circumstances = early, retryAfter?: string) =>
  errorOfResponse({ status, body: JSON.stringify({ detail }), retryAfter }, circumstances)

/** What the exceptions of HolmesGPT say, and the reason of each with its meaning for retries and the breaker. */
const texts = [
  [
    "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key: sk-SECRET",
    "UpstreamAuthentication",
    true
  ],
  ["litellm.PermissionDeniedError: no access to gpt-4o", "UpstreamAuthentication", true],
  ["litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for org-SECRET", "RateLimited", true],
  ["litellm.BudgetExceededError: Budget has been exceeded", "QuotaExhausted", true],
  ["litellm.ContextWindowExceededError: litellm.BadRequestError: too many tokens", "ContextOverflow", false],
  ["litellm.ContentPolicyViolationError: refused", "Refused", false],
  ["litellm.NotFoundError: the model gpt-9 does not exist", "Unavailable", true],
  // As LiteLLM 1.89 writes them.
  [
    "litellm.BadRequestError: litellm.ContentPolicyViolationError: ContentPolicyViolationError: OpenAIException - Your request was rejected",
    "Refused",
    false
  ],
  [
    "litellm.BadRequestError: OpenAIException - The response was filtered due to the prompt triggering a content management policy.",
    "Refused",
    false
  ],
  [
    "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - maximum context length",
    "ContextOverflow",
    false
  ],
  ["litellm.BadRequestError: OpenAIException - prompt is too long: 9000 tokens", "ContextOverflow", false],
  ["litellm.BadRequestError: OpenAIException - Invalid value for 'messages'", "BadRequest", false],
  ["litellm.APIError: APIError: OpenAIException - overloaded", "Unavailable", true],
  ["litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.", "Unavailable", true],
  ["litellm.Timeout: Timeout Error: OpenAIException - timeout", "Unavailable", true],
  ["Too many LLM calls - exceeded max_steps: 100/100", "StepLimit", false]
] as const

/** A used up quota, and what a response without a stream may mean by the same text. */
const quotas = [
  ["litellm.RateLimitError: You exceeded your current quota, please check your plan", "RateLimited", true],
  ["litellm.BadRequestError: AnthropicException - Your credit balance is too low", "BadRequest", false],
  ["litellm.APIError: APIError: OpenAIException - Insufficient credits", "Unavailable", true],
  ["litellm.PermissionDeniedError: OpenAIException - Insufficient balance", "UpstreamAuthentication", true]
] as const

describe("a used up quota", () => {
  it.each(quotas)("that an event tells as %s is one, and suspends the account", (description) => {
    assert.deepStrictEqual(meaning(errorOfEvent({ code: 1, description }, early)), ["QuotaExhausted", false, true])
  })

  it.each(quotas)("is not read in a response, such as %s: it may quote what a tool has read", (text, tag, counted) => {
    assert.deepStrictEqual(meaning(ofDetail(500, text)), [tag, false, counted])
    assert.deepStrictEqual(meaning(ofDetail(429, text)), ["RateLimited", false, true])
  })

  it("is not one by a log that LiteLLM takes for a rate limit of its own, because it contains one", () => {
    const log = "psp-client: HTTP 429 rate limit: you exceeded your current quota"
    const text = `litellm.RateLimitError: RateLimitError: OpenAIException - Invalid messages[7].content: '${log}'`
    for (const status of [429, 500]) assert.strictEqual(ofDetail(status, text).reason._tag, "RateLimited")
  })
})

describe("an error of HolmesGPT", () => {
  it.each(texts)(
    "that begins as %s is %s in a 500 and in an event, is not retried, and counted: %s",
    (text, tag, counted) => {
      assert.deepStrictEqual(meaning(ofDetail(500, text)), [tag, false, counted])
      assert.deepStrictEqual(meaning(errorOfEvent({ code: 1, description: text }, early)), [tag, false, counted])
    }
  )

  it("passes nothing of its text on", () => {
    for (const [text] of [...texts, ...quotas])
      for (const error of [ofDetail(500, text), errorOfEvent({ code: 1, description: text }, early)])
        assert.notInclude(JSON.stringify(error) + error.message, text.slice(8, 30))
  })

  it("is Unavailable if only its middle looks like a reason: it may quote the prompt", () => {
    for (const text of [
      "InternalServerError: log line 'Too many LLM calls - exceeded max_steps'",
      "failed on: litellm.ContentPolicyViolationError: x",
      "{'error': 'litellm.ContextWindowExceededError: x'}"
    ])
      assert.deepStrictEqual(meaning(ofDetail(500, text)), ["Unavailable", true, true])
  })

  it("is retried only when it is early", () => {
    for (const status of [500, 502, 503, 504]) {
      assert.isTrue(ofDetail(status, "x", early).retryable, String(status))
      assert.isFalse(ofDetail(status, "x", late).retryable, String(status))
    }
    const event = { code: 1, description: "KeyError: 'choices'" }
    assert.isTrue(errorOfEvent(event, early).retryable)
    assert.isFalse(errorOfEvent(event, late).retryable)
  })

  it("under a status of 200 says that its server was reached", () => {
    for (const description of ["KeyError: 'x'", "litellm.NotFoundError: the model gpt-9 does not exist"])
      assert.isFalse(isUnreachable(errorOfEvent({ code: 1, description }, late).reason), description)
  })

  it("with the codes 5206 and 5207 is a refusal of the platform behind it, whatever it says", () => {
    for (const code of [5206, 5207])
      assert.deepStrictEqual(meaning(errorOfEvent({ code, description: "AI is switched off" }, early)), [
        "UpstreamAuthentication",
        false,
        true
      ])
  })

  it("with the code 5204 is a rate limit, whatever it says", () => {
    const error = errorOfEvent({ code: 5204, description: "Model is getting throttled" }, early)
    assert.deepStrictEqual(meaning(error), ["RateLimited", false, true])
  })
})

describe("a rate limit that quotes what others wrote", () => {
  const hostile = `ERROR payment: Insufficient balance, exceeded your current quota`
  const quoting = `litellm.RateLimitError: OpenAIException - too many requests for {"content": "${hostile}"}`

  it("is no used up quota, in a response and in an event", () => {
    const circumstances = { ...early, quotable: `instructions\n${hostile}\nmore` }
    for (const text of [quoting, quoting.toUpperCase().replace("LITELLM.RATELIMITERROR", "litellm.RateLimitError")]) {
      assert.strictEqual(ofDetail(429, text, circumstances).reason._tag, "RateLimited")
      assert.strictEqual(errorOfEvent({ code: 5204, description: text }, circumstances).reason._tag, "RateLimited")
    }
  })

  it("is one by the words of the provider, whatever it quotes", () => {
    const description = `litellm.RateLimitError: Your account is not active. Request: ${hostile}`
    const error = errorOfEvent({ code: 5204, description }, { ...early, quotable: hostile })
    assert.strictEqual(error.reason._tag, "QuotaExhausted")
  })
})

describe("a 403 of HolmesGPT", () => {
  it("says nothing about its health: a firewall may give it for words of the alert", () => {
    const error = ofDetail(403, "blocked")
    assert.deepStrictEqual(meaning(error), ["Authentication", false, false])
    assert.deepStrictEqual(error.reason, { _tag: "Authentication", forbidden: true })
  })
})

describe("a 401 of HolmesGPT", () => {
  it("is about our key, or a proxy's, unless it is the exception of its own model", () => {
    for (const detail of ["Invalid or missing API key", "Unauthorized", undefined, { code: 1 }])
      assert.deepStrictEqual(ofDetail(401, detail).reason, { _tag: "Authentication" })
    assert.strictEqual(
      errorOfResponse({ status: 401, body: "<html>", retryAfter: undefined }, early).reason._tag,
      "Authentication"
    )
    assert.strictEqual(ofDetail(401, "litellm.AuthenticationError: sk-SECRET").reason._tag, "UpstreamAuthentication")
  })
})

describe("a 429 of HolmesGPT", () => {
  it("is retried only with Retry-After, in seconds or as a date", () => {
    assert.deepStrictEqual(ofDetail(429, "x", early, "7").reason, { _tag: "RateLimited", retryAfterMs: 7000 })
    assert.isTrue(ofDetail(429, "x", early, "7").retryable)
    assert.isFalse(ofDetail(429, "x").retryable)
    const received = { date: "Wed, 21 Oct 2026 07:27:50 GMT" }
    const dated = errorOfResponse(
      { status: 429, body: "", retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT", received },
      early
    )
    assert.deepStrictEqual([dated.reason, dated.retryable], [{ _tag: "RateLimited", retryAfterMs: 10_000 }, true])
  })
})

describe("a rejected probe", () => {
  it("counts only if the server itself failed", () => {
    for (const status of [500, 502, 503, 504]) assert.isTrue(refusedProbe(status).countsAsFailure, String(status))
    for (const status of [302, 400, 401, 403, 404, 405, 429, 501])
      assert.isFalse(refusedProbe(status).countsAsFailure, String(status))
  })
})
