/** The way of one alert down the tiers of the chain, until one returns an investigation. */

import { type Cause, Effect, Exit } from "effect"
import type { Hop, Investigation, InvestigatorName } from "../../domain/Investigation.ts"
import type { EventHub } from "../../resilience/EventHub.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { CurrentPatience } from "../../resilience/pipeline/Patience.ts"
import { type Evidence, unread } from "../evidence/Evidence.ts"
import type { Gather } from "../evidence/EvidenceGatherer.ts"
import type { InvestigationRequest, Investigator } from "../Investigator.ts"
import { FindingCollector, type PartialFindings } from "../PartialFindings.ts"
import type { SpendMeter } from "../spend/SpendMeter.ts"
import { resumeWithNewKey, spread, triedElsewhere } from "./AccountBreakers.ts"
import { candidates, type HedgeEvent, isHedged, outcomeOf } from "./Hedge.ts"
import { type Beside, type HedgeOptions, runHedged } from "./HedgedHop.ts"
import { type HopResult, type Previous, runHop, skipHop, type Turn } from "./RunHop.ts"
import { attemptsFor, isHostUnreachable, type Used } from "./SharedFate.ts"
import { isFree, mostAttempts, type TierPipeline, wouldReject } from "./TierPipeline.ts"
import { afterCalls, type Call, ofNoUse, type UselessRuns } from "./UselessRun.ts"

/** The chain moved from one tier to the next. Metrics count these as `kubernaut_fallback_activations_total{from,to}`. */
export interface FallbackEvent {
  readonly from: InvestigatorName
  readonly fromProvider?: string
  readonly to: InvestigatorName
  readonly toProvider?: string
  /** The code why `from` returned no investigation. */
  readonly reason: string
}

/** The hops of one investigation, and what the last of them found. */
export interface ChainResult {
  readonly hops: ReadonlyArray<Hop>
  /** Absent when every tier failed. */
  readonly investigation?: Investigation
}

/** What the ways of all alerts have in common. */
export interface Parts {
  readonly tiers: ReadonlyArray<TierPipeline>
  /** Of the calls to the tiers. See `UselessRun`. */
  readonly useless: { runs: UselessRuns }
  /** Absent: investigators get the alert and the target's state alone. */
  readonly evidence?: Gather
  /** Absent: calls to models are neither counted nor limited. */
  readonly meterOf?: SpendMeter["Service"]["meterOf"]
  /** Absent: nothing is hedged. */
  readonly hedge?: HedgeOptions
  readonly fallbacks: EventHub<FallbackEvent>
  readonly hedges: EventHub<HedgeEvent>
}

const fallbackEvent = (from: Hop, to: Investigator): FallbackEvent => ({
  from: from.investigator,
  ...(from.provider === undefined ? {} : { fromProvider: from.provider }),
  to: to.name,
  ...(to.provider === undefined ? {} : { toProvider: to.provider }),
  reason: from.reason ?? from.outcome
})

/** All tiers, and then those that were only skipped: they are better than nothing. */
function* tiersThenSkipped(tiers: ReadonlyArray<TierPipeline>, skipped: ReadonlyArray<TierPipeline>) {
  yield* tiers
  yield* skipped
}

/** The request for another tier, with what one has found. */
const withFindings = (request: InvestigationRequest, found: PartialFindings | undefined): InvestigationRequest =>
  found === undefined ? request : { ...request, partial: [...(request.partial ?? []), found] }

/** A gatherer bounds itself. This is for one that does not, in addition to the time in which our own limits hold it up. */
const gatherTimeMs = 60_000

/** An investigation without evidence is better than none, so what the gatherer does cannot end it. */
const gatherSafely = (gather: Gather, request: InvestigationRequest): Effect.Effect<Evidence> => {
  const without = (...why: ReadonlyArray<Cause.Cause<unknown>>) =>
    Effect.logWarning("Evidence could not be gathered", ...why).pipe(
      Effect.annotateLogs({ remediation: request.remediationId }),
      Effect.as(unread)
    )
  return Effect.flatMap(CurrentPatience, (patience) =>
    Effect.suspend(() => gather(request)).pipe(
      Effect.timeoutOrElse({ duration: gatherTimeMs + (patience?.limitMs ?? 0), orElse: () => without() }),
      Effect.catchCause(without)
    )
  )
}

/**
 * Counts what the calls about a target say about the use of their tiers. One of no use is taken out like one that is
 * down.
 */
const judgeUse = (
  { tiers, useless }: Parts,
  calls: ReadonlyArray<Call>,
  about: InvestigationRequest
): Effect.Effect<void> =>
  Effect.flatMap(Monotonic.nowMs, (nowMs) => {
    const after = afterCalls(useless.runs, calls, about, nowMs)
    useless.runs = after.runs
    const out = tiers.filter(({ service }) => after.ofNoUse.has(service))
    return Effect.forEach(out, ({ pipeline }) => pipeline?.circuitBreaker?.trip(ofNoUse) ?? Effect.void, {
      discard: true
    })
  })

class Walk {
  private readonly parts: Parts
  private readonly given: InvestigationRequest
  /** With what was found on the way. */
  private request: InvestigationRequest
  private readonly hops: Array<Hop> = []
  private readonly skipped: Array<TierPipeline> = []
  private readonly used: Array<Used<TierPipeline>> = []
  private readonly calls: Array<Call> = []

  constructor(parts: Parts, given: InvestigationRequest) {
    this.parts = parts
    this.given = given
    this.request = given
  }

  /** An interruption from outside ends it. A tier that interrupts itself has failed. */
  readonly run: Effect.Effect<ChainResult> = Effect.suspend(() =>
    // Whether a call was useless is known once the others about the same request are.
    Effect.tap(this.tried, () => judgeUse(this.parts, this.calls, this.given))
  )

  private readonly tried: Effect.Effect<ChainResult> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const { hops, parts, skipped, used } = this
      yield* Effect.annotateCurrentSpan({
        "kubernaut.level": this.given.level,
        "kubernaut.alert": this.given.alert.name
      })
      if (this.given.level === 3) return { hops } satisfies ChainResult
      for (const tier of tiersThenSkipped(parts.tiers, skipped)) {
        // It was asked beside another one.
        if (used.some((each) => each.tier === tier)) continue
        const previous = hops.at(-1)
        if (previous !== undefined) parts.fallbacks.publish(fallbackEvent(previous, tier.investigator))
        yield* resumeWithNewKey(tier)
        const unused = yield* this.whyNot(tier)
        if (unused !== undefined) {
          hops.push(yield* skipHop(tier, previous, unused))
          continue
        }
        yield* this.gather(tier)
        // Just before the call: another investigation may have begun the trial of the account.
        const suspended = triedElsewhere(tier, parts.tiers, yield* Monotonic.nowMs)
        if (suspended !== undefined) {
          hops.push(yield* skipHop(tier, previous, suspended))
          continue
        }
        const found = yield* this.ask(tier, previous)
        if (found !== undefined) return { hops, investigation: found } satisfies ChainResult
      }
      return { hops } satisfies ChainResult
    })
  )

  /** Why a tier is not called for this alert, before anything is prepared for it; `undefined` if it is. */
  private whyNot(tier: TierPipeline) {
    return Effect.gen({ self: this }, function* () {
      if (this.given.held?.includes(tier.service) === true) return "held"
      if (!this.skipped.includes(tier) && (yield* this.isForTheNext(tier))) {
        this.skipped.push(tier)
        return "recovering"
      }
      return isHostUnreachable(tier, this.used) ? "host-unreachable" : undefined
    })
  }

  /** Whether a call is not in the share of a tier that is restored, and a later tier can take it. */
  private isForTheNext(tier: TierPipeline) {
    const { tiers } = this.parts
    return Effect.gen(function* () {
      const nowMs = yield* Monotonic.nowMs
      const later = tiers.slice(tiers.indexOf(tier) + 1)
      if (tier.ramp === undefined || !later.some((next) => !wouldReject(next, nowMs))) return false
      return !(yield* tier.ramp.admits)
    })
  }

  /** Evidence is gathered once, and not for a tier that is about to be skipped. */
  private gather(tier: TierPipeline): Effect.Effect<void> {
    const { evidence } = this.parts
    return Effect.gen({ self: this }, function* () {
      if (evidence === undefined || tier.investigator.needsEvidence !== true || this.request.evidence !== undefined)
        return
      if (wouldReject(tier, yield* Monotonic.nowMs)) return
      const gathered = yield* gatherSafely(evidence, this.request)
      this.request = { ...this.request, evidence: gathered }
    })
  }

  /** The hop of a tier, and what it finds. */
  private hopOf(tier: TierPipeline, previous: Previous | undefined, request = this.request) {
    const { meterOf, tiers } = this.parts
    const { name, provider } = tier.investigator
    const { remediationId: remediation } = request
    const most = attemptsFor(tier, tiers, this.used, mostAttempts(tier))
    const findings = new FindingCollector(tier.service)
    const hop = { remediation, investigator: name, ...(provider === undefined ? {} : { provider }) }
    const metered = meterOf === undefined ? {} : { meter: meterOf(hop) }
    const asked: InvestigationRequest = { ...request, ...metered, onFinding: findings.add }
    return {
      findings,
      // At once: the tier beside it may work for minutes, and other investigations call the account meanwhile.
      run: (turn?: Turn, onSign?: () => void) =>
        Effect.onExit(runHop(tier, onSign === undefined ? asked : { ...asked, onSign }, previous, most, turn), (exit) =>
          spread(tier, tiers, Exit.isSuccess(exit) && exit.value.isServed)
        )
    }
  }

  /** Asks a tier, and maybe another one beside it. What was found, if anything. */
  private ask(tier: TierPipeline, previous: Hop | undefined): Effect.Effect<Investigation | undefined> {
    const { hedge } = this.parts
    if (hedge !== undefined && isHedged(tier.investigator.name)) return this.askHedged(hedge, tier, previous)
    return Effect.gen({ self: this }, function* () {
      const { findings, run } = this.hopOf(tier, previous)
      const result = yield* run()
      yield* this.took(tier, result)
      if (result.investigation !== undefined) return yield* this.answered(tier, result.investigation)
      yield* this.passOn(findings.found)
      return undefined
    })
  }

  private askHedged(
    hedge: HedgeOptions,
    tier: TierPipeline,
    previous: Hop | undefined
  ): Effect.Effect<Investigation | undefined> {
    return Effect.gen({ self: this }, function* () {
      const { findings, run } = this.hopOf(tier, previous)
      let found: FindingCollector | undefined
      const find = Effect.gen({ self: this }, function* (): Effect.fn.Return<Beside | undefined> {
        const other = yield* this.freeBeside(tier)
        if (other === undefined) return undefined
        yield* this.gather(other)
        const before = { investigator: tier.investigator.name, reason: "no-sign" }
        const beside = this.hopOf(other, before, withFindings(this.request, findings.found))
        found = beside.findings
        return { tier: other, run: beside.run }
      })
      const { beside, choice, first } = yield* runHedged(hedge, tier, find, run)
      yield* this.took(tier, first)
      const outcome = outcomeOf(choice, first.hop.hedge)
      if (outcome !== undefined)
        this.parts.hedges.publish({
          from: tier.service,
          ...(beside === undefined ? {} : { to: beside.tier.service }),
          outcome
        })
      if (beside !== undefined) {
        if (choice !== "first") this.parts.fallbacks.publish(fallbackEvent(first.hop, beside.tier.investigator))
        yield* this.took(beside.tier, beside.result)
      }
      if (choice === "first" && first.investigation !== undefined)
        return yield* this.answered(tier, first.investigation)
      if (choice === "beside" && beside?.result.investigation !== undefined)
        return yield* this.answered(beside.tier, beside.result.investigation)
      yield* this.passOn(findings.found)
      yield* this.passOn(found?.found)
      return undefined
    })
  }

  /** A model that may be asked beside a tier, and can take a call now. */
  private freeBeside(first: TierPipeline): Effect.Effect<TierPipeline | undefined> {
    return Effect.gen({ self: this }, function* () {
      for (const tier of candidates(first, this.parts.tiers, this.used, this.given.held))
        if (yield* isFree(tier)) return tier
      return undefined
    })
  }

  /** What a hop has shown, for those after it. */
  private took(tier: TierPipeline, { hop, isUnreachable, worth }: HopResult): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.hops.push(hop)
      this.calls.push({ tier: tier.service, worth })
      // One that was turned away beside another may have room when that has failed.
      if (hop.outcome !== "skipped") this.used.push({ tier, attempts: hop.attempts, isUnreachable })
      const failed = this.hops.filter(({ outcome, reason }) => outcome === "failed" && reason !== "overtaken")
      // Later ones may fail differently.
      if (failed.length === 1 && failed[0] === hop)
        yield* Effect.annotateCurrentSpan("kubernaut.cause.first", `${tier.service}: ${hop.reason}`)
    })
  }

  private answered({ service }: TierPipeline, investigation: Investigation): Effect.Effect<Investigation> {
    return Effect.as(
      Effect.annotateCurrentSpan({
        "kubernaut.investigator": service,
        "kubernaut.confidence": investigation.confidence
      }),
      investigation
    )
  }

  /** What a tier had found when it failed is for the tiers after it. */
  private passOn(found: PartialFindings | undefined): Effect.Effect<void> {
    if (found === undefined) return Effect.void
    const { remediationId: remediation } = this.request
    this.request = withFindings(this.request, found)
    return Effect.logInfo("Partial findings are passed to the next investigator").pipe(
      Effect.annotateLogs({ remediation, investigator: found.investigator, findings: found.findings.length })
    )
  }
}

/** Tries the tiers in order. It never fails. */
export const walk = (parts: Parts, request: InvestigationRequest): Effect.Effect<ChainResult> =>
  Effect.suspend(() => new Walk(parts, request).run).pipe(Effect.withSpan("investigate"))
