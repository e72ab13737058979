/** A request to HolmesGPT and its response, whose parts arrive by and by. */

import { Cause, Deferred, Effect, Inspectable, Option, Queue, Stream } from "effect"
import {
  Cookies,
  Headers,
  HttpClientError,
  type HttpClientRequest,
  type HttpClientResponse,
  HttpIncomingMessage
} from "effect/http"
import type { Message } from "./HolmesGptMessage.ts"
import { type BodyFault, type Breakage, codes, type Passage } from "./paths/NetworkPath.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The number of chunks: a body of some kilobytes arrives in a few. */
const pieces = 4

interface Head {
  readonly status: number
  readonly contentType: Message["contentType"]
  readonly retryAfter?: string
}

type Body = Stream.Stream<Uint8Array, HttpClientError.HttpClientError>

/** A response with its head, and its body as it arrives. */
export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly "~effect/http/HttpClientResponse" = "~effect/http/HttpClientResponse" as const
  readonly cookies = Cookies.empty
  readonly remoteAddress = Option.none<string>()
  readonly status: number
  readonly headers: Headers.Headers
  readonly request: HttpClientRequest.HttpClientRequest
  readonly stream: Body

  constructor(request: HttpClientRequest.HttpClientRequest, head: Head, body: Body) {
    super()
    this.request = request
    this.status = head.status
    this.headers = Headers.fromInput({
      "content-type": head.contentType,
      ...(head.retryAfter === undefined ? {} : { "retry-after": head.retryAfter })
    })
    this.stream = body
  }

  get url(): string {
    return this.request.url
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return Stream.mkString(Stream.decodeText(this.stream))
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
}

/** A response that has arrived as a whole. */
export const wholeResponse = (
  request: HttpClientRequest.HttpClientRequest,
  message: Pick<Message, "status" | "body"> & Partial<Message>
): Response =>
  new Response(request, { contentType: "application/json", ...message }, Stream.make(encoder.encode(message.body)))

const descriptions: Readonly<Record<Breakage, string>> = {
  refused: "connect ECONNREFUSED",
  reset: "read ECONNRESET",
  name: "getaddrinfo ENOTFOUND",
  truncated: "terminated"
}

export const passageOf = (request: HttpClientRequest.HttpClientRequest): Passage<HttpClientError.HttpClientError> => ({
  broken: (how) =>
    new HttpClientError.HttpClientError({
      reason: new HttpClientError.TransportError({
        request,
        description: descriptions[how],
        cause: Object.assign(new Error(descriptions[how]), { code: codes[how] })
      })
    })
})

/** The end of a response, and the share of its body that arrives. */
export interface Answered {
  readonly message: Message
  readonly share: number
}

/** Whether what arrives says everything. */
export const isWhole = ({ message: { body, ending, wholeAfter = body.length }, share }: Answered): boolean =>
  ending === undefined && Math.floor(body.length * share) >= wholeAfter

/** A message after the delay of its body. */
export const arriving = (message: Message, { endsAfter = 1, pauseMs = 0 }: BodyFault): Effect.Effect<Answered> => {
  const answer = { message, share: endsAfter }
  return pauseMs === 0
    ? Effect.succeed(answer)
    : Effect.as(Effect.sleep(Math.ceil(pauseMs * pieces * endsAfter)), answer)
}

/** Sends a message after the delay of its body. Where nothing follows it, this never ends. */
export const delivered = (sender: Sender, message: Message, fault: BodyFault): Effect.Effect<Answered> =>
  message.ending === "hang"
    ? Effect.andThen(
        Effect.sync(() => sender.send(message.body)),
        Effect.never
      )
    : arriving(message, fault)

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

/** The server's end of a response. */
export interface Sender {
  /** Sends a part of a stream, and its head before the first. An empty part is the head alone. */
  readonly send: (part: string) => void
  /** Whether a head was sent. */
  readonly isStreaming: () => boolean
}

/**
 * Makes the exchange, and returns the response as soon as its head has arrived. The exchange runs as a child of the
 * caller, so it ends when the caller goes away.
 */
export const converse = (
  request: HttpClientRequest.HttpClientRequest,
  exchange: (sender: Sender) => Effect.Effect<Answered, HttpClientError.HttpClientError>
): Effect.Effect<Response, HttpClientError.HttpClientError> =>
  Effect.gen(function* () {
    const head = yield* Deferred.make<Head, HttpClientError.HttpClientError>()
    const body = yield* Queue.unbounded<Uint8Array, HttpClientError.HttpClientError | Cause.Done>()
    let isStreaming = false
    const send = (part: string): void => {
      isStreaming = true
      Deferred.doneUnsafe(head, Effect.succeed({ status: 200, contentType: "text/event-stream" }))
      if (part !== "") Queue.offerUnsafe(body, encoder.encode(part))
    }
    const fail = (error: HttpClientError.HttpClientError): void => {
      Deferred.doneUnsafe(head, Effect.fail(error))
      Queue.failCauseUnsafe(body, Cause.fail(error))
    }
    const finish = ({ message, share }: Answered): Effect.Effect<void> => {
      Deferred.doneUnsafe(head, Effect.succeed(message))
      const bytes = encoder.encode(message.body.slice(0, Math.floor(message.body.length * share)))
      const size = Math.max(1, Math.ceil(bytes.length / pieces))
      for (let at = 0; at < bytes.length; at += size) Queue.offerUnsafe(body, bytes.subarray(at, at + size))
      return share < 1 || message.ending === "cut"
        ? Effect.sync(() => fail(passageOf(request).broken("truncated")))
        : Effect.asVoid(Queue.end(body))
    }
    yield* Effect.forkChild(
      Effect.matchEffect(exchange({ send, isStreaming: () => isStreaming }), {
        onFailure: (error) => Effect.sync(() => fail(error)),
        onSuccess: finish
      })
    )
    return new Response(request, yield* Deferred.await(head), Stream.fromQueue(body))
  })
