/**
 * One sink with what this process knows of it: its pipeline, what is told from memory, when it may be sent something.
 *
 * What a crash must not lose is in the outbox. What is here is only about pace: a restarted process tries everything
 * again, and counts the messages of the last minute from the record.
 */

import { createHash } from "node:crypto"
import { Duration, Effect, Queue, Semaphore } from "effect"
import type { Lasting, Notification } from "../domain/Notification.ts"
import type { Classification } from "../resilience/pipeline/Classification.ts"
import * as Pipeline from "../resilience/pipeline/Pipeline.ts"
import type { PipelineError } from "../resilience/pipeline/PipelineError.ts"
import * as Leases from "./Lease.ts"
import type { Sink, SinkError } from "./NotificationSink.ts"
import type { Refusal } from "./Refusals.ts"

export interface Channel {
  readonly sink: Sink
  readonly pipeline: Pipeline.Pipeline
  /** Told from memory, because the database stores nothing. */
  readonly memory: Array<Notification>
  /** The keys of what was told from memory. If the outbox gets it too, it is not sent again. */
  readonly toldFromMemory: Set<string>
  /** The outage of the database that was told. It lasts until the database stores again, delivered or not. */
  outage: Notification | undefined
  /** What has become of conditions in news that the database has not taken. `undefined`: it has ended. */
  readonly unrecordedConditions: Map<string, Lasting | undefined>
  /** Delivered, and not recorded yet: the places in the outbox. They are not sent again by this process. */
  readonly unrecorded: Set<number>
  /** What this process may send, beside others on the same database. */
  readonly lease: Leases.Lease
  /** By the key of the message. */
  readonly refusals: Map<string, Refusal>
  /** Whether the sink has taken the last message. */
  tookLast: boolean
  /** How many notifications a sink that takes all gets in one message. Fewer after it has refused one. */
  atMost: number
  /** When the last messages were sent, by the monotonic clock. */
  readonly sentMs: Array<number>
  /** Whether the last request was answered, be it a message or a check. Absent: there was none. */
  isReachable: boolean | undefined
  /** When that was, by the monotonic clock. */
  askedMs: number
  /** Why the last request failed. Absent: it succeeded, or there was none. */
  failure: string | undefined
  /** How many attempts in a row the sink itself has failed. */
  failures: number
  /** Has an element when something may have to be sent. */
  readonly wake: Queue.Queue<void>
  /** A refresh and a message must not overtake each other: the older one could fire again what has ended. */
  readonly turn: Semaphore.Semaphore
}

const minuteMs = 60_000
/** The longest wait for a sink that is out. */
const mostWaitMs = minuteMs
/** The longest wait that a sink may ask for. */
const mostAskedMs = 10 * minuteMs

/** The name of the pipeline and its breaker. */
export const serviceOf = ({ name }: Pick<Sink, "name">): string => `notify:${name}`

/** Makes the channel of a sink. A message takes at most 20 s, of which each attempt may take 8. */
export const make = Effect.fnUntraced(function* (sink: Sink): Effect.fn.Return<Channel> {
  return {
    sink,
    pipeline: yield* Pipeline.make(serviceOf(sink), {
      deadline: Duration.millis(Leases.messageMs),
      attemptTimeout: "8 seconds",
      retry: { attempts: 2 },
      bulkhead: { limit: 1 }
    }),
    memory: [],
    toldFromMemory: new Set(),
    outage: undefined,
    unrecordedConditions: new Map(),
    unrecorded: new Set(),
    lease: Leases.make(),
    refusals: new Map(),
    tookLast: false,
    atMost: Number.POSITIVE_INFINITY,
    sentMs: [],
    isReachable: undefined,
    askedMs: Number.NEGATIVE_INFINITY,
    failure: undefined,
    failures: 0,
    wake: yield* Queue.sliding<void>(1),
    turn: yield* Semaphore.make(1)
  }
})

/** Statuses that say something about this message, and nothing about the sink. */
const aboutTheMessage: ReadonlySet<number | undefined> = new Set([400, 413, 422])

/** Whether a sink does not take this message, and may take others. */
export const isAboutTheMessage = ({ reason, status }: SinkError): boolean =>
  reason === "refused" && aboutTheMessage.has(status)

/** What the error of a sink means to its pipeline. */
export const classify = (error: SinkError): Classification => ({
  // A receiver that asks to wait is not asked again at once.
  retry: error.reason !== "refused" && error.retryAfterMs === undefined,
  breaker: isAboutTheMessage(error) ? "ignored" : "failure"
})

export const wake = ({ wake }: Channel): Effect.Effect<void> => Effect.asVoid(Queue.offer(wake, undefined))

/**
 * How long to leave a sink alone after an error; `undefined` if only this message has to wait. `takesAll`: the next
 * message has all that this one had.
 */
export const waitAfter = (error: SinkError | PipelineError, failures: number, takesAll = false): number | undefined => {
  if (error._tag === "PipelineError")
    return error.reason._tag === "CircuitOpen" ? Math.min(error.reason.retryAfterMs, mostWaitMs) : backOff(failures)
  if (error.reason === "refused") return takesAll && !isAboutTheMessage(error) ? backOff(failures) : undefined
  // A receiver that fails and asks to be asked at once gets the usual pause.
  return Math.max(backOff(failures), Math.min(error.retryAfterMs ?? 0, mostAskedMs))
}

/** 1 s, 2 s, 4 s, … up to a minute. */
const backOff = (failures: number): number => Math.min(1000 * 2 ** Math.max(0, failures - 1), mostWaitMs)

/** The messages of the last minute. Forgets earlier ones. */
export const sentInMinute = ({ sentMs }: Channel, nowMs: number): number => {
  while (sentMs[0] !== undefined && sentMs[0] <= nowMs - minuteMs) sentMs.shift()
  return sentMs.length
}

/** The key of a digest: it is the same for the same notifications, so a retry after a crash has it too. */
export const digestKey = (sink: string, keys: ReadonlyArray<string>): string =>
  createHash("sha256")
    .update(JSON.stringify([sink, ...keys]))
    .digest("hex")
    .slice(0, 32)

/** Words for the status and the log, without an address. */
export const failureText = (error: SinkError | PipelineError): string =>
  error._tag === "PipelineError"
    ? error.reason._tag === "CircuitOpen"
      ? "its circuit breaker is open"
      : "it does not respond in time"
    : error.status === undefined
      ? "it cannot be reached"
      : `it answers ${error.status}`
