/**
 * How the labels of an alert name its subject, as data: one row for each convention, with its source. `AlertTarget`
 * says how the rows are applied. Within a table, earlier rows take precedence.
 */

/** One way in which labels name an object. */
export interface LabelConvention {
  /** Who writes these labels, and about what. */
  readonly source: string
  /** Where they are documented. */
  readonly url: string
  /** The label with the object's name. */
  readonly name: string
  /** The labels with its namespace; the first one that is present counts. Absent for cluster-scoped kinds. */
  readonly namespace?: ReadonlyArray<string>
  /**
   * Its kind; or the kinds that it may have, where the labels do not say which; or the label with its kind, in any
   * case.
   */
  readonly kind: string | ReadonlyArray<string> | { readonly label: string }
  /** The row applies only if each of these labels matches. An absent label is empty. */
  readonly when?: Readonly<Record<string, RegExp>>
}

type Shape = Omit<LabelConvention, "source" | "url">

const convention = (source: string, url: string, shapes: ReadonlyArray<Shape>): ReadonlyArray<LabelConvention> =>
  shapes.map((shape) => ({ source, url, ...shape }))

/** `label kind` pairs in one namespace label. */
const named = (
  namespace: ReadonlyArray<string>,
  kinds: Readonly<Record<string, string>>,
  when?: Shape["when"]
): ReadonlyArray<Shape> =>
  Object.entries(kinds).map(([name, kind]) => ({ namespace, name, kind, ...(when === undefined ? {} : { when }) }))

// Prometheus writes the dots of an attribute as underscores, unless it keeps UTF-8 names.
const attributes = (kinds: Readonly<Record<string, string>>, separator: "." | "_"): ReadonlyArray<Shape> =>
  Object.entries(kinds).map(([name, kind]) => ({
    name: ["k8s", name, "name"].join(separator),
    namespace: [["k8s", "namespace", "name"].join(separator)],
    kind
  }))

const urls = {
  kubeStateMetrics: "https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics",
  cadvisor: "https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md",
  mixin: "https://github.com/kubernetes-monitoring/kubernetes-mixin/blob/master/rules/apps.libsonnet",
  openTelemetry: "https://opentelemetry.io/docs/specs/semconv/resource/k8s/",
  datadog: "https://docs.datadoghq.com/containers/kubernetes/tag/",
  istio: "https://istio.io/latest/docs/reference/config/metrics/",
  linkerd: "https://linkerd.io/2/reference/proxy-metrics/",
  hubble: "https://docs.cilium.io/en/stable/observability/metrics/",
  googleCloud: "https://cloud.google.com/monitoring/api/resources#tag_k8s_container",
  prometheus:
    "https://github.com/prometheus/prometheus/blob/release-2.0/documentation/examples/prometheus-kubernetes.yml"
} as const

const mesh = ["Deployment", "StatefulSet", "DaemonSet"]
const known = /^(?!unknown$)./

/** Traffic: the workload that was called is the subject, also in series of its caller. */
export const traffic: ReadonlyArray<LabelConvention> = [
  ...convention("Istio: the workload that was called", urls.istio, [
    {
      name: "destination_workload",
      namespace: ["destination_workload_namespace", "destination_service_namespace"],
      kind: mesh,
      when: { destination_workload: known }
    }
  ]),
  ...convention("Cilium Hubble: the workload or pod that was called", urls.hubble, [
    {
      name: "destination_workload",
      namespace: ["destination_namespace"],
      kind: mesh,
      when: { destination_workload: known }
    },
    { name: "destination_pod", namespace: ["destination_namespace"], kind: "Pod" }
  ]),
  ...convention(
    "Linkerd: the workload that was called, in the metrics of its caller",
    urls.linkerd,
    named(
      ["dst_namespace"],
      {
        dst_deployment: "Deployment",
        dst_statefulset: "StatefulSet",
        dst_daemonset: "DaemonSet",
        dst_replicaset: "ReplicaSet",
        dst_pod: "Pod"
      },
      { direction: /^outbound$/ }
    )
  )
]

/** Labels that name a workload, or another object that an alert can be about. */
export const workloads: ReadonlyArray<LabelConvention> = [
  ...convention(
    "kube-state-metrics: workloads",
    urls.kubeStateMetrics,
    named(["namespace", "kubernetes_namespace"], {
      deployment: "Deployment",
      statefulset: "StatefulSet",
      daemonset: "DaemonSet",
      cronjob: "CronJob",
      job_name: "Job",
      horizontalpodautoscaler: "HorizontalPodAutoscaler",
      replicaset: "ReplicaSet"
    })
  ),
  ...convention("kube-state-metrics before version 2: autoscalers and Jobs", urls.kubeStateMetrics, [
    { name: "hpa", namespace: ["namespace"], kind: "HorizontalPodAutoscaler" },
    // Its label `job` became `exported_job` beside Prometheus' own.
    { name: "exported_job", namespace: ["namespace"], kind: "Job", when: { job: /kube-state-metrics/ } }
  ]),
  ...convention("kube-state-metrics: the workload that an autoscaler scales", urls.kubeStateMetrics, [
    { name: "scaletargetref_name", namespace: ["namespace"], kind: { label: "scaletargetref_kind" } }
  ]),
  ...convention(
    "kube-state-metrics and kubelet: claims, budgets and quotas",
    urls.kubeStateMetrics,
    named(["namespace", "kubernetes_namespace"], {
      persistentvolumeclaim: "PersistentVolumeClaim",
      poddisruptionbudget: "PodDisruptionBudget",
      resourcequota: "ResourceQuota"
    })
  ),
  ...convention("Kubernetes mixin: recording rules about workloads", urls.mixin, [
    { name: "workload", namespace: ["namespace"], kind: { label: "workload_type" } }
  ]),
  ...convention("Linkerd: Jobs", urls.linkerd, [{ name: "k8s_job", namespace: ["namespace"], kind: "Job" }]),
  ...convention("OpenTelemetry: resource attributes of workloads", urls.openTelemetry, [
    ...(["_", "."] as const).flatMap((separator) =>
      attributes(
        {
          deployment: "Deployment",
          statefulset: "StatefulSet",
          daemonset: "DaemonSet",
          cronjob: "CronJob",
          job: "Job",
          hpa: "HorizontalPodAutoscaler",
          replicaset: "ReplicaSet",
          persistentvolumeclaim: "PersistentVolumeClaim",
          resourcequota: "ResourceQuota"
        },
        separator
      )
    ),
    { name: "k8s_workload_name", namespace: ["k8s_namespace_name"], kind: { label: "k8s_workload_type" } },
    { name: "k8s.workload.name", namespace: ["k8s.namespace.name"], kind: { label: "k8s.workload.type" } }
  ]),
  ...convention(
    "Datadog: tags of workloads",
    urls.datadog,
    named(["kube_namespace"], {
      kube_deployment: "Deployment",
      kube_stateful_set: "StatefulSet",
      kube_daemon_set: "DaemonSet",
      kube_cronjob: "CronJob",
      kube_job: "Job",
      kube_replica_set: "ReplicaSet"
    })
  )
]

/** Labels that name a pod, which may be the pod that was scraped. */
export const pods: ReadonlyArray<LabelConvention> = [
  ...convention("kube-state-metrics, cAdvisor, and the labels of a scraped pod", urls.kubeStateMetrics, [
    { name: "pod", namespace: ["namespace"], kind: "Pod" }
  ]),
  ...convention("OpenTelemetry: resource attributes of pods", urls.openTelemetry, [
    ...attributes({ pod: "Pod" }, "_"),
    ...attributes({ pod: "Pod" }, ".")
  ]),
  ...convention("cAdvisor before Kubernetes 1.16", urls.cadvisor, [
    { name: "pod_name", namespace: ["namespace"], kind: "Pod" }
  ]),
  ...convention("cAdvisor: labels of containers", urls.cadvisor, [
    { name: "io_kubernetes_pod_name", namespace: ["io_kubernetes_pod_namespace"], kind: "Pod" },
    {
      name: "container_label_io_kubernetes_pod_name",
      namespace: ["container_label_io_kubernetes_pod_namespace"],
      kind: "Pod"
    }
  ]),
  ...convention("Scrape configurations of Prometheus 1 and 2", urls.prometheus, [
    { name: "kubernetes_pod_name", namespace: ["kubernetes_namespace"], kind: "Pod" },
    { name: "kubernetes_pod", namespace: ["kubernetes_namespace"], kind: "Pod" }
  ]),
  ...convention("Google Cloud: labels of containers", urls.googleCloud, [
    { name: "pod_name", namespace: ["namespace_name"], kind: "Pod" }
  ]),
  ...convention("Datadog: tags of pods", urls.datadog, [
    { name: "pod_name", namespace: ["kube_namespace"], kind: "Pod" }
  ])
]

/** Labels that name the owner of a pod. The pod itself is better evidence, because its owner is read from the cluster. */
export const owners: ReadonlyArray<LabelConvention> = [
  ...convention("kube-state-metrics: owners", urls.kubeStateMetrics, [
    { name: "owner_name", namespace: ["namespace"], kind: { label: "owner_kind" } },
    { name: "created_by_name", namespace: ["namespace"], kind: { label: "created_by_kind" } }
  ]),
  ...convention("Google Cloud: the controller of a pod", urls.googleCloud, [
    {
      name: "top_level_controller_name",
      namespace: ["namespace", "namespace_name"],
      kind: { label: "top_level_controller_type" }
    }
  ])
]

/**
 * Labels that name a Service or an Ingress. Prometheus adds the label `service` of what it scrapes to every series, so
 * these count only where nothing else is named (`AlertTarget`).
 */
export const services: ReadonlyArray<LabelConvention> = [
  ...convention("Prometheus: the Service whose pods are scraped", urls.prometheus, [
    { name: "service", namespace: ["namespace"], kind: "Service" }
  ]),
  ...convention("kube-state-metrics: Endpoints have the name of their Service", urls.kubeStateMetrics, [
    { name: "endpoint", namespace: ["namespace"], kind: "Service", when: { alertname: /endpoint/i } }
  ]),
  ...convention("Istio: the Service that was called", urls.istio, [
    {
      name: "destination_service_name",
      namespace: ["destination_service_namespace", "destination_workload_namespace"],
      kind: "Service"
    }
  ]),
  ...convention("Datadog: tags of Services", urls.datadog, [
    { name: "kube_service", namespace: ["kube_namespace"], kind: "Service" }
  ]),
  ...convention("kube-state-metrics and ingress-nginx: an Ingress", urls.kubeStateMetrics, [
    { name: "ingress", namespace: ["namespace"], kind: "Ingress" }
  ])
]

/** Labels that name a cluster-scoped object other than a node. */
export const clusterObjects: ReadonlyArray<LabelConvention> = [
  ...convention("kube-state-metrics: volumes", urls.kubeStateMetrics, [
    { name: "persistentvolume", kind: "PersistentVolume" }
  ]),
  ...convention("kube-apiserver: aggregated APIs", urls.mixin, [
    { name: "name", kind: "APIService", when: { alertname: /^KubeAggregatedAPI/ } }
  ])
]

/** Labels that name a node: that of the subject, or the one on which it runs. */
export const nodes: ReadonlyArray<LabelConvention> = [
  ...convention("kube-state-metrics, kubelet, and the node of a scraped pod", urls.kubeStateMetrics, [
    { name: "node", kind: "Node" }
  ]),
  ...convention("OpenTelemetry: resource attributes of nodes", urls.openTelemetry, [
    { name: "k8s_node_name", kind: "Node" },
    { name: "k8s.node.name", kind: "Node" }
  ]),
  ...convention("Scrape configurations of Prometheus 1 and 2", urls.prometheus, [
    { name: "kubernetes_node", kind: "Node" },
    { name: "kubernetes_io_hostname", kind: "Node" }
  ]),
  ...convention("Google Cloud, and log shippers", urls.googleCloud, [{ name: "node_name", kind: "Node" }]),
  ...convention("Datadog: tags of nodes", urls.datadog, [{ name: "kube_node", kind: "Node" }])
]

/** Labels that name a namespace, for alerts whose labels name no object. */
export const namespaces: ReadonlyArray<string> = [
  ...new Set(["namespace", ...[...traffic, ...workloads, ...pods].flatMap(({ namespace = [] }) => namespace)])
]

/** Labels that name something that runs on a node, so that the node beside them is not the subject. */
export const runsOnNodes: ReadonlyArray<string> = [
  ...new Set([
    ...namespaces,
    ...[...traffic, ...workloads, ...pods, ...owners].map(({ name }) => name),
    // Services, and what calls them.
    "service",
    "kube_service",
    "kubernetes_name",
    "service_name",
    "destination_service",
    "destination_service_name",
    "ingress",
    // Containers and applications.
    "container",
    "container_name",
    "k8s_container_name",
    "k8s.container.name",
    "kube_container_name",
    "app",
    "app_kubernetes_io_name"
  ])
]

/** The kinds that a label such as `owner_kind` or `workload_type` may name, as Kubernetes spells them. */
export const kinds: ReadonlyArray<string> = [
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Job",
  "ReplicaSet",
  "Pod"
]
