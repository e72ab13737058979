/**
 * Counts the calls to models, and keeps them within the budgets.
 *
 * **Details**
 *
 * - A call is reserved with its estimate before it is sent, and settled with what it cost after that (`Settlement`). The
 *   line is on disk before the call, so a crash in between leaves the estimate.
 * - A call that no budget has room for is not made. Its hop is skipped as `over-budget`, and the next tier is asked. What
 *   that one costs is checked in the same way, so a cheaper one, and one that costs nothing, still fits.
 * - **Without a working database** a durable budget cannot be checked. Then calls are counted in memory, against the
 *   budgets, on top of what the database had at the last call (`SpendMemory`); they are recorded as soon as it is back.
 *   So the same budgets bound what an outage of the database can cost. A process that starts in one knows of nothing
 *   that was spent before: an incident is more important than a budget.
 */

import { Context, Effect, Exit, Option, Random, type Scope } from "effect"
import type { InvestigatorName } from "../../domain/Investigation.ts"
import { type ModelCall, ModelCallId, serviceOf } from "../../domain/ModelCall.ts"
import type { RemediationId } from "../../domain/Remediation.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { base32, half } from "../../domain/Ulid.ts"
import { type EventHub, make as makeEventHub } from "../../resilience/EventHub.ts"
import * as Checkpoint from "../../resilience/pipeline/Checkpoint.ts"
import { type Budgets, BudgetUsedUp, type UsedUp } from "./Budget.ts"
import type { CallToMeter, Effort, Meter } from "./Meter.ts"
import { type ReportedUsage, ReportUsage } from "./ModelUsage.ts"
import { believed, estimateOf, type Most } from "./PossibleUsage.ts"
import { costOf } from "./Price.ts"
import { type Ledger, make as makeReservations } from "./Reservations.ts"
import { type Ended, settle } from "./Settlement.ts"
import { tell } from "./SpendSpan.ts"

/** The budgets, and the currency of prices and budgets as people read it. */
export interface SpendSettings {
  readonly budgets: Budgets
  readonly currency: string
}

/** No budget limits anything. */
export const defaults: SpendSettings = { budgets: {}, currency: "USD" }

/** For metrics. */
export type SpendEvent =
  /** A call is over. */
  | { readonly _tag: "Settled"; readonly call: ModelCall }
  /** A call was not made. */
  | { readonly _tag: "Refused"; readonly service: string; readonly used: UsedUp }

/** The hop that makes a call. */
export interface MeteredHop {
  readonly remediation: RemediationId
  readonly investigator: InvestigatorName
  readonly provider?: string
}

/** Makes the meters of hops. */
export class SpendMeter extends Context.Service<
  SpendMeter,
  {
    readonly meterOf: (hop: MeteredHop) => Meter
    readonly settings: SpendSettings
    readonly events: EventHub<SpendEvent>
  }
>()("kubernaut/investigation/spend/SpendMeter") {}

const newId = Effect.map(Effect.all([Timestamp.now, Random.Random]), ([now, random]): ModelCallId =>
  ModelCallId.make(
    `call-${[Timestamp.toMillis(now), random.nextDoubleUnsafe() * half, random.nextDoubleUnsafe() * half]
      .map((part, index) => base32(Math.floor(part), index === 0 ? 10 : 8))
      .join("")}`
  )
)

const spanNow = Effect.map(Effect.option(Effect.currentSpan), Option.getOrUndefined)

const reservation = Effect.fnUntraced(function* (hop: MeteredHop, { estimate, model, price }: CallToMeter) {
  const span = yield* spanNow
  const expected = estimateOf(estimate)
  return {
    id: yield* newId,
    at: yield* Timestamp.now,
    ...hop,
    ...(model === undefined ? {} : { model }),
    ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
    ...expected,
    cost: costOf(expected, price),
    basis: "estimated",
    state: "reserved"
  } satisfies ModelCall
})

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E | undefined =>
  Exit.isFailure(exit) ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error : undefined

const effortIn = <A, E>(exit: Exit.Exit<A, E>, effortOf: (error: E) => Effort): Effort => {
  const error = failureOf(exit)
  return error === undefined ? "worked" : effortOf(error)
}

/** What counts of a report. A peer that reports what cannot be true is one that an operator has to look at. */
const read = (call: ModelCall, reported: ReportedUsage, most: Most | undefined): Effect.Effect<ReportedUsage> => {
  const { isBelieved, usage } = believed(reported, most)
  if (isBelieved) return Effect.succeed(usage)
  const { cost, inputTokens, outputTokens } = reported
  return Effect.logWarning("A model reports more than a call can take, so the estimate counts").pipe(
    Effect.annotateLogs({ remediation: call.remediation, service: serviceOf(call), inputTokens, outputTokens, cost }),
    Effect.as(usage)
  )
}

/** Makes the meter. `ledger` absent: calls are counted in memory only. */
export const make = (
  settings: SpendSettings,
  ledger: Ledger | undefined
): Effect.Effect<SpendMeter["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const events = makeEventHub<SpendEvent>()
    const { put, record, remove, reserve } = makeReservations(settings.budgets, ledger)
    const scope = yield* Effect.scope
    let isRecording = false
    /** In the background: an answer does not wait for the database, which writes in order. Once at a time is enough. */
    const recordLater = Effect.suspend(() => {
      if (isRecording) return Effect.void
      isRecording = true
      const recorded = Effect.onExit(record, () => Effect.sync(() => void (isRecording = false)))
      return Effect.asVoid(Effect.forkIn(recorded, scope, { startImmediately: true }))
    })

    const refused = (call: ModelCall, used: UsedUp): BudgetUsedUp => {
      events.publish({ _tag: "Refused", service: serviceOf(call), used })
      return new BudgetUsedUp({ used })
    }

    const ended = (reserved: ModelCall, effort: Effort, how: Omit<Ended, "currency">): Effect.Effect<void> =>
      Effect.map(spanNow, (span) => {
        if (effort === "not-sent") return remove(reserved.id)
        const call = settle(reserved, { ...how, currency: settings.currency })
        put(call)
        tell(span, call, settings.currency)
        events.publish({ _tag: "Settled", call })
      })

    const meterOf =
      (hop: MeteredHop): Meter =>
      (call, run, effortOf) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const reserved = yield* reservation(hop, call)
            // The database may take its time, and the model's circuit may open meanwhile.
            const used = yield* Effect.onInterrupt(restore(Effect.tap(reserve(reserved), Checkpoint.current)), () => {
              remove(reserved.id)
              return recordLater
            })
            // What is in memory only, a crash would forget.
            yield* recordLater
            if (used !== undefined) return yield* refused(reserved, used)
            let reported: ReportedUsage | undefined
            const exit = yield* Effect.exit(
              restore(Effect.provideService(run, ReportUsage, (usage) => void (reported = usage)))
            )
            // A peer that tells what it took has worked, whatever its error says.
            const effort = reported === undefined ? effortIn(exit, effortOf) : "worked"
            const outcome = Exit.isSuccess(exit) ? "answered" : effort === "rejected" ? "rejected" : "failed"
            const usage = reported === undefined ? undefined : yield* read(reserved, reported, call.most)
            yield* ended(reserved, effort, { outcome, price: call.price, reported: usage })
            yield* recordLater
            return yield* exit
          })
        )

    return { events, meterOf, settings }
  })
