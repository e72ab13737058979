/**
 * Every metric of the service, under the names that dashboards and alerts rely on, and how events change them.
 *
 * No label contains external text. Services, tiers, states, action types and children are closed sets of this program
 * and its configuration, and `BoundedLabel` bounds the names that are not known from the start. So the number of series
 * is bounded.
 *
 * Counters and histograms begin at 0 with each process, as Prometheus expects. The business figures do not: they are
 * read from the database at every scrape (`StandingInstruments`).
 */

import { collectDefaultMetrics, Counter, Registry } from "prom-client"
import { InvestigatorName } from "../domain/Investigation.ts"
import { isFinal, RemediationState } from "../domain/Remediation.ts"
import { RollbackOutcome, RollbackTrigger } from "../domain/Rollback.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { Finding } from "../health/HealthSupervisor.ts"
import type { AlertReceived } from "../intake/Intake.ts"
import type { Posted } from "../intake/PostTimes.ts"
import type { HedgeEvent } from "../investigation/InvestigationChain.ts"
import type { SpendEvent } from "../investigation/spend/SpendMeter.ts"
import type { RemediationChange } from "../remediation/RemediationEvents.ts"
import type { ResilienceEvent } from "../resilience/ResilienceEvent.ts"
import * as BoundedLabel from "./BoundedLabel.ts"
import { on, type Registering } from "./Registering.ts"
import { type Service, ServiceInstruments } from "./ServiceInstruments.ts"
import { SpendInstruments } from "./SpendInstruments.ts"
import { type Standing, StandingInstruments } from "./StandingInstruments.ts"

export type { Service } from "./ServiceInstruments.ts"
export type { Standing } from "./StandingInstruments.ts"

const alertStatuses: ReadonlyArray<AlertReceived["status"]> = ["accepted", "duplicate", "resolved", "shed", "spooled"]

const finalStates = RemediationState.literals.filter((state) => isFinal(state))

/** The services that call models. */
const modelTier = /^(holmesgpt$|llm:)/

export interface InstrumentsOptions {
  /** The services behind pipelines. Their series exist from the start. */
  readonly services: ReadonlyArray<Service>
  readonly nowMs: () => number
  readonly spansDropped: () => number
  /** The version and the mode of the service. Default: not shown. */
  readonly build?: { readonly version: string; readonly mode: string }
  /** Includes Node's own process metrics. Default true. */
  readonly processMetrics?: boolean
}

/** The alerts and what was done about them. */
const workInstruments = ({ counter, histogram }: Registering) => ({
  fallbacks: counter(
    "kubernaut_fallback_activations_total",
    "Hops down the investigation chain, from a tier without a result to the next.",
    ["from", "to"]
  ),
  hedges: counter(
    "kubernaut_hedges_total",
    "HolmesGPT showed no sign of work, and another model was to be asked beside it, by what came of it: won (the other answer was used), lost (HolmesGPT answered), failed (neither did), no-token (the retry budget had none) or no-model (none was free).",
    ["outcome"]
  ),
  alerts: counter("kubernaut_alerts_received_total", "Alerts received, by their admission.", ["status"]),
  truncated: counter(
    "kubernaut_alerts_truncated_total",
    "Alerts that the sender left out of its posts (max_alerts), and that are therefore not handled."
  ),
  intake: histogram(
    "kubernaut_intake_duration_seconds",
    "Seconds from the receipt of a post of alerts until it was committed, or refused, by outcome: stored, shed (all of it) or failed.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ["outcome"]
  ),
  investigation: histogram(
    "kubernaut_investigation_duration_seconds",
    "Seconds of one tier's turn in an investigation, with its retries, by outcome: answered or failed. A tier that was skipped or overtaken has none.",
    [0.01, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300],
    ["service", "outcome"]
  ),
  action: histogram(
    "kubernaut_action_duration_seconds",
    "Seconds from the intent of an action to the end of its execution. A restart of the service in between counts.",
    [0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800],
    ["action"]
  ),
  remediations: counter("kubernaut_remediations_total", "Remediations that ended, by final state.", ["state"]),
  duration: histogram(
    "kubernaut_remediation_duration_seconds",
    "Seconds from the acceptance of an alert to the end of its remediation, without those that joined another.",
    // From a trivial case on a quick cluster to one that waited an hour for a person.
    [0.005, 0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600]
  ),
  actions: counter(
    "kubernaut_actions_total",
    "Actions on the cluster by whether they were applied: yes, no or unknown.",
    ["action", "outcome"]
  ),
  reviews: counter(
    "kubernaut_reviews_total",
    "Reviews by what became of them: approved, rejected, timed-out (nobody answered) or expired (an approval was not used in time).",
    ["outcome"]
  ),
  rollbacks: counter(
    "kubernaut_rollbacks_total",
    "Rollbacks of actions by their trigger and outcome: restored, not-restored, unknown, or stopped (nothing was written).",
    ["trigger", "outcome"]
  ),
  restarts: counter("kubernaut_supervisor_restarts_total", "Restarts of supervised parts of the service.", ["child"])
})

const hedgeOutcomes: ReadonlyArray<HedgeEvent["outcome"]> = ["won", "lost", "failed", "no-token", "no-model"]

const reviewOutcomes = ["approved", "rejected", "timed-out", "expired"] as const

/** What became of a review or of an approval, if the event says so. */
const reviewOutcome = (
  event: RemediationChange["event"],
  { review }: RemediationChange["remediation"]
): (typeof reviewOutcomes)[number] | undefined => {
  switch (event) {
    case "Reviewed":
      return review?.answer
    case "ReviewTimedOut":
      return "timed-out"
    case "ApprovalExpired":
      return "expired"
    default:
      return undefined
  }
}

export class Instruments {
  readonly registry = new Registry()
  readonly #registering = on(this.registry)
  readonly #services: ServiceInstruments
  readonly #ofWork = workInstruments(this.#registering)
  readonly #spend: SpendInstruments
  readonly #standing = new StandingInstruments(this.#registering)
  readonly #tier: (name: string) => string
  readonly #child = BoundedLabel.make()

  constructor(options: InstrumentsOptions) {
    const { build, processMetrics = true, services, spansDropped } = options
    this.#services = new ServiceInstruments(this.#registering, services, options.nowMs)
    this.#tier = BoundedLabel.make(services.map(({ name }) => name))
    const models = services.map(({ name }) => name).filter((name) => modelTier.test(name))
    this.#spend = new SpendInstruments(this.#registering, models, this.#tier)
    void new Counter({
      name: "kubernaut_spans_dropped_total",
      help: "Spans that could not be exported.",
      registers: [this.registry],
      collect() {
        this.reset()
        this.inc(spansDropped())
      }
    })
    if (build !== undefined)
      this.#registering
        .gauge("kubernaut_build_info", "Always 1. Its labels say which version runs, and in which mode.", [
          "version",
          "mode"
        ])
        .set(build, 1)
    this.#startSeries(services)
    if (processMetrics) collectDefaultMetrics({ register: this.registry })
  }

  /** All metrics in Prometheus' text format. `standing` holds now. */
  expose(standing?: Standing): Promise<string> {
    if (standing !== undefined) this.#standing.show(standing)
    this.#services.refresh()
    return this.registry.metrics()
  }

  // If a counter appears with its first event, `rate()` misses that event.
  #startSeries(services: ReadonlyArray<Service>): void {
    for (const status of alertStatuses) this.#ofWork.alerts.inc({ status }, 0)
    for (const outcome of ["stored", "shed", "failed"] as const) this.#ofWork.intake.zero({ outcome })
    for (const outcome of reviewOutcomes) this.#ofWork.reviews.inc({ outcome }, 0)
    for (const state of finalStates) this.#ofWork.remediations.inc({ state }, 0)
    for (const trigger of RollbackTrigger.literals)
      for (const outcome of RollbackOutcome.literals) this.#ofWork.rollbacks.inc({ trigger, outcome }, 0)
    for (const outcome of hedgeOutcomes) this.#ofWork.hedges.inc({ outcome }, 0)
    this.#ofWork.truncated.inc(0)
    const tiers = InvestigatorName.literals.filter((name) =>
      [...services.map(({ name }) => name.split(":")[0]), "rules"].includes(name)
    )
    for (const from of tiers)
      for (const to of tiers) if (from !== to || from === "llm") this.#ofWork.fallbacks.inc({ from, to }, 0)
  }

  readonly onResilience = (event: ResilienceEvent): void => {
    if (event._tag === "ChildRestarted") this.#ofWork.restarts.inc({ child: this.#child(event.child) })
    else this.#services.onResilience(event)
  }

  /** The database has no circuit breaker. It is down while it stores nothing. */
  readonly onStorage = (isUp: boolean): void => this.#services.onStorage(isUp)

  /** The service is fully in use again. */
  readonly onRecovered = ({ durationMs, service }: { readonly service: string; readonly durationMs: number }): void =>
    this.#services.onRecovered(service, durationMs)

  /** A probe of a service has found something out, so that its availability is known. */
  readonly onFinding = ({ name, status }: Pick<Finding, "name" | "status">): void => {
    if (status !== "unknown") this.#services.onSeen(name)
  }

  readonly onFallback = ({ from, to }: { readonly from: InvestigatorName; readonly to: InvestigatorName }): void =>
    this.#ofWork.fallbacks.inc({ from, to })

  readonly onHedge = ({ outcome }: HedgeEvent): void => this.#ofWork.hedges.inc({ outcome })

  readonly onSpend = (event: SpendEvent): void => this.#spend.onSpend(event)

  readonly onAlert = (status: AlertReceived["status"]): void => this.#ofWork.alerts.inc({ status })

  readonly onTruncated = (count: number): void => this.#ofWork.truncated.inc(count)

  readonly onPosted = ({ durationMs, outcome }: Posted): void =>
    this.#ofWork.intake.observe({ outcome }, durationMs / 1000)

  /** For an alert whose remediation ended on admission, without an event. */
  readonly onEnded = (state: "Joined" | "Observed"): void => this.#ofWork.remediations.inc({ state })

  readonly onRemediation = ({ event, remediation }: RemediationChange): void => {
    const review = reviewOutcome(event, remediation)
    if (review !== undefined) this.#ofWork.reviews.inc({ outcome: review })
    if (event === "Investigated") this.#onHops(remediation)
    if (event === "Executed") this.#onExecuted(remediation)
    const { rollback } = remediation
    if (event === "Concluded" && rollback?.outcome !== undefined)
      this.#ofWork.rollbacks.inc({ trigger: rollback.trigger, outcome: rollback.outcome })
    if ((event === "Concluded" || event === "Joined") && isFinal(remediation.state)) {
      this.#ofWork.remediations.inc({ state: remediation.state })
      // A person may ask for a rollback long after the end.
      if (remediation.state !== "Joined" && rollback?.trigger !== "operator") {
        this.#ofWork.duration.observe((toMillis(remediation.updatedAt) - toMillis(remediation.receivedAt)) / 1000)
      }
    }
  }

  #onHops({ hops }: RemediationChange["remediation"]): void {
    for (const { durationMs, investigator, outcome, provider, reason } of hops) {
      const service = this.#tier(provider === undefined ? investigator : `${investigator}:${provider}`)
      if (outcome !== "skipped" && reason !== "overtaken")
        this.#ofWork.investigation.observe({ service, outcome }, durationMs / 1000)
    }
  }

  #onExecuted({ executions }: RemediationChange["remediation"]): void {
    const { intent, outcome } = executions.at(-1) ?? {}
    if (intent === undefined || outcome === undefined) return
    const action = intent.action.type
    this.#ofWork.actions.inc({ action, outcome: outcome.applied })
    const seconds = (toMillis(outcome.finishedAt) - toMillis(intent.plannedAt)) / 1000
    // A clock that was set back says nothing.
    if (seconds >= 0) this.#ofWork.action.observe({ action }, seconds)
  }
}
