/**
 * What is broken, in the terms in which a change can break it. Pure.
 *
 * | symptom       | means                                                                  |
 * | ------------- | ---------------------------------------------------------------------- |
 * | `absent`      | there are no pods, or fewer than there should be, and nothing says why |
 * | `not-created` | the API server refuses to create the pods                              |
 * | `pending`     | the scheduler finds no node for a pod                                  |
 * | `image`       | an image cannot be pulled                                              |
 * | `crashing`    | containers end or cannot start                                         |
 * | `not-ready`   | pods run and are not ready                                             |
 * | `rollout`     | a rollout does not progress                                            |
 * | `unreachable` | nobody reaches the pods, although they are ready                       |
 * | `errors`      | requests fail or take too long                                         |
 * | `overload`    | there are too few replicas or resources for the load                   |
 * | `forbidden`   | the API server refuses requests of the target                          |
 * | `volume`      | a volume cannot be bound, mounted or written                           |
 * | `job-failed`  | a Job has failed                                                       |
 * | `not-run`     | a Job or CronJob does not run                                          |
 * | `disruption`  | too few pods for a disruption budget, or a drain that does not end     |
 * | `quota`       | a quota is used up                                                     |
 * | `node`        | a node is not well                                                     |
 *
 * What the cluster shows counts for more than the name of the alert, which may be about a consequence.
 */

import type { Alert } from "../domain/Alert.ts"
import { configurationReasons, imageReasons } from "../domain/RevisionHealth.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

export type SymptomKind =
  | "absent"
  | "not-created"
  | "pending"
  | "image"
  | "crashing"
  | "not-ready"
  | "rollout"
  | "unreachable"
  | "errors"
  | "overload"
  | "forbidden"
  | "volume"
  | "job-failed"
  | "not-run"
  | "disruption"
  | "quota"
  | "node"

/** What is broken, as the cluster shows it and as the alert says it. */
export interface SymptomsSeen {
  readonly shown: ReadonlySet<SymptomKind>
  readonly said: ReadonlySet<SymptomKind>
  /** Whether the cluster shows that the pods of the target are well. */
  readonly healthy: boolean
}

const anyPodProblem = [
  "absent",
  "not-created",
  "pending",
  "image",
  "crashing",
  "not-ready",
  "rollout"
] as const satisfies ReadonlyArray<SymptomKind>

/** The words in the name of an alert, and what they are about. Every row that matches counts. */
const words: ReadonlyArray<readonly [RegExp, ReadonlyArray<SymptomKind>]> = [
  [/crash|restart|oom|back.?off/i, ["crashing"]],
  [/container_?waiting/i, ["image", "crashing", "not-ready"]],
  [/image|errpull/i, ["image"]],
  [/pending|unschedul|not_?scheduled|mis_?scheduled/i, ["pending", "not-created"]],
  [/failed_?create|pods?_?not_?created/i, ["not-created"]],
  [/pods?_?(not_?ready|unhealthy|unavailable|missing|failed)/i, anyPodProblem],
  [/replicas?_?(mismatch|missing|unavailable|low)|unavailable|not_?enough_?replicas|no_?pods|scaled/i, anyPodProblem],
  [/rollout|generation_?mismatch|update_?not_?rolled/i, anyPodProblem],
  [/(^|[^a-z])hpa|Hpa|maxed_?out|autoscal/, ["overload"]],
  [
    /cpu|memory|throttl|saturat|queue|backlog|lag(?!ging)|overload|high_?load|utili[sz]ation/i,
    ["overload", "crashing"]
  ],
  [
    /5xx|4xx|error|latency|slow|timeout|slo|burn|availability|success|http|request|grpc|apdex/i,
    ["errors", "unreachable"]
  ],
  [
    /endpoint|target_?down|down$|unreachable|absent|blackbox|probe|dns|connect|no_?traffic|ingress|gateway/i,
    ["unreachable", "absent", "errors"]
  ],
  [/forbidden|unauthori[sz]ed|rbac|denied|permission/i, ["forbidden"]],
  [/volume|pvc|storage|disk|inode/i, ["volume"]],
  [/quota/i, ["quota", "not-created"]],
  [/pdb|disruption|drain|evict/i, ["disruption"]],
  [/job.*fail|fail.*job/i, ["job-failed", "crashing"]],
  [/cron|job.*(not|slow|miss|long|late)|not_?complet/i, ["not-run", "job-failed"]],
  [/^kube_?node|^node(?!js)|kubelet/i, ["node"]]
]

/** What an alert about an object of this kind is about, if its name does not say it. */
const byKind: Readonly<Record<string, ReadonlyArray<SymptomKind>>> = {
  Node: ["node"],
  PersistentVolumeClaim: ["volume"],
  PersistentVolume: ["volume"],
  HorizontalPodAutoscaler: ["overload"],
  ResourceQuota: ["quota", "not-created"],
  PodDisruptionBudget: ["disruption"],
  CronJob: ["not-run", "job-failed"],
  Job: ["job-failed", "not-run"],
  Service: ["unreachable", "errors"],
  Ingress: ["unreachable", "errors"]
}

const saidBy = (alert: Alert, targetKind: string): ReadonlySet<SymptomKind> => {
  const found = words.flatMap(([pattern, kinds]) => (pattern.test(alert.name) ? kinds : []))
  return new Set(found.length > 0 ? found : (byKind[targetKind] ?? []))
}

/** Whether the alert is about pods that are missing or do not work, so that pods say since when. */
export const isAboutPods = (alert: Alert): boolean => {
  const said = saidBy(alert, "")
  return anyPodProblem.some((kind) => said.has(kind)) && !said.has("errors") && !said.has("overload")
}

const kindOfReason = (reason: string | null): SymptomKind => {
  if (reason === null) return "not-ready"
  if (imageReasons.includes(reason)) return "image"
  if (configurationReasons.includes(reason)) return "crashing"
  if (/Unschedulable|SchedulingGated|Pending|Outof|NodeAffinity|Preempt/i.test(reason)) return "pending"
  if (/CrashLoop|OOMKilled|Error|StartError|ContainerCannotRun|DeadlineExceeded/i.test(reason)) return "crashing"
  return "not-ready"
}

const shownBy = (observed: WorkloadState): ReadonlySet<SymptomKind> => {
  const { desiredReplicas, endpoints, exists, failedCreate, pods, ref } = observed
  const shown = new Set<SymptomKind>()
  if (!exists) return shown.add("absent")
  const counted = ref.kind !== "Job" && ref.kind !== "HorizontalPodAutoscaler" && desiredReplicas !== null
  if (counted && desiredReplicas === 0) shown.add("absent")
  for (const { ready, reason } of pods) if (!ready) shown.add(kindOfReason(reason))
  if (failedCreate !== undefined && failedCreate !== null) shown.add("not-created")
  else if (counted && pods.length < desiredReplicas) shown.add("absent")
  if (endpoints === 0 && (ref.kind === "Service" || pods.some(({ ready }) => ready))) shown.add("unreachable")
  if (ref.kind === "Node" && observed.conditions.some(({ status, type }) => type === "Ready" && status !== "True"))
    shown.add("node")
  return shown
}

/** A container that crashes is ready for a while in between. */
const wellAfterMs = 10 * 60_000

/** Whether a pod is ready, and is not only ready between two crashes. */
const isWell = ({ readinessSince, ready, restarts }: WorkloadState["pods"][number], { observedAt }: WorkloadState) =>
  ready
  && (restarts === 0
    || readinessSince === undefined
    || readinessSince === null
    || toMillis(observedAt) - toMillis(readinessSince) >= wellAfterMs)

/** What is broken. `observed` is `null` where it could not be read. */
export const symptomsSeen = (alert: Alert, observed: WorkloadState | null): SymptomsSeen => {
  const shown = observed === null ? new Set<SymptomKind>() : shownBy(observed)
  const healthy =
    observed !== null
    && shown.size === 0
    && observed.pods.length > 0
    && observed.pods.every((pod) => isWell(pod, observed))
  return { shown, said: saidBy(alert, observed?.ref.kind ?? ""), healthy }
}

/** Whether nothing but pods is said to be broken. */
export const isOnlyAboutPods = (said: ReadonlySet<SymptomKind>): boolean =>
  said.size > 0 && [...said].every((kind) => (anyPodProblem as ReadonlyArray<SymptomKind>).includes(kind))
