/** Evidence for verdicts: by default about a healthy target, with the differences as arguments. */

import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { type Evidence, judge, type JudgeSettings } from "../../src/verification/Judge.ts"
import type { Sample } from "../../src/verification/Sample.ts"

export const startedAtMs = 1_800_000_000_000
const at = "2027-01-15T08:00:00.000Z"

export const settings: JudgeSettings = {
  settleTimeoutMs: 300_000,
  stabilisationMs: 10_000,
  alertTimeoutMs: 600_000,
  rolloutTimeoutMs: 3_600_000
}

export const pod = (
  uid: string,
  change: Partial<WorkloadState["pods"][number]> = {}
): WorkloadState["pods"][number] => ({
  name: `checkout-${uid}`,
  uid,
  ready: true,
  restarts: 0,
  reason: null,
  ...change
})

export const healthy = (change: Partial<WorkloadState> = {}): WorkloadState => ({
  ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
  exists: true,
  observedAt: at,
  uid: "uid",
  resourceVersion: "9",
  generation: 4,
  observedGeneration: 4,
  desiredReplicas: 3,
  readyReplicas: 3,
  updatedReplicas: 3,
  availableReplicas: 3,
  restarts: 0,
  pods: [pod("a"), pod("b"), pod("c")],
  endpoints: 3,
  revision: 4,
  conditions: [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }],
  managers: [],
  autoscaler: null,
  unschedulable: null,
  ...change
})

/** A kind that has no replicas. */
export const bare = (kind: string, change: Partial<WorkloadState> = {}): WorkloadState =>
  healthy({
    ref: on(kind),
    desiredReplicas: null,
    readyReplicas: null,
    updatedReplicas: null,
    availableReplicas: null,
    restarts: null,
    pods: [],
    endpoints: null,
    revision: null,
    conditions: kind === "Node" ? [{ type: "Ready", status: "True", reason: "KubeletReady" }] : [],
    ...change
  })

export const restart: Action = {
  type: "RestartWorkload",
  target: { namespace: "shop", kind: "Deployment", name: "checkout" }
}

export const intent = (change: Partial<Intent> = {}): Intent => ({
  executionId: "r1-1",
  action: restart,
  changes: [],
  inverse: { _tag: "NotNeeded", reason: "restart" },
  baseline: healthy({ readyReplicas: 1, availableReplicas: 1, endpoints: 1 }),
  plannedAt: at,
  ...change
})

/** The reference of the object that `object`, `bare` and `patchOf` describe. */
export const on = (kind: string) => ({ namespace: kind === "Node" ? "" : "shop", kind, name: "it" })

export const object = (kind: string, rest: object): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "it", namespace: "shop", uid: "uid", resourceVersion: "9" },
  ...rest
})

export const patchOf = (
  kind: string,
  ...operations: ReadonlyArray<readonly [path: string, value: string | number | boolean]>
): Change => ({
  _tag: "Patch",
  ref: on(kind),
  patch: [
    { op: "replace", path: "/metadata/resourceVersion", value: "8" },
    ...operations.map(([path, value]) => ({ op: "replace", path, value }) as const),
    { op: "add", path: "/metadata/annotations", value: { "kubernaut.dev/execution": "r1-1" } }
  ]
})

/** A sample of so many seconds after the start. */
export const seen = (
  second: number,
  state: WorkloadState | null = healthy(),
  change: Partial<Sample> = {}
): Sample => ({
  atMs: startedAtMs + second * 1000,
  state,
  written: [],
  remaining: [],
  ...change
})

/** The evidence at the time of the newest sample. */
export const evidence = (samples: ReadonlyArray<Sample>, change: Partial<Evidence> = {}): Evidence => ({
  intent: intent(),
  samples,
  alert: "unknown",
  startedAtMs,
  nowMs: samples.at(-1)?.atMs ?? startedAtMs,
  settings,
  ...change
})

/** Samples of the same state, every two seconds. */
export const steady = (
  from: number,
  to: number,
  state: WorkloadState | null = healthy(),
  change: Partial<Sample> = {}
): ReadonlyArray<Sample> =>
  Array.from({ length: Math.floor((to - from) / 2) + 1 }, (_, index) => seen(from + index * 2, state, change))

/** `keep watching`, or the verdict with the codes of its reasons. */
export const said = (given: Evidence): string => {
  const judgement = judge(given)
  return judgement._tag === "KeepWatching"
    ? "keep watching"
    : [judgement.verdict, ...judgement.reasons.map((reason) => reason.split(":")[0] ?? "")].join(" ")
}
