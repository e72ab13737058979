/**
 * One request to a sink, and what its response means.
 *
 * | response                          | error         |
 * | --------------------------------- | ------------- |
 * | none, or not in time              | `unreachable` |
 * | 2xx                               | none          |
 * | 408, 425, 429, 5xx                | `overloaded`  |
 * | anything else, redirects included | `refused`     |
 *
 * The address may be a secret, as that of a chat is. So no span is made of the request, and no error of the client is
 * passed on: both contain it. The body of a response is read, because a connection is reused only after that, and
 * thrown away.
 */

import { Clock, Effect, Redacted, Stream } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import * as RetryAfter from "../resilience/RetryAfter.ts"
import { SinkError } from "./NotificationSink.ts"

/** Where a sink is. */
export interface Place {
  readonly name: string
  /** The full address. It may contain a token. */
  readonly url: Redacted.Redacted
  /** Sent with every request, such as `authorization`. */
  readonly headers?: Readonly<Record<string, Redacted.Redacted>>
}

/** Responses of receivers are a few words. */
const mostBytes = 64 * 1024

const isTransient = (status: number): boolean => status >= 500 || status === 429 || status === 408 || status === 425

/** The error of a response; `undefined` if it took the message. */
export const errorOf = (sink: string, status: number, retryAfterMs?: number): SinkError | undefined =>
  status >= 200 && status < 300
    ? undefined
    : new SinkError({
        sink,
        reason: isTransient(status) ? "overloaded" : "refused",
        status,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs })
      })

const send = (
  client: HttpClient.HttpClient,
  { headers = {}, name }: Place,
  request: HttpClientRequest.HttpClientRequest
) =>
  Effect.gen(function* () {
    const response = yield* client.execute(
      HttpClientRequest.setHeaders(
        request,
        Object.entries(headers).map(([header, value]) => [header, Redacted.value(value)] as const)
      )
    )
    let bytes = 0
    yield* Effect.ignore(
      Stream.runForEachWhile(response.stream, (chunk) => {
        bytes += chunk.length
        return Effect.succeed(bytes < mostBytes)
      })
    )
    const { date, "retry-after": retryAfter } = response.headers
    return {
      status: response.status,
      retryAfterMs: RetryAfter.retryAfterMs(retryAfter, { date, nowMs: yield* Clock.currentTimeMillis })
    }
  }).pipe(
    Effect.mapError(() => new SinkError({ sink: name, reason: "unreachable" })),
    // An address that the client cannot make a request of is a defect of it, and its message quotes the address.
    Effect.catchDefect(() => Effect.fail(new SinkError({ sink: name, reason: "unreachable" }))),
    Effect.withTracerEnabled(false),
    Effect.provideService(HttpClient.TracerPropagationEnabled, false)
  )

/** Posts JSON. `headers` are added to those of the place. */
export const post = (
  client: HttpClient.HttpClient,
  place: Place,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<void, SinkError> =>
  Effect.suspend(() =>
    Effect.flatMap(
      send(
        client,
        place,
        HttpClientRequest.post(addressOf(place, path), { headers, body: HttpBody.text(body, "application/json") })
      ),
      ({ retryAfterMs, status }) => {
        const error = errorOf(place.name, status, retryAfterMs)
        return error === undefined ? Effect.void : Effect.fail(error)
      }
    )
  )

/**
 * Asks whether the place responds. No response, and a server that fails, are errors, and so are the statuses of an
 * address that is no longer valid (`gone`). Any other may be about the method, which is not that of a message.
 */
export const reach = (
  client: HttpClient.HttpClient,
  place: Place,
  gone: ReadonlyArray<number>
): Effect.Effect<void, SinkError> =>
  Effect.suspend(() =>
    Effect.flatMap(send(client, place, HttpClientRequest.get(addressOf(place, ""))), ({ status }) =>
      status >= 500
        ? Effect.fail(new SinkError({ sink: place.name, reason: "overloaded", status }))
        : gone.includes(status)
          ? Effect.fail(new SinkError({ sink: place.name, reason: "refused", status }))
          : Effect.void
    )
  )

/** Asks for a page that the server has if it is the right one. */
export const find = (client: HttpClient.HttpClient, place: Place, path: string): Effect.Effect<void, SinkError> =>
  Effect.suspend(() =>
    Effect.flatMap(send(client, place, HttpClientRequest.get(addressOf(place, path))), ({ status }) => {
      const error = errorOf(place.name, status)
      return error === undefined ? Effect.void : Effect.fail(error)
    })
  )

/** The address with a path behind it. */
const addressOf = ({ url }: Place, path: string): string =>
  path === "" ? Redacted.value(url) : `${Redacted.value(url).replace(/\/+$/, "")}${path}`
