/**
 * What a run simulates: the size of the cluster, how often something breaks, how long it takes, how the service is
 * configured.
 */

import type { Effect, Scope } from "effect"
import type { Investigator } from "../../investigation/Investigator.ts"
import type { Options } from "../../Kubernaut.ts"
import type { Fault } from "../faults/Fault.ts"

/** A tier of the fallback chain that is a model, by the name of its breaker. */
export type ModelTier = "holmesgpt" | "llm:alpha" | "llm:beta"

/**
 * A scenario. Derive your own from one below. `Runner.runSeed` takes any; a scenario for the command line or for
 * `Runner.runSeeds` needs a line in `Scenarios`.
 *
 * ```ts
 * import { Runner, Scenario } from "kubernaut/simulation"
 *
 * const partitioned: Scenario.Scenario = {
 *   ...Scenario.single,
 *   name: "partitioned",
 *   plan: [
 *     {
 *       kind: "network-partition",
 *       atMs: 0,
 *       forMs: 60_000,
 *       parameters: { peers: ["cluster"], lost: "both" }
 *     }
 *   ]
 * }
 * Runner.runSeed({ seed: 1, scenario: partitioned }).failure // => undefined
 * ```
 */
export interface Scenario {
  /** Identifies it on the command line and in the report. */
  readonly name: string
  /** The length of the safety phase, in which work comes in and faults happen. */
  readonly durationMs: number
  /** The maximum length of the liveness phase, in which nothing new breaks and pending work must complete. */
  readonly livenessMs: number
  /**
   * The interval at which a workload breaks. There are some four times as many alerts: pods have their own, and each is
   * repeated while it fires.
   */
  readonly incidentEveryMs: number
  /** The number of Deployments in the cluster. */
  readonly workloads: number
  /** Whether the cluster has StatefulSets and DaemonSets besides, which break as well. Default false. */
  readonly sets?: boolean
  /** The latency of a message, each way. */
  readonly clusterLatencyMs: readonly [leastMs: number, mostMs: number]
  /**
   * The wait before a service that has ended is restarted. It doubles, up to 80 s, each time the service does not live
   * for a minute, as with a kubelet.
   */
  readonly restartMs: readonly [leastMs: number, mostMs: number]
  /** The names of the fault kinds that may be drawn. Default: all. */
  readonly faults?: ReadonlyArray<string>
  /** Options of `Kubernaut.layer`, such as the mode and the guardrails. */
  readonly service: Omit<Options, "cluster" | "investigators" | "rules">
  /**
   * Your own investigators, which run in order before the rules. They are built at each boot of the service, within its
   * process, so a crash loses what they keep in memory. They must use Effect's `Clock` and `Random`; otherwise the run
   * is not reproducible.
   */
  readonly investigators?: Effect.Effect<ReadonlyArray<Investigator>, never, Scope.Scope>
  /** The model tiers, in the order of the fallback chain. Default: none, only rules. */
  readonly tiers?: ReadonlyArray<ModelTier>
  /** Model calls have budgets, which are tight in half of the runs (`farEnds/ModelSpend`). Default false: no budgets. */
  readonly budgets?: boolean
  /**
   * A language model is asked beside a slow HolmesGPT, after times in milliseconds; with `true` in half of the runs,
   * after times that are drawn (`farEnds/Hedging`). Default false.
   */
  readonly hedges?: boolean | { readonly after: number; readonly deadline: number }
  /** How long a model takes to answer. Default 0.5 to 20 s; each order of magnitude has the same probability. */
  readonly modelLatencyMs?: readonly [leastMs: number, mostMs: number]
  /** Replaces the faults drawn from the seed, for a scenario about one outage. */
  readonly plan?: ReadonlyArray<Fault>
  /** Publishes every span and log line as `TextLeft`, which costs more than the rest of a run. Default false. */
  readonly watchesText?: boolean
  /** Alerts fire about symptoms that no object shows, and the service can query Alertmanager. Default false. */
  readonly symptoms?: boolean
  /** The share of ended remediations that a person asks to roll back. Default 0. */
  readonly rollbackShare?: number
  /** The service exports its traces, to `TelemetrySink`. Default false. */
  readonly telemetry?: boolean
  /** People are notified, by a webhook, a chat and an Alertmanager. Default false. */
  readonly notifications?: boolean
  /** The service sees the CPU and memory of its container. Default false. */
  readonly pressure?: boolean
  /** The service asks an Alertmanager through its API, and watches for the alert that always fires. Default false. */
  readonly watchdog?: boolean
  /** Somebody asks the service for its status, the reviews, the audit log and the orders, six times a minute. */
  readonly visitors?: boolean
  /** The share of all fault kinds in a run, drawn for each run from this range. Default: 0.02 to 0.4. */
  readonly faultShare?: readonly [least: number, most: number]
  /**
   * The mean gap between two faults of one kind, drawn for each kind and run from this range. Default: two minutes to
   * an hour.
   */
  readonly faultGapMs?: readonly [leastMs: number, mostMs: number]
}

/** The name of the alerts about symptoms that no object shows. */
export const symptomAlert = "HighErrorRate"

const minuteMs = 60_000

/**
 * An hour of a busy cluster: a workload breaks every 3.75 minutes, and with repeats, pods and storms an alert comes
 * every 30 seconds on average.
 */
export const steady: Scenario = {
  name: "steady",
  durationMs: 60 * minuteMs,
  livenessMs: 30 * minuteMs,
  incidentEveryMs: 3.75 * minuteMs,
  workloads: 8,
  sets: true,
  clusterLatencyMs: [1, 20],
  restartMs: [500, 10_000],
  // Verification polls less often than by default: it is most of the work of an hour, and more polls find nothing new.
  service: { mode: "auto", verification: { pollInterval: "5 seconds", pollIntervalCap: "10 seconds" } }
}

/**
 * A month of an ordinary cluster with HolmesGPT and two LLM providers, to measure availability: a workload breaks every
 * quarter of an hour, and half of all fault kinds happen, each between once a day and once a month.
 */
export const month: Scenario = {
  ...steady,
  name: "month",
  durationMs: 30 * 24 * 60 * minuteMs,
  incidentEveryMs: 15 * minuteMs,
  tiers: ["holmesgpt", "llm:alpha", "llm:beta"],
  faultShare: [0.5, 0.5],
  faultGapMs: [24 * 60 * minuteMs, 30 * 24 * 60 * minuteMs]
}

/** One workload breaks once, to follow one remediation. */
export const single: Scenario = {
  ...steady,
  name: "single",
  durationMs: minuteMs,
  incidentEveryMs: minuteMs,
  workloads: 1,
  sets: false,
  faults: []
}

/** A busy hour with HolmesGPT and two LLM providers before the rules, all their faults, budgets and hedges. */
export const models: Scenario = {
  ...steady,
  name: "models",
  incidentEveryMs: minuteMs,
  tiers: ["holmesgpt", "llm:alpha", "llm:beta"],
  budgets: true,
  hedges: true
}

/** Every action waits for the approval of a person. People answer within an hour, so some are too late. */
export const reviews: Scenario = {
  ...models,
  name: "reviews",
  service: {
    ...steady.service,
    mode: "approve",
    actors: { reviewTimeout: "10 minutes", approvalLifetime: "5 minutes" }
  }
}

/** Every span and log line is searched for secrets. */
export const secrets: Scenario = {
  ...models,
  name: "secrets",
  durationMs: 15 * minuteMs,
  incidentEveryMs: 30_000,
  watchesText: true
}
