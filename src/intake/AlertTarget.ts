/**
 * Derives the target of an alert from its labels.
 *
 * **The pitfall.** Prometheus adds the labels of the scraped pod to every series. `job`, `service`, `instance`,
 * `namespace`, `pod` and `container` may therefore name the exporter (kube-state-metrics, node-exporter) instead of the
 * subject of the alert. Hence these rules:
 *
 * - A label that names a workload takes precedence over `pod`, because exporters do not add such labels.
 * - If `exported_namespace` is present, `honor_labels` is off, and the `exported_` labels name the subject.
 * - In an alert with `node`, a pod named after the scrape job is the exporter, and any other pod is the subject. Without
 *   `node`, a pod of kube-state-metrics or node-exporter is the subject only in rules about pods.
 * - The alerts of node-exporter (`Node…`) are about the node: the one in `node`, or in `instance` if that is a name.
 * - `job`, `service` and `namespace` alone never name a target. Otherwise all alerts of one exporter would share one.
 *
 * An alert that names no object gets a target of its own, of kind `Alert` and named after its fingerprint. Two such
 * alerts never share a target.
 */

import type { Target } from "../domain/Target.ts"

export interface AlertTarget {
  readonly target: Target
  /**
   * Whether the object may have an owner that is the actual target: a pod's Deployment, a Job's CronJob, an
   * autoscaler's workload.
   */
  readonly provisional: boolean
}

type Labels = Readonly<Record<string, string>>

interface Found {
  readonly kind: string
  readonly name: string
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string
  readonly provisional?: boolean
}

// RFC 1123, which Kubernetes requires for the names of these kinds. Other values, such as `<none>` or an address with a
// port, are not names.
const objectName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

const nameIn = (value: string | undefined): string | undefined =>
  value !== undefined && value.length <= 253 && objectName.test(value) ? value : undefined

/** Labels that name a namespaced object, most reliable first. */
const workloadLabels: ReadonlyArray<readonly [label: string, kind: string, provisional?: boolean]> = [
  ["deployment", "Deployment"],
  ["statefulset", "StatefulSet"],
  ["daemonset", "DaemonSet"],
  ["cronjob", "CronJob"],
  ["job_name", "Job", true],
  ["horizontalpodautoscaler", "HorizontalPodAutoscaler", true],
  // The name of the label before kube-state-metrics 2.
  ["hpa", "HorizontalPodAutoscaler", true],
  ["replicaset", "ReplicaSet", true],
  ["persistentvolumeclaim", "PersistentVolumeClaim"],
  ["poddisruptionbudget", "PodDisruptionBudget"],
  ["resourcequota", "ResourceQuota"]
]

/** Kinds by `workload_type`, which the recording rules of the Kubernetes mixin add beside `workload`. */
const workloadKinds: ReadonlyMap<string, string> = new Map([
  ["deployment", "Deployment"],
  ["statefulset", "StatefulSet"],
  ["daemonset", "DaemonSet"],
  ["cronjob", "CronJob"]
])

/** The labels of the subject. When the exporter's own labels use these names, they have the prefix `exported_`. */
const subjectOf = (labels: Labels): { readonly namespace: string | undefined; readonly pod: string | undefined } =>
  labels["exported_namespace"] === undefined && labels["exported_pod"] === undefined
    ? { namespace: nameIn(labels["namespace"]), pod: nameIn(labels["pod"]) }
    : { namespace: nameIn(labels["exported_namespace"] ?? labels["namespace"]), pod: nameIn(labels["exported_pod"]) }

const workloadIn = (labels: Labels, namespace: string): Found | undefined => {
  for (const [label, kind, provisional = false] of workloadLabels) {
    const name = nameIn(labels[label] ?? labels[`exported_${label}`])
    if (name !== undefined) return { kind, name, namespace, provisional }
  }
  const kind = workloadKinds.get(labels["workload_type"] ?? "")
  const name = nameIn(labels["workload"])
  return kind === undefined || name === undefined ? undefined : { kind, name, namespace }
}

/** Exporters whose series are about other objects. */
const isExporterName = (name: string | undefined): boolean =>
  name !== undefined && (name.includes("kube-state-metrics") || name.includes("node-exporter"))

/**
 * Whether the pod looks like the one that Prometheus scraped. Pods are named after their workload, and scrape jobs and
 * Services usually are too.
 */
const isScraped = (pod: string, labels: Labels): boolean =>
  isExporterName(pod)
  || [labels["job"], labels["service"]].some((name) => name !== undefined && name !== "" && pod.startsWith(`${name}-`))

/**
 * Whether `pod` is the exporter of the series. With `node`, it is if it looks scraped. Without `node`, it is if both
 * the pod and the job are an exporter's, except in rules about pods, which are about that pod.
 */
const isNotTheSubject = (pod: string, nodeName: string | undefined, labels: Labels): boolean =>
  nodeName !== undefined
    ? isScraped(pod, labels)
    : isExporterName(pod)
      && isExporterName(labels["job"])
      && !/^Kube(Pod|Container|StateMetrics)/.test(labels["alertname"] ?? "")

const isNodeExporterAlert = (labels: Labels): boolean =>
  /^Node[A-Z]/.test(labels["alertname"] ?? "") || labels["job"] === "node-exporter"

const address = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\]|.*::.*)$/

/** The node that `instance` names. kube-prometheus uses the node's name there, other setups use an address. */
const instanceName = (instance: string | undefined): string | undefined => {
  const host = instance?.replace(/:\d+$/, "")
  return host === undefined || address.test(host) ? undefined : nameIn(host)
}

const node = (name: string | undefined): Found | undefined => (name === undefined ? undefined : { kind: "Node", name })

const clusterObjectIn = (labels: Labels): Found | undefined => {
  const volume = nameIn(labels["persistentvolume"])
  if (volume !== undefined) return { kind: "PersistentVolume", name: volume }
  const apiService = labels["alertname"]?.startsWith("KubeAggregatedAPI") === true ? nameIn(labels["name"]) : undefined
  return apiService === undefined ? undefined : { kind: "APIService", name: apiService }
}

const find = (labels: Labels): Found | undefined => {
  const { namespace, pod } = subjectOf(labels)
  const workload = namespace === undefined ? undefined : workloadIn(labels, namespace)
  if (workload !== undefined) return workload
  const clusterObject = clusterObjectIn(labels)
  if (clusterObject !== undefined) return clusterObject
  const nodeName = nameIn(labels["node"] ?? labels["exported_node"])
  if (isNodeExporterAlert(labels)) return node(nodeName ?? instanceName(labels["instance"]))
  if (namespace === undefined || pod === undefined || isNotTheSubject(pod, nodeName, labels)) return node(nodeName)
  return { kind: "Pod", name: pod, namespace, provisional: true }
}

/** The target of an alert that names no object. No other alert shares it. */
export const targetWithoutObject = (
  cluster: string,
  alert: { readonly fingerprint: string; readonly labels: Labels }
): Target => {
  // Keys are stored and logged, so control characters and lone surrogates are replaced. The fingerprint keeps the names
  // distinct.
  const alertName = (alert.labels["alertname"] || "unnamed")
    .slice(0, 100)
    .replace(/\p{Cc}/gu, "?")
    .toWellFormed()
  const name = `${alertName}-${alert.fingerprint}`
  return { cluster, namespace: subjectOf(alert.labels).namespace ?? "", kind: "Alert", name }
}

/**
 * The target of an alert in a cluster.
 *
 * ```ts
 * import * as AlertTarget from "./AlertTarget.ts"
 *
 * const labels = {
 *   alertname: "KubeDeploymentRolloutStuck",
 *   namespace: "shop",
 *   deployment: "checkout",
 *   pod: "kube-state-metrics-0"
 * }
 * const { kind, name } = AlertTarget.targetOf("prod", { fingerprint: "6a1f", labels }).target
 * ;[kind, name] // => ["Deployment", "checkout"]
 * ```
 */
export const targetOf = (
  cluster: string,
  alert: { readonly fingerprint: string; readonly labels: Labels }
): AlertTarget => {
  const found = find(alert.labels)
  if (found === undefined) return { target: targetWithoutObject(cluster, alert), provisional: false }
  const { kind, name, namespace = "", provisional = false } = found
  return { target: { cluster, namespace, kind, name }, provisional }
}
