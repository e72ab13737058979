/** The metrics of the services that are called through a pipeline, and of the database: one series for each service. */

import { suspensionReasons } from "../investigation/chain/Account.ts"
import { type CircuitBreaker, gaugeValue } from "../resilience/breaker/CircuitBreaker.ts"
import type { CircuitTag, ResilienceEvent } from "../resilience/ResilienceEvent.ts"
import * as Availability from "./Availability.ts"
import * as BoundedLabel from "./BoundedLabel.ts"
import type { Registering } from "./Registering.ts"

const circuitStates = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half-open",
  Isolated: "isolated",
  ForcedClosed: "forced-closed",
  Suspended: "suspended"
} as const satisfies Record<CircuitTag, string>

/** The transitions that matter to alerts. Their series exist from the start. */
const expected: ReadonlyArray<readonly [CircuitTag, CircuitTag]> = [
  ["Closed", "Open"],
  ["Open", "HalfOpen"],
  ["HalfOpen", "Closed"],
  ["HalfOpen", "Open"],
  ["Closed", "Isolated"],
  ["Open", "Isolated"],
  ["HalfOpen", "Isolated"],
  ["Closed", "ForcedClosed"],
  ["Open", "ForcedClosed"],
  ["HalfOpen", "ForcedClosed"],
  ["Closed", "Suspended"],
  ["HalfOpen", "Suspended"],
  ["Suspended", "Closed"]
]

/** The service label of the database. */
const storage = "storage"

export interface Service {
  readonly name: string
  /** Read at every scrape. */
  readonly bulkheadInUse?: () => number
  /** Read at every scrape, because it may be suspended since before the start. */
  readonly breaker?: Pick<CircuitBreaker, "suspendedUnsafe" | "tagUnsafe">
  /**
   * Whether somebody else says when the service has recovered (`onRecovered`), because that takes more than a closed
   * circuit. Default false.
   */
  readonly isRestored?: boolean
}

const instruments = ({ counter, gauge, histogram }: Registering) => ({
  availability: gauge(
    "kubernaut_service_availability_ratio",
    "Share of the last hour in which the service's circuit was closed, 0 to 1. For storage: in which the database stored alerts. Absent until it was called or probed once.",
    ["service"]
  ),
  recoveryTime: gauge(
    "kubernaut_recovery_time_seconds",
    "Seconds that the service's last recovery took, from the failure until it was fully in use again. Absent until it has recovered once.",
    ["service"]
  ),
  breakerState: gauge(
    "kubernaut_circuit_breaker_state",
    "State of the service's circuit breaker: 0 closed, 1 open, 2 half-open. Isolated by an operator and suspended count as 1, forced closed as 0.",
    ["service"]
  ),
  suspended: gauge(
    "kubernaut_service_suspended",
    "Whether the service is not called because of this, until somebody changes something or a trial succeeds: 1 or 0. Reasons: out-of-money, wrong-key.",
    ["service", "reason"]
  ),
  breakerTransitions: counter("kubernaut_circuit_breaker_transitions_total", "Changes of a circuit breaker's state.", [
    "service",
    "from",
    "to"
  ]),
  requests: counter(
    "kubernaut_requests_total",
    "Calls through the resilience pipeline by outcome: success, failure, ignored (no evidence about the service) or rejected (not sent).",
    ["service", "outcome"]
  ),
  duration: histogram(
    "kubernaut_request_duration_seconds",
    "Seconds that a call through the resilience pipeline took, with all attempts and waits, by outcome: success or failure.",
    [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    ["service", "outcome"]
  ),
  retries: counter("kubernaut_retry_attempts_total", "Attempts after the first one of a call.", ["service"]),
  bulkheadInUse: gauge("kubernaut_bulkhead_in_use", "Calls in flight.", ["service"])
})

export class ServiceInstruments {
  readonly #services: ReadonlyArray<Service>
  readonly #nowMs: () => number
  readonly #metrics: ReturnType<typeof instruments>
  readonly #availability = new Map<string, Availability.Record>()
  readonly #label: (name: string) => string

  constructor(registering: Registering, services: ReadonlyArray<Service>, nowMs: () => number) {
    this.#services = services
    this.#nowMs = nowMs
    this.#metrics = instruments(registering)
    this.#label = BoundedLabel.make([storage, ...services.map(({ name }) => name)])
    // The database was opened before anything else.
    this.#availability.set(storage, Availability.watchedSince(nowMs()))
    for (const { name } of services) this.#startSeries(name)
  }

  // If a counter appears with its first event, `rate()` misses that event.
  #startSeries(service: string): void {
    this.#metrics.breakerState.set({ service }, 0)
    this.#metrics.retries.inc({ service }, 0)
    this.#suspend(service, undefined)
    for (const [from, to] of expected)
      this.#metrics.breakerTransitions.inc({ service, from: circuitStates[from], to: circuitStates[to] }, 0)
    for (const outcome of ["success", "failure", "ignored", "rejected"])
      this.#metrics.requests.inc({ service, outcome }, 0)
    for (const outcome of ["success", "failure"]) this.#metrics.duration.zero({ service, outcome })
  }

  /** What is computed at every scrape. */
  refresh(): void {
    const nowMs = this.#nowMs()
    for (const [service, record] of this.#availability)
      this.#metrics.availability.set({ service }, Availability.ratio(record, nowMs))
    for (const { breaker, bulkheadInUse, name: service } of this.#services) {
      if (bulkheadInUse !== undefined) this.#metrics.bulkheadInUse.set({ service }, bulkheadInUse())
      if (breaker === undefined) continue
      this.#metrics.breakerState.set({ service }, gaugeValue(breaker.tagUnsafe))
      this.#suspend(service, breaker.suspendedUnsafe)
    }
  }

  readonly onResilience = (event: ResilienceEvent): void => {
    switch (event._tag) {
      case "CallSucceeded":
        return this.#onAnswer(event.pipeline, "success", event.durationMs)
      case "CallFailed":
        return this.#onAnswer(event.pipeline, "failure", event.durationMs)
      case "CallIgnored":
        return this.#metrics.requests.inc({ service: this.#label(event.pipeline), outcome: "ignored" })
      case "CallRejected":
        return this.#metrics.requests.inc({ service: this.#label(event.pipeline), outcome: "rejected" })
      case "AttemptRetried":
        return this.#metrics.retries.inc({ service: this.#label(event.pipeline) })
      case "BreakerTransition":
        return this.#onTransition(this.#label(event.breaker), event.from, event.to)
      default:
        return undefined
    }
  }

  /** The database has no circuit breaker. It is down while it stores nothing. */
  readonly onStorage = (isUp: boolean): void => this.#onAvailability(storage, isUp)

  /** The service is fully in use again. */
  readonly onRecovered = (service: string, durationMs: number): void =>
    this.#metrics.recoveryTime.set({ service: this.#label(service) }, durationMs / 1000)

  #onAnswer(pipeline: string, outcome: "success" | "failure", durationMs: number): void {
    const service = this.#label(pipeline)
    this.#metrics.requests.inc({ service, outcome })
    this.#metrics.duration.observe({ service, outcome }, durationMs / 1000)
    this.#onKnown(service)
  }

  /** A probe has reached the service, or found it out. Names of other checks are ignored. */
  readonly onSeen = (service: string): void => {
    if (this.#services.some(({ name }) => name === service)) this.#onKnown(service)
  }

  #onKnown(service: string): void {
    if (!this.#availability.has(service)) this.#availability.set(service, Availability.watchedSince(this.#nowMs()))
  }

  #suspend(service: string, why: string | undefined): void {
    for (const reason of suspensionReasons) this.#metrics.suspended.set({ service, reason }, why === reason ? 1 : 0)
  }

  #onTransition(service: string, from: CircuitTag, to: CircuitTag): void {
    this.#metrics.breakerState.set({ service }, gaugeValue(to))
    this.#metrics.breakerTransitions.inc({ service, from: circuitStates[from], to: circuitStates[to] })
    this.#onAvailability(service, gaugeValue(to) === 0)
  }

  #onAvailability(service: string, isUp: boolean): void {
    const nowMs = this.#nowMs()
    const record = this.#availability.get(service) ?? Availability.watchedSince(nowMs)
    if (!isUp) {
      this.#availability.set(service, Availability.down(record, nowMs))
      return
    }
    const [recovered, recoveryMs] = Availability.up(record, nowMs)
    this.#availability.set(service, recovered)
    const isRestored = this.#services.some(({ isRestored, name }) => name === service && isRestored === true)
    if (recoveryMs !== undefined && !isRestored) this.onRecovered(service, recoveryMs)
  }
}
