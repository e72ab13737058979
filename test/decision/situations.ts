/** Situations to decide about: by default the rollback of a crash-looping Deployment in auto mode, without findings. */

import { decide, type DecisionInput } from "../../src/decision/Decider.ts"
import type { Answer } from "../../src/decision/Freshness.ts"
import type { OutOfTurn } from "../../src/decision/Guardrails.ts"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import type { Action, ActionType } from "../../src/domain/Action.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { Investigation } from "../../src/domain/Investigation.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { EndedAction, PastAction } from "../../src/domain/PastAction.ts"
import { RemediationId } from "../../src/domain/Remediation.ts"
import type { Approval } from "../../src/domain/Review.ts"
import { seenOf } from "../../src/domain/Seen.ts"
import type { Suspects } from "../../src/domain/Suspects.ts"
import { type Target, targetKey } from "../../src/domain/Target.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"

export const nowMs = 1_800_000_000_000
const minuteMs = 60_000

const ref = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })

/** One action of each type, each on an object that it applies to. */
export const actions: { readonly [Type in ActionType]: Extract<Action, { readonly type: Type }> } = {
  RestartWorkload: { type: "RestartWorkload", target: ref("Deployment", "checkout") },
  ScaleWorkload: { type: "ScaleWorkload", target: ref("Deployment", "checkout"), replicas: 6 },
  RollbackDeployment: { type: "RollbackDeployment", target: ref("Deployment", "checkout") },
  AdjustResources: {
    type: "AdjustResources",
    target: ref("Deployment", "checkout"),
    container: "app",
    limits: { memory: "512Mi" }
  },
  PatchHpa: { type: "PatchHpa", target: ref("HorizontalPodAutoscaler", "checkout"), maxReplicas: 8 },
  EvictPod: { type: "EvictPod", target: ref("Pod", "checkout-1") },
  CordonNode: { type: "CordonNode", target: ref("Node", "node-1", "") },
  UncordonNode: { type: "UncordonNode", target: ref("Node", "node-1", "") },
  DrainNode: { type: "DrainNode", target: ref("Node", "node-1", "") },
  ExpandVolume: { type: "ExpandVolume", target: ref("PersistentVolumeClaim", "data"), size: "20Gi" },
  SuspendCronJob: { type: "SuspendCronJob", target: ref("CronJob", "report") },
  QuarantinePod: { type: "QuarantinePod", target: ref("Pod", "checkout-1") },
  RestoreObject: {
    type: "RestoreObject",
    target: ref("ConfigMap", "checkout-config"),
    change: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV"
  },
  CollectDiagnostics: { type: "CollectDiagnostics", target: ref("Deployment", "checkout") },
  Notify: { type: "Notify", target: ref("Deployment", "checkout"), reason: "The certificate expires." }
}

/** The recorded change that `RestoreObject` takes back. */
export const recorded = (change: Partial<ObjectChange> = {}): ObjectChange => ({
  id: actions.RestoreObject.change,
  ref: actions.RestoreObject.target,
  uid: "uid-config",
  operation: "modified",
  fields: [{ path: ["data", "url"], before: "a", after: "b" }],
  at: fromMillis(nowMs - 6 * minuteMs),
  seenAt: fromMillis(nowMs - 6 * minuteMs),
  by: { kind: "person", name: "kubectl-edit" },
  resourceVersion: "6",
  ...change
})

/** The suspects of an alert: one change. */
export const suspecting = (change: ObjectChange = recorded()): Suspects => ({
  finding: "one",
  ranked: [{ change, score: 0.9, distance: 1, relation: "mounts it", reasons: [] }],
  symptomAt: fromMillis(nowMs - 5 * minuteMs),
  since: fromMillis(nowMs - 65 * minuteMs),
  gaps: [],
  unread: []
})

export const actionTypes = Object.keys(actions) as ReadonlyArray<ActionType>

export const checkout: Target = { cluster: "test", ...ref("Deployment", "checkout") }

/** The root owner of an action's object: a pod and an autoscaler are parts of their Deployment. */
export const targetOf = (action: Action): Target =>
  action.target.kind === "Pod" || action.target.kind === "HorizontalPodAutoscaler" || action.type === "RestoreObject"
    ? { ...checkout, namespace: action.target.namespace }
    : { cluster: "test", ...action.target }

export const alert: Alert = {
  fingerprint: "f00d",
  name: "KubePodCrashLooping",
  severity: "critical",
  labels: {},
  annotations: {},
  startsAt: fromMillis(nowMs - 5 * minuteMs)
}

export const observed = (change: Partial<WorkloadState> = {}): WorkloadState => ({
  ref: ref("Deployment", "checkout"),
  exists: true,
  observedAt: fromMillis(nowMs),
  uid: "uid",
  resourceVersion: "7",
  generation: 3,
  observedGeneration: 3,
  desiredReplicas: 4,
  readyReplicas: 1,
  updatedReplicas: 4,
  availableReplicas: 1,
  restarts: 9,
  pods: [{ name: "checkout-1", uid: "p1", ready: false, restarts: 9, reason: "CrashLoopBackOff" }],
  endpoints: 1,
  revision: 3,
  conditions: [],
  managers: [],
  autoscaler: null,
  unschedulable: null,
  ...change
})

export const investigation = (change: Partial<Investigation> = {}): Investigation => ({
  investigator: "llm",
  rootCause: "The newest revision crashes at start.",
  evidence: [],
  action: actions.RollbackDeployment,
  confidence: 0.8,
  ...change
})

export const past = (
  action: ActionType,
  minutesAgo: number,
  verdict?: PastAction["verdict"],
  applied: PastAction["applied"] = "yes"
): PastAction => ({
  remediationId: RemediationId.make("earlier"),
  action,
  at: fromMillis(nowMs - minutesAgo * minuteMs),
  applied,
  ...(verdict === undefined ? {} : { verdict })
})

export const outOf = (rule: OutOfTurn["rule"]): OutOfTurn => ({ rule, because: "There is a reason." })

/** An action that somebody else has reverted, although it had helped. */
export const reverted = (action: ActionType, minutesAgo: number): PastAction => ({
  ...past(action, minutesAgo, "fixed"),
  reversion: { by: "argocd-controller", fields: ["Deployment shop/checkout /spec/template"] }
})

/** An action on another target that has just failed. */
export const failedOn = (name: string, change: Partial<EndedAction> = {}): EndedAction => ({
  target: targetKey({ ...checkout, name }),
  action: "RollbackDeployment",
  at: fromMillis(nowMs - 5 * minuteMs),
  verdict: "not-fixed",
  symptoms: ["CrashLoopBackOff"],
  ...change
})

export const input = (change: Partial<DecisionInput> = {}): DecisionInput => ({
  alert,
  target: checkout,
  investigation: investigation(),
  level: 0,
  mode: "auto",
  observed: observed(),
  history: [],
  guardrails: defaults,
  emergencyStop: false,
  nowMs,
  answer: answerOf(change.observed === undefined ? observed() : change.observed),
  ...change
})

/** The first investigation, which has just ended. It saw the target as it is. */
export const answerOf = (observed: WorkloadState | null): Answer => ({
  seen: observed === null ? undefined : seenOf(observed),
  at: fromMillis(nowMs),
  round: 1
})

/** The default situation, with another action proposed for its own target. */
export const proposing = (action: Action, change: Partial<DecisionInput> = {}): DecisionInput =>
  input({
    investigation: investigation({ action }),
    target: targetOf(action),
    observed: observed({ autoscaler: action.type === "PatchHpa" ? "checkout" : null }),
    ...(action.type === "RestoreObject" ? { suspects: suspecting() } : {}),
    ...change
  })

/** An approval of what the decision about a situation shows. */
export const approvalOf = (situation: DecisionInput): Approval => {
  const { action, figures, reasons } = decide(situation)
  return { by: "alex", at: fromMillis(nowMs), action, ...(figures === undefined ? {} : { figures }), findings: reasons }
}

/** The situation after a person has approved what its decision shows. */
export const approved = (situation: DecisionInput): DecisionInput => ({
  ...situation,
  review: { answer: "approved", by: "alex", at: fromMillis(nowMs) },
  approval: approvalOf(situation),
  questions: 1
})
export const rejection = {
  answer: "rejected",
  by: "alex",
  reason: "wait for the release",
  at: fromMillis(nowMs)
} as const

type Pod = WorkloadState["pods"][number]

/** Less than a minute before the state was read. */
export const aMomentAgo = fromMillis(nowMs - 59_000)
export const failing = (revision: number): Partial<Pod> => ({ revision, ready: false, reason: "CrashLoopBackOff" })

/** A Deployment that rolls out revision 3, with these pods. */
export const rollingOut = (pods: ReadonlyArray<Partial<Pod>>): WorkloadState =>
  observed({
    rollout: {
      templateHash: "h3",
      inProgress: true,
      startedAt: null,
      lastProgressAt: null,
      progressDeadlineSeconds: 600,
      deadlineExceeded: false,
      paused: false,
      strategy: "RollingUpdate",
      partition: 0
    },
    pods: pods.map((pod, index) => ({
      name: `checkout-${index}`,
      uid: `p${index}`,
      ready: true,
      restarts: 0,
      reason: null,
      templateHash: `h${pod.revision}`,
      current: pod.revision === 3,
      ...pod
    }))
  })
