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
 * - Where `exported_namespace` names the subject's namespace, the label `exported_cluster` names its cluster.
 */

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
 * The label that Thanos, Mimir and most installations use, and the labels of OpenTelemetry's attribute
 * `k8s.cluster.name`. Other names, such as `cluster_name`, often name the cluster of a database.
 */
export const defaultClusterLabels: ReadonlyArray<string> = [
  "cluster",
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

// Names become part of keys, which are stored and logged.
const storable = (name: string): string =>
  name
    .trim()
    .slice(0, 100)
    .replace(/\p{Cc}/gu, "?")
    .toWellFormed()

/** The first value that is not blank. */
const valueOf = (label: string, sources: ReadonlyArray<Labels | null | undefined>): string | undefined => {
  for (const labels of sources) {
    const value = labels?.[label]
    if (value !== undefined && value.trim() !== "") return value
  }
  return undefined
}

const clustersIn = (
  names: ReadonlyArray<string>,
  sources: ReadonlyArray<Labels | null | undefined>
): ReadonlyArray<Named> => {
  const all =
    valueOf("exported_namespace", sources) === undefined
      ? names
      : [...names, ...names.map((name) => `exported_${name}`)]
  return all.flatMap((label) => {
    const cluster = valueOf(label, sources)
    return cluster === undefined ? [] : [{ label, cluster }]
  })
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
      const name = storable(other.cluster)
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
