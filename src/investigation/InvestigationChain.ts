/**
 * The fallback chain: HolmesGPT, then the LLM providers in order, then the rules, until one returns an investigation.
 *
 * **Details**
 *
 * Each tier is one hop with its own pipeline (deadline, retry, breaker, bulkhead), its own span and one `Hop` in the
 * journal:
 *
 * | the tier                                       | hop outcome | reason                                                                      |
 * | ---------------------------------------------- | ----------- | --------------------------------------------------------------------------- |
 * | returned an investigation                      | `answered`  | –                                                                           |
 * | failed on its last attempt                     | `failed`    | its error's tag in kebab-case: `unavailable`, `timeout`, `invalid-answer` … |
 * | was interrupted: the answer of another is used | `failed`    | `overtaken`                                                                 |
 * | was called, and its circuit has opened since   | `failed`    | `circuit-open`, or that of a suspension                                     |
 * | was not called: its circuit is open            | `skipped`   | `circuit-open`                                                              |
 * | was not called: its account serves nobody      | `skipped`   | `out-of-money`, `wrong-key`                                                 |
 * | was not called: no answer was of use           | `skipped`   | `of-no-use`                                                                 |
 * | was not called: its server was not reached     | `skipped`   | `host-unreachable`                                                          |
 * | was not called: too many calls are in progress | `skipped`   | `bulkhead-full`                                                             |
 * | was called, and has no room for a repeat       | `failed`    | `over-budget`                                                               |
 * | was not called: a budget has no room for it    | `skipped`   | `over-budget`; `detail` says which budget, and until when                   |
 * | was not called: the level has not risen yet    | `skipped`   | `held`                                                                      |
 * | is restored, and the call is not in its share  | `skipped`   | `recovering`                                                                |
 *
 * - A tier that was out gets a growing share of the calls (`resilience/recovery/Ramp`), the others go to the next tier. A
 *   call for which the tiers after it find nothing comes back to it.
 * - A tier whose account has no money left, or whose key is rejected, is suspended (`chain/Account`). After a minute, and
 *   then after twice as long each time, one call tries it. All tiers of the account share the suspension and the trial.
 *   It survives a restart, and an operator ends it with `auto` of the breaker.
 * - Tiers with one server or one key have the attempts of one hop together (`chain/SharedFate`).
 * - A tier whose answers are of no use for five targets in a row is out, and found up again like any other. What it
 *   refuses counts by namespace, and for all tiers together that refuse the same (`chain/UselessRun`).
 * - A tier that is not configured is no hop.
 * - Confidence is capped on the way down: 1.0 for HolmesGPT and for an embedder's own, 0.8 for an LLM, 0.5 for rules.
 * - Rules are local and pure. They are a hop, but have no pipeline.
 * - Evidence is gathered once, just before the first tier that needs it and that the breaker does not reject. It is
 *   gathered outside the pipeline, so that a slow API server does not count against a model.
 * - What a tier had found when it failed is passed to those after it as partial evidence (`PartialFindings`).
 * - With `Options.hedge`, an LLM is asked beside a HolmesGPT that shows no sign of work (`chain/Hedge`). Each hedge takes
 *   a token of HolmesGPT's retry budget, so hedges and retries together stay within it. Both hops are recorded, and
 *   `Hop.hedge` says what became of it. A HolmesGPT that was overtaken five times in a row has its whole time again, so
 *   that one that hangs is found (`chain/OvertakenRun`).
 * - At level 3 (emergency) the chain makes no hops.
 * - The chain never fails. A tier that throws, dies of a defect or fails with anything but an `InvestigatorError` has
 *   failed with reason `defect`, and the next one is tried. Evidence that cannot be gathered is `missing`. When all
 *   tiers fail, the result has no investigation.
 *
 * **Spans.** `investigate` → `hop <tier>` → `attempt`. A hop carries:
 *
 * - `kubernaut.hop.from`: the tier before it, or `start`; `kubernaut.hop.to`: its own tier
 * - `kubernaut.hop.reason`: why the tier before it returned no investigation
 * - `kubernaut.hop.failure.first`: why its first attempt failed, where the last one failed for another reason
 * - `kubernaut.hop.confidence_cap`: the most that its tier may claim
 * - `circuitbreaker.state` and `kubernaut.hop.breaker_after`: of its breaker before and after it
 * - `kubernaut.hop.outcome`, `kubernaut.hop.failure`, `kubernaut.hop.attempts`, `kubernaut.hop.confidence`
 * - `kubernaut.hop.detail`: which budget has no room for it
 * - `kubernaut.hop.hedge`: see `Hop.hedge`. The reason of a hop beside another one is `no-sign`
 * - `kubernaut.spend.…`: what its calls to a model took (`spend/SpendSpan`)
 *
 * `investigate` has `kubernaut.cause.first`, why the first tier that failed did, because later ones may fail
 * differently, and `kubernaut.investigator` and `kubernaut.confidence` of what was found.
 *
 * A call that the breaker rejects has a short `attempt` of its own.
 *
 * **Attempts and the deadline.** The timeout of 30 s in `docs/requirements.md` (Fallback) is the deadline of the whole
 * hop, retries and waits included. There is no shorter limit per attempt. An investigation takes most of that time, the
 * server may continue one that the client abandons, and a second request would double the load on a server that is
 * already slow. So only early failures are retried (refused connection, 500): five attempts after 0, 100, 200, 400 and
 * 800 ms take 1.5 s plus their own time. Real servers need minutes (see `Options.deadline`).
 *
 * **Retry-After** is followed up to 5 s, and only up to 1 s when another model is next in the chain. A longer wait
 * means that the next tier is asked at once. A rate limit without it is tried three times where another model is next.
 */

import { Context, Effect, Layer } from "effect"
import type { InvestigatorName } from "../domain/Investigation.ts"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import type { Bulkhead } from "../resilience/pipeline/Bulkhead.ts"
import { ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import type { HedgeEvent } from "./chain/Hedge.ts"
import type { HedgeOptions } from "./chain/HedgedHop.ts"
import { keep, restore, type SuspensionStore } from "./chain/KeptSuspensions.ts"
import * as TierPipeline from "./chain/TierPipeline.ts"
import type { Restoration, Restored, TierRamp } from "./chain/TierRamp.ts"
import { noRuns } from "./chain/UselessRun.ts"
import { type ChainResult, type FallbackEvent, type Parts, walk } from "./chain/Walk.ts"
import type { Gather } from "./evidence/EvidenceGatherer.ts"
import { type InvestigationRequest, type Investigator, serviceName } from "./Investigator.ts"
import type { SpendMeter } from "./spend/SpendMeter.ts"

export type { HedgeEvent } from "./chain/Hedge.ts"
export type { HedgeOptions } from "./chain/HedgedHop.ts"
export type { ChainResult, FallbackEvent } from "./chain/Walk.ts"

/** One tier, for status pages and for listeners to its breaker. */
export interface Tier {
  readonly name: InvestigatorName
  readonly provider?: string
  /** The name of its pipeline, breaker and metrics: see `Investigator.serviceName`. */
  readonly service: string
  /** Absent for rules. */
  readonly circuitBreaker?: CircuitBreaker
  /** Absent for rules. */
  readonly bulkhead?: Bulkhead
  readonly probe?: NonNullable<Investigator["probe"]>
  /** How far it is restored after an outage. Absent for rules. */
  readonly ramp?: Effect.Effect<Restoration>
  /** Says whether the level keeps calls from it although it is back: its restoration begins after that. */
  readonly hold?: (isHeld: boolean) => Effect.Effect<void>
  /** Says since when it was not in full use in the process before this one, by the monotonic clock of this one. */
  readonly resume?: (sinceMs: number) => Effect.Effect<void>
}

/** What a chain is made of. */
export interface Options extends TierPipeline.TierOptions {
  /** In the order in which they are tried. Each must have its own `serviceName`. */
  readonly investigators: ReadonlyArray<Investigator>
  /** Gathers evidence from the cluster. Absent: investigators get the alert and the target's state alone. */
  readonly evidence?: Gather
  /** Where suspensions of accounts are kept. Default: nowhere, and a restarted process asks every account again. */
  readonly suspensions?: SuspensionStore
  /** Makes the meter of each hop. Absent: calls to models are neither counted nor limited. */
  readonly meterOf?: SpendMeter["Service"]["meterOf"]
  /** Asks another model beside a HolmesGPT that shows no sign of work (`chain/Hedge`). Default: nothing is hedged. */
  readonly hedge?: HedgeOptions
}

/**
 * Investigates alerts by the tiers that it was made of. See the module comment.
 *
 * **Example** (the tiers of a chain)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InvestigationChain, type Investigator } from "kubernaut"
 *
 * const unavailable = Effect.die("not part of this example")
 * const runbook: Investigator.Investigator = {
 *   name: "custom",
 *   provider: "runbook",
 *   investigate: () => unavailable
 * }
 *
 * const program = Effect.gen(function* () {
 *   const { fallbacks, tiers } = yield* InvestigationChain.InvestigationChain
 *   yield* fallbacks.listen(({ from, reason, to }) => console.log(`${from} failed (${reason}), trying ${to}`))
 *   return tiers.map(({ service }) => service)
 * })
 *
 * const chain = InvestigationChain.layer({ investigators: [runbook], deadline: "2 minutes" })
 * await Effect.runPromise(Effect.scoped(Effect.provide(program, chain))) // => ["custom:runbook"]
 * ```
 */
export class InvestigationChain extends Context.Service<
  InvestigationChain,
  {
    /** Tries the tiers in order. It never fails. */
    readonly investigate: (request: InvestigationRequest) => Effect.Effect<ChainResult>
    /** The configured tiers in order. */
    readonly tiers: ReadonlyArray<Tier>
    /** Every step down the chain. */
    readonly fallbacks: EventHub<FallbackEvent>
    /** What became of each hedge. */
    readonly hedges: EventHub<HedgeEvent>
    /** Each tier that is in full use again after an outage. */
    readonly restored: EventHub<Restored>
    /** Publishes `restored` in time, and keeps the suspensions of accounts. Run it as a supervised child. */
    readonly watch: Effect.Effect<never>
  }
>()("kubernaut/investigation/InvestigationChain") {}

const tierOf = ({ investigator, pipeline, ramp, service }: TierPipeline.TierPipeline): Tier => ({
  name: investigator.name,
  ...(investigator.provider === undefined ? {} : { provider: investigator.provider }),
  service,
  ...(pipeline?.circuitBreaker === undefined ? {} : { circuitBreaker: pipeline.circuitBreaker }),
  ...(pipeline?.bulkhead === undefined ? {} : { bulkhead: pipeline.bulkhead }),
  ...(investigator.probe === undefined ? {} : { probe: investigator.probe }),
  ...(ramp === undefined ? {} : { ramp: ramp.restoration, hold: ramp.hold, resume: ramp.resume })
})

/** Publishes the restorations of all tiers on one hub. */
const watchAll = (ramps: ReadonlyArray<TierRamp>, hub: EventHub<Restored>): Effect.Effect<never> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* Effect.forEach(ramps, ({ restored }) => restored.listen(hub.publish), { discard: true })
      yield* Effect.forEach(ramps, ({ watch }) => watch, { concurrency: "unbounded", discard: true })
      return yield* Effect.never
    })
  )

/** Makes a chain. Two investigators of the same `serviceName` are a defect: their breakers would share a name. */
export const make = (options: Options): Effect.Effect<InvestigationChain["Service"]> =>
  Effect.gen(function* () {
    const names = options.investigators.map(serviceName)
    const duplicate = names.find((name, index) => names.indexOf(name) !== index)
    if (duplicate !== undefined)
      return yield* Effect.die(
        new RangeError(
          `InvestigationChain: two investigators are called ${duplicate}; give one of them another provider name`
        )
      )
    const tiers = yield* TierPipeline.makeAll(options.investigators, options)
    const fallbacks = makeEventHub<FallbackEvent>()
    const { suspensions } = options
    if (suspensions !== undefined) yield* restore(tiers, suspensions.kept)
    const hub = yield* ResilienceEvents
    const hedges = makeEventHub<HedgeEvent>()
    const restored = makeEventHub<Restored>()
    const { evidence, hedge, meterOf } = options
    const parts: Parts = {
      tiers,
      useless: { runs: noRuns },
      fallbacks,
      hedges,
      ...(evidence === undefined ? {} : { evidence }),
      ...(meterOf === undefined ? {} : { meterOf }),
      ...(hedge === undefined ? {} : { hedge })
    }
    return {
      investigate: (request) => walk(parts, request),
      fallbacks,
      hedges,
      tiers: tiers.map(tierOf),
      restored,
      watch: Effect.andThen(
        Effect.all(
          [
            watchAll(
              tiers.flatMap(({ ramp }) => ramp ?? []),
              restored
            ),
            suspensions === undefined ? Effect.never : keep(tiers, suspensions, hub)
          ],
          { concurrency: "unbounded", discard: true }
        ),
        Effect.never
      )
    }
  })

/** `make` as a layer. */
export const layer = (options: Options): Layer.Layer<InvestigationChain> =>
  Layer.effect(InvestigationChain, make(options))
