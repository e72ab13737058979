/**
 * Determines the degradation level.
 *
 * **Details**
 *
 * The level depends on the circuit breakers of the investigators, and on whether it is an emergency (`EmergencyMode`):
 *
 * | situation                                                          | level        |
 * | ------------------------------------------------------------------ | ------------ |
 * | every configured model is in                                       | 0 full       |
 * | HolmesGPT or a custom investigator is out, and another model is in | 1 reduced AI |
 * | every configured model is out                                      | 2 rule-based |
 * | an emergency was declared, or `EmergencyMode` has found one        | 3 emergency  |
 *
 * A tier is out from the moment its breaker opens until it closes. A half-open or isolated breaker counts as out, and a
 * breaker that is forced closed counts as in. A tier that is not configured does not affect the level, so a service
 * with rules alone runs at level 0. LLMs that are out do not affect the level while HolmesGPT is in, because level 1
 * means that only LLMs remain. See BR-AI-014 in `docs/requirements.md`.
 *
 * The fiber wakes on each transition of a breaker and then reads all breakers, so a missed event does no harm. It also
 * publishes how long each service was out (`kubernaut_recovery_time_seconds`).
 *
 * **Gotchas**
 *
 * The level does not change until `run` starts. Run it as a supervised child. When it is restarted, it reads the
 * current state of the breakers. An emergency that was declared is read from the database every five seconds, and at
 * once by `refresh`.
 */

import { Context, Effect, Layer, Option, Queue, type Stream, SubscriptionRef } from "effect"
import { type DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import type { InvestigatorName } from "../domain/Investigation.ts"
import type { StandingOrder } from "../domain/StandingOrder.ts"
import { now, type Timestamp } from "../domain/Timestamp.ts"
import type { Snapshot } from "../resilience/breaker/CircuitBreaker.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type ResilienceEvent, ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { type AllAiDown, emergencyOf, type Settling, type Signs } from "./EmergencyMode.ts"
import { type Probed, run as runProbes } from "./Probes.ts"

/** A tier of the fallback chain, as health monitors it. `InvestigationChain.tiers` has this shape. */
export interface Watched extends Probed {
  readonly name: InvestigatorName
}

/** The state of the circuit breaker of one tier. */
export interface TierState {
  readonly name: InvestigatorName
  readonly service: string
  readonly circuit: Snapshot["_tag"]
}

/** The inputs of `levelOf`. */
export interface LevelInputs {
  /** The configured tiers that have a circuit breaker. */
  readonly tiers: ReadonlyArray<TierState>
  /** Why it is an emergency, one sentence each. Default: it is none. */
  readonly emergency?: ReadonlyArray<string>
}

/** A degradation level and the reasons for it. */
export interface Level {
  readonly level: DegradationLevel
  /** One sentence for each service that is out. */
  readonly reasons: ReadonlyArray<string>
}

/** The current level and the time of its last change. */
export interface Status extends Level {
  /** When the level last changed. Wall-clock time, for display only. */
  readonly since: Timestamp
}

/** A service has recovered: its breaker closed `durationMs` after it first opened, by the monotonic clock. */
export interface Recovered {
  readonly service: string
  readonly durationMs: number
}

/** Options of `layer`. */
export interface Options {
  /** The tiers of the fallback chain, as in `InvestigationChain.tiers`. */
  readonly tiers: ReadonlyArray<Watched>
  /** Other peers to probe while their breaker is not closed. They only count towards an emergency. Default: none. */
  readonly others?: ReadonlyArray<Probed>
  /** The emergency that an operator has declared, if any; `undefined` if that could not be read. Default: none. */
  readonly declared?: Effect.Effect<Option.Option<StandingOrder> | undefined>
  /** Default `rules`. */
  readonly allAiDown?: AllAiDown
}

const isOut = ({ circuit }: Pick<TierState, "circuit">): boolean =>
  circuit === "Open" || circuit === "HalfOpen" || circuit === "Isolated"

const sentence = ({ circuit, service }: TierState): string => {
  switch (circuit) {
    case "HalfOpen":
      return `${service} is being probed`
    case "Isolated":
      return `${service} is isolated by an operator`
    default:
      return `${service} is out`
  }
}

/**
 * Computes the level from the state of the tiers. The table in the module comment lists the cases.
 *
 * ```ts
 * import { Degradation } from "kubernaut"
 *
 * const holmesgpt = { name: "holmesgpt", service: "holmesgpt", circuit: "Open" } as const
 * const llm = { name: "llm", service: "llm:openai", circuit: "Closed" } as const
 * Degradation.levelOf({ tiers: [holmesgpt, llm] }) // => { level: 1, reasons: ["holmesgpt is out"] }
 * ```
 */
export const levelOf = ({ emergency = [], tiers }: LevelInputs): Level => {
  const models = tiers.filter((tier) => tier.name !== "rules")
  const out = models.filter(isOut)
  const reasons = [...emergency, ...out.map(sentence)]
  if (emergency.length > 0) return { level: 3, reasons }
  if (out.length === 0) return { level: 0, reasons }
  if (out.length === models.length) return { level: 2, reasons }
  return { level: out.some((tier) => tier.name !== "llm") ? 1 : 0, reasons }
}

const sameLevel = (left: Level, right: Level): boolean =>
  left.level === right.level
  && left.reasons.length === right.reasons.length
  && left.reasons.every((reason, index) => reason === right.reasons[index])

/**
 * The current level and its changes.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Degradation } from "kubernaut"
 *
 * const isDegraded = Effect.gen(function* () {
 *   const degradation = yield* Degradation.Degradation
 *   const { level } = yield* degradation.current
 *   return level > 0
 * })
 * Effect.isEffect(isDegraded) // => true
 * ```
 */
export class Degradation extends Context.Service<
  Degradation,
  {
    /** The current status. */
    readonly current: Effect.Effect<Status>
    /** The current status, followed by every change. */
    readonly changes: Stream.Stream<Status>
    /**
     * Adds a reason to the status for a minute, or takes it back: why our own view of the cluster is in doubt, so that
     * no action starts. It does not change the level.
     */
    readonly doubt: (reason: string | undefined) => Effect.Effect<void>
    /** Finds the level again now. Where an operator has declared an emergency, or ended one. */
    readonly refresh: Effect.Effect<void>
    /** Publishes each service that has recovered. */
    readonly recoveries: EventHub<Recovered>
    /** Updates the level and probes the services that are out. Run it as a supervised child. */
    readonly run: Effect.Effect<never>
  }
>()("kubernaut/health/Degradation") {}

/** Tracks since when each service is out, and publishes the services that have recovered. */
const recoveryWatch = (recoveries: EventHub<Recovered>) => {
  const outSince = new Map<string, number>()
  return (states: ReadonlyArray<TierState>, nowMs: number): void => {
    for (const state of states) {
      const sinceMs = outSince.get(state.service)
      if (isOut(state)) outSince.set(state.service, sinceMs ?? nowMs)
      else if (sinceMs !== undefined) {
        outSince.delete(state.service)
        recoveries.publish({ service: state.service, durationMs: nowMs - sinceMs })
      }
    }
  }
}

const statesOf = <A extends Probed>(peers: ReadonlyArray<A>) =>
  Effect.map(
    Effect.forEach(peers, (peer) =>
      peer.circuitBreaker === undefined
        ? Effect.succeed([])
        : Effect.map(peer.circuitBreaker.state, ({ _tag: circuit }) => [{ ...peer, circuit }])
    ),
    (states): ReadonlyArray<A & Pick<TierState, "circuit">> => states.flat()
  )

/** How often an order of another process on the same database is looked for. */
const declaredEveryMs = 5000

/** Finds out whether it is an emergency, and remembers what it takes to leave it. */
const makeEmergency = ({ allAiDown = "rules", declared }: Options) => {
  let settling: Settling | undefined
  let last: StandingOrder | undefined
  return Effect.fnUntraced(function* (
    tiers: ReadonlyArray<TierState>,
    others: ReadonlyArray<Pick<TierState, "circuit" | "service">>
  ) {
    // An emergency that was declared goes on while the database cannot be read.
    const order = declared === undefined ? undefined : yield* declared
    if (order !== undefined) last = Option.getOrUndefined(order)
    const models = tiers.filter(({ name }) => name !== "rules")
    const signs: Signs = {
      declared: last,
      out: [...models, ...others].filter(isOut).map(({ service }) => service),
      isWithoutModels: models.length > 0 && models.every(isOut)
    }
    const nowMs = yield* Monotonic.nowMs
    const found = emergencyOf(signs, allAiDown, settling, nowMs)
    settling = found.settling
    const settledMs = found.settling === undefined ? Infinity : found.settling.untilMs - nowMs
    return {
      causes: found.causes,
      againMs: Math.max(1, Math.min(declared === undefined ? Infinity : declaredEveryMs, settledMs))
    }
  })
}

/** A doubt is looked at again every 15 seconds while an action waits. Without one, nobody looks. */
const doubtShownMs = 60_000

const logMove = (from: DegradationLevel, to: Level): Effect.Effect<void> =>
  (to.level > from ? Effect.logWarning("Degradation level raised") : Effect.logInfo("Degradation level lowered")).pipe(
    Effect.annotateLogs({ from: levelName(from), to: levelName(to.level), reasons: to.reasons })
  )

/** Updates the level at each transition of a peer's breaker, and when the last update asks for it. */
const follow = (
  hub: EventHub<ResilienceEvent>,
  peers: ReadonlyArray<Pick<Probed, "service">>,
  update: Effect.Effect<number>
): Effect.Effect<never> => {
  const services = new Set(peers.map(({ service }) => service))
  const concerns = (event: ResilienceEvent) => event._tag === "BreakerTransition" && services.has(event.breaker)
  return Effect.scoped(
    Effect.gen(function* () {
      // Each wake-up reads all breakers, so simultaneous wake-ups can be merged into one.
      const wakes = yield* Queue.sliding<void>(1)
      yield* hub.listen((event) => {
        if (concerns(event)) Queue.offerUnsafe(wakes, undefined)
      })
      while (true) {
        const againMs = yield* update
        yield* againMs === Infinity ? Queue.take(wakes) : Effect.timeoutOption(Queue.take(wakes), againMs)
      }
    })
  )
}

/** Constructs the service. Use `layer` unless you need the service as a value. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { others = [], tiers } = options
  const hub = yield* ResilienceEvents
  const status = yield* SubscriptionRef.make<Status>({ level: 0, reasons: [], since: yield* now })
  const recoveries = makeEventHub<Recovered>()
  const publishRecoveries = recoveryWatch(recoveries)
  const emergencyNow = makeEmergency(options)

  /** Returns after how many milliseconds the level is to be found again, whatever happens. */
  const update = Effect.gen(function* () {
    const states = yield* statesOf(tiers)
    publishRecoveries(states, yield* Monotonic.nowMs)
    const { againMs, causes } = yield* emergencyNow(states, yield* statesOf(others))
    const next = levelOf({ tiers: states, emergency: causes })
    const before = yield* SubscriptionRef.get(status)
    if (sameLevel(before, next)) return againMs
    const moved = next.level !== before.level
    yield* SubscriptionRef.set(status, { ...next, since: moved ? yield* now : before.since })
    if (moved) yield* logMove(before.level, next)
    return againMs
  })

  // An emergency that was declared holds from the first moment.
  yield* update

  let doubt: { readonly reason: string; readonly untilMs: number } | undefined
  const current = Effect.zipWith(SubscriptionRef.get(status), Monotonic.nowMs, (found, nowMs): Status => {
    if (doubt === undefined || doubt.untilMs <= nowMs) return found
    return { ...found, reasons: [...found.reasons, `Our own view of the cluster is in doubt: ${doubt.reason}`] }
  })

  return Degradation.of({
    current,
    doubt: (reason) =>
      Effect.map(Monotonic.nowMs, (nowMs) => {
        doubt = reason === undefined ? undefined : { reason, untilMs: nowMs + doubtShownMs }
      }),
    changes: SubscriptionRef.changes(status),
    refresh: Effect.asVoid(update),
    recoveries,
    run: Effect.andThen(
      Effect.all([follow(hub, [...tiers, ...others], update), runProbes([...tiers, ...others])], {
        concurrency: "unbounded",
        discard: true
      }),
      Effect.never
    )
  })
})

/** Monitors the tiers. Their breakers must publish to the `ResilienceEvents` of the context. */
export const layer = (options: Options): Layer.Layer<Degradation> => Layer.effect(Degradation, make(options))
