/** Alerts, states and recorded changes for the tests of suspects. Times are seconds relative to the alert's start. */

import type { Alert } from "../../src/domain/Alert.ts"
import type { FieldDifference, FieldPath } from "../../src/domain/FieldPath.ts"
import type { ObjectChange, Writer } from "../../src/domain/ObjectChange.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"

export const startsMs = Timestamp.toMillis("2026-11-24T03:00:00.000Z")

/** So many seconds after the alert's start; before it if negative. */
export const at = (seconds: number): Timestamp.Timestamp => Timestamp.fromMillis(startsMs + seconds * 1000)

export const minutes = (count: number): number => count * 60

export const alert = (name: string, changes: Partial<Alert> = {}): Alert => ({
  fingerprint: "6a1f",
  name,
  severity: "warning",
  labels: { alertname: name, namespace: "shop" },
  annotations: {},
  startsAt: at(0),
  ...changes
})

export const ref = (kind: string, name: string, namespace = "shop"): ResourceRef => ({ namespace, kind, name })

export const target = ref("Deployment", "checkout")

type PodState = WorkloadState["pods"][number]

export const pod = (name: string, changes: Partial<PodState> = {}): PodState => ({
  name,
  uid: `uid-${name}`,
  ready: true,
  restarts: 0,
  reason: null,
  readinessSince: at(-minutes(600)),
  createdAt: at(-minutes(600)),
  ...changes
})

/** A pod that is not ready since then. */
export const broken = (name: string, reason: string, sinceSeconds: number): PodState =>
  pod(name, { ready: false, reason, readinessSince: at(sinceSeconds) })

export const state = (changes: Partial<WorkloadState> = {}): WorkloadState => ({
  ref: target,
  exists: true,
  observedAt: at(5),
  uid: "uid-checkout",
  resourceVersion: "100",
  generation: 3,
  observedGeneration: 3,
  desiredReplicas: 2,
  readyReplicas: 2,
  updatedReplicas: 2,
  availableReplicas: 2,
  restarts: 0,
  pods: [pod("checkout-1"), pod("checkout-2")],
  endpoints: 2,
  revision: 3,
  conditions: [],
  managers: [],
  autoscaler: null,
  unschedulable: null,
  ...changes
})

let recorded = 0

const idOf = (n: number): string => `chg-${String(n).padStart(26, "0")}`

export const person: Writer = { kind: "person", name: "kubectl-edit" }
export const gitops: Writer = { kind: "gitops", name: "argocd-controller" }
export const controller: Writer = { kind: "controller", name: "cluster-autoscaler" }
export const own: Writer = { kind: "kubernaut", name: "kubernaut" }

const make = (changed: ResourceRef, seconds: number, rest: Partial<ObjectChange>): ObjectChange => ({
  id: idOf(++recorded),
  ref: changed,
  uid: `uid-${changed.name}`,
  operation: "modified",
  fields: [],
  at: at(seconds),
  seenAt: at(seconds),
  by: person,
  resourceVersion: String(1000 + recorded),
  ...rest
})

/** A change of one field. */
export const modified = (
  changed: ResourceRef,
  seconds: number,
  path: FieldPath,
  values: Omit<FieldDifference, "path"> = { before: "before", after: "after" },
  rest: Partial<ObjectChange> = {}
): ObjectChange => make(changed, seconds, { fields: [{ path, ...values }], ...rest })

export const created = (changed: ResourceRef, seconds: number, rest: Partial<ObjectChange> = {}): ObjectChange =>
  make(changed, seconds, { operation: "created", ...rest })

export const deleted = (changed: ResourceRef, seconds: number, rest: Partial<ObjectChange> = {}): ObjectChange =>
  make(changed, seconds, { operation: "deleted", ...rest })

/** A path within the pod template of a workload. */
export const template = (...path: FieldPath): FieldPath => ["spec", "template", ...path]

/** A path within its container `app`. */
export const container = (...path: FieldPath): FieldPath =>
  template("spec", "containers", { by: "name", value: "app" }, ...path)
