/**
 * An OpenTelemetry `SpanProcessor` that runs on Effect's fibers and clock.
 *
 *     span ends ──> queue (bounded; full: dropped and counted) ──> one export at a time, with a time limit
 *
 * Ending a span never waits for the receiver.
 *
 * A batch that the receiver cannot accept yet stays in the queue and is exported again after an exponential back-off,
 * or after the receiver's `Retry-After` if that is longer. During an outage the earliest spans are kept, and spans that
 * end while the queue is full are lost. A batch that the receiver rejects is dropped and counted.
 *
 * The SDK's `BatchSpanProcessor` waits on promises and timers, which the simulator cannot control, and it does not
 * retry.
 */

import { TraceFlags } from "@opentelemetry/api"
import type { SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Clock, Effect, Fiber, Latch, Record, type Scope, Semaphore } from "effect"
import { nowMsUnsafe } from "../resilience/Monotonic.ts"
import { type ExportOutcome, type ReadableSpan, SpanExporter } from "./SpanExporter.ts"

export interface ProcessorOptions {
  /** The maximum number of spans in the queue, including the batch in flight. */
  readonly queueCapacity: number
  /** The maximum number of spans in one export. */
  readonly batchSize: number
  /** How long an incomplete batch waits for more spans. */
  readonly scheduledDelayMs: number
  /** Time limit of one export. */
  readonly exportTimeoutMs: number
  /** How long a shutdown waits for the remaining spans. */
  readonly shutdownTimeoutMs: number
}

export interface BoundedSpanProcessor extends SpanProcessor {
  /** Spans that were lost: the queue was full, the receiver rejected them, or the shutdown could not export them. */
  readonly dropped: () => number
  /** The number of spans in the queue, including the batch in flight. */
  readonly queued: () => number
  /** The outcome of the last export, and when it ended by the monotonic clock. Absent: none has ended. */
  readonly lastExport: () => LastExport | undefined
}

/** How the last export of spans ended. */
export interface LastExport {
  readonly outcome: ExportOutcome["_tag"]
  readonly atMs: number
}

/** Back-off while the receiver is unavailable. `most` also caps a `Retry-After`. */
const backOffMs = { first: 1_000, most: 30_000 } as const

const waitMs = (failures: number, retryAfterMs = 0): number => {
  // `Retry-After: 0` must not lead to a tight loop.
  const leastMs = Math.min(backOffMs.first * 2 ** failures, backOffMs.most)
  return Math.max(leastMs, Math.min(retryAfterMs, backOffMs.most))
}

const stack = "exception.stacktrace"

/** Stack traces would be most of a trace's size; the log has them. */
const withoutStacks = (span: ReadableSpan): ReadableSpan =>
  span.events.some(({ attributes }) => attributes !== undefined && stack in attributes)
    ? Object.create(span, {
        events: {
          value: span.events.map((event) => ({
            ...event,
            attributes: Record.filter(event.attributes ?? {}, (_, key) => key !== stack)
          }))
        }
      })
    : span

const isSampled = (span: ReadableSpan): boolean => (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0

interface State {
  /** Oldest first. */
  queue: Array<ReadableSpan>
  dropped: number
  failures: number
  notBeforeMs: number
  /** The outcome of the last export. */
  outcome: ExportOutcome["_tag"]
  last: LastExport | undefined
  isShutDown: boolean
}

const initial = (): State => ({
  queue: [],
  dropped: 0,
  failures: 0,
  notBeforeMs: 0,
  outcome: "Exported",
  last: undefined,
  isShutDown: false
})

/** Logs a change of the outcome: the first failure and the recovery, and nothing in between. */
const logChange = (state: State, outcome: ExportOutcome["_tag"], endpoint: string): Effect.Effect<void> => {
  if (outcome === state.outcome) return Effect.void
  state.outcome = outcome
  switch (outcome) {
    case "Unavailable":
      return Effect.logWarning("Traces cannot be exported; spans are queued, and dropped once the queue is full", {
        endpoint
      })
    case "Rejected":
      return Effect.logWarning("The receiver rejects traces; rejected spans are dropped", { endpoint })
    case "Exported":
      return Effect.logInfo("Traces are exported again", { endpoint, dropped: state.dropped })
  }
}

/** Exports the oldest batch once. Returns whether the next batch may follow immediately. */
const exportBatch = (state: State, options: ProcessorOptions, exporter: SpanExporter["Service"], clock: Clock.Clock) =>
  Effect.gen(function* () {
    const batch = state.queue.slice(0, options.batchSize)
    if (batch.length === 0) return false
    const outcome = yield* exporter.export(batch).pipe(
      Effect.timeout(options.exportTimeoutMs),
      Effect.catchCause(() => Effect.succeed<ExportOutcome>({ _tag: "Unavailable" }))
    )
    state.last = { outcome: outcome._tag, atMs: nowMsUnsafe(clock) }
    if (outcome._tag === "Unavailable") {
      state.notBeforeMs = nowMsUnsafe(clock) + waitMs(state.failures++, outcome.retryAfterMs)
      yield* logChange(state, "Unavailable", exporter.destination)
      return false
    }
    state.queue = state.queue.slice(batch.length)
    state.failures = 0
    if (outcome._tag === "Rejected") state.dropped += batch.length
    yield* logChange(state, outcome._tag, exporter.destination)
    return state.queue.length > 0
  })

/**
 * Starts the processor. When its scope closes, it exports the remaining spans once, within `shutdownTimeoutMs`, and
 * counts the others as dropped.
 */
export const make = Effect.fnUntraced(function* (
  options: ProcessorOptions
): Effect.fn.Return<BoundedSpanProcessor, never, SpanExporter | Scope.Scope> {
  const context = yield* Effect.context<never>()
  const clock = yield* Effect.service(Clock.Clock)
  const state = initial()
  const isBatchFull = Latch.makeUnsafe(false)
  const lock = yield* Semaphore.make(1)
  const exporter = yield* SpanExporter
  const exportNext = lock.withPermit(exportBatch(state, options, exporter, clock))

  const backOff = Effect.suspend(() => {
    const restMs = state.notBeforeMs - nowMsUnsafe(clock)
    // A timeout instead of `Effect.sleep`, so that all waits of this fiber involve the same number of fibers.
    return restMs > 0 ? Effect.timeoutOption(Effect.never, restMs) : Effect.void
  })

  const round = Effect.gen(function* () {
    yield* Effect.timeoutOption(isBatchFull.await, options.scheduledDelayMs)
    // Opening the latch resumes this fiber within the step that ended a span; that step must not do this work.
    yield* Effect.yieldNow
    isBatchFull.closeUnsafe()
    while (state.queue.length > 0) {
      yield* backOff
      yield* exportNext
    }
  })

  const flush = Effect.suspend(() =>
    state.outcome === "Unavailable" ? Effect.void : Effect.repeat(exportNext, { while: (more) => more })
  ).pipe(Effect.timeoutOption(options.shutdownTimeoutMs), Effect.exit, Effect.asVoid)

  const shutdown = Effect.gen(function* () {
    yield* flush
    const lost = state.queue.length
    state.dropped += lost
    state.queue = []
    state.isShutDown = true
    if (lost > 0) yield* Effect.logWarning("Spans were dropped at shutdown", { endpoint: exporter.destination, lost })
  }).pipe(
    // A service usually stops because its fiber is interrupted. That fiber cannot run the time limit, a fresh one can.
    Effect.forkDetach,
    Effect.flatMap(Fiber.await),
    Effect.asVoid,
    Effect.uninterruptible
  )

  // Scopes close in reverse order: the loop has ended when this runs.
  yield* Effect.addFinalizer(() => shutdown)
  yield* Effect.forkScoped(Effect.forever(round))

  return {
    onStart: () => undefined,
    onEnd: (span) => {
      if (!isSampled(span)) return
      if (state.isShutDown || state.queue.length >= options.queueCapacity) {
        state.dropped++
        return
      }
      state.queue.push(withoutStacks(span))
      if (state.queue.length >= options.batchSize) isBatchFull.openUnsafe()
    },
    forceFlush: () => Effect.runPromiseWith(context)(flush),
    shutdown: () => Effect.runPromiseWith(context)(shutdown),
    dropped: () => state.dropped,
    queued: () => state.queue.length,
    lastExport: () => state.last
  }
})
