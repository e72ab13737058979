/**
 * Derives the target of an alert from its labels.
 *
 * **The pitfall.** Prometheus adds the labels of the scraped pod to every series. `job`, `service`, `instance`,
 * `namespace`, `pod`, `container` and `node` may therefore describe the exporter, and external labels may have the name
 * of any label. Hence these rules:
 *
 * - `LabelConventions` lists the labels that name objects. A label that names a workload is better evidence than a pod,
 *   and a pod is better than the name of its owner.
 * - Where the labels name several objects, the target is the first one that exists. Only the cluster can tell, so the
 *   target is provisional.
 * - `Exporters` lists whose pod is not the subject: that of an exporter, and that of the caller of what is broken.
 * - If `exported_` labels are present, `honor_labels` is off, and they name the subject.
 * - A node is the target only of an alert that is known to be about nodes, or that names nothing that runs on nodes: no
 *   namespace, Service, workload, pod, container or application. Of other alerts, it is the node on which something
 *   runs.
 * - A Service or an Ingress is the target only of an alert that names nothing else, and whose series are not those of one
 *   scraped process (`instance`) or of an exporter: such a rule groups by the Service. Otherwise all alerts of one
 *   exporter would share a target. `job` and `namespace` alone never name one.
 *
 * An alert that names no object gets a target of its own, of kind `Alert` and named after its fingerprint. Two such
 * alerts never share a target.
 */

import { type ResourceRef, sameRef, type Target } from "../domain/Target.ts"
import * as Exporters from "./Exporters.ts"
import * as LabelConventions from "./LabelConventions.ts"
import type { LabelConvention } from "./LabelConventions.ts"
import { storableName } from "./StorableName.ts"

export interface AlertTarget {
  readonly target: Target
  /**
   * Whether the cluster must be read to know the actual target: the object may have an owner, such as a pod's
   * Deployment, or the labels name several objects.
   */
  readonly provisional: boolean
  /** The objects that the labels name, the best evidence first. Present if there are several. */
  readonly candidates?: ReadonlyArray<ResourceRef>
}

/** What a label may mean: the name of an object of this kind, or of its namespace; or nothing. */
export const meanings = [
  "Namespace",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Job",
  "ReplicaSet",
  "Pod",
  "HorizontalPodAutoscaler",
  "PersistentVolumeClaim",
  "PodDisruptionBudget",
  "ResourceQuota",
  "Service",
  "Ingress",
  "PersistentVolume",
  "Node",
  "ignore"
] as const

/**
 * An operator's meaning of labels, by label. A mapped label takes precedence over every convention, and an ignored one
 * counts as absent.
 */
export type TargetLabels = Readonly<Record<string, (typeof meanings)[number]>>

type Labels = Readonly<Record<string, string>>

// RFC 1123, which Kubernetes requires for the names of these kinds. Other values, such as `<none>` or an address with a
// port, are not names.
const objectName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

const nameIn = (value: string | undefined): string | undefined => {
  const name = value?.trim()
  return name !== undefined && name.length <= 253 && objectName.test(name) ? name : undefined
}

/** The name in a label. When a label of the scrape has its name, it has the prefix `exported_`. */
const nameOf = (labels: Labels, label: string): string | undefined =>
  nameIn(labels[`exported_${label}`] ?? labels[label])

const firstName = (labels: Labels, names: ReadonlyArray<string>): string | undefined => {
  for (const label of names) {
    const name = nameOf(labels, label)
    if (name !== undefined) return name
  }
  return undefined
}

/** The kinds of the object that a row names. */
const kindsOf = ({ kind }: LabelConvention, labels: Labels): ReadonlyArray<string> => {
  if (typeof kind === "string") return [kind]
  if (!("label" in kind)) return kind
  const named = (labels[kind.label] ?? "").trim().toLowerCase()
  return LabelConventions.kinds.filter((each) => each.toLowerCase() === named)
}

/** The objects that the labels name by these conventions. */
const objectsIn = (labels: Labels, conventions: ReadonlyArray<LabelConvention>): ReadonlyArray<ResourceRef> =>
  conventions.flatMap((row) => {
    const name = nameOf(labels, row.name)
    const namespace = row.namespace === undefined ? "" : firstName(labels, row.namespace)
    return name === undefined || namespace === undefined || !Exporters.matches(labels, row.when)
      ? []
      : kindsOf(row, labels).map((kind) => ({ namespace, kind, name }))
  })

/** The pods that are subjects. */
const podsIn = (labels: Labels): ReadonlyArray<ResourceRef> => {
  const isExported = labels["exported_namespace"] !== undefined || labels["exported_pod"] !== undefined
  return objectsIn(labels, LabelConventions.pods).filter(({ name }) =>
    // The pod of the scrape keeps its label, and that of the subject is renamed.
    isExported
      ? name === nameIn(labels["exported_pod"]) || name !== nameIn(labels["pod"])
      : Exporters.isSubject(name, labels)
  )
}

const address = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\]|.*::.*)$/

/** The node that `instance` names. kube-prometheus uses the node's name there, other setups use an address. */
const instanceName = (instance: string | undefined): string | undefined => {
  const host = instance?.replace(/:\d+$/, "")
  return host === undefined || address.test(host) ? undefined : nameIn(host)
}

const node = (name: string | undefined): ReadonlyArray<ResourceRef> =>
  name === undefined ? [] : [{ namespace: "", kind: "Node", name }]

const nodeNameIn = (labels: Labels): string | undefined =>
  firstName(
    labels,
    LabelConventions.nodes.map(({ name }) => name)
  )

const isNodeExporterAlert = (labels: Labels): boolean =>
  /^Node(?!js)[A-Z]/i.test(labels["alertname"] ?? "") || Exporters.exporterOf(labels["job"])?.about === "nodes"

/**
 * Whether the labels name something that runs on nodes, with or without its namespace. The exporter itself does not
 * count.
 */
const namesWhatRuns = (labels: Labels): boolean =>
  LabelConventions.runsOnNodes.some((label) =>
    [labels[label], labels[`exported_${label}`]].some(
      (value = "") => value.trim() !== "" && Exporters.exporterOf(value)?.about !== "nodes"
    )
  )

/** The node of an alert about nothing else. */
const nodeIn = (labels: Labels): ReadonlyArray<ResourceRef> => {
  if (namesWhatRuns(labels) && !Exporters.isAboutNode(labels)) return []
  return node(nodeNameIn(labels) ?? (isNodeExporterAlert(labels) ? instanceName(labels["instance"]) : undefined))
}

/** The labels that count, and the objects that an operator's labels name. */
const mapped = (labels: Labels, meaningOf: TargetLabels | undefined) => {
  if (meaningOf === undefined) return { counted: labels, objects: [] }
  const counted = Object.fromEntries(Object.entries(labels).filter(([label]) => meaningOf[label] !== "ignore"))
  const meant = Object.entries(meaningOf).filter(([, meaning]) => meaning !== "ignore")
  const namespaces = meant.flatMap(([label, meaning]) => (meaning === "Namespace" ? [label] : []))
  const rows = meant
    .filter(([, meaning]) => meaning !== "Namespace")
    .map(([name, kind]) => ({
      source: "operator",
      url: "",
      name,
      kind,
      ...(kind === "Node" || kind === "PersistentVolume" ? {} : { namespace: [...namespaces, "namespace"] })
    }))
  const objects = objectsIn(counted, rows)
  const inNamespace = firstName(counted, namespaces)
  return { counted: inNamespace === undefined ? counted : { ...counted, namespace: inNamespace }, objects }
}

/** The objects that the labels name, the best evidence first. */
const find = (labels: Labels, targetLabels?: TargetLabels): ReadonlyArray<ResourceRef> => {
  const { counted, objects } = mapped(labels, targetLabels)
  if (objects[0]?.namespace === "") return [objects[0]]
  if (objects.length === 0 && Exporters.isAboutNode(counted)) return nodeIn(counted)
  const called = objectsIn(counted, LabelConventions.traffic)
  if (called.length > 0) return [...objects, ...called]
  const workloads = Exporters.namesCaller(counted) ? [] : objectsIn(counted, LabelConventions.workloads)
  const clusterObjects = objectsIn(counted, LabelConventions.clusterObjects)
  if (objects.length === 0 && workloads.length === 0 && clusterObjects.length > 0) return clusterObjects
  const owners = Exporters.namesCaller(counted) ? [] : objectsIn(counted, LabelConventions.owners)
  const found = [...objects, ...workloads, ...podsIn(counted), ...owners]
  if (found.length > 0) return found
  const nodes = nodeIn(counted)
  return nodes.length > 0 ? nodes : servicesIn(counted)
}

/** The Services and Ingresses that are subjects. */
const servicesIn = (labels: Labels): ReadonlyArray<ResourceRef> => {
  const isOfProcess = labels["instance"] !== undefined && Exporters.exporterOf(labels["job"])?.about !== "objects"
  const isExported = Exporters.exporterOf(labels["job"])?.about === "others"
  if (isOfProcess || isExported) return []
  return objectsIn(labels, LabelConventions.services).filter(
    ({ kind, name }) => kind !== "Service" || Exporters.exporterOf(name) === undefined
  )
}

/** More objects than any real alert names. */
const mostCandidates = 6

/** The kinds whose owner is the actual target. */
const owned: ReadonlySet<string> = new Set(["Pod", "ReplicaSet", "Job", "HorizontalPodAutoscaler"])

/**
 * The object whose key the alert has until the cluster has been read. A workload that a hundred alerts name by an
 * external label must not make them one incident, so this is the most specific object.
 */
const mostSpecific = (candidates: ReadonlyArray<ResourceRef>): ResourceRef | undefined =>
  candidates.find(({ kind }) => kind === "Pod")
  ?? (candidates.every(({ name }) => name === candidates[0]?.name) ? candidates[0] : candidates.at(-1))

/** The target of an alert that names no object. No other alert shares it. */
export const targetWithoutObject = (
  cluster: string,
  alert: { readonly fingerprint: string; readonly labels: Labels }
): Target => {
  // The fingerprint keeps the names distinct.
  const name = `${storableName(alert.labels["alertname"] || "unnamed")}-${alert.fingerprint}`
  return { cluster, namespace: firstName(alert.labels, LabelConventions.namespaces) ?? "", kind: "Alert", name }
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
 *   deployment: "checkout"
 * }
 * const { kind, name } = AlertTarget.targetOf("prod", { fingerprint: "6a1f", labels }).target
 * ;[kind, name] // => ["Deployment", "checkout"]
 * ```
 */
export const targetOf = (
  cluster: string,
  alert: { readonly fingerprint: string; readonly labels: Labels },
  targetLabels?: TargetLabels
): AlertTarget => {
  const candidates = find(alert.labels, targetLabels)
    .filter((each, index, all) => all.findIndex((other) => sameRef(each, other)) === index)
    .slice(0, mostCandidates)
  const named = mostSpecific(candidates)
  if (named === undefined) return { target: targetWithoutObject(cluster, alert), provisional: false }
  return {
    target: { cluster, ...named },
    provisional: candidates.length > 1 || owned.has(named.kind),
    ...(candidates.length > 1 ? { candidates } : {})
  }
}
