/**
 * The HTTP API of HolmesGPT 0.45: routes, shapes, status codes and error bodies as recorded from the real package.
 *
 * By default, its model returns a sensible action on the target in the question.
 */

import type { Effect, Scope } from "effect"
import { type Call, type HttpPeer, make as makePeer, type Protocol, type Reply } from "./HttpPeer.ts"
import { answerTo } from "./ModelAnswer.ts"

export interface Options {
  readonly port?: number
  /** `HOLMES_API_KEY` of the server; a function for one that is rotated. Absent: no key is required. */
  readonly apiKey?: string | (() => string)
  /** Default `true`. A server older than streaming ignores that it is asked for, and its API description says so. */
  readonly streams?: boolean
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** The sums over all calls of its model; `usage` has only the last one. */
const costs = { total_cost: 0.0246, total_tokens: 11_002, prompt_tokens: 10_642, completion_tokens: 360 }

/** The events of its stream, in the order in which the real package sends them. */
export const events = {
  tokens: event("token_count", { metadata: { usage: { prompt_tokens: 5321 }, costs } }),
  message: (content: string) => event("ai_message", { content, reasoning: null, metadata: {} }),
  start: (name: string) => event("start_tool_calling", { tool_name: name, id: "call_1" }),
  result: (name: string, data: string, params: unknown = {}) =>
    event("tool_calling_result", {
      tool_call_id: "call_1",
      role: "tool",
      description: `${name} checkout`,
      name,
      result: { status: "success", error: null, data, params }
    }),
  error: (description: string, code = 1) =>
    event("error", { description, error_code: code, msg: description, success: false }),
  approval: event("approval_required", { analysis: null, requires_approval: true, pending_approvals: [{}] }),
  answer: (analysis: unknown, finishReason = "stop") =>
    event("ai_answer_end", {
      analysis,
      conversation_history: [{ role: "system", content: "…" }],
      metadata: { costs, finish_reason: finishReason }
    })
} as const

// FastAPI's `{"detail": …}` by status. The 500 contains internals, as that of the real server does.
const details: Readonly<Record<number, unknown>> = {
  400: "Chat failed: conversation_history must start with a system message",
  401: "Invalid or missing API key",
  422: [{ type: "missing", loc: ["body", "ask"], msg: "Field required", input: {} }],
  429: "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for gpt-4o in organization org-SECRET",
  500: 'Traceback (most recent call last): File "/app/holmes/core/llm.py", api_key=sk-internal-1234567890abcdef'
}

const error = (status: number): string => JSON.stringify({ detail: details[status] ?? "error" })

const answered = (ask: string, answer: string | null | undefined) =>
  answer === undefined ? JSON.stringify(answerTo(ask)) : answer

const whole = (ask: string, answer: string | null | undefined): Reply => ({
  status: 200,
  body: JSON.stringify({
    analysis: answered(ask, answer),
    conversation_history: [
      { role: "system", content: "…" },
      { role: "user", content: ask }
    ],
    tool_calls: [
      {
        tool_call_id: "call_1",
        tool_name: "kubectl_describe",
        description: "kubectl describe deployment checkout -n shop",
        result: { status: "success", error: null, data: "Name: checkout", params: { kind: "deployment" } },
        size: 14,
        toolset_name: "kubernetes/core"
      }
    ],
    follow_up_actions: [],
    pending_approvals: null,
    metadata: {
      usage: { prompt_tokens: 5321, completion_tokens: 180, total_tokens: 5501 },
      costs,
      max_tokens: 128000,
      request_id: "b1946ac9"
    }
  })
})

const streamed = (ask: string, answer: string | null | undefined): Reply => ({
  status: 200,
  headers: { "content-type": "text/event-stream; charset=utf-8" },
  body: [
    events.tokens,
    events.message("I look at the Deployment."),
    events.start("kubectl_describe"),
    events.result("kubectl_describe", "Name: checkout", { kind: "deployment" }),
    events.tokens,
    events.answer(answered(ask, answer))
  ].join("")
})

const chat = (body: string, answer: string | null | undefined, { streams = true }: Options): Reply => {
  const request = JSON.parse(body) as { readonly ask?: unknown; readonly stream?: unknown }
  if (typeof request.ask !== "string") return { status: 422, body: error(422) }
  return request.stream === true && streams ? streamed(request.ask, answer) : whole(request.ask, answer)
}

/** The part of FastAPI's description of the API that says what a request may contain. */
const description = ({ streams = true }: Options): string =>
  JSON.stringify({
    openapi: "3.1.0",
    components: { schemas: { ChatRequest: { properties: { ask: {}, model: {}, ...(streams ? { stream: {} } : {}) } } } }
  })

const protocol = (options: Options): Protocol => ({
  error,
  reply: (call: Call, answer) => {
    switch (`${call.method} ${call.path.split("?")[0]}`) {
      case "GET /healthz":
        return { status: 200, body: JSON.stringify({ status: "healthy" }) }
      case "GET /readyz":
        return { status: 200, body: JSON.stringify({ status: "ready", models: ["openai/gpt-4o"] }) }
      case "GET /api/model":
        return { status: 200, body: JSON.stringify({ model_name: JSON.stringify(["openai/gpt-4o"]) }) }
      case "GET /openapi.json":
        return { status: 200, body: description(options) }
      case "POST /api/chat": {
        const key = typeof options.apiKey === "function" ? options.apiKey() : options.apiKey
        return key !== undefined && call.headers["x-api-key"] !== key
          ? { status: 401, body: error(401) }
          : chat(call.body, answer, options)
      }
      default:
        return { status: 404, body: JSON.stringify({ detail: "Not Found" }) }
    }
  }
})

/** Starts the peer on loopback. It stops when the scope closes. */
export const make = (options: Options = {}): Effect.Effect<HttpPeer, never, Scope.Scope> =>
  makePeer(protocol(options), options.port === undefined ? {} : { port: options.port })
