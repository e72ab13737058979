/** The alerts of the kubernetes-mixin about workloads, by kind. Those without a counterpart have the nearest one. */

import type { ResourceRef } from "../../domain/Target.ts"

export type WorkloadAlert = "stuck" | "mismatch" | "generation"

const names: Readonly<Record<string, Readonly<Record<WorkloadAlert, string>>>> = {
  Deployment: {
    stuck: "KubeDeploymentRolloutStuck",
    mismatch: "KubeDeploymentReplicasMismatch",
    generation: "KubeDeploymentGenerationMismatch"
  },
  StatefulSet: {
    stuck: "KubeStatefulSetUpdateNotRolledOut",
    mismatch: "KubeStatefulSetReplicasMismatch",
    generation: "KubeStatefulSetGenerationMismatch"
  },
  DaemonSet: {
    stuck: "KubeDaemonSetRolloutStuck",
    mismatch: "KubeDaemonSetRolloutStuck",
    generation: "KubeDaemonSetNotScheduled"
  }
}

/** The labels that name a workload. */
export const workloadLabels = ({ kind, name, namespace }: ResourceRef): Readonly<Record<string, string>> => ({
  namespace,
  [kind.toLowerCase()]: name
})

/** The labels of an alert about a workload. */
export const alertLabels = (
  ref: ResourceRef,
  alert: WorkloadAlert,
  severity: "info" | "warning" | "critical"
): Readonly<Record<string, string>> => ({
  alertname: (names[ref.kind] ?? names["Deployment"]!)[alert],
  severity,
  ...workloadLabels(ref)
})
