/** Label sets as real rules and scrape configurations produce them, with the object that each is about. */

import { exporters, type LabelShape, type Labels, requests, scrape } from "./ScrapeShapes.ts"
import { services } from "./ServiceShapes.ts"

const stateMetrics = scrape("kube-state-metrics", "monitoring")
const kubelet: Labels = {
  job: "kubelet",
  service: "kubelet",
  metrics_path: "/metrics/cadvisor",
  instance: "10.0.0.12:10250",
  node: "worker-1"
}
const otel = { k8s_namespace_name: "shop", k8s_node_name: "worker-1" }

const kubeStateMetrics: ReadonlyArray<LabelShape> = [
  ["deployment", "Deployment"],
  ["statefulset", "StatefulSet"],
  ["daemonset", "DaemonSet"],
  ["cronjob", "CronJob"],
  ["job_name", "Job"],
  ["horizontalpodautoscaler", "HorizontalPodAutoscaler"],
  ["replicaset", "ReplicaSet"],
  ["persistentvolumeclaim", "PersistentVolumeClaim"],
  ["poddisruptionbudget", "PodDisruptionBudget"],
  ["resourcequota", "ResourceQuota"],
  ["hpa", "HorizontalPodAutoscaler"]
].map(([label = "", kind = ""]) => ({
  what: `kube-state-metrics: ${label}`,
  labels: { ...stateMetrics, namespace: "shop", [label]: "checkout" },
  objects: [`${kind} shop/checkout`]
}))

const openTelemetry: ReadonlyArray<LabelShape> = [
  ["deployment", "Deployment"],
  ["statefulset", "StatefulSet"],
  ["daemonset", "DaemonSet"],
  ["cronjob", "CronJob"],
  ["job", "Job"],
  ["hpa", "HorizontalPodAutoscaler"],
  ["replicaset", "ReplicaSet"],
  ["persistentvolumeclaim", "PersistentVolumeClaim"],
  ["resourcequota", "ResourceQuota"]
].flatMap(([attribute = "", kind = ""]) => [
  {
    what: `OpenTelemetry in a collector's scrape: k8s_${attribute}_name`,
    labels: { ...scrape("otel-exporter", "monitoring"), ...otel, [`k8s_${attribute}_name`]: "checkout" },
    objects: [`${kind} shop/checkout`]
  },
  {
    what: `OpenTelemetry with UTF-8 names: k8s.${attribute}.name`,
    labels: { "k8s.namespace.name": "shop", "k8s.node.name": "worker-1", [`k8s.${attribute}.name`]: "checkout" },
    objects: [`${kind} shop/checkout`]
  }
])

const datadog: ReadonlyArray<LabelShape> = [
  ["kube_deployment", "Deployment"],
  ["kube_stateful_set", "StatefulSet"],
  ["kube_daemon_set", "DaemonSet"],
  ["kube_cronjob", "CronJob"],
  ["kube_job", "Job"],
  ["kube_replica_set", "ReplicaSet"]
].map(([label = "", kind = ""]) => ({
  what: `Datadog: ${label}`,
  labels: { kube_namespace: "shop", kube_node: "worker-1", [label]: "checkout" },
  objects: [`${kind} shop/checkout`]
}))

const linkerd: ReadonlyArray<LabelShape> = [
  ["dst_deployment", "Deployment"],
  ["dst_statefulset", "StatefulSet"],
  ["dst_daemonset", "DaemonSet"],
  ["dst_replicaset", "ReplicaSet"],
  ["dst_pod", "Pod"]
].map(([label = "", kind = ""]) => ({
  what: `Linkerd, reported by the caller: ${label}`,
  labels: {
    ...scrape("web", "front"),
    direction: "outbound",
    deployment: "web",
    dst_namespace: "shop",
    [label]: "checkout"
  },
  objects: [`${kind} shop/checkout`]
}))

const applications: ReadonlyArray<LabelShape> = [
  {
    what: "an application's own series with the node of its pod",
    labels: scrape("checkout", "shop"),
    objects: ["Pod shop/checkout-6c7c9d9f5b-x2x7p"]
  },
  {
    what: "a namespace, a Service and a node",
    labels: { namespace: "shop", service: "checkout", node: "worker-1" },
    objects: ["Service shop/checkout"]
  },
  { what: "a namespace and a node", labels: { namespace: "shop", node: "worker-1" }, objects: [] },
  { what: "a Service and a node", labels: { service: "checkout", node: "worker-1" }, objects: [] },
  { what: "a pod without a namespace, and a node", labels: { pod: "checkout-1", node: "worker-1" }, objects: [] },
  {
    what: "a Node.js application whose rule begins with Node",
    labels: { alertname: "NodeJSEventLoopLag", ...scrape("checkout", "shop") },
    objects: ["Pod shop/checkout-6c7c9d9f5b-x2x7p"]
  },
  {
    what: "a Node.js application by its instance",
    labels: { alertname: "NodejsDown", instance: "checkout:9229" },
    objects: []
  },
  {
    what: "a rule about nodes on series of an application that name a node",
    labels: { alertname: "KubeNodeNotReady", ...scrape("checkout", "shop") },
    objects: ["Node worker-1"]
  },
  { what: "a node alone", labels: { alertname: "DiskSlow", node: "worker-1" }, objects: ["Node worker-1"] },
  {
    what: "an external label that names a workload, beside a pod",
    labels: { namespace: "shop", pod: "checkout-1", container: "app", deployment: "production" },
    objects: ["Deployment shop/production", "Pod shop/checkout-1"]
  },
  {
    what: "an external label beside a better one and a pod",
    labels: { namespace: "shop", pod: "cart-0", deployment: "production", statefulset: "cart" },
    objects: ["Deployment shop/production", "StatefulSet shop/cart", "Pod shop/cart-0"]
  },
  {
    what: "names between spaces",
    labels: { namespace: " shop ", pod: "checkout-1 " },
    objects: ["Pod shop/checkout-1"]
  }
]

const owners: ReadonlyArray<LabelShape> = [
  {
    what: "kube-state-metrics: the owner of a pod",
    labels: { ...stateMetrics, namespace: "shop", pod: "cart-0", owner_kind: "StatefulSet", owner_name: "cart" },
    objects: ["Pod shop/cart-0", "StatefulSet shop/cart"]
  },
  {
    what: "kube-state-metrics: an owner without a pod",
    labels: { ...stateMetrics, namespace: "shop", owner_kind: "ReplicaSet", owner_name: "checkout-6f7c9" },
    objects: ["ReplicaSet shop/checkout-6f7c9"]
  },
  {
    what: "kube-state-metrics: an owner of another kind",
    labels: { ...stateMetrics, namespace: "shop", owner_kind: "Node", owner_name: "worker-1" },
    objects: []
  },
  {
    what: "kube-state-metrics: the creator of a pod",
    labels: { namespace: "shop", created_by_kind: "DaemonSet", created_by_name: "agent", node: "worker-1" },
    objects: ["DaemonSet shop/agent"]
  },
  {
    what: "kube-state-metrics: the workload of an autoscaler",
    labels: { namespace: "shop", scaletargetref_kind: "Deployment", scaletargetref_name: "search" },
    objects: ["Deployment shop/search"]
  },
  {
    what: "kube-state-metrics before version 2: a Job",
    labels: { job: "kube-state-metrics", namespace: "shop", exported_job: "reports-29380320" },
    objects: ["Job shop/reports-29380320"]
  },
  {
    what: "Pushgateway: the name of a pushed job",
    labels: { ...scrape("pushgateway", "monitoring"), exported_job: "reports" },
    objects: []
  },
  {
    what: "Kubernetes mixin: a workload",
    labels: { namespace: "shop", workload: "cart", workload_type: "statefulset", pod: "cart-0" },
    objects: ["StatefulSet shop/cart", "Pod shop/cart-0"]
  },
  {
    what: "Google Cloud: a controller",
    labels: {
      namespace_name: "shop",
      pod_name: "cart-0",
      node_name: "gke-1",
      top_level_controller_type: "StatefulSet",
      top_level_controller_name: "cart"
    },
    objects: ["Pod shop/cart-0", "StatefulSet shop/cart"]
  },
  {
    what: "AWS: a workload",
    labels: { ...otel, k8s_pod_name: "cart-0", k8s_workload_name: "cart", k8s_workload_type: "StatefulSet" },
    objects: ["StatefulSet shop/cart", "Pod shop/cart-0"]
  },
  {
    what: "AWS with UTF-8 names: a workload",
    labels: { "k8s.namespace.name": "shop", "k8s.workload.name": "cart", "k8s.workload.type": "StatefulSet" },
    objects: ["StatefulSet shop/cart"]
  },
  {
    what: "Linkerd: a Job",
    labels: { direction: "inbound", namespace: "shop", k8s_job: "reports-1" },
    objects: ["Job shop/reports-1"]
  }
]

const podLabels: ReadonlyArray<LabelShape> = [
  {
    what: "cAdvisor: a container",
    labels: { ...kubelet, namespace: "shop", pod: "checkout-1", container: "app", id: "/kubepods/1" },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "cAdvisor: a container of an exporter",
    labels: { ...kubelet, alertname: "MemoryNearLimit", namespace: "shop", pod: "redis-exporter-1" },
    objects: ["Pod shop/redis-exporter-1"]
  },
  {
    what: "cAdvisor before Kubernetes 1.16",
    labels: {
      job: "kubernetes-cadvisor",
      namespace: "shop",
      pod_name: "checkout-1",
      kubernetes_io_hostname: "worker-1"
    },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "cAdvisor: the root container of a node",
    labels: { job: "kubernetes-nodes", instance: "worker-1", kubernetes_io_hostname: "worker-1", id: "/" },
    objects: ["Node worker-1"]
  },
  {
    what: "cAdvisor: labels of a container",
    labels: { io_kubernetes_pod_namespace: "shop", io_kubernetes_pod_name: "checkout-1", node: "worker-1" },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "cAdvisor outside the kubelet",
    labels: {
      container_label_io_kubernetes_pod_namespace: "shop",
      container_label_io_kubernetes_pod_name: "checkout-1"
    },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "kubelet: a volume",
    labels: { ...kubelet, namespace: "shop", persistentvolumeclaim: "data" },
    objects: ["PersistentVolumeClaim shop/data"]
  },
  { what: "kubelet: totals of a namespace", labels: { ...kubelet, namespace: "shop" }, objects: [] },
  {
    what: "an older scrape configuration",
    labels: {
      job: "kubernetes-pods",
      kubernetes_namespace: "shop",
      kubernetes_pod_name: "checkout-1",
      app: "checkout",
      kubernetes_node: "worker-1"
    },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "another older scrape configuration",
    labels: { kubernetes_namespace: "shop", kubernetes_pod: "checkout-1", kubernetes_node: "worker-1" },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "an older scrape configuration of a Service",
    labels: { kubernetes_namespace: "shop", kubernetes_name: "checkout", kubernetes_node: "worker-1" },
    objects: []
  },
  {
    what: "an older scrape of kube-state-metrics",
    labels: {
      job: "kubernetes-service-endpoints",
      kubernetes_namespace: "kube-system",
      kubernetes_name: "kube-state-metrics",
      namespace: "shop",
      deployment: "checkout"
    },
    objects: ["Deployment shop/checkout"]
  },
  { what: "OpenTelemetry: a pod", labels: { ...otel, k8s_pod_name: "checkout-1" }, objects: ["Pod shop/checkout-1"] },
  {
    what: "OpenTelemetry with UTF-8 names: a pod",
    labels: { "k8s.namespace.name": "shop", "k8s.pod.name": "checkout-1", "k8s.node.name": "worker-1" },
    objects: ["Pod shop/checkout-1"]
  },
  { what: "OpenTelemetry: a node", labels: { k8s_node_name: "worker-1" }, objects: ["Node worker-1"] },
  {
    what: "OpenTelemetry with UTF-8 names: a node",
    labels: { "k8s.node.name": "worker-1" },
    objects: ["Node worker-1"]
  },
  {
    what: "Datadog: a pod",
    labels: { kube_namespace: "shop", pod_name: "checkout-1", kube_node: "worker-1" },
    objects: ["Pod shop/checkout-1"]
  },
  { what: "Datadog: a node", labels: { kube_node: "worker-1" }, objects: ["Node worker-1"] },
  { what: "Google Cloud: a node", labels: { node_name: "gke-1" }, objects: ["Node gke-1"] },
  { what: "an older scrape of a node", labels: { kubernetes_node: "worker-1" }, objects: ["Node worker-1"] }
]

/** A node stands beside what runs on it. */
const onANode: ReadonlyArray<LabelShape> = [
  {
    what: "a pod in a file that node-exporter reads",
    labels: {
      job: "node-exporter",
      namespace: "monitoring",
      pod: "node-exporter-x",
      node: "worker-1",
      exported_namespace: "shop",
      exported_pod: "checkout-1"
    },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "a pod in a file that node-exporter reads, with honor_labels",
    labels: { job: "node-exporter", namespace: "shop", pod: "checkout-1", node: "worker-1" },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "node-exporter itself, by its application's name",
    labels: { app: "node-exporter", node: "worker-1" },
    objects: ["Node worker-1"]
  },
  {
    what: "a rule about Node.js",
    labels: { alertname: "KubernetesNodeJSErrors", namespace: "shop", pod: "checkout-1", node: "worker-1" },
    objects: ["Pod shop/checkout-1"]
  },
  ...[
    "deployment",
    "job_name",
    "persistentvolumeclaim",
    "kube_service",
    "exported_service",
    "destination_service",
    "ingress",
    "container",
    "k8s_container_name",
    "app",
    "app_kubernetes_io_name"
  ].map((label) => ({
    what: `a node and the label ${label} without a namespace`,
    labels: { [label]: "checkout", node: "worker-1" },
    objects: []
  }))
]

const clusterObjects: ReadonlyArray<LabelShape> = [
  { what: "a volume", labels: { ...stateMetrics, persistentvolume: "pvc-1" }, objects: ["PersistentVolume pvc-1"] },
  {
    what: "an aggregated API",
    labels: { alertname: "KubeAggregatedAPIDown", name: "v1beta1.metrics.k8s.io", namespace: "monitoring" },
    objects: ["APIService v1beta1.metrics.k8s.io"]
  }
]

export const labelShapes: ReadonlyArray<LabelShape> = [
  ...applications,
  ...kubeStateMetrics,
  ...owners,
  ...podLabels,
  ...openTelemetry,
  ...datadog,
  ...linkerd,
  ...requests,
  ...exporters,
  ...onANode,
  ...clusterObjects,
  ...services
]
