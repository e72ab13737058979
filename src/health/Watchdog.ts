/**
 * Watches the alert that always fires (`Watchdog` of kube-prometheus). Where it is not seen, alerts do not arrive, and
 * no alert means nothing: silence is an alarm.
 *
 * | the alert                                               | finding                                    |
 * | ------------------------------------------------------- | ------------------------------------------ |
 * | was seen within the timeout                             | healthy                                    |
 * | was not seen yet, and the service started only recently | unknown                                    |
 * | was not seen for longer                                 | unhealthy: the alerting pipeline is silent |
 *
 * It is seen when it is posted to the webhook, and when Alertmanager lists it: Alertmanager forgets an alert that
 * Prometheus does not send again. That it is listed does not show that it is posted to us.
 *
 * Each change is a line of the audit log, `alerting.silent` or `alerting.heard`, so that people are notified by a way
 * that does not need the pipeline. The first sight after each start is such a line too: a process before may have said
 * that the pipeline is silent.
 */

import { Clock, Context, Duration, Effect } from "effect"
import { make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type Check, healthy, type Outcome, unhealthy, unknown } from "./Check.ts"

/** What Alertmanager said when it was last asked. */
type Answer = "listed" | "absent" | "none"

/** What is known about the alert. Times are of the monotonic clock. */
export interface Sights {
  readonly startedMs: number
  readonly seenMs?: number
  readonly answer?: Answer
}

export interface WatchdogOptions {
  /** The name of the alert. */
  readonly alert: string
  readonly timeout: Duration.Duration
}

const ago = (ms: number): string => `${Duration.format(Duration.seconds(Math.round(ms / 1000)))}`

const why = (alert: string, answer: Answer | undefined): string =>
  answer === "absent"
    ? `Alertmanager answers and does not list it, so Prometheus does not send its alerts there, or has no rule ${alert}`
    : "Alertmanager cannot be asked, and no post with it arrived"

/** What the sights mean now. */
export const findingOf = (
  { answer, seenMs, startedMs }: Sights,
  { alert, timeout }: WatchdogOptions,
  nowMs: number
): Outcome => {
  const silentMs = nowMs - (seenMs ?? startedMs)
  if (silentMs <= Duration.toMillis(timeout))
    return seenMs === undefined
      ? unknown(`the alert ${alert} was not seen yet; the service started ${ago(silentMs)} ago`)
      : healthy(`the alert ${alert}, which always fires, was seen ${ago(silentMs)} ago`)
  const since = seenMs === undefined ? "since the start of the service, " : ""
  return unhealthy(
    `the alerting pipeline is silent: the alert ${alert}, which always fires, was not seen ${since}for ${ago(silentMs)}. ${why(alert, answer)}. That no alert arrives does not mean that nothing is wrong`
  )
}

/** What is told about the pipeline. */
export interface Told {
  readonly kind: "alerting.silent" | "alerting.heard"
  /** The name of the alert. */
  readonly subject: string
  readonly data: { readonly message: string }
}

/** What a finding has to tell after what was told last; `undefined`: nothing new. */
export const toTell = (outcome: Outcome, alert: string, last: Told["kind"] | undefined): Told | undefined => {
  if (outcome._tag === "Unknown") return undefined
  const kind = outcome._tag === "Healthy" ? "alerting.heard" : "alerting.silent"
  return kind === last ? undefined : { kind, subject: alert, data: { message: outcome.message ?? "" } }
}

/** The watch on the alert that always fires, where there is one. */
export class Watchdog extends Context.Service<
  Watchdog,
  {
    /** Call it when the alert was posted to the webhook. */
    readonly seen: () => void
    /** Milliseconds since it was last seen. Absent: not since the start. */
    readonly ageMs: Effect.Effect<number | undefined>
    readonly check: Check
  }
>()("kubernaut/health/Watchdog") {}

/** The parts that the watch needs from outside of this folder. */
export interface WatchdogParts extends WatchdogOptions {
  /** Whether Alertmanager lists the alert; `undefined`: it gives no usable response. */
  readonly lists: Effect.Effect<boolean | undefined>
  /** Records what is told. One that fails is recorded by a later run. */
  readonly tell: (told: Told) => Effect.Effect<void, { readonly message: string }>
}

/** Makes the watch. `HealthSupervisor.add` has to be given its check. */
export const make = Effect.fnUntraced(function* ({ lists, tell, ...options }: WatchdogParts) {
  const clock = yield* Clock.Clock
  let sights: Sights = { startedMs: Monotonic.nowMsUnsafe(clock) }
  let last: Told["kind"] | undefined
  const posts = makeEventHub<void>()
  const note = () => {
    sights = { ...sights, seenMs: Monotonic.nowMsUnsafe(clock) }
  }
  const run = Effect.gen(function* () {
    const listed = yield* lists
    sights = { ...sights, answer: listed === undefined ? "none" : listed ? "listed" : "absent" }
    if (listed === true) note()
    const outcome = findingOf(sights, options, yield* Monotonic.nowMs)
    const told = toTell(outcome, options.alert, last)
    if (told === undefined) return outcome
    if (told.kind === "alerting.silent") yield* Effect.logError("The alerting pipeline is silent", told.data)
    yield* Effect.matchEffect(tell(told), {
      onFailure: () => Effect.void,
      onSuccess: () =>
        Effect.sync(() => {
          last = told.kind
        })
    })
    return outcome
  })
  return Watchdog.of({
    seen: () => {
      note()
      posts.publish()
    },
    ageMs: Effect.map(Monotonic.nowMs, (nowMs) => (sights.seenMs === undefined ? undefined : nowMs - sights.seenMs)),
    check: {
      name: "watchdog",
      layer: "integration",
      interval: "30 seconds",
      timeout: "15 seconds",
      wakes: posts.listen,
      run
    }
  })
})
