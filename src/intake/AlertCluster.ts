/**
 * Decides by the labels of an alert whether it is about the cluster that this service works on.
 *
 * One Alertmanager often serves several clusters, and their workloads have the same names. An alert of another cluster
 * must never lead to an action on this one, so it is recorded and nothing else is done about it.
 *
 * - Every label in the list counts. If one of them names another cluster, the alert is about another cluster, even if
 *   another label names ours: a central Prometheus adds its own name to the series of others.
 * - Names are compared without regard to case and surrounding spaces.
 * - An empty label is an absent one, as in Prometheus.
 * - A label that the sender put beside the alerts (`commonLabels`, `groupLabels`) counts for alerts without it.
 * - Where `exported_namespace` names the subject's namespace, the label `exported_cluster` names its cluster. So it does
 *   in series of another Prometheus, whose `job` and `instance` were renamed as well.
 * - `cluster_name` names a cluster of Kubernetes only beside the labels of Google Cloud or Datadog.
 * - In a mesh over several clusters, a call to another cluster is about a workload of that cluster.
 */

import { storableName } from "./StorableName.ts"

type Labels = Readonly<Record<string, string>>

/** How alerts say which cluster they are about. */
export interface AlertClusterOptions {
  /** The name of the cluster that this service works on. */
  readonly cluster: string
  /** Other names of that cluster in labels. Default: none. */
  readonly clusterAliases?: ReadonlyArray<string>
  /** The labels that name the cluster of an alert. Default: `defaultClusterLabels`. */
  readonly clusterLabels?: ReadonlyArray<string>
  /**
   * What to do with an alert that has none of these labels. `accept` works on it, `observe` only records it. Default
   * `accept`.
   */
  readonly unlabelledAlerts?: "accept" | "observe"
}

/**
 * The label that Thanos, Mimir and most installations use, Datadog's, and the labels of OpenTelemetry's attribute
 * `k8s.cluster.name`. Other names, such as `cluster_name`, often name the cluster of a database.
 */
export const defaultClusterLabels: ReadonlyArray<string> = [
  "cluster",
  "kube_cluster_name",
  "k8s_cluster",
  "k8s_cluster_name",
  "k8s.cluster.name",
  "kubernetes_cluster"
]

/** Why nothing is done about an alert, and the cluster that it names, if it names one. */
export interface NotOurs {
  readonly cluster?: string
  readonly reason: string
}

/** A label and the cluster that it names. */
interface Named {
  readonly label: string
  readonly cluster: string
}

const folded = (name: string): string => name.trim().toLowerCase()

/** The first value that is not blank. */
const valueOf = (label: string, sources: ReadonlyArray<Labels | null | undefined>): string | undefined => {
  for (const labels of sources) {
    const value = labels?.[label]
    if (value !== undefined && value.trim() !== "") return value
  }
  return undefined
}

/** The labels of Google Cloud and of Datadog, beside which `cluster_name` is the cluster of Kubernetes. */
const besideClusterName = ["namespace_name", "kube_namespace"]

/** Labels of a series that one Prometheus scraped from another, or from a program, with the subject's own labels. */
const renamed = ["exported_namespace", "exported_job", "exported_instance"]

/**
 * The cluster that was called from another one. Istio has names of its own for clusters, so within one cluster they say
 * nothing.
 */
const calledCluster = (sources: ReadonlyArray<Labels | null | undefined>): ReadonlyArray<Named> => {
  const cluster = valueOf("destination_cluster", sources)
  const caller = valueOf("source_cluster", sources)
  return cluster === undefined
    || caller === undefined
    || valueOf("reporter", sources) !== "source"
    || valueOf("destination_workload", sources) === undefined
    || [cluster, caller].some((name) => folded(name) === "unknown")
    || folded(cluster) === folded(caller)
    ? []
    : [{ label: "destination_cluster", cluster }]
}

const clustersIn = (
  names: ReadonlyArray<string>,
  sources: ReadonlyArray<Labels | null | undefined>
): ReadonlyArray<Named> => {
  const isPresent = (label: string) => valueOf(label, sources) !== undefined
  const own = besideClusterName.some(isPresent) ? [...new Set([...names, "cluster_name"])] : names
  const all = renamed.some(isPresent) ? [...own, ...own.map((name) => `exported_${name}`)] : own
  return [
    ...all.flatMap((label) => {
      const cluster = valueOf(label, sources)
      return cluster === undefined ? [] : [{ label, cluster }]
    }),
    ...calledCluster(sources)
  ]
}

/**
 * Returns `undefined` for an alert that is about our cluster, and for an alert that names no cluster if such alerts are
 * accepted. `labels` are those of the alert, then those that the sender put beside its alerts.
 *
 * ```ts
 * import * as AlertCluster from "./AlertCluster.ts"
 *
 * const isOurs = AlertCluster.make({ cluster: "prod-a", clusterAliases: ["production"] })
 * isOurs({ cluster: "Production" }) // => undefined
 * isOurs({ cluster: "prod-b" })?.cluster // => "prod-b"
 * ```
 */
export const make = (options: AlertClusterOptions) => {
  const { cluster, clusterAliases = [], clusterLabels = defaultClusterLabels, unlabelledAlerts = "accept" } = options
  const ours = new Set([cluster, ...clusterAliases].map(folded))
  return (...labels: ReadonlyArray<Labels | null | undefined>): NotOurs | undefined => {
    const named = clustersIn(clusterLabels, labels)
    const other = named.find((each) => !ours.has(folded(each.cluster)))
    if (other !== undefined) {
      const name = storableName(other.cluster.trim())
      return {
        cluster: name,
        reason:
          `The label ${other.label} names cluster ${name}, and this service works on cluster ${cluster}.`
          + " If both are one cluster, add the name to the aliases of the cluster."
      }
    }
    if (named.length > 0 || unlabelledAlerts === "accept") return undefined
    return {
      reason: `The alert names no cluster (expected the label ${clusterLabels.join(" or ")}), and this service works on cluster ${cluster}.`
    }
  }
}
