/**
 * Owns the degradation level: the DegradationFiber of the design.
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
 * The level falls at once and rises slowly (`LevelTransition`). While it waits to rise, the tiers that are back are
 * `held`: nobody asks them. An emergency that an operator has declared begins and ends at once.
 *
 * The fiber wakes on each transition of a breaker and then reads all breakers, so a missed event does no harm. It also
 * publishes how long each service was out (`kubernaut_recovery_time_seconds`). The level is durable (`LevelMemory`): a
 * restarted process begins where the one before it was, and a service that was out then counts as out until a health
 * check has seen it work. A tier that was not in full use then is restored gradually (`UnrestoredTiers`).
 *
 * **Gotchas**
 *
 * The level does not change until `run` starts. Run it as a supervised child. When it is restarted, it reads the
 * current state of the breakers. An emergency that was declared is read from the database every five seconds, and at
 * once by `refresh`.
 */

import { Context, Duration, Effect, Layer, Queue, Semaphore, type Stream, SubscriptionRef } from "effect"
import { capabilities, type DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import type { Beginning, LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type ResilienceEvent, ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { assess } from "./Assessment.ts"
import { type AllAiDown, dismissalOf } from "./EmergencyMode.ts"
import { makeReader, type ReadFacts, type Sources } from "./LevelFacts.ts"
import * as LevelMemory from "./LevelMemory.ts"
import { isOut, type Level, type TierState } from "./LevelOf.ts"
import { type LevelState, next, recordOf, stateAt } from "./LevelState.ts"
import { changed, linesOf, type Status } from "./LevelStatus.ts"
import { defaultTimes, startAt } from "./LevelTransition.ts"
import { run as runProbes } from "./Probes.ts"
import * as UnrestoredTiers from "./UnrestoredTiers.ts"

export type { Status } from "./LevelStatus.ts"
export type { Watched } from "./LevelFacts.ts"
export { type Level, type LevelInputs, levelOf, type TierState } from "./LevelOf.ts"

/**
 * A service has recovered: `durationMs` after its breaker first opened it is in full use again, by the monotonic clock.
 * Where it is not restored gradually, that is when its breaker has closed.
 */
export interface Recovered {
  readonly service: string
  readonly durationMs: number
}

/** Options of `layer`. */
export interface Options extends Sources {
  /** Default `rules`. */
  readonly allAiDown?: AllAiDown
  /** How long something better must last until the level rises. Default 30 seconds. */
  readonly dwell?: Duration.Input
  /** Where the level is kept. Default: nowhere, and a restarted process begins at 0. */
  readonly store?: LevelMemory.LevelStore
  /** What was kept by the process before this one, and by those beside it. Default: nothing. */
  readonly kept?: Beginning
  /** Publishes each tier with a `ramp` that is in full use again. Default: no tier is restored gradually. */
  readonly restored?: Pick<EventHub<Recovered>, "listen">
}

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
    /** Finds the level again now. Where an operator has declared an emergency, or taken that back. */
    readonly refresh: Effect.Effect<void>
    /**
     * An operator ends the emergency: the causes that are there do not count until each of them is gone, and the level
     * rises at once. Returns the causes. It is recorded in the audit log, with the name and the reason of the
     * operator.
     */
    readonly dismiss: (by: string, reason?: string) => Effect.Effect<ReadonlyArray<string>>
    /** An investigation has ended without a result, although every tier was asked. */
    readonly exhausted: Effect.Effect<void>
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

/** How often an order of another process on the same database is looked for. */
const declaredEveryMs = 5000

/** A doubt is looked at again every 15 seconds while an action waits. Without one, nobody looks. */
const doubtShownMs = 60_000

const logMove = (from: DegradationLevel, { level, reasons }: Level): Effect.Effect<void> =>
  (level > from
    ? Effect.logWarning("The degradation level falls")
    : Effect.logInfo("The degradation level rises")
  ).pipe(Effect.annotateLogs({ from: levelName(from), to: levelName(level), reasons }))

/** Updates the level at each transition of a peer's breaker, at each finding, and when the last update asks for it. */
const follow = (
  hub: EventHub<ResilienceEvent>,
  { health, local = [], others = [], tiers }: Sources,
  wakes: Queue.Queue<void>,
  update: Effect.Effect<number>
): Effect.Effect<never> => {
  const services = new Set([...tiers, ...others].map(({ service }) => service))
  const concerns = (event: ResilienceEvent) => event._tag === "BreakerTransition" && services.has(event.breaker)
  // Each wake-up reads everything, so simultaneous wake-ups can be merged into one.
  const wake = () => void Queue.offerUnsafe(wakes, undefined)
  return Effect.scoped(
    Effect.gen(function* () {
      yield* hub.listen((event) => {
        if (concerns(event)) wake()
      })
      if (health !== undefined) yield* health.changes.listen(wake)
      yield* Effect.forEach(local, (each) => each.wakes(wake), { discard: true })
      while (true) {
        const againMs = yield* update
        yield* againMs === Infinity ? Queue.take(wakes) : Effect.timeoutOption(Queue.take(wakes), againMs)
      }
    })
  )
}

/** A tier that got no calls begins its restoration when it may get some, and not when its circuit has closed. */
const tellHeld = (
  tiers: Sources["tiers"],
  before: ReadonlyArray<string>,
  now: ReadonlyArray<string>
): Effect.Effect<void> =>
  Effect.forEach(
    tiers.filter(({ service }) => before.includes(service) !== now.includes(service)),
    ({ hold, service }) => hold?.(now.includes(service)) ?? Effect.void,
    { discard: true }
  )

/** The status before anything has been read. */
const firstOf = (kept: LevelRecord | undefined, startedAt: Timestamp.Timestamp): Status => ({
  level: kept?.level ?? 0,
  reasons: kept?.reasons ?? [],
  since: kept?.since ?? startedAt,
  capabilities: capabilities(kept?.level ?? 0),
  held: [],
  isCutOff: kept?.isCutOff ?? false
})

/** Publishes the tiers that are in full use again. The record of the level has to say so. */
const forward = (
  restored: Options["restored"],
  recoveries: EventHub<Recovered>,
  wakes: Queue.Queue<void>
): Effect.Effect<void> =>
  restored === undefined
    ? Effect.void
    : Effect.scoped(
        Effect.andThen(
          restored.listen((recovered) => {
            recoveries.publish(recovered)
            Queue.offerUnsafe(wakes, undefined)
          }),
          Effect.never
        )
      )

/** Finds the level from the facts, and keeps it. One update at a time: a later one never sees earlier facts. */
const makeOwner = Effect.fnUntraced(function* (options: Options) {
  const { allAiDown = "rules", dwell, kept, store } = options
  const dwellMs = dwell === undefined ? defaultTimes.dwellMs : Duration.toMillis(Duration.fromInputUnsafe(dwell))
  const startedAt = yield* Timestamp.now
  const state: LevelState = stateAt(kept, yield* Monotonic.nowMs, Timestamp.toMillis(startedAt))
  const status = yield* SubscriptionRef.make(firstOf(kept, startedAt))
  const recoveries = makeEventHub<Recovered>()
  const publishRecoveries = recoveryWatch(recoveries)
  const isGradual = options.restored !== undefined
  const gradual = new Set(
    options.tiers.flatMap(({ ramp, service }) => (isGradual && ramp !== undefined ? [service] : []))
  )
  const memory = yield* LevelMemory.make(store, kept)
  const read = makeReader(options, kept?.out ?? [])
  const unrestored = UnrestoredTiers.make(options.tiers, kept, startedAt)
  yield* unrestored.resume
  const lock = yield* Semaphore.make(1)

  const assessed = (facts: ReadFacts) =>
    assess({ ...facts, dismissed: new Set(state.dismissed.keys()), isExhausted: state.isExhausted }, allAiDown)

  /**
   * Returns after how many milliseconds the level is to be found again, whatever happens. `first`: lines before its
   * own.
   */
  const update = (first: ReadonlyArray<LevelLine> = []) =>
    lock.withPermit(
      Effect.gen(function* () {
        const facts = yield* read
        const nowMs = yield* Monotonic.nowMs
        const moment = yield* Timestamp.now
        yield* unrestored.confirm(facts.stillOut)
        publishRecoveries(
          facts.tiers.filter(
            ({ circuit, service }) =>
              !gradual.has(service) && !(circuit === "Unproven" && unrestored.isElsewhere(service))
          ),
          nowMs
        )
        const found = assessed(facts)
        const wallMs = Timestamp.toMillis(moment)
        const { againMs, status: after } = next(state, facts, found, { nowMs, wallMs, dwellMs })
        const last = yield* SubscriptionRef.get(status)
        const moved = after.level !== last.level
        const current: Status = { ...after, since: moved ? moment : last.since }
        yield* tellHeld(options.tiers, last.held, current.held)
        if (changed(last, current)) yield* SubscriptionRef.set(status, current)
        const now = { out: found.out, found: facts.found, unrestored: yield* unrestored.read }
        memory.keep(recordOf(current, state, now), [...first, ...linesOf(last, current, moment)])
        if (moved) yield* logMove(last.level, current)
        return Math.min(againMs, options.declared === undefined ? Infinity : declaredEveryMs)
      })
    )

  /** An operator ends what was found. The causes, if there were any. */
  const dismiss = lock.withPermit(
    Effect.map(Effect.all([read, Monotonic.nowMs]), ([facts, nowMs]) => {
      const { causes } = assessed(facts)
      state.dismissed = new Map([
        ...state.dismissed,
        ...causes.flatMap(dismissalOf).map((key) => [key, nowMs] as const)
      ])
      state.isExhausted = false
      if (state.track.level === 3) state.track = startAt(assessed(facts).level, state.track.roseMs)
      return causes.map(({ cause }) => cause)
    })
  )
  return { state, status, recoveries, memory, update, dismiss }
})

/** Constructs the service. Use `layer` unless you need the service as a value. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const hub = yield* ResilienceEvents
  const { dismiss, memory, recoveries, state, status, update } = yield* makeOwner(options)
  const wakes = yield* Queue.sliding<void>(1)
  // The loop has to know when to look again after an update that it has not made.
  const updateAndWake = (first?: ReadonlyArray<LevelLine>) =>
    Effect.map(update(first), () => void Queue.offerUnsafe(wakes, undefined))

  // An emergency that was declared holds from the first moment.
  yield* update()

  let doubt: { readonly reason: string; readonly untilMs: number } | undefined
  const current = Effect.zipWith(SubscriptionRef.get(status), Monotonic.nowMs, (found, nowMs): Status => {
    if (doubt === undefined || doubt.untilMs <= nowMs) return found
    return { ...found, reasons: [...found.reasons, `Our own view of the cluster is in doubt: ${doubt.reason}`] }
  })

  const peers = [...options.tiers, ...(options.others ?? [])]
  return Degradation.of({
    current,
    doubt: (reason) =>
      Effect.map(Monotonic.nowMs, (nowMs) => {
        doubt = reason === undefined ? undefined : { reason, untilMs: nowMs + doubtShownMs }
      }),
    changes: SubscriptionRef.changes(status),
    refresh: updateAndWake(),
    dismiss: (by, reason) =>
      Effect.gen(function* () {
        const causes = yield* dismiss
        const at = yield* Timestamp.now
        const data = { causes, ...(reason === undefined ? {} : { reason }) }
        const line = { kind: "emergency.dismissed", subject: "emergency", data, at, actor: by }
        yield* updateAndWake(causes.length === 0 ? [] : [line])
        return causes
      }),
    exhausted: Effect.suspend(() => {
      state.isExhausted = true
      return updateAndWake()
    }),
    recoveries,
    run: Effect.andThen(
      Effect.all(
        [
          follow(
            hub,
            options,
            wakes,
            Effect.suspend(() => update())
          ),
          memory.run,
          runProbes(peers),
          forward(options.restored, recoveries, wakes)
        ],
        {
          concurrency: "unbounded",
          discard: true
        }
      ),
      Effect.never
    )
  })
})

/** Monitors the tiers. Their breakers must publish to the `ResilienceEvents` of the context. */
export const layer = (options: Options): Layer.Layer<Degradation> => Layer.effect(Degradation, make(options))
