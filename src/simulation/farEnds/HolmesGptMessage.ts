/**
 * What HolmesGPT sends: the parts of its stream, and the ends of it. A response with an error status has FastAPI's
 * JSON; everything else is a stream of events under status 200, errors included.
 */

import type { CallEnding } from "../observation/Observation.ts"
import { crashLog, planted } from "../observation/Secrets.ts"
import type { Counted } from "./ModelSpend.ts"
import type { Reply } from "./paths/ModelPath.ts"

/** The end of a response. */
export interface Message {
  readonly status: number
  readonly contentType: "application/json" | "text/event-stream"
  readonly body: string
  readonly retryAfter?: string
  readonly worth: CallEnding
  /** How many characters of the body say everything. Default: all of them. */
  readonly wholeAfter?: number
  /** The connection is closed behind the body, or nothing ever follows. */
  readonly ending?: "cut" | "hang"
}

const internals = `key ${planted.holmesgptInternals} at /app/holmes/core/llm.py:214`

// FastAPI's shape. `detail` holds internals, which a careless client would leak.
const errorBody = JSON.stringify({ detail: `KeyError: ${internals}` })

/** The response to a key that is not the server's own. */
export const wrongKey: Message = {
  status: 401,
  contentType: "application/json",
  body: JSON.stringify({ detail: "Invalid or missing API key" }),
  worth: "bad"
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** What its model calls have cost in all. */
const costsOf = ({ inputTokens, outputTokens }: Counted) => ({
  costs: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens }
})

/** What it sends when its model has replied for the first time, with what that has cost. */
export const firstParts = (counted: Counted): string =>
  event("token_count", { metadata: { usage: { prompt_tokens: counted.inputTokens }, ...costsOf(counted) } })
  + event("ai_message", { content: "I look at the logs.", reasoning: null, metadata: {} })
  + event("start_tool_calling", { tool_name: "kubectl_logs", id: "call_1" })

const toolResult = event("tool_calling_result", {
  tool_call_id: "call_1",
  role: "tool",
  description: "kubectl logs --previous",
  name: "kubectl_logs",
  // It returns the logs as they are.
  result: { status: "success", error: null, data: crashLog.join("\n"), params: { previous: true } }
})

/** What it sends when its first tool has returned. */
export const secondParts: string = toolResult + event("token_count", { metadata: {} })

const stream = (body: string, worth: CallEnding): Message => ({
  status: 200,
  contentType: "text/event-stream",
  body,
  worth
})

const error = (description: string, code = 1): Message =>
  stream(event("error", { description, error_code: code, msg: description, success: false }), "bad")

const answer = (analysis: string, worth: CallEnding, counted: Counted | undefined): Message => {
  const metadata = counted === undefined ? {} : costsOf(counted)
  const rest = { conversation_history: [], follow_up_actions: [], metadata }
  return {
    ...stream(event("ai_answer_end", { analysis, ...rest }), worth),
    wholeAfter: `event: ai_answer_end\ndata: {"analysis":${JSON.stringify(analysis)}`.length
  }
}

/** Refusals that may be due to the text of the alert. A breaker does not count them (`HolmesGptFailure`). */
const mayBeOurs: ReadonlySet<number> = new Set([400, 403, 413, 422])

/**
 * A reply as the API expresses it. `isStreaming`: parts were sent, so that an error has no status of its own.
 * `counted`: what it has cost in all, if it says so.
 */
export const messageOf = (reply: Reply, isStreaming = false, counted?: Counted): Message => {
  switch (reply._tag) {
    case "Text":
      return answer(reply.text, reply.worth, reply.hidesCost === true ? undefined : counted)
    case "Refusal":
      return answer("I'm sorry, but I can't help with that.", "bad", counted)
    case "Quota":
      return error(`litellm.RateLimitError: ${internals}`, 5204)
    case "Overflow":
      // As LiteLLM writes it.
      return error(`litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - ${internals}`)
    case "Unfinished":
      switch (reply.how) {
        case "silent":
          return { ...stream("", "bad"), ending: "hang" }
        case "cut":
          return { ...stream("", "bad"), ending: "cut" }
        case "step-limit":
          return error("Too many LLM calls - exceeded max_steps: 100/100")
        case "tool-loop":
          return { ...stream(toolResult.repeat(3), "bad"), ending: "hang" }
      }
    case "Status":
      return isStreaming
        ? error(`litellm.APIError: ${internals}`)
        : {
            status: reply.status,
            contentType: "application/json",
            body: errorBody,
            worth: mayBeOurs.has(reply.status) ? "neither" : "bad",
            ...(reply.retryAfter === undefined ? {} : { retryAfter: reply.retryAfter })
          }
  }
}

/** The description of its API, as far as a client needs it to know that requests may ask for a stream. */
export const description: Message = {
  status: 200,
  contentType: "application/json",
  body: JSON.stringify({ components: { schemas: { ChatRequest: { properties: { ask: {}, stream: {} } } } } }),
  worth: "neither"
}

/** Its response to a health check. */
export const healthy: Message = {
  status: 200,
  contentType: "application/json",
  body: JSON.stringify({ status: "healthy" }),
  worth: "good"
}
