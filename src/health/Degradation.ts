/**
 * The one owner of the degradation level.
 *
 * **Details**
 *
 * The level follows the breakers of the investigators, and nothing else sets it:
 *
 * | seen                                                                | level        |
 * | ------------------------------------------------------------------- | ------------ |
 * | every configured model in                                           | 0 full       |
 * | HolmesGPT (or an embedder's own investigator) out, another model in | 1 reduced AI |
 * | every configured model out                                          | 2 rule-based |
 *
 * A tier is out from the moment its breaker opens until it is closed again: half-open is still out, an operator's
 * isolation is out, forced closed is in. A tier that is not configured lowers no level, so a service with rules alone
 * runs at 0. LLMs that are out while HolmesGPT is in lower nothing either: the source document's level 1 is "LLM
 * only".
 *
 * The fiber wakes on each transition of a breaker and reads all of them, so events that it missed do no harm. It also
 * says how long each service was out (`kubernaut_recovery_time_seconds`).
 *
 * **Gotchas**
 *
 * Until `run` runs the level is 0 and does not move. Run it as a supervised child: started anew it reads the breakers
 * as they are.
 *
 * Level 3 (emergency) will be one more of `LevelInputs`, judged in `levelOf`; nothing sets it today.
 */

import { Context, Effect, Layer, Queue, type Stream, SubscriptionRef } from "effect"
import { type DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import type { InvestigatorName } from "../domain/Investigation.ts"
import { now, type Timestamp } from "../domain/Timestamp.ts"
import type { Snapshot } from "../resilience/breaker/CircuitBreaker.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type ResilienceEvent, ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { type Probed, run as runProbes } from "./Probes.ts"

/** A tier of the fallback chain as health sees it. `InvestigationChain.tiers` is of this shape. */
export interface Watched extends Probed {
  readonly name: InvestigatorName
}

export interface TierState {
  readonly name: InvestigatorName
  readonly service: string
  readonly circuit: Snapshot["_tag"]
}

/** Everything that the level is judged from. */
export interface LevelInputs {
  /** The configured tiers that can be out. */
  readonly tiers: ReadonlyArray<TierState>
}

export interface Level {
  readonly level: DegradationLevel
  /** Which services are out, each in a sentence. Empty when none is. */
  readonly reasons: ReadonlyArray<string>
}

export interface Status extends Level {
  /** Since when the level has been what it is, by the wall clock: for people. */
  readonly since: Timestamp
}

/** A service is back: its breaker is closed again, `durationMs` after it first opened (by the monotonic clock). */
export interface Recovered {
  readonly service: string
  readonly durationMs: number
}

export interface Options {
  readonly tiers: ReadonlyArray<Watched>
}

const isOut = ({ circuit }: TierState): boolean =>
  circuit === "Open" || circuit === "HalfOpen" || circuit === "Isolated"

const sentence = ({ circuit, service }: TierState): string => {
  switch (circuit) {
    case "HalfOpen":
      return `${service} is being tried again`
    case "Isolated":
      return `${service} is isolated by an operator`
    default:
      return `${service} is out`
  }
}

/**
 * The level by what is seen, as the table above has it.
 *
 * ```ts
 * import { Degradation } from "kubernaut"
 *
 * const holmesgpt = { name: "holmesgpt", service: "holmesgpt", circuit: "Open" } as const
 * const llm = { name: "llm", service: "llm:openai", circuit: "Closed" } as const
 * Degradation.levelOf({ tiers: [holmesgpt, llm] }) // => { level: 1, reasons: ["holmesgpt is out"] }
 * ```
 */
export const levelOf = ({ tiers }: LevelInputs): Level => {
  const models = tiers.filter((tier) => tier.name !== "rules")
  const out = models.filter(isOut)
  const reasons = out.map(sentence)
  if (out.length === 0) return { level: 0, reasons }
  if (out.length === models.length) return { level: 2, reasons }
  return { level: out.some((tier) => tier.name !== "llm") ? 1 : 0, reasons }
}

const sameLevel = (left: Level, right: Level): boolean =>
  left.level === right.level
  && left.reasons.length === right.reasons.length
  && left.reasons.every((reason, index) => reason === right.reasons[index])

export class Degradation extends Context.Service<
  Degradation,
  {
    readonly current: Effect.Effect<Status>
    /** The status now, then each that follows. */
    readonly changes: Stream.Stream<Status>
    readonly recoveries: EventHub<Recovered>
    /** Keeps the level and probes what is out, for ever. Run it as a supervised child. */
    readonly run: Effect.Effect<never>
  }
>()("kubernaut/health/Degradation") {}

// When each service that is out went out; tells of those that are back.
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

const statesOf = (tiers: ReadonlyArray<Watched>): Effect.Effect<ReadonlyArray<TierState>> =>
  Effect.map(
    Effect.forEach(tiers, ({ circuitBreaker, name, service }) =>
      circuitBreaker === undefined
        ? Effect.succeed([])
        : Effect.map(circuitBreaker.state, ({ _tag }): ReadonlyArray<TierState> => [{ name, service, circuit: _tag }])
    ),
    (states) => states.flat()
  )

const logMove = (from: DegradationLevel, to: Level): Effect.Effect<void> =>
  (to.level > from ? Effect.logWarning("Degradation level raised") : Effect.logInfo("Degradation level lowered")).pipe(
    Effect.annotateLogs({ from: levelName(from), to: levelName(to.level), reasons: to.reasons })
  )

/** See `layer`. */
export const make = Effect.fnUntraced(function* ({ tiers }: Options) {
  const hub = yield* ResilienceEvents
  const status = yield* SubscriptionRef.make<Status>({ level: 0, reasons: [], since: yield* now })
  const recoveries = makeEventHub<Recovered>()
  const tellRecoveries = recoveryWatch(recoveries)

  const update = Effect.gen(function* () {
    const states = yield* statesOf(tiers)
    tellRecoveries(states, yield* Monotonic.nowMs)
    const next = levelOf({ tiers: states })
    const before = yield* SubscriptionRef.get(status)
    if (sameLevel(before, next)) return
    const moved = next.level !== before.level
    yield* SubscriptionRef.set(status, { ...next, since: moved ? yield* now : before.since })
    if (moved) yield* logMove(before.level, next)
  })

  const services = new Set(tiers.map((tier) => tier.service))
  const concerns = (event: ResilienceEvent) => event._tag === "BreakerTransition" && services.has(event.breaker)

  const follow = Effect.scoped(
    Effect.gen(function* () {
      // One place is enough: each wake reads all breakers, so wakes that come together are one.
      const wakes = yield* Queue.sliding<void>(1)
      yield* hub.listen((event) => {
        if (concerns(event)) Queue.offerUnsafe(wakes, undefined)
      })
      yield* update
      return yield* Effect.forever(Effect.andThen(Queue.take(wakes), update))
    })
  )

  return Degradation.of({
    current: SubscriptionRef.get(status),
    changes: SubscriptionRef.changes(status),
    recoveries,
    run: Effect.andThen(
      Effect.all([follow, runProbes(tiers)], { concurrency: "unbounded", discard: true }),
      Effect.never
    )
  })
})

/** Watches the tiers. Their breakers must publish to the `ResilienceEvents` in the context. */
export const layer = (options: Options): Layer.Layer<Degradation> => Layer.effect(Degradation, make(options))
