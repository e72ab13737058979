/** Label sets in which the scraped pod is not the subject: those of exporters, proxies and callers. */

export type Labels = Readonly<Record<string, string>>

export interface LabelShape {
  readonly what: string
  readonly labels: Labels
  /** `Kind namespace/name` of each object that the labels name, the best evidence first. Empty: nothing is named. */
  readonly objects: ReadonlyArray<string>
}

/** What Prometheus adds from a scraped pod of a Service. */
export const scrape = (name: string, namespace: string): Labels => ({
  job: name,
  service: name,
  endpoint: "metrics",
  instance: "10.244.0.11:8080",
  namespace,
  pod: `${name}-6c7c9d9f5b-x2x7p`,
  container: name,
  node: "worker-1",
  prometheus: "monitoring/k8s"
})

const stateMetrics = scrape("kube-state-metrics", "monitoring")
const istio = { reporter: "source", source_workload: "web", ...scrape("web", "front") }

export const exporters: ReadonlyArray<LabelShape> = [
  {
    what: "kube-state-metrics in a rule that names no object",
    labels: { alertname: "CertificateNotReady", ...stateMetrics },
    objects: []
  },
  {
    what: "kube-state-metrics that crashes",
    labels: { ...stateMetrics, alertname: "KubePodCrashLooping" },
    objects: ["Pod monitoring/kube-state-metrics-6c7c9d9f5b-x2x7p"]
  },
  {
    what: "kube-state-metrics: a crashing exporter",
    labels: { ...stateMetrics, alertname: "Restarts", namespace: "shop", pod: "redis-exporter-1" },
    objects: ["Pod shop/redis-exporter-1"]
  },
  {
    what: "node-exporter with the node of its pod",
    labels: { ...scrape("node-exporter", "monitoring"), alertname: "DiskSlow" },
    objects: ["Node worker-1"]
  },
  {
    what: "node-problem-detector",
    labels: { ...scrape("node-problem-detector", "kube-system"), alertname: "KernelDeadlock" },
    objects: ["Node worker-1"]
  },
  {
    what: "blackbox exporter",
    labels: { ...scrape("blackbox-exporter", "monitoring"), instance: "https://shop.example.org" },
    objects: []
  },
  {
    what: "a Probe of the Prometheus operator",
    labels: { job: "probe/shop/web", namespace: "shop", instance: "https://shop.example.org", node: "worker-1" },
    objects: []
  },
  {
    what: "the exporter of a database",
    labels: { ...scrape("redis-exporter", "shop"), alertname: "RedisDown" },
    objects: []
  },
  {
    what: "the exporter of a cloud",
    labels: { ...scrape("cloudwatch-exporter", "monitoring"), dimension_InstanceId: "i-1" },
    objects: []
  },
  {
    what: "an exporter that is down",
    labels: { ...scrape("redis-exporter", "shop"), alertname: "RedisExporterDown" },
    objects: ["Pod shop/redis-exporter-6c7c9d9f5b-x2x7p"]
  },
  {
    what: "an exporter in the pod of its database",
    labels: { ...scrape("redis", "shop"), container: "redis-exporter", alertname: "RedisDown" },
    objects: ["Pod shop/redis-6c7c9d9f5b-x2x7p"]
  },
  {
    what: "a pod of which only its name says that it is an exporter",
    labels: { namespace: "shop", pod: "redis-exporter-1" },
    objects: ["Pod shop/redis-exporter-1"]
  },
  {
    what: "cert-manager: a certificate",
    labels: { ...scrape("cert-manager", "cert-manager"), alertname: "CertExpires", name: "shop-tls" },
    objects: []
  },
  {
    what: "Flux: a resource",
    labels: { ...scrape("kustomize-controller", "flux-system"), exported_namespace: "shop", name: "web" },
    objects: []
  }
]

export const requests: ReadonlyArray<LabelShape> = [
  {
    what: "Istio: the workload that was called",
    labels: { ...istio, destination_workload: "checkout", destination_workload_namespace: "shop" },
    objects: ["Deployment shop/checkout", "StatefulSet shop/checkout", "DaemonSet shop/checkout"]
  },
  {
    what: "Istio: an unknown workload that was called",
    labels: { ...istio, destination_workload: "unknown", destination_workload_namespace: "unknown" },
    objects: []
  },
  {
    what: "Istio: a Service that was called",
    labels: { ...istio, destination_service_name: "checkout", destination_service_namespace: "shop" },
    objects: []
  },
  {
    what: "Istio: the address of a Service that was called",
    labels: { ...istio, destination_service: "checkout.shop.svc.cluster.local" },
    objects: []
  },
  {
    what: "Istio: reported by the workload that was called",
    labels: { ...scrape("checkout", "shop"), reporter: "destination", destination_service_name: "checkout" },
    objects: ["Pod shop/checkout-6c7c9d9f5b-x2x7p"]
  },
  {
    what: "Cilium Hubble: a workload",
    labels: { destination_namespace: "shop", destination_workload: "checkout", ...scrape("cilium", "kube-system") },
    objects: ["Deployment shop/checkout", "StatefulSet shop/checkout", "DaemonSet shop/checkout"]
  },
  {
    what: "Cilium Hubble: a pod",
    labels: { destination_namespace: "shop", destination_pod: "checkout-1", ...scrape("cilium", "kube-system") },
    objects: ["Pod shop/checkout-1"]
  },
  {
    what: "Linkerd: reported by the caller about a Service",
    labels: { ...scrape("web", "front"), direction: "outbound", deployment: "web", dst_service: "checkout" },
    objects: []
  },
  {
    what: "Linkerd: reported by the workload that was called",
    labels: { direction: "inbound", namespace: "shop", deployment: "checkout", pod: "checkout-1" },
    objects: ["Deployment shop/checkout", "Pod shop/checkout-1"]
  },
  {
    what: "Envoy: an upstream cluster",
    labels: { ...scrape("web", "front"), envoy_cluster_name: "outbound|8080||checkout.shop.svc.cluster.local" },
    objects: []
  },
  {
    what: "ingress-nginx",
    labels: { ...scrape("ingress-nginx-controller", "shop"), ingress: "web", service: "web" },
    objects: []
  },
  {
    what: "ingress-nginx: a request to a controller",
    labels: { ...scrape("ingress-nginx-controller", "ingress-nginx"), controller_pod: "ingress-nginx-controller-1" },
    objects: []
  },
  {
    what: "ingress-nginx without honor_labels",
    labels: {
      ...scrape("ingress-nginx-controller", "ingress-nginx"),
      exported_namespace: "shop",
      exported_service: "web"
    },
    objects: []
  },
  {
    what: "Traefik: a backend",
    labels: { ...scrape("traefik", "traefik"), service: "shop-web-80@kubernetes" },
    objects: []
  }
]
