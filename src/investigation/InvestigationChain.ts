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
 * | was not called: its circuit is open            | `skipped`   | `circuit-open`                                                              |
 * | was not called: too many calls are in progress | `skipped`   | `bulkhead-full`                                                             |
 *
 * - A tier that is not configured is no hop.
 * - Confidence is capped on the way down: 1.0 for HolmesGPT and for an embedder's own, 0.8 for an LLM, 0.5 for rules.
 * - Rules are local and pure. They are a hop, but have no pipeline.
 * - Evidence is gathered once, just before the first tier that needs it and that the breaker does not reject. It is
 *   gathered outside the pipeline, so that a slow API server does not count against a model.
 * - At level 3 (emergency) the chain makes no hops.
 * - The chain never fails. A tier that dies of a defect has failed with reason `defect`, and the next one is tried. When
 *   all tiers fail, the result has no investigation.
 *
 * **Spans.** `investigate` → `hop <tier>` → `attempt`. A hop carries:
 *
 * - `kubernaut.hop.from`: the tier before it, or `start`; `kubernaut.hop.to`: its own tier
 * - `kubernaut.hop.reason`: why the tier before it returned no investigation
 * - `kubernaut.hop.outcome`, `kubernaut.hop.failure`, `kubernaut.hop.confidence`, `circuitbreaker.state`
 *
 * A call that the breaker rejects has a short `attempt` of its own.
 *
 * **Attempts and the deadline.** The timeout of 30 s in `docs/requirements.md` (Fallback) is the deadline of the whole
 * hop, retries and waits included. There is no shorter limit per attempt. An investigation takes most of that time, the
 * server continues one that the client abandons, and a second request would double the load on a server that is already
 * slow. So only early failures are retried (refused connection, 500): five attempts after 0, 100, 200, 400 and 800 ms
 * take 1.5 s plus their own time. Real servers need minutes (see `Options.deadline`).
 *
 * **Retry-After** is followed up to 5 s, and only up to 1 s when another model is next in the chain.
 */

import { Context, Effect, Layer } from "effect"
import type { Hop, Investigation, InvestigatorName } from "../domain/Investigation.ts"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Bulkhead } from "../resilience/pipeline/Bulkhead.ts"
import { runHop } from "./chain/RunHop.ts"
import * as TierPipeline from "./chain/TierPipeline.ts"
import type { Gather } from "./evidence/EvidenceGatherer.ts"
import { type InvestigationRequest, type Investigator, serviceName } from "./Investigator.ts"

/** The chain moved from one tier to the next. Metrics count these as `kubernaut_fallback_activations_total{from,to}`. */
export interface FallbackEvent {
  readonly from: InvestigatorName
  readonly fromProvider?: string
  readonly to: InvestigatorName
  readonly toProvider?: string
  /** The code why `from` returned no investigation. */
  readonly reason: string
}

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
}

/** The hops of one investigation, and what the last of them found. */
export interface ChainResult {
  readonly hops: ReadonlyArray<Hop>
  /** Absent when every tier failed. */
  readonly investigation?: Investigation
}

/** What a chain is made of. */
export interface Options extends TierPipeline.TierOptions {
  /** In the order in which they are tried. Each must have its own `serviceName`. */
  readonly investigators: ReadonlyArray<Investigator>
  /** Gathers evidence from the cluster. Absent: investigators get the alert and the target's state alone. */
  readonly evidence?: Gather
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
  }
>()("kubernaut/investigation/InvestigationChain") {}

const tierOf = ({ investigator, pipeline, service }: TierPipeline.TierPipeline): Tier => ({
  name: investigator.name,
  ...(investigator.provider === undefined ? {} : { provider: investigator.provider }),
  service,
  ...(pipeline?.circuitBreaker === undefined ? {} : { circuitBreaker: pipeline.circuitBreaker }),
  ...(pipeline?.bulkhead === undefined ? {} : { bulkhead: pipeline.bulkhead }),
  ...(investigator.probe === undefined ? {} : { probe: investigator.probe })
})

const fallbackEvent = (from: Hop, to: Investigator): FallbackEvent => ({
  from: from.investigator,
  ...(from.provider === undefined ? {} : { fromProvider: from.provider }),
  to: to.name,
  ...(to.provider === undefined ? {} : { toProvider: to.provider }),
  reason: from.reason ?? from.outcome
})

/** Evidence is gathered once, and not for a tier that is about to be skipped. */
const needsEvidence = (tier: TierPipeline.TierPipeline, request: InvestigationRequest, nowMs: number): boolean =>
  tier.investigator.needsEvidence === true && request.evidence === undefined && !TierPipeline.wouldReject(tier, nowMs)

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
    // An interruption from outside ends the chain. A tier that interrupts itself has failed.
    const investigate = Effect.fn("investigate")(function* (given: InvestigationRequest) {
      let request = given
      const hops: Array<Hop> = []
      yield* Effect.annotateCurrentSpan({ "kubernaut.level": given.level, "kubernaut.alert": given.alert.name })
      if (given.level === 3) return { hops } satisfies ChainResult
      for (const tier of tiers) {
        const previous = hops.at(-1)
        if (previous !== undefined) fallbacks.publish(fallbackEvent(previous, tier.investigator))
        if (options.evidence !== undefined && needsEvidence(tier, request, yield* Monotonic.nowMs))
          request = { ...request, evidence: yield* options.evidence(request) }
        const { hop, investigation } = yield* runHop(tier, request, previous)
        hops.push(hop)
        if (investigation !== undefined) return { hops, investigation } satisfies ChainResult
      }
      return { hops } satisfies ChainResult
    })
    return { investigate, fallbacks, tiers: tiers.map(tierOf) }
  })

/** `make` as a layer. */
export const layer = (options: Options): Layer.Layer<InvestigationChain> =>
  Layer.effect(InvestigationChain, make(options))
