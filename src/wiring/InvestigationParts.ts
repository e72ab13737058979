/** The fallback chain of the investigators that the options name. */

import { Effect, Layer, Option } from "effect"
import * as EvidenceGatherer from "../investigation/evidence/EvidenceGatherer.ts"
import { TargetMetrics } from "../investigation/evidence/TargetMetrics.ts"
import { InvestigationChain, make as makeChain } from "../investigation/InvestigationChain.ts"
import * as Rulebook from "../investigation/rules/Rulebook.ts"
import * as RuleInvestigator from "../investigation/rules/RuleInvestigator.ts"
import { SpendMeter } from "../investigation/spend/SpendMeter.ts"
import { checkInvestigators, type KubernautOptions, named } from "../KubernautOptions.ts"
import type { Pipeline } from "../resilience/pipeline/Pipeline.ts"
import { AccountSuspensions } from "../storage/AccountSuspensions.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import { ClusterPipeline } from "./ClusterParts.ts"

/** Where the suspensions of accounts are kept, with those that the process before this one has left. */
const suspensions = Effect.flatMap(
  Effect.serviceOption(AccountSuspensions),
  Option.match({
    onNone: () => Effect.succeed({}),
    onSome: ({ all, record }) =>
      Effect.map(
        // What cannot be read costs a call for each account.
        Effect.orElseSucceed(all, () => []),
        (kept) => ({ suspensions: { kept, record } })
      )
  })
)

/** The investigators in order, then the rules. Each tier except the rules is behind its own pipeline. */
export const chain = <E, R>({ investigation, investigators = [], rules }: KubernautOptions<E, R>) =>
  Layer.effect(
    InvestigationChain,
    Effect.gen(function* () {
      const history = yield* ActionHistory
      const { meterOf } = yield* SpendMeter
      const front = yield* checkInvestigators(Effect.isEffect(investigators) ? yield* investigators : investigators)
      const last = RuleInvestigator.make({
        rules: rules ?? (yield* Rulebook.standard).rules,
        // Rules work without the database: a record that cannot be read counts as no record.
        recordOf: (use, since) => Effect.catchCause(history.recordOf(use, since), () => Effect.undefined)
      })
      const metrics = Option.getOrUndefined(yield* Effect.serviceOption(TargetMetrics))
      const evidence = yield* EvidenceGatherer.make({
        heldUp: heldUp(yield* ClusterPipeline),
        ...(metrics === undefined ? {} : { metrics })
      })
      const parts = { investigators: [...front, last], evidence, meterOf, ...(yield* suspensions) }
      return yield* named("investigation")(makeChain({ ...investigation, ...parts }))
    })
  )

/** Whether requests to the cluster wait for a permit, or for probes of an open breaker. */
const heldUp = ({ bulkhead, circuitBreaker }: Pipeline): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { _tag } = circuitBreaker === undefined ? { _tag: "Closed" } : yield* circuitBreaker.state
    return (
      (_tag !== "Closed" && _tag !== "ForcedClosed") || (bulkhead !== undefined && (yield* bulkhead.state).waiting > 0)
    )
  })
