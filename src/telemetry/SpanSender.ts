/**
 * Sends spans to an OTLP/HTTP receiver, in batches, from a queue of bounded length.
 *
 *     span ends ──> queue (bounded; full: dropped and counted) ──> one request at a time, with a time limit ──> receiver
 *
 * Whoever ends a span never waits, whatever the receiver does. A batch that the receiver does not take for now (away,
 * too slow, 408, 429, 5xx) stays where it is and is sent again after a wait that grows, or after the receiver's
 * `Retry-After` up to a cap where that is longer; so the spans of an outage's beginning are there when it is over, and
 * what came after the queue was full is not. A batch that it refuses for good is dropped and counted.
 */

import { Clock, Effect, Latch, type Scope } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { nowMsUnsafe } from "../resilience/Monotonic.ts"
import { body, type OtlpSpan, type Resource } from "./OtlpSpan.ts"

export interface SenderOptions {
  readonly url: string
  readonly resource: Resource
  /** Spans that wait at most. */
  readonly queueCapacity: number
  /** Spans of one request at most. */
  readonly batchSize: number
  /** How long a span waits for others to go with. */
  readonly scheduledDelayMs: number
  /** How long one request may take, its answer included. */
  readonly exportTimeoutMs: number
  /** How long the end of the service may wait for what is left to be sent. */
  readonly shutdownTimeoutMs: number
}

export interface SpanSender {
  /** Takes a span, or drops it. Returns at once. */
  readonly push: (span: OtlpSpan) => void
  readonly dropped: () => number
  /** Not sent and not dropped; those under way included. */
  readonly waiting: () => number
}

/** Between two attempts while the receiver does not take anything. The cap is what it may ask for as well. */
const waitMs = { first: 1_000, most: 30_000 } as const

type Outcome =
  | { readonly _tag: "Sent" }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "NotNow"; readonly retryAfterMs: number | undefined }

const secondsOf = (header: string | undefined): number | undefined =>
  header !== undefined && /^\s*\d+\s*$/.test(header) ? Math.min(Number(header) * 1000, waitMs.most) : undefined

const outcomeOf = (response: HttpClientResponse.HttpClientResponse): Outcome => {
  const { headers, status } = response
  if (status >= 200 && status < 300) return { _tag: "Sent" }
  return status === 408 || status === 429 || status >= 500
    ? { _tag: "NotNow", retryAfterMs: secondsOf(headers["retry-after"]) }
    : { _tag: "Refused" }
}

/** Begins to send. With its scope what is left is tried once more, within the time for that, and then given up. */
export const make = Effect.fnUntraced(function* (
  options: SenderOptions
): Effect.fn.Return<SpanSender, never, HttpClient.HttpClient | Scope.Scope> {
  const { batchSize, exportTimeoutMs, queueCapacity, scheduledDelayMs } = options
  const client = yield* HttpClient.HttpClient
  const clock = yield* Effect.service(Clock.Clock)
  const enough = Latch.makeUnsafe(false)
  const state = { queue: [] as Array<OtlpSpan>, dropped: 0, failing: false, fails: 0, notBeforeMs: 0 }

  const send = (spans: ReadonlyArray<OtlpSpan>): Effect.Effect<Outcome> =>
    client
      .execute(
        HttpClientRequest.post(options.url).pipe(
          HttpClientRequest.bodyText(body(options.resource, spans), "application/json")
        )
      )
      .pipe(
        // An unread body would keep its connection from being used again.
        Effect.tap((response) => Effect.ignore(response.text)),
        Effect.map(outcomeOf),
        Effect.timeout(exportTimeoutMs),
        Effect.catchCause((): Effect.Effect<Outcome> => Effect.succeed({ _tag: "NotNow", retryAfterMs: undefined })),
        // Its own requests are no part of anybody's trace, or each would make another.
        Effect.withTracerEnabled(false)
      )

  const failing = (isFailing: boolean) => {
    if (isFailing === state.failing) return Effect.void
    state.failing = isFailing
    return isFailing
      ? Effect.logWarning("Traces cannot be exported; they are kept while there is room, and dropped beyond", {
          endpoint: options.url
        })
      : Effect.logInfo("Traces are exported again", { endpoint: options.url, dropped: state.dropped })
  }

  /** Of the queue's beginning; whether it is the next one's turn. */
  const sendBatch = Effect.suspend(() => {
    const spans = state.queue.slice(0, batchSize)
    return Effect.flatMap(send(spans), (outcome) => {
      if (outcome._tag === "NotNow") {
        // `Retry-After: 0` again and again would be a storm otherwise.
        const leastMs = Math.min(waitMs.first * 2 ** state.fails, waitMs.most)
        state.notBeforeMs = nowMsUnsafe(clock) + Math.max(leastMs, outcome.retryAfterMs ?? 0)
        state.fails++
        return Effect.as(failing(true), false)
      }
      state.queue = state.queue.slice(spans.length)
      state.fails = 0
      if (outcome._tag === "Refused") state.dropped += spans.length
      return Effect.as(failing(outcome._tag === "Refused"), state.queue.length > 0)
    })
  })

  const pause = Effect.suspend(() => {
    const restMs = state.notBeforeMs - nowMsUnsafe(clock)
    // Not a plain sleep: so it is as many fibers in each of its waits, and who counts them sees none come or go.
    return restMs > 0 ? Effect.timeoutOption(Effect.never, restMs) : Effect.void
  })

  const round = Effect.gen(function* () {
    yield* Effect.timeoutOption(enough.await, scheduledDelayMs)
    // Opening the latch runs what waits for it at once, which is within the step that ends a span: it is not to do this
    // work as well.
    yield* Effect.yieldNow
    enough.closeUnsafe()
    while (state.queue.length > 0) {
      yield* pause
      yield* sendBatch
    }
  })

  // Runs after the loop below has ended: scopes close backwards.
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() =>
      state.queue.length === 0 || state.failing ? Effect.void : Effect.repeat(sendBatch, { while: (more) => more })
    ).pipe(
      Effect.timeoutOption(options.shutdownTimeoutMs),
      Effect.exit,
      Effect.map(() => {
        state.dropped += state.queue.length
        state.queue = []
      }),
      Effect.interruptible
    )
  )
  yield* Effect.forkScoped(Effect.forever(round))

  return {
    push: (span) => {
      if (state.queue.length >= queueCapacity) {
        state.dropped++
        return
      }
      state.queue.push(span)
      if (state.queue.length >= batchSize) enough.openUnsafe()
    },
    dropped: () => state.dropped,
    waiting: () => state.queue.length
  }
})
