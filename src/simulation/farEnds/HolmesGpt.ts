/**
 * HolmesGPT as a service on the network: `POST /api/chat` and `GET /healthz` of its HTTP API, behind Effect's
 * `HttpClient`. The real `HolmesGptInvestigator` runs on it.
 *
 * The API reports little about failures behind it: a refusal of its model is a text with status 200, a context that is
 * too long is a 500, an exhausted quota is a 429.
 *
 * The chunks of a body are available together with the head; their delays pass before. Only a client with a time limit
 * between head and body could tell the difference.
 */

import { Effect, type Exit, Inspectable, Layer, Option, Stream } from "effect"
import {
  Cookies,
  Headers,
  HttpClient,
  HttpClientError,
  type HttpClientRequest,
  type HttpClientResponse,
  HttpIncomingMessage
} from "effect/http"
import type { CallEnding } from "../observation/Observation.ts"
import { planted } from "../observation/Secrets.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ModelService } from "./ModelService.ts"
import type { Reply } from "./paths/ModelPath.ts"
import type { BodyFault, Breakage, Passage } from "./paths/NetworkPath.ts"

export const url = "http://holmesgpt.simulated:5050"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The number of chunks: a body of some kilobytes arrives in a few. */
const pieces = 4

/** A response of the API. */
export interface Message {
  readonly status: number
  readonly body: string
  readonly retryAfter?: string
  readonly worth: CallEnding
}

// FastAPI's shape. `detail` holds internals, which a careless client would leak.
const errorBody = JSON.stringify({
  detail: `litellm.APIError: key ${planted.holmesgptInternals} at /app/holmes/core/llm.py:214`
})

const chat = (analysis: string): string =>
  JSON.stringify({ analysis, conversation_history: [], tool_calls: [], follow_up_actions: [], metadata: {} })

/** A reply as the API expresses it. */
export const messageOf = (reply: Reply): Message => {
  switch (reply._tag) {
    case "Text":
      return { status: 200, body: chat(reply.text), worth: reply.worth }
    case "Refusal":
      return { status: 200, body: chat("I'm sorry, but I can't help with that."), worth: "bad" }
    case "Quota":
      return { status: 429, body: errorBody, worth: "bad" }
    case "Overflow":
      return { status: 500, body: errorBody, worth: "bad" }
    case "Status":
      return {
        status: reply.status,
        body: errorBody,
        worth: reply.status === 400 || reply.status === 413 || reply.status === 422 ? "neither" : "bad",
        ...(reply.retryAfter === undefined ? {} : { retryAfter: reply.retryAfter })
      }
  }
}

/** A response, of which a body fault may cut off a part. */
export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly "~effect/http/HttpClientResponse" = "~effect/http/HttpClientResponse" as const
  readonly cookies = Cookies.empty
  readonly remoteAddress = Option.none<string>()
  readonly status: number
  readonly headers: Headers.Headers
  readonly request: HttpClientRequest.HttpClientRequest
  private readonly bytes: Uint8Array
  private readonly complete: boolean

  constructor(request: HttpClientRequest.HttpClientRequest, message: Message, share: number) {
    super()
    this.request = request
    this.status = message.status
    this.headers = Headers.fromInput({
      "content-type": "application/json",
      ...(message.retryAfter === undefined ? {} : { "retry-after": message.retryAfter })
    })
    const bytes = encoder.encode(message.body)
    this.complete = share >= 1
    this.bytes = this.complete ? bytes : bytes.subarray(0, Math.floor(bytes.length * share))
  }

  get url(): string {
    return this.request.url
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    const size = Math.max(1, Math.ceil(this.bytes.length / pieces))
    const chunks = Array.from({ length: Math.ceil(this.bytes.length / size) }, (_, index) =>
      this.bytes.subarray(index * size, (index + 1) * size)
    )
    const body = Stream.fromIterable(chunks)
    return this.complete ? body : Stream.concat(body, Stream.fail(this.cut()))
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return this.complete ? Effect.succeed(decoder.decode(this.bytes)) : Effect.fail(this.cut())
  }

  get json(): HttpClientResponse.HttpClientResponse["json"] {
    return Effect.map(this.text, (text) => JSON.parse(text))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.map(this.text, (text) => encoder.encode(text).buffer)
  }

  get urlParamsBody(): never {
    throw new Error("HolmesGPT returns no forms")
  }

  get formData(): never {
    throw new Error("HolmesGPT returns no forms")
  }

  get upgrade(): never {
    throw new Error("HolmesGPT does not upgrade")
  }

  toJSON(): unknown {
    return { _id: "HttpClientResponse", status: this.status }
  }

  pipe(): never {
    throw new Error("a simulated response cannot be piped")
  }

  private cut(): HttpClientError.HttpClientError {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({
        request: this.request,
        response: this,
        description: "the connection was closed in the middle"
      })
    })
  }
}

const descriptions: Readonly<Record<Breakage, string>> = {
  refused: "connect ECONNREFUSED",
  reset: "read ECONNRESET",
  name: "getaddrinfo ENOTFOUND",
  truncated: "terminated"
}

export const passageOf = (request: HttpClientRequest.HttpClientRequest): Passage<HttpClientError.HttpClientError> => ({
  broken: (how) =>
    new HttpClientError.HttpClientError({
      reason: new HttpClientError.TransportError({ request, description: descriptions[how] })
    })
})

interface Answered {
  readonly message: Message
  readonly share: number
}

/** A response after the delay of its body, and the share of it that arrives. */
export const arriving = (message: Message, { endsAfter = 1, pauseMs = 0 }: BodyFault): Effect.Effect<Answered> => {
  const answer = { message, share: endsAfter }
  return pauseMs === 0
    ? Effect.succeed(answer)
    : Effect.as(Effect.sleep(Math.ceil(pauseMs * pieces * endsAfter)), answer)
}

const judge =
  (purpose: "work" | "probe") =>
  (exit: Exit.Exit<unknown, unknown>): CallEnding => {
    if (exit._tag === "Failure") return "bad"
    const { message, share } = exit.value as Answered
    // For a probe only the status counts.
    return share < 1 && purpose === "work" ? "bad" : message.worth
  }

/** The body of a request as text. */
export const askedIn = (request: HttpClientRequest.HttpClientRequest): string =>
  request.body._tag === "Uint8Array" ? decoder.decode(request.body.body) : ""

/** The whole text of a question, from its body. */
export const whole = (bytes: string): string => {
  const { additional_system_prompt: instructions, ask } = JSON.parse(bytes) as {
    readonly ask: string
    readonly additional_system_prompt: string
  }
  return `${instructions}\n${ask}`
}

export class HolmesGpt implements FarEnd {
  readonly name = "holmesgpt"
  readonly service: ModelService
  readonly layer: Layer.Layer<HttpClient.HttpClient>

  constructor(setting: Setting, cluster: Cluster) {
    this.service = new ModelService(setting, cluster, this.name)
    this.layer = Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) => this.respond(request))
    )
  }

  private respond(
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    const { link } = this.service
    const isChat = request.method === "POST"
    const purpose = isChat ? "work" : "probe"
    const reply = Effect.suspend(() => {
      if (request.headers["x-api-key"] !== planted.holmesgptKey && isChat)
        return Effect.succeed<Reply>({ _tag: "Status", status: 401 })
      return isChat ? this.service.ask(whole(askedIn(request))) : this.service.ping
    })
    const answered = Effect.flatMap(reply, (made) => arriving(messageOf(made), link.body))
    return Effect.map(
      link.carry({ purpose, judge: judge(purpose) }, passageOf(request), answered),
      ({ message, share }) => new Response(request, message, share)
    )
  }
}
