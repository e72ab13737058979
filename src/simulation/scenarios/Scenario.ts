/**
 * What a run is about: how large the cluster is, how often something breaks, how long it goes on, how the service is
 * set up.
 */

import type { Effect, Scope } from "effect"
import type { Investigator } from "../../investigation/Investigator.ts"
import type { Options } from "../../Kubernaut.ts"
import type { Fault } from "../faults/Fault.ts"

/** A tier of the fallback chain that is a model, by the name of its breaker. */
export type ModelTier = "holmesgpt" | "llm:alpha" | "llm:beta"

export interface Scenario {
  readonly name: string
  /** The safety phase: work comes in and things go wrong. */
  readonly durationMs: number
  /** The liveness phase at most: nothing new goes wrong, and what is pending has to come to an end. */
  readonly livenessMs: number
  /**
   * A workload breaks every so often. Alerts are some four times as many: pods have theirs, and each is repeated while
   * it fires.
   */
  readonly incidentEveryMs: number
  /** Deployments in the cluster. */
  readonly workloads: number
  /** How long a request to the cluster is under way, each way. */
  readonly clusterLatencyMs: readonly [leastMs: number, mostMs: number]
  /**
   * How soon a service that has ended is started again. One that does not live for a minute is waited for twice as long
   * each time, up to 80 s, as a kubelet does.
   */
  readonly restartMs: readonly [leastMs: number, mostMs: number]
  /** Names of fault kinds that may be drawn. Default: all that there are. */
  readonly faults?: ReadonlyArray<string>
  readonly service: Omit<Options, "cluster" | "investigators" | "rules">
  /**
   * Investigators of your own, asked in order before the rules. Made anew at each boot of the service, within its
   * process: what they keep in memory is lost in a crash, as it would be. They must wait by Effect's clock and draw
   * from Effect's `Random`, or the run is not the seed's any more.
   */
  readonly investigators?: Effect.Effect<ReadonlyArray<Investigator>, never, Scope.Scope>
  /** Which models there are, in the order in which they are asked. Default: none, rules alone. */
  readonly tiers?: ReadonlyArray<ModelTier>
  /** How long a model thinks about an alert. Default 0.5 to 20 s, short times as likely as long ones. */
  readonly modelLatencyMs?: readonly [leastMs: number, mostMs: number]
  /** What goes wrong, in place of what is drawn from the seed: for a scenario that is about one outage. */
  readonly plan?: ReadonlyArray<Fault>
  /** Tells every span and log line as `TextLeft`. Costs more than all the rest of a run. Default false. */
  readonly watchesText?: boolean
  /** The service exports its traces, to `TelemetrySink`. Default false. */
  readonly telemetry?: boolean
  /** How large a share of all kinds of faults a run has, drawn for each run from this range. Default: 0.02 to 0.4. */
  readonly faultShare?: readonly [least: number, most: number]
  /**
   * Between two faults of one kind, at the mean, drawn for each kind and run from this range. Default: from two minutes
   * to an hour.
   */
  readonly faultGapMs?: readonly [leastMs: number, mostMs: number]
}

const minuteMs = 60_000

/**
 * An hour of a working cluster: something breaks every 3.75 minutes, and with repeats, pods and storms an alert comes
 * every 30 seconds at the mean.
 */
export const steady: Scenario = {
  name: "steady",
  durationMs: 60 * minuteMs,
  livenessMs: 30 * minuteMs,
  incidentEveryMs: 3.75 * minuteMs,
  workloads: 8,
  clusterLatencyMs: [1, 20],
  restartMs: [500, 10_000],
  // Verification looks less often than by default: it is most of the work of an hour, and a look more finds nothing
  // more.
  service: { mode: "auto", verification: { pollInterval: "5 seconds", pollIntervalCap: "10 seconds" } }
}

/**
 * A month of a cluster as it is in life: something breaks every quarter of an hour, and half of all kinds of faults
 * come, each from once a day to once a month. For availability.
 */
export const month: Scenario = {
  ...steady,
  name: "month",
  durationMs: 30 * 24 * 60 * minuteMs,
  incidentEveryMs: 15 * minuteMs,
  faultShare: [0.5, 0.5],
  faultGapMs: [24 * 60 * minuteMs, 30 * 24 * 60 * minuteMs]
}

/** One workload breaks once. For following one remediation through. */
export const single: Scenario = {
  ...steady,
  name: "single",
  durationMs: minuteMs,
  incidentEveryMs: minuteMs,
  workloads: 1,
  faults: []
}

/** A busy hour with HolmesGPT and two LLM providers before the rules, and all that can go wrong with them. */
export const models: Scenario = {
  ...steady,
  name: "models",
  incidentEveryMs: minuteMs,
  tiers: ["holmesgpt", "llm:alpha", "llm:beta"]
}

/** People are asked before anything is done. */
export const reviews: Scenario = { ...models, name: "reviews", service: { ...steady.service, mode: "approve" } }

/** Every span and log line is looked at for secrets. */
export const secrets: Scenario = {
  ...models,
  name: "secrets",
  durationMs: 15 * minuteMs,
  incidentEveryMs: 30_000,
  watchesText: true
}
