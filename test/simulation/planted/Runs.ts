/** The short runs in which planted bugs are searched for, each with the faults that expose such bugs. */

import { Effect } from "effect"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import { SeededRandom } from "../../../src/simulation/engine/SeededRandom.ts"
import type { FaultPlan } from "../../../src/simulation/faults/FaultPlan.ts"
import type { SimulationOptions } from "../../../src/simulation/run/Simulation.ts"
import { overload } from "../../../src/simulation/scenarios/Overload.ts"
import { rollbacks } from "../../../src/simulation/scenarios/Rollbacks.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { symptoms } from "../../../src/simulation/scenarios/Symptoms.ts"
import { emptyAccounts } from "./EmptyAccounts.ts"
import { again, crashIntoThePast } from "./FaultsAgain.ts"
import { flappingModels } from "./FlappingModels.ts"
import { backAgain, declaredEmergency } from "./HealthRuns.ts"
import { modelRuns } from "./ModelRuns.ts"
import { nodeAlerts } from "./NodeAlerts.ts"
import { sinks, sinksAndCrashes } from "./NotificationRuns.ts"
import { recordedChanges } from "./RecordedChanges.ts"
import { restarter } from "./Restarter.ts"
import { setRestarts } from "./SetRestarts.ts"
import { emptiedSpool, spooled, tornSpool } from "./Spooled.ts"

const curious: Investigator = {
  name: "custom",
  provider: "curious",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "It is not known.",
      evidence: [],
      action: { type: "CollectDiagnostics", target: { kind, name, namespace } },
      confidence: 0.9
    })
}

/** The options of one seed of the run. */
export type Run = (seed: number) => SimulationOptions

const minuteMs = 60_000

/** A busy cluster, so that a few minutes contain what otherwise takes an hour. */
const base: Scenario.Scenario = { ...Scenario.steady, incidentEveryMs: minuteMs / 2, workloads: 24 }

const calm =
  (minutes: number, more: Partial<Scenario.Scenario> = {}): Run =>
  (seed) => ({
    seed,
    scenario: { ...base, durationMs: minutes * minuteMs, ...more },
    plan: []
  })

/** As `calm`, with faults drawn from their own randomness. */
const disturbed =
  (minutes: number, faults: (random: SeededRandom) => FaultPlan, more: Partial<Scenario.Scenario> = {}): Run =>
  (seed) => ({
    ...calm(minutes, more)(seed),
    plan: faults(new SeededRandom(seed, "planted"))
  })

/** Few workloads, and actions that do not help. */
const unhelpful: Partial<Scenario.Scenario> = {
  workloads: 12,
  ...(rollbacks.investigators === undefined ? {} : { investigators: rollbacks.investigators })
}

const restoredFails = (forMs: number): FaultPlan[number] => ({
  kind: "kubernetes-restored-fails",
  atMs: 1_000,
  forMs,
  parameters: { share: 1 }
})

const tiers = ["holmesgpt", "llm:alpha", "llm:beta"] as const

export const runs = {
  /** Only workloads break. */
  calm: calm(3),
  emptyAccounts,
  flappingModels,
  /** Only workloads break, and what is done about them does not help. */
  useless: calm(5, rollbacks.investigators === undefined ? {} : { investigators: rollbacks.investigators }),
  /** The pods of each change are refused soon after the API server has accepted it. */
  lateRefusals: disturbed(
    15,
    () => [
      {
        kind: "kubernetes-late-refusal",
        atMs: 1_000,
        forMs: 15 * minuteMs,
        parameters: { how: "quota", clearsAfterMs: 10 * minuteMs, share: 1 }
      }
    ],
    unhelpful
  ),
  setRestarts,
  /** As `calm`, for longer. */
  calmHour: calm(60),
  /** A few workloads, which break again and again. One is protected; Helm, an autoscaler and an operator own others. */
  few: calm(15, { workloads: 4 }),
  /** As `few`, and an operator has set the emergency stop for some minutes. */
  stopped: disturbed(
    10,
    () => [{ kind: "operator-emergency-stop", atMs: minuteMs, forMs: 8 * minuteMs, parameters: {} }],
    { workloads: 12 }
  ),
  sinks,
  sinksAndCrashes,
  /** Each version that the service restores crashes soon after it has become ready. */
  restoredFails: disturbed(15, () => [restoredFails(15 * minuteMs)], { workloads: 12 }),
  /** Another controller puts back what the service has changed, some time after it was called a fix. */
  reverts: disturbed(
    40,
    () => [
      { kind: "kubernetes-reverts", atMs: 1_000, forMs: 40 * minuteMs, parameters: { afterMs: 620_000, share: 1 } }
    ],
    { workloads: 2, incidentEveryMs: 60 * minuteMs }
  ),
  /** All workloads break at once, and the service acts. */
  actingStorm: disturbed(4, () => [{ kind: "intake-storm-of-incidents", atMs: 10_000, forMs: 0, parameters: {} }], {
    workloads: 40
  }),
  nodeAlerts,
  /** Another cluster takes the place of the service's own for some minutes. */
  replaced: disturbed(8, () => [{ kind: "cluster-replaced", atMs: 2 * minuteMs, forMs: 5 * minuteMs, parameters: {} }]),
  /** Disruption budgets let no pod of half of the workloads go. */
  budgets: disturbed(
    10,
    () => [{ kind: "kubernetes-disruption-budget", atMs: 5_000, forMs: 10 * minuteMs, parameters: {} }],
    { workloads: 12 }
  ),
  backAgain,
  declaredEmergency,
  spooled,
  tornSpool,
  emptiedSpool,
  /** The service is killed at a random step, twice a minute. */
  crashes: disturbed(
    10,
    again(10, [20_000, 40_000], (random) => ({
      kind: "process-crash",
      forMs: 0,
      parameters: { afterSteps: random.between(1, 60) }
    }))
  ),
  /** The service is killed at a random step of an execution, twice a minute. */
  crashesAtWrites: disturbed(
    10,
    again(10, [20_000, 40_000], (random) => ({
      kind: "process-crash",
      forMs: 0,
      aim: "execution",
      parameters: { afterSteps: random.between(1, 30) }
    }))
  ),
  /**
   * One incident, and the API server becomes unavailable just after the action, which did not help, for longer than a
   * verification waits.
   */
  blackout: disturbed(
    8,
    (random) => [
      {
        kind: "kubernetes-unavailable",
        atMs: random.between(21_000, 24_000),
        forMs: 7 * minuteMs,
        parameters: { share: 1 }
      },
      restoredFails(9 * minuteMs)
    ],
    { workloads: 1, incidentEveryMs: 60 * minuteMs }
  ),
  /** A storm, and the API server fails four lists in ten as expired. */
  goneLists: disturbed(
    2,
    () => [{ kind: "kubernetes-gone", atMs: 10_000, forMs: 100_000, parameters: { share: 0.4 } }],
    { incidentEveryMs: 250, workloads: 60, service: { mode: "observe" } }
  ),
  /** A storm, and the API server takes seconds for each response. */
  slowCluster: calm(1, {
    incidentEveryMs: 100,
    workloads: 60,
    clusterLatencyMs: [1_000, 4_000],
    service: { mode: "observe" }
  }),
  /** All workloads break at once, and the API server takes three seconds for each response. */
  ownOverload: disturbed(
    3,
    () => [{ kind: "own-overload", atMs: 10_000, forMs: 2 * minuteMs, parameters: { takesMs: 3_000 } }],
    { workloads: 60, service: { mode: "observe" } }
  ),
  /** The same again and again, and few targets are worked at a time: of one kind, because order is what is looked at. */
  overload: (seed: number) => ({
    seed,
    scenario: { ...overload, durationMs: 6 * minuteMs, sets: false },
    plan: [{ kind: "own-overload", atMs: minuteMs, forMs: 4 * minuteMs, parameters: { takesMs: 1_500 } }]
  }),
  /** Writes take effect, and their responses never arrive. */
  silentWrites: disturbed(
    3,
    () => [{ kind: "kubernetes-lost-answer", atMs: 0, forMs: 2 * minuteMs, parameters: { share: 1, hangs: true } }],
    { workloads: 2 }
  ),
  /**
   * The service is paused for a while, and another process takes over its work. Requests have a high latency, so that
   * the pause may fall before a write.
   */
  owners: disturbed(
    10,
    again(10, [40_000, 90_000], (random) => ({
      kind: "process-two-owners",
      forMs: random.between(30_000, 60_000),
      parameters: { pauseMs: random.between(5_000, 40_000) }
    })),
    { clusterLatencyMs: [100, 3_000] }
  ),
  /** All models are healthy. */
  models: calm(3, { tiers }),
  /** All models are down for a minute. */
  modelsDown: disturbed(
    4,
    () => [{ kind: "service-down", atMs: 30_000, forMs: minuteMs, parameters: { peers: [...tiers] } }],
    { tiers }
  ),
  /** HolmesGPT is very late, then down, and its late responses arrive while its breaker is half-open. */
  late: disturbed(
    4,
    () => [
      { kind: "late-answer", atMs: 20_000, forMs: 20_000, parameters: { peers: ["holmesgpt"], byMs: 38_000 } },
      { kind: "service-down", atMs: 32_000, forMs: 20_000, parameters: { peers: ["holmesgpt"] } }
    ],
    { tiers, incidentEveryMs: 1_000, workloads: 100, modelLatencyMs: [50, 1_000], service: { mode: "observe" } }
  ),
  /** All models are down; after recovery one of them refuses to answer for a while. */
  refusals: disturbed(
    4,
    () => [
      { kind: "service-down", atMs: 25_000, forMs: 30_000, parameters: { peers: ["llm:alpha"] } },
      { kind: "service-down", atMs: 25_000, forMs: 120_000, parameters: { peers: ["holmesgpt"] } },
      { kind: "refusal", atMs: 50_000, forMs: minuteMs, parameters: { peers: ["llm:alpha"], share: 1 } }
    ],
    { tiers, incidentEveryMs: 250, workloads: 150, modelLatencyMs: [50, 200], service: { mode: "observe" } }
  ),
  /** More incidents at once than HolmesGPT's bulkhead has permits. */
  storm: calm(1, { tiers, incidentEveryMs: 100, workloads: 60, service: { mode: "observe" } }),
  /** The same, and HolmesGPT fails a share of the requests that is too small to open its breaker. */
  hail: disturbed(
    1,
    () => [
      {
        kind: "error-storm",
        atMs: 15_000,
        forMs: 45_000,
        parameters: { peers: ["holmesgpt"], share: 0.35, status: 503, probes: false }
      }
    ],
    { tiers, incidentEveryMs: 40, workloads: 150, modelLatencyMs: [50, 200], service: { mode: "observe" } }
  ),
  /**
   * All workloads break at once, and HolmesGPT's responses are cut off: its breaker opens while calls wait for permits.
   */
  fullHouse: disturbed(
    1,
    () => [
      { kind: "truncated-body", atMs: 0, forMs: minuteMs, parameters: { peers: ["holmesgpt"], endsAfter: 0.5 } },
      { kind: "intake-storm-of-incidents", atMs: 10_000, forMs: 0, parameters: {} }
    ],
    { tiers, workloads: 60 }
  ),
  /** The database throws unexpected errors for longer than a supervisor tolerates; then the service is restarted. */
  brokenStorage: disturbed(4, () => [
    { kind: "storage-broken", atMs: minuteMs, forMs: 20_000, parameters: { share: 1 } },
    { kind: "process-crash", atMs: 90_000, forMs: 0, parameters: { afterSteps: 1 } }
  ]),
  /** The database is down for a minute. */
  storageAway: disturbed(3, () => [{ kind: "storage-down", atMs: 30_000, forMs: minuteMs, parameters: { share: 1 } }], {
    incidentEveryMs: 10_000
  }),
  /** An engineer ships a fix just before the alert about the version that it replaces. */
  fixUnderWay: disturbed(
    12,
    again(10, [30_000, 60_000], (random) => ({
      kind: "kubernetes-fix-under-way",
      forMs: 2 * minuteMs,
      parameters: {
        brokenMs: random.between(20_000, 50_000),
        startsMs: random.between(20_000, 90_000),
        alertMs: random.between(100, 3_000)
      }
    })),
    { workloads: 12, incidentEveryMs: 60 * minuteMs }
  ),
  /** Each alert is reported by two replicas of Prometheus, and now and then it is resolved and fires again. */
  episodes: disturbed(
    10,
    (random) => [
      { kind: "prometheus-replicas", atMs: 0, forMs: 10 * minuteMs, parameters: { lateMs: 20_000 } },
      ...again(10, [40_000, 90_000], () => ({
        kind: "alertmanager-flaps",
        forMs: 0,
        parameters: { gapMs: 20_000, share: 1 }
      }))(random)
    ],
    { workloads: 6 }
  ),
  /** Several alerts about each workload, some of which are resolved while a person is asked about the others. */
  leads: disturbed(
    10,
    (random) => [
      ...again(10, [20_000, 40_000], () => ({ kind: "alerts-of-rising-severity", forMs: 0, parameters: {} }))(random),
      ...again(10, [20_000, 40_000], () => ({
        kind: "alertmanager-flaps",
        forMs: 0,
        parameters: { gapMs: 60_000, share: 0.5 }
      }))(random)
    ],
    { service: { mode: "approve" } }
  ),
  /** Alerts of several severities about one workload arrive at once. */
  severities: disturbed(
    5,
    again(5, [20_000, 40_000], () => ({ kind: "alerts-of-rising-severity", forMs: 0, parameters: {} }))
  ),
  /** An investigator that always proposes diagnostics. */
  diagnostics: calm(3, { workloads: 2, investigators: Effect.succeed([curious]) }),
  /** People ship a working version while the models think about the broken one. */
  hotfixes: disturbed(
    10,
    () => [
      {
        kind: "hotfix-during-investigation",
        atMs: 0,
        forMs: 10 * minuteMs,
        parameters: { afterMs: 300, share: 0.5 }
      }
    ],
    { tiers, modelLatencyMs: [500, 4_000] }
  ),
  /** The same, and reads lag some seconds behind. */
  staleHotfixes: disturbed(
    10,
    () => [
      {
        kind: "hotfix-during-investigation",
        atMs: 0,
        forMs: 10 * minuteMs,
        parameters: { afterMs: 300, share: 0.5 }
      },
      { kind: "kubernetes-stale-read", atMs: 0, forMs: 10 * minuteMs, parameters: { lagMs: 8_000 } }
    ],
    { tiers, modelLatencyMs: [500, 4_000] }
  ),
  /**
   * The service is killed after a write of an action that does not help, or of its rollback, and then reads for some
   * seconds what was before.
   */
  backInTime: disturbed(10, crashIntoThePast, unhelpful),
  /** The same, and the wall clock often jumps an hour ahead for some seconds. */
  backInTimeAndClockAhead: disturbed(
    10,
    (random) => [
      ...crashIntoThePast(random),
      ...again(10, [6_000, 10_000], () => ({
        kind: "wall-clock-jump",
        forMs: 4_000,
        parameters: { byMs: 60 * minuteMs }
      }))(random)
    ],
    unhelpful
  ),
  /** People ship a working version while a restart, which does not help, is verified. */
  hotfixesAfterRestarts: disturbed(
    10,
    () => [
      {
        kind: "hotfix-during-investigation",
        atMs: 0,
        forMs: 10 * minuteMs,
        parameters: { afterMs: 3_000, share: 1 }
      }
    ],
    { investigators: Effect.succeed([restarter]) }
  ),
  /** Alerts about symptoms that no object shows, and an Alertmanager that is restarted now and then. */
  symptoms: calm(30, {
    symptoms: true,
    workloads: 8,
    incidentEveryMs: 10 * minuteMs,
    service: symptoms.service,
    ...(symptoms.investigators === undefined ? {} : { investigators: symptoms.investigators })
  }),
  ...recordedChanges,
  ...modelRuns,
  /** Every action needs the approval of a person. */
  approvals: calm(20, { service: { mode: "approve" } })
} satisfies Record<string, Run>

export type RunName = keyof typeof runs
