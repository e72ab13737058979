/**
 * Every metric of the service, under the names that dashboards and alerts rely on, and how events change them.
 *
 * No label contains external text. Services, tiers, states, action types and children are closed sets of this program
 * and its configuration, so the number of series is bounded.
 */

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import { isFinal, RemediationState } from "../domain/Remediation.ts"
import { RollbackOutcome, RollbackTrigger } from "../domain/Rollback.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { AlertStatus } from "../intake/Intake.ts"
import type { RemediationChange } from "../remediation/RemediationEvents.ts"
import { gaugeValue } from "../resilience/breaker/CircuitBreaker.ts"
import type { CircuitTag, ResilienceEvent } from "../resilience/ResilienceEvent.ts"
import * as Availability from "./Availability.ts"

const alertStatuses: ReadonlyArray<AlertStatus> = ["accepted", "duplicate", "resolved", "shed"]

const finalStates = RemediationState.literals.filter((state) => isFinal(state))

const circuitStates = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half-open",
  Isolated: "isolated",
  ForcedClosed: "forced-closed"
} as const satisfies Record<CircuitTag, string>

/** The service label of the database. */
const storage = "storage"

export interface Service {
  readonly name: string
  /** Read at every scrape. */
  readonly bulkheadInUse?: () => number
}

export interface InstrumentsOptions {
  /** The services behind pipelines. Their series exist from the start. */
  readonly services: ReadonlyArray<Service>
  readonly nowMs: () => number
  readonly spansDropped: () => number
  /** Includes Node's own process metrics. Default true. */
  readonly processMetrics?: boolean
}

const counter = <const Label extends string>(
  registers: Array<Registry>,
  name: string,
  help: string,
  labelNames: ReadonlyArray<Label>
) => new Counter<Label>({ name, help, labelNames: [...labelNames], registers })

const gauge = <const Label extends string>(
  registers: Array<Registry>,
  name: string,
  help: string,
  labelNames: ReadonlyArray<Label>
) => new Gauge<Label>({ name, help, labelNames: [...labelNames], registers })

/** One series for each service that is called through a pipeline. */
const serviceInstruments = (registers: Array<Registry>) => ({
  availability: gauge(
    registers,
    "kubernaut_service_availability_ratio",
    "Share of the last hour in which the service's circuit was closed, 0 to 1. For storage: in which the database stored alerts.",
    ["service"]
  ),
  recoveryTime: gauge(
    registers,
    "kubernaut_recovery_time_seconds",
    "Duration of the service's last recovery, from the opening of its circuit until it was closed again.",
    ["service"]
  ),
  breakerState: gauge(
    registers,
    "kubernaut_circuit_breaker_state",
    "State of the service's circuit breaker: 0 closed, 1 open, 2 half-open. Isolated by an operator counts as 1, forced closed as 0.",
    ["service"]
  ),
  breakerTransitions: counter(
    registers,
    "kubernaut_circuit_breaker_transitions_total",
    "Changes of a circuit breaker's state.",
    ["service", "from", "to"]
  ),
  requests: counter(
    registers,
    "kubernaut_requests_total",
    "Calls through the resilience pipeline by outcome: success, failure, ignored (no evidence about the service) or rejected (not sent).",
    ["service", "outcome"]
  ),
  retries: counter(registers, "kubernaut_retry_attempts_total", "Attempts after the first one of a call.", ["service"]),
  bulkheadInUse: gauge(registers, "kubernaut_bulkhead_in_use", "Calls in flight.", ["service"])
})

/** The alerts and what was done about them. */
const remediationInstruments = (registers: Array<Registry>) => ({
  level: gauge(
    registers,
    "kubernaut_degradation_level",
    "Degradation level: 0 full, 1 reduced AI, 2 rule-based, 3 emergency.",
    []
  ),
  emergencyStop: gauge(
    registers,
    "kubernaut_emergency_stop",
    "Whether the emergency stop is set, so that no new action starts: 1 or 0. Absent while it cannot be read.",
    []
  ),
  fallbacks: counter(
    registers,
    "kubernaut_fallback_activations_total",
    "Hops down the investigation chain, from a tier without a result to the next.",
    ["from", "to"]
  ),
  alerts: counter(registers, "kubernaut_alerts_received_total", "Alerts received, by their admission.", ["status"]),
  truncated: counter(
    registers,
    "kubernaut_alerts_truncated_total",
    "Alerts that the sender left out of its posts (max_alerts), and that are therefore not handled.",
    []
  ),
  remediations: counter(registers, "kubernaut_remediations_total", "Remediations that ended, by final state.", [
    "state"
  ]),
  duration: new Histogram({
    name: "kubernaut_remediation_duration_seconds",
    help: "From the acceptance of an alert to the end of its remediation, without those that joined another.",
    // From a trivial case on a quick cluster to one that waited an hour for a person.
    buckets: [0.005, 0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600],
    registers
  }),
  actions: counter(
    registers,
    "kubernaut_actions_total",
    "Actions on the cluster by whether they were applied: yes, no or unknown.",
    ["action", "outcome"]
  ),
  reviews: counter(
    registers,
    "kubernaut_reviews_total",
    "Reviews by what became of them: approved, rejected, timed-out (nobody answered) or expired (an approval was not used in time).",
    ["outcome"]
  ),
  rollbacks: counter(
    registers,
    "kubernaut_rollbacks_total",
    "Rollbacks of actions by their trigger and outcome: restored, not-restored, unknown, or stopped (nothing was written).",
    ["trigger", "outcome"]
  ),
  restarts: counter(registers, "kubernaut_supervisor_restarts_total", "Restarts of supervised parts of the service.", [
    "child"
  ])
})

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
  readonly #options: InstrumentsOptions
  readonly #availability = new Map<string, Availability.Record>()
  readonly #ofService = serviceInstruments([this.registry])
  readonly #ofWork = remediationInstruments([this.registry])

  constructor(options: InstrumentsOptions) {
    this.#options = options
    void new Counter({
      name: "kubernaut_spans_dropped_total",
      help: "Spans that could not be exported.",
      registers: [this.registry],
      collect() {
        this.reset()
        this.inc(options.spansDropped())
      }
    })
    this.#startSeries(options.nowMs())
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.registry })
  }

  /** All metrics in Prometheus' text format. */
  expose(): Promise<string> {
    const nowMs = this.#options.nowMs()
    for (const [service, record] of this.#availability)
      this.#ofService.availability.set({ service }, Availability.ratio(record, nowMs))
    for (const { bulkheadInUse, name } of this.#options.services)
      if (bulkheadInUse !== undefined) this.#ofService.bulkheadInUse.set({ service: name }, bulkheadInUse())
    return this.registry.metrics()
  }

  // If a counter appears with its first event, `rate()` misses that event.
  #startSeries(startMs: number): void {
    this.#availability.set(storage, Availability.watchedSince(startMs))
    for (const { name: service } of this.#options.services) {
      this.#availability.set(service, Availability.watchedSince(startMs))
      this.#ofService.breakerState.set({ service }, 0)
      this.#ofService.retries.inc({ service }, 0)
      for (const outcome of ["success", "failure", "ignored", "rejected"])
        this.#ofService.requests.inc({ service, outcome }, 0)
    }
    for (const status of alertStatuses) this.#ofWork.alerts.inc({ status }, 0)
    for (const outcome of reviewOutcomes) this.#ofWork.reviews.inc({ outcome }, 0)
    for (const state of finalStates) this.#ofWork.remediations.inc({ state }, 0)
    for (const trigger of RollbackTrigger.literals)
      for (const outcome of RollbackOutcome.literals) this.#ofWork.rollbacks.inc({ trigger, outcome }, 0)
    this.#ofWork.level.set(0)
    this.#ofWork.truncated.inc(0)
  }

  readonly onResilience = (event: ResilienceEvent): void => {
    switch (event._tag) {
      case "CallSucceeded":
        return this.#ofService.requests.inc({ service: event.pipeline, outcome: "success" })
      case "CallFailed":
        return this.#ofService.requests.inc({ service: event.pipeline, outcome: "failure" })
      case "CallIgnored":
        return this.#ofService.requests.inc({ service: event.pipeline, outcome: "ignored" })
      case "CallRejected":
        return this.#ofService.requests.inc({ service: event.pipeline, outcome: "rejected" })
      case "AttemptRetried":
        return this.#ofService.retries.inc({ service: event.pipeline })
      case "BreakerTransition":
        return this.#onTransition(event.breaker, event.from, event.to)
      case "ChildRestarted":
        return this.#ofWork.restarts.inc({ child: event.child })
      default:
        return undefined
    }
  }

  #onTransition(service: string, from: CircuitTag, to: CircuitTag): void {
    this.#ofService.breakerState.set({ service }, gaugeValue(to))
    this.#ofService.breakerTransitions.inc({ service, from: circuitStates[from], to: circuitStates[to] })
    this.#onAvailability(service, gaugeValue(to) === 0)
  }

  /** The database has no circuit breaker. It is down while it stores nothing. */
  readonly onStorage = (isUp: boolean): void => this.#onAvailability(storage, isUp)

  #onAvailability(service: string, isUp: boolean): void {
    const nowMs = this.#options.nowMs()
    const record = this.#availability.get(service) ?? Availability.watchedSince(nowMs)
    if (!isUp) {
      this.#availability.set(service, Availability.down(record, nowMs))
      return
    }
    const [recovered, recoveryMs] = Availability.up(record, nowMs)
    this.#availability.set(service, recovered)
    if (recoveryMs !== undefined) this.#ofService.recoveryTime.set({ service }, recoveryMs / 1000)
  }

  readonly onFallback = ({ from, to }: { readonly from: string; readonly to: string }): void =>
    this.#ofWork.fallbacks.inc({ from, to })

  /** `undefined`: it could not be read. */
  readonly onEmergencyStop = (isSet: boolean | undefined): void => {
    if (isSet === undefined) this.#ofWork.emergencyStop.remove()
    else this.#ofWork.emergencyStop.set(isSet ? 1 : 0)
  }

  readonly onLevel = (level: DegradationLevel): void => this.#ofWork.level.set(level)

  readonly onAlert = (status: AlertStatus): void => this.#ofWork.alerts.inc({ status })

  readonly onTruncated = (count: number): void => this.#ofWork.truncated.inc(count)

  /** For an alert whose remediation ended on admission, without an event. */
  readonly onEnded = (state: "Joined" | "Observed"): void => this.#ofWork.remediations.inc({ state })

  readonly onRemediation = ({ event, remediation }: RemediationChange): void => {
    const review = reviewOutcome(event, remediation)
    if (review !== undefined) this.#ofWork.reviews.inc({ outcome: review })
    if (event === "Executed") {
      const execution = remediation.executions.at(-1)
      if (execution?.outcome !== undefined)
        this.#ofWork.actions.inc({ action: execution.intent.action.type, outcome: execution.outcome.applied })
    }
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
}
