/**
 * Intake turns a webhook into durable remediations: it normalizes, admits and stores the alerts, and then notifies the
 * actors.
 *
 * - **Durability.** `receive` returns after the commit of everything that it accepted. If it fails partway through a
 *   large post, the committed alerts remain. When the sender retries, those are duplicates and the rest is added.
 * - **Idempotence.** The fingerprint identifies an alert until it is resolved, so repeats from Alertmanager
 *   (`repeat_interval`, several replicas of Alertmanager or Prometheus) begin nothing.
 * - **Order.** Results are in the order of the alerts. Firing alerts are stored before resolved alerts of the same post.
 * - **One cluster.** An alert about another cluster is stored as `Observed` and never worked on (`AlertCluster`). It
 *   takes no place in the queue.
 * - **Fairness.** A large post is stored in parts, so that other posts and the journal can write in between.
 */

import { Clock, Context, Effect, Layer } from "effect"
import { type Alert, mostSevere, type Severity, severityWords } from "../domain/Alert.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { TargetKey } from "../domain/Target.ts"
import { fromMillis, type Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import {
  type AcceptResult,
  type AlertStart,
  type NewAlert,
  RemediationStore,
  type ResolveResult
} from "../storage/RemediationStore.ts"
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
import * as AlertCluster from "./AlertCluster.ts"
import type { AlertClusterOptions, NotOurs } from "./AlertCluster.ts"
import { endOf, toAlert, truncatedIn, type Webhook, type WebhookAlert } from "./AlertmanagerWebhook.ts"
import { type TargetLabels, targetOf, targetWithoutObject } from "./AlertTarget.ts"
import * as RemediationIds from "./RemediationIds.ts"

/**
 * What intake did with an alert. `accepted` includes alerts that joined a remediation in progress, and alerts that are
 * only recorded because they are about another cluster.
 */
export type AlertStatus = "accepted" | "duplicate" | "resolved" | "shed"

/** The result of one alert of a post. */
export interface AlertResult {
  readonly fingerprint: string
  readonly status: AlertStatus
  /** Absent for a shed alert, and for a resolved alert that is unknown. */
  readonly remediationId?: RemediationId
}

/** The result of one post. */
export interface Receipt {
  /** One result per alert, in the order of the alerts. */
  readonly results: ReadonlyArray<AlertResult>
  /** The number of shed alerts. If all were shed, the sender should retry. */
  readonly shed: number
  /** Milliseconds until a retry makes sense. Present when alerts were shed. */
  readonly retryAfterMs?: number
  /**
   * The number of alerts that the sender left out of the post. The service never sees them. Present when there are any.
   */
  readonly truncated?: number
}

/** A post from which the sender left out alerts, because of `max_alerts` in its configuration. */
export interface AlertsTruncated {
  readonly count: number
  readonly source: string
}

/** An alert and what intake did with it, for metrics. Published after the commit. */
export interface AlertReceived {
  readonly status: AlertStatus
  readonly severity: Severity
  readonly source: string
  /** The alert was accepted and ended in the same commit. No actor publishes an event about it. */
  readonly ended?: "Joined" | "Observed"
}

/** Options of `layer`. `Kubernaut.layer` sets `onAccepted`, so only embedding programs that wire intake need these. */
export interface IntakeOptions extends AdmissionOptions, AlertClusterOptions {
  /**
   * Called after a commit with the targets that have new or changed work, each once. It must not wait for that work,
   * because the response to the sender waits for it. `severities` has the most severe of the new alerts of a target.
   */
  readonly onAccepted: (
    targets: ReadonlyArray<TargetKey>,
    severities: ReadonlyMap<TargetKey, Severity>
  ) => Effect.Effect<void>
  /** Called once per alert. It must be fast and must not throw. */
  readonly onReceived?: (event: AlertReceived) => void
  /** Called once per post from which alerts were left out. It must be fast and must not throw. */
  readonly onTruncated?: (event: AlertsTruncated) => void
  /**
   * Severities by the words that an organisation uses in the label `severity`, such as `P1`. They take precedence over
   * the words of `Alert.severityOf`. Default: none.
   */
  readonly severities?: Readonly<Record<string, Severity>>
  /**
   * The meaning of labels: a kind such as `Deployment`, `Namespace`, or `ignore`. They take precedence over the known
   * conventions. Default: none.
   */
  readonly targetLabels?: TargetLabels
  /** Rate limit per source. Default: 5,000 alerts per second with a burst of 50,000. */
  readonly rateLimit?: RateLimit
  /**
   * Milliseconds after which a sender whose alerts were shed should retry. Default 30,000, which is close to the retry
   * interval of Alertmanager.
   */
  readonly retryAfterMs?: number
}

/**
 * Receives alerts. Use it to feed alerts from a source other than the webhook endpoint.
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Intake, Storage } from "kubernaut"
 *
 * const intake = Intake.layer({ cluster: "prod", onAccepted: () => Effect.void }).pipe(
 *   Layer.provide(Storage.layerMemory)
 * )
 * const labels = { alertname: "KubePodCrashLooping", namespace: "shop", deployment: "checkout" }
 * const receipt = await Effect.runPromise(
 *   Effect.gen(function* () {
 *     const { receive } = yield* Intake.Intake
 *     return yield* receive({
 *       version: "4",
 *       status: "firing",
 *       alerts: [{ status: "firing", labels, startsAt: "2026-11-24T03:00:00Z" }]
 *     })
 *   }).pipe(Effect.provide(intake))
 * )
 * receipt.results.map(({ status }) => status) // => ["accepted"]
 * ```
 */
export class Intake extends Context.Service<
  Intake,
  {
    /**
     * Stores the alerts of a webhook and returns after the commit. `source` identifies the sender for the rate limit
     * and the metrics, for example its principal. Default `anonymous`.
     */
    readonly receive: (webhook: Webhook, source?: string) => Effect.Effect<Receipt, StorageError>
  }
>()("kubernaut/intake/Intake") {}

/** Alerts per transaction. A transaction of this size takes about 10 ms. */
const partSize = 200

/** The number of sources whose rate is tracked. A source that was dropped starts again with a full bucket. */
const maxSources = 1000

/** An alert with its position in the post. */
interface Arrival {
  readonly index: number
  readonly source: WebhookAlert
  readonly alert: Alert
  /** The alert is not about our cluster. */
  readonly notOurs: NotOurs | undefined
}

/** The result of an arrival. */
interface Outcome {
  readonly arrival: Arrival
  readonly result: AlertResult
  readonly ended?: "Joined" | "Observed"
}

type Store = RemediationStore["Service"]

/** Converts the alerts of a post. */
const makeArrivals = (options: IntakeOptions) => {
  const notOurs = AlertCluster.make(options)
  const severities = severityWords(options.severities ?? {})
  return ({ alerts, commonLabels, groupLabels }: Webhook): ReadonlyArray<Arrival> =>
    alerts.map((alert, index) => ({
      index,
      source: alert,
      alert: toAlert(alert, severities),
      notOurs: notOurs(alert.labels, commonLabels, groupLabels)
    }))
}

const partsOf = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / partSize) }, (_, index) =>
    items.slice(index * partSize, (index + 1) * partSize)
  )

const partsWith = (arrivals: ReadonlyArray<Arrival>, status: WebhookAlert["status"]) =>
  partsOf(arrivals.filter(({ source }) => source.status === status))

const distinct = (targets: ReadonlyArray<TargetKey>): ReadonlyArray<TargetKey> =>
  targets.length < 2 ? targets : [...new Set(targets)]

/** Splits arrivals by admission. Each admitted alert that waits for work counts as open for those after it. */
const admit = (arrivals: ReadonlyArray<Arrival>, open: number, options: AdmissionOptions) => {
  const admitted: Array<Arrival> = []
  const refused: Array<Arrival> = []
  let waiting = open
  for (const arrival of arrivals) {
    if (arrival.notOurs !== undefined) admitted.push(arrival)
    else if (admits(arrival.alert.severity, waiting, options)) {
      admitted.push(arrival)
      waiting++
    } else refused.push(arrival)
  }
  return { admitted, refused }
}

/**
 * The alert as it is stored. An alert about another cluster has a target there, so it never shares one with ours; an
 * alert that names no cluster has a target of its own.
 */
const newAlertOf = (
  { alert, notOurs, source }: Arrival,
  id: RemediationId,
  { cluster, targetLabels }: IntakeOptions
): NewAlert => {
  const about = { fingerprint: alert.fingerprint, labels: source.labels }
  if (notOurs === undefined) {
    const { candidates, provisional, target } = targetOf(cluster, about, targetLabels)
    return { id, alert: candidates === undefined ? alert : { ...alert, candidates }, target, provisional }
  }
  const target =
    notOurs.cluster === undefined
      ? targetWithoutObject(cluster, about)
      : targetOf(notOurs.cluster, about, targetLabels).target
  return { id, alert, target, provisional: false, observed: notOurs.reason }
}

/** What identifies the alert and its start in the store. */
const startOf = ({ alert, notOurs }: Arrival, cluster: string): AlertStart => ({
  cluster: notOurs?.cluster ?? cluster,
  fingerprint: alert.fingerprint,
  startsAt: alert.startsAt
})

const shedOutcome = (arrival: Arrival): Outcome => ({
  arrival,
  result: { fingerprint: arrival.alert.fingerprint, status: "shed" }
})

const acceptedOutcome = (arrival: Arrival, { remediationId, status }: AcceptResult): Outcome => ({
  arrival,
  result: {
    fingerprint: arrival.alert.fingerprint,
    status: status === "duplicate" ? "duplicate" : "accepted",
    remediationId
  },
  ...(status === "joined" ? { ended: "Joined" } : status === "observed" ? { ended: "Observed" } : {})
})

const resolvedOutcome = (arrival: Arrival, { remediationId }: ResolveResult): Outcome => ({
  arrival,
  result: {
    fingerprint: arrival.alert.fingerprint,
    status: "resolved",
    ...(remediationId === undefined ? {} : { remediationId })
  }
})

const eventOf = ({ arrival, ended, result }: Outcome, source: string): AlertReceived => ({
  status: result.status,
  severity: arrival.alert.severity,
  source,
  ...(ended === undefined ? {} : { ended })
})

const receiptOf = (outcomes: ReadonlyArray<Outcome>, retryAfterMs: number, truncated: number): Receipt => {
  const results = outcomes.map(({ result }) => result)
  const shed = results.filter(({ status }) => status === "shed").length
  return { results, shed, ...(shed === 0 ? {} : { retryAfterMs }), ...(truncated === 0 ? {} : { truncated }) }
}

/** Admits and stores firing alerts. A repeat is stored even if the queue is full: it shows that the alert still fires. */
const makeAccept = (store: Store, options: IntakeOptions) => {
  const newIds = RemediationIds.make()
  const { cluster, onAccepted } = options
  return Effect.fnUntraced(function* (arrivals: ReadonlyArray<Arrival>, at: Timestamp) {
    const { admitted, refused } = admit(arrivals, yield* store.backlog, options)
    const known = refused.length === 0 ? [] : yield* store.known(refused.map((arrival) => startOf(arrival, cluster)))
    const taken = [...admitted, ...refused.filter((_, place) => known[place] !== undefined)]
    const outcomes = refused.filter((_, place) => known[place] === undefined).map(shedOutcome)
    if (taken.length === 0) return outcomes
    const ids = yield* newIds(taken.length)
    const stored = yield* store.accept(
      // There are as many ids as alerts.
      taken.map((arrival, place) => newAlertOf(arrival, ids[place]!, options)),
      at
    )
    // An actor may use the evidence of an alert that joined. A duplicate contains nothing new.
    const severities = new Map<TargetKey, Severity>()
    stored.forEach(({ status, target }, place) => {
      const { severity } = taken[place]!.alert
      if (status === "accepted" || status === "joined")
        severities.set(target, mostSevere(severity, severities.get(target) ?? severity))
    })
    yield* onAccepted([...severities.keys()], severities)
    return [...outcomes, ...stored.map((result, place) => acceptedOutcome(taken[place]!, result))]
  })
}

/** Stores the end of resolved alerts. */
const makeResolve = (store: Store, { cluster, onAccepted }: IntakeOptions) =>
  Effect.fnUntraced(function* (arrivals: ReadonlyArray<Arrival>, at: Timestamp) {
    const resolved = yield* store.resolve(
      arrivals.map((arrival) => ({ ...startOf(arrival, cluster), endsAt: endOf(arrival.source, at) })),
      at
    )
    yield* onAccepted(
      distinct(resolved.flatMap((result) => (result.open && result.target !== undefined ? [result.target] : []))),
      new Map()
    )
    return resolved.map((result, place) => resolvedOutcome(arrivals[place]!, result))
  })

const make = (options: IntakeOptions) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const accept = makeAccept(store, options)
    const resolve = makeResolve(store, options)
    const arrivalsOf = makeArrivals(options)
    const takeRate = makeRateLimiter(options.rateLimit ?? defaultRateLimit)
    const { onReceived, onTruncated, retryAfterMs = 30_000 } = options

    const reportTruncated = (count: number, source: string) =>
      Effect.andThen(
        Effect.sync(() => onTruncated?.({ count, source })),
        Effect.logWarning("The sender left alerts out of a post; group by more labels instead of setting max_alerts", {
          truncated: count,
          source
        })
      )

    const receive = Effect.fnUntraced(function* (webhook: Webhook, source = "anonymous") {
      const at = fromMillis(yield* Clock.currentTimeMillis)
      const arrivals = arrivalsOf(webhook)
      const rateRetryMs = takeRate(source, arrivals.length, yield* Monotonic.nowMs)
      const outcomes = arrivals.map(shedOutcome)
      if (rateRetryMs === undefined) {
        for (const part of partsWith(arrivals, "firing"))
          for (const outcome of yield* accept(part, at)) outcomes[outcome.arrival.index] = outcome
        for (const part of partsWith(arrivals, "resolved"))
          for (const outcome of yield* resolve(part, at)) outcomes[outcome.arrival.index] = outcome
      }
      for (const outcome of outcomes) onReceived?.(eventOf(outcome, source))
      const truncated = truncatedIn(webhook)
      // The sender repeats a post that exceeds its rate.
      if (truncated > 0 && rateRetryMs === undefined) yield* reportTruncated(truncated, source)
      return receiptOf(outcomes, rateRetryMs ?? retryAfterMs, truncated)
    })

    return { receive }
  })

/**
 * Takes tokens from the bucket of a source. Returns `undefined`, or the milliseconds until the source can retry when
 * there are too few tokens.
 */
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

/** The intake on the store in the context. */
export const layer = (options: IntakeOptions): Layer.Layer<Intake, never, RemediationStore> =>
  Layer.effect(Intake, make(options))
