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
  /** `HOLMES_API_KEY` of the server. Absent: no key is required. */
  readonly apiKey?: string
}

// FastAPI's `{"detail": …}` by status. The 500 contains internals, as that of the real server does.
const details: Readonly<Record<number, unknown>> = {
  400: "Chat failed: conversation_history must start with a system message",
  401: "Invalid or missing API key",
  422: [{ type: "missing", loc: ["body", "ask"], msg: "Field required", input: {} }],
  429: "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for gpt-4o in organization org-SECRET",
  500: 'litellm.InternalServerError: Traceback (most recent call last): File "/app/holmes/core/llm.py", api_key=sk-internal-1234567890abcdef'
}

const error = (status: number): string => JSON.stringify({ detail: details[status] ?? "error" })

const chat = (body: string, answer: string | null | undefined): Reply => {
  const request = JSON.parse(body) as { readonly ask?: unknown }
  if (typeof request.ask !== "string") return { status: 422, body: error(422) }
  return {
    status: 200,
    body: JSON.stringify({
      analysis: answer === undefined ? JSON.stringify(answerTo(request.ask)) : answer,
      conversation_history: [
        { role: "system", content: "…" },
        { role: "user", content: request.ask }
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
        costs: { total_cost: 0.0123 },
        max_tokens: 128000,
        request_id: "b1946ac9"
      }
    })
  }
}

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
      case "POST /api/chat":
        return options.apiKey !== undefined && call.headers["x-api-key"] !== options.apiKey
          ? { status: 401, body: error(401) }
          : chat(call.body, answer)
      default:
        return { status: 404, body: JSON.stringify({ detail: "Not Found" }) }
    }
  }
})

/** Starts the peer on loopback. It stops when the scope closes. */
export const make = (options: Options = {}): Effect.Effect<HttpPeer, never, Scope.Scope> =>
  makePeer(protocol(options), options.port === undefined ? {} : { port: options.port })
