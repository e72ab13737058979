/**
 * From a webhook to durable remediations: normalise, admit, store, and only then tell whoever works on them.
 *
 * - **What is durable when.** `receive` answers after the commit of all that it accepted. If it fails in the middle of a
 *   large post, what was committed stays; the sender's next try finds those as duplicates and adds the rest.
 * - **Nothing twice.** Fingerprint and start identify an alert, so repeats of Alertmanager (`repeat_interval`, several
 *   replicas) change nothing.
 * - **Order.** Results are in the order of the alerts. Firing alerts are stored before resolved ones of the same post.
 * - A large post is stored in parts, so that other posts and the journal have their turn in between.
 */

import { Clock, Context, Effect, Layer } from "effect"
import type { Alert, Severity } from "../domain/Alert.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { TargetKey } from "../domain/Target.ts"
import { fromMillis, type Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type AcceptResult, RemediationStore, type ResolveResult } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import {
  type AdmissionOptions,
  admits,
  defaultRateLimit,
  fullBucket,
  type RateLimit,
  takeTokens,
  type TokenBucket
} from "./Admission.ts"
import { endOf, toAlert, type Webhook, type WebhookAlert } from "./AlertmanagerWebhook.ts"
import { targetOf } from "./AlertTarget.ts"
import * as RemediationIds from "./RemediationIds.ts"

/** `accepted` includes alerts that joined a remediation at work. */
export type AlertStatus = "accepted" | "duplicate" | "resolved" | "shed"

export interface AlertResult {
  readonly fingerprint: string
  readonly status: AlertStatus
  /** Absent for what was shed, and for a resolved alert that nobody knows. */
  readonly remediationId?: RemediationId
}

export interface Receipt {
  /** One for each alert, in their order. */
  readonly results: ReadonlyArray<AlertResult>
  /** How many were shed. Where that is all of them, the sender is to be told to come again. */
  readonly shed: number
  /** After how many milliseconds to come again; present where something was shed. */
  readonly retryAfterMs?: number
}

/** What became of one alert, for counting. Sent after the commit. */
export interface AlertReceived {
  readonly status: AlertStatus
  readonly severity: Severity
  readonly source: string
  /** Accepted, and ended in the same commit as `Joined`: no actor will ever tell of its end. */
  readonly joined?: true
}

export interface IntakeOptions extends AdmissionOptions {
  /** The cluster that all alerts are about. */
  readonly cluster: string
  /**
   * Called after a commit with the targets that have new or changed work, each once. It must not wait for that work:
   * the answer to the sender waits for it.
   */
  readonly onAccepted: (targets: ReadonlyArray<TargetKey>) => Effect.Effect<void>
  /** Sees every alert once. It must be quick and must not throw. */
  readonly onReceived?: (event: AlertReceived) => void
  /** Per source. Default 5,000 a second, and 50,000 at once. */
  readonly rateLimit?: RateLimit
  /**
   * When a sender whose alerts were shed is to come again, in milliseconds. Default 30 s: Alertmanager's own retry
   * interval is of that order.
   */
  readonly retryAfterMs?: number
}

export class Intake extends Context.Service<
  Intake,
  {
    /** `source`: who sent it, for the rate limit and the counters; the principal where there is one. */
    readonly receive: (webhook: Webhook, source?: string) => Effect.Effect<Receipt, StorageError>
  }
>()("kubernaut/intake/Intake") {}

/** Alerts stored in one transaction: about 10 ms, after which others have their turn. */
const partSize = 200

/** Sources whose rate is remembered. One that was forgotten begins with a full bucket. */
const maxSources = 1000

interface Arrival {
  readonly index: number
  readonly source: WebhookAlert
  readonly alert: Alert
}

const partsOf = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.length <= partSize
    ? items.length === 0
      ? []
      : [items]
    : Array.from({ length: Math.ceil(items.length / partSize) }, (_, index) =>
        items.slice(index * partSize, (index + 1) * partSize)
      )

const distinct = (targets: ReadonlyArray<TargetKey>): ReadonlyArray<TargetKey> =>
  targets.length < 2 ? targets : [...new Set(targets)]

const make = (options: IntakeOptions) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const newIds = RemediationIds.make()
    const takeRate = makeRateLimiter(options.rateLimit ?? defaultRateLimit)
    const { cluster, onAccepted, retryAfterMs: shedRetryMs = 30_000 } = options

    /** Firing alerts: which may come in, and what the store makes of those. */
    const accept = Effect.fnUntraced(function* (
      arrivals: ReadonlyArray<Arrival>,
      at: Timestamp,
      results: Map<number, AlertResult>,
      joined: Set<number>
    ) {
      const open = yield* store.backlog
      const admitted: Array<Arrival> = []
      const refused: Array<Arrival> = []
      for (const arrival of arrivals) {
        if (admits(arrival.alert.severity, open + admitted.length, options)) admitted.push(arrival)
        else refused.push(arrival)
      }
      // A repeat of an alert that is being worked on adds nothing to the queue, so it is not refused.
      const known = refused.length === 0 ? [] : yield* store.known(refused.map((arrival) => arrival.alert))
      refused.forEach(({ alert, index }, place) => {
        const remediationId = known[place]
        results.set(
          index,
          remediationId === undefined
            ? { fingerprint: alert.fingerprint, status: "shed" }
            : { fingerprint: alert.fingerprint, status: "duplicate", remediationId }
        )
      })
      if (admitted.length === 0) return
      const ids = yield* newIds(admitted.length)
      const stored = yield* store.accept(
        admitted.map(({ alert, source }, place) => ({
          // There are as many ids as alerts.
          id: ids[place]!,
          alert,
          ...targetOf(cluster, { fingerprint: alert.fingerprint, labels: source.labels })
        })),
        at
      )
      stored.forEach((result, place) => {
        const { alert, index } = admitted[place]!
        results.set(index, acceptedResult(alert, result))
        if (result.status === "joined") joined.add(index)
      })
      // Where an alert joined, the actor at work may want its evidence; where it is a repeat, there is nothing new.
      yield* onAccepted(
        distinct(stored.filter((result) => result.status !== "duplicate").map((result) => result.target))
      )
    })

    const resolve = Effect.fnUntraced(function* (
      arrivals: ReadonlyArray<Arrival>,
      at: Timestamp,
      results: Map<number, AlertResult>
    ) {
      const resolved = yield* store.resolve(
        arrivals.map(({ alert, source }) => ({
          fingerprint: alert.fingerprint,
          startsAt: alert.startsAt,
          endsAt: endOf(source, at)
        })),
        at
      )
      resolved.forEach((result, place) => {
        const { alert, index } = arrivals[place]!
        results.set(index, resolvedResult(alert, result))
      })
      yield* onAccepted(
        distinct(resolved.flatMap((result) => (result.open && result.target !== undefined ? [result.target] : [])))
      )
    })

    const receive = Effect.fnUntraced(function* (webhook: Webhook, source = "anonymous") {
      const nowMs = yield* Clock.currentTimeMillis
      const at = fromMillis(nowMs)
      const arrivals = webhook.alerts.map((alert, index): Arrival => ({ index, source: alert, alert: toAlert(alert) }))
      const results = new Map<number, AlertResult>()
      const joined = new Set<number>()
      const rateRetryMs = takeRate(source, arrivals.length, yield* Monotonic.nowMs)
      if (rateRetryMs === undefined) {
        for (const part of partsOf(arrivals.filter((arrival) => arrival.source.status === "firing")))
          yield* accept(part, at, results, joined)
        for (const part of partsOf(arrivals.filter((arrival) => arrival.source.status === "resolved")))
          yield* resolve(part, at, results)
      }
      const ordered = arrivals.map(
        ({ alert, index }) => results.get(index) ?? { fingerprint: alert.fingerprint, status: "shed" as const }
      )
      ordered.forEach(({ status }, index) =>
        options.onReceived?.({
          status,
          severity: arrivals[index]!.alert.severity,
          source,
          ...(joined.has(index) ? { joined: true } : {})
        })
      )
      const shed = ordered.filter((result) => result.status === "shed").length
      return { results: ordered, shed, ...(shed === 0 ? {} : { retryAfterMs: rateRetryMs ?? shedRetryMs }) }
    })

    return { receive }
  })

const acceptedResult = (alert: Alert, result: AcceptResult): AlertResult => ({
  fingerprint: alert.fingerprint,
  status: result.status === "duplicate" ? "duplicate" : "accepted",
  remediationId: result.remediationId
})

const resolvedResult = (alert: Alert, result: ResolveResult): AlertResult => ({
  fingerprint: alert.fingerprint,
  status: "resolved",
  ...(result.remediationId === undefined ? {} : { remediationId: result.remediationId })
})

/** Takes the tokens of a source, or answers after how many milliseconds it may come again. */
const makeRateLimiter = (limit: RateLimit): ((source: string, count: number, nowMs: number) => number | undefined) => {
  const buckets = new Map<string, TokenBucket>()
  return (source, count, nowMs) => {
    const taken = takeTokens(buckets.get(source) ?? fullBucket(limit, nowMs), count, nowMs, limit)
    buckets.delete(source)
    buckets.set(source, taken.bucket)
    if (buckets.size > maxSources) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest)
        break
      }
    }
    return taken.retryAfterMs
  }
}

export const layer = (options: IntakeOptions): Layer.Layer<Intake, never, RemediationStore> =>
  Layer.effect(Intake, make(options))
