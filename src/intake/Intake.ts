/**
 * Intake turns a webhook into durable remediations: it normalizes, admits and stores the alerts, and then notifies the
 * actors.
 *
 * - **Durability.** `receive` returns after the commit of everything that it accepted. If it fails partway through a
 *   large post, the committed alerts remain. When the sender retries, those are duplicates and the rest is added.
 * - **Idempotence.** The fingerprint identifies an alert until it is resolved, so repeats from Alertmanager
 *   (`repeat_interval`, several replicas of Alertmanager or Prometheus) begin nothing.
 * - **Spool.** While the database takes nothing, alerts go to the spool (`storage/spool`), if there is one, and `receive`
 *   returns when they are on its disk. `ReplaySpool` takes them to the database later. While any wait there, every post
 *   goes there.
 * - **Order.** Results are in the order of the alerts. Firing alerts are stored before resolved alerts of the same post.
 * - **One cluster.** An alert about another cluster is stored as `Observed` and never worked on (`AlertCluster`). It
 *   takes no place in the queue. Nor does an alert about Kubernaut itself, or the one that always fires
 *   (`OnlyRecorded`).
 * - **Fairness.** A large post is stored in parts, so that other posts and the journal can write in between.
 */

import { Clock, Context, Effect, Layer, Option } from "effect"
import { mostSevere, type Severity } from "../domain/Alert.ts"
import type { TargetKey } from "../domain/Target.ts"
import { fromMillis, type Timestamp } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { AlertSpool } from "../storage/spool/AlertSpool.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { type AdmissionOptions, defaultRateLimit, type RateLimit } from "./Admission.ts"
import { truncatedIn, type Webhook } from "./AlertmanagerWebhook.ts"
import * as Arrivals from "./Arrivals.ts"
import { admit, type Arrival, distinct, firingOf, partsWith, resolutionOf, startOf } from "./Arrivals.ts"
import { type Posted, timed } from "./PostTimes.ts"
import {
  acceptedOutcome,
  type AlertReceived,
  eventOf,
  type Outcome,
  type Receipt,
  receiptOf,
  resolvedOutcome,
  shedOutcome,
  spooledOutcome
} from "./Receipt.ts"
import * as RemediationIds from "./RemediationIds.ts"
import { makeRateLimiter } from "./SourceRates.ts"
import * as Spooling from "./Spooling.ts"
import type { SpoolingOptions } from "./Spooling.ts"

export type { AlertReceived, AlertResult, AlertStatus, Receipt } from "./Receipt.ts"

/** A post from which the sender left out alerts, because of `max_alerts` in its configuration. */
export interface AlertsTruncated {
  readonly count: number
  readonly source: string
}

/** Options of `layer`. `Kubernaut.layer` sets `onAccepted`, so only embedding programs that wire intake need these. */
export interface IntakeOptions extends AdmissionOptions, Arrivals.ArrivalOptions, SpoolingOptions {
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
  /** Called once per post. It must be fast and must not throw. */
  readonly onPosted?: (event: Posted) => void
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
     * Stores the alerts of a webhook and returns after the commit, or when they are on the disk of the spool. `source`
     * identifies the sender for the rate limit and the metrics, for example its principal. Default `anonymous`.
     */
    readonly receive: (webhook: Webhook, source?: string) => Effect.Effect<Receipt, StorageError>
  }
>()("kubernaut/intake/Intake") {}

type Store = RemediationStore["Service"]
type SpoolService = AlertSpool["Service"]

interface Parts {
  readonly store: Store
  readonly options: IntakeOptions
}

type Storing = (arrivals: ReadonlyArray<Arrival>, at: Timestamp) => Effect.Effect<ReadonlyArray<Outcome>, StorageError>

/** Where the alerts go. */
interface Places {
  /** The database. */
  readonly accept: Storing
  readonly resolve: Storing
  /** The open remediations in it. */
  readonly backlog: Effect.Effect<number>
  readonly spool: SpoolService | undefined
}

/**
 * Admits and stores firing alerts in the database. A repeat is stored even if the queue is full: it shows that the
 * alert still fires.
 */
const makeAccept = ({ options, store }: Parts) => {
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
      taken.map((arrival, place) => ({ id: ids[place]!, ...firingOf(arrival, options) })),
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

/** Stores the end of resolved alerts in the database. */
const makeResolve = ({ options: { cluster, onAccepted }, store }: Parts, spool: SpoolService | undefined) =>
  Effect.fnUntraced(function* (arrivals: ReadonlyArray<Arrival>, at: Timestamp) {
    const mayOvertake = spool?.mayHide() === true
    const resolved = yield* store.resolve(
      arrivals.map((arrival) => ({ ...resolutionOf(arrival, cluster, at), mayOvertake })),
      at
    )
    yield* onAccepted(
      distinct(resolved.flatMap((result) => (result.open && result.target !== undefined ? [result.target] : []))),
      new Map()
    )
    return resolved.map((result, place) => resolvedOutcome(arrivals[place]!, result))
  })

/** Admits alerts, and stores them in the spool. What is there counts as open, because it will be. */
const makeKeep =
  ({ backlog }: Places, options: IntakeOptions, source: string) =>
  (arrivals: ReadonlyArray<Arrival>, at: Timestamp) =>
    Effect.fnUntraced(function* (spool: SpoolService) {
      const open = (yield* backlog) + (yield* spool.status).alerts
      const firing = arrivals.filter((arrival) => arrival.source.status === "firing")
      const resolved = arrivals.filter((arrival) => arrival.source.status === "resolved")
      const { admitted, refused } = admit(firing, open, options)
      if (admitted.length + resolved.length > 0)
        yield* spool.append({
          at,
          source,
          firing: admitted.map((arrival) => firingOf(arrival, options)),
          resolved: resolved.map((arrival) => resolutionOf(arrival, options.cluster, at))
        })
      return [...refused.map(shedOutcome), ...[...admitted, ...resolved].map(spooledOutcome)]
    })

const make = (options: IntakeOptions, places: Places): Intake["Service"] => {
  const { accept, resolve, spool } = places
  const orSpool = Spooling.make(spool, options)
  const arrivalsOf = Arrivals.make(options)
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
    const keep = makeKeep(places, options, source)
    if (rateRetryMs === undefined) {
      for (const part of partsWith(arrivals, "firing"))
        for (const outcome of yield* orSpool(accept(part, at), keep(part, at)))
          outcomes[outcome.arrival.index] = outcome
      for (const part of partsWith(arrivals, "resolved"))
        for (const outcome of yield* orSpool(resolve(part, at), keep(part, at)))
          outcomes[outcome.arrival.index] = outcome
    }
    for (const outcome of outcomes) onReceived?.(eventOf(outcome, source, options.watchdog))
    const truncated = truncatedIn(webhook)
    // The sender repeats a post that exceeds its rate.
    if (truncated > 0 && rateRetryMs === undefined) yield* reportTruncated(truncated, source)
    return receiptOf(outcomes, rateRetryMs ?? retryAfterMs, truncated)
  })

  return { receive: timed(receive, options.onPosted) }
}

/** The intake on the store in the context. */
export const layer = (options: IntakeOptions): Layer.Layer<Intake, never, RemediationStore> =>
  Layer.effect(
    Intake,
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const parts: Parts = { store, options }
      const spool = yield* Spooling.available
      return make(options, {
        accept: makeAccept(parts),
        resolve: makeResolve(parts, spool),
        backlog: store.backlog,
        spool
      })
    })
  )

/**
 * The intake while the database cannot be opened: alerts go to the spool in the context, if there is one. Otherwise
 * `receive` fails with `because`. `ReplaySpool` stores them when there is a database.
 */
export const layerWithoutDatabase = (
  options: Omit<IntakeOptions, "onAccepted">,
  because: Effect.Effect<StorageError>
): Layer.Layer<Intake> =>
  Layer.effect(
    Intake,
    Effect.map(Effect.serviceOption(AlertSpool), (spool) => {
      const refused = () => Effect.flatMap(because, Effect.fail)
      return make(
        { ...options, onAccepted: () => Effect.void },
        {
          accept: refused,
          resolve: refused,
          // What is open in the database cannot be counted. The spool has a bound of its own.
          backlog: Effect.succeed(0),
          spool: Option.getOrUndefined(spool)
        }
      )
    })
  )
