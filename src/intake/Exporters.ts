/**
 * Who produces the series behind an alert, as data.
 *
 * Prometheus adds the labels of the scraped pod to every series. The labels of an exporter therefore say where it runs,
 * and not what its series are about.
 */

type Labels = Readonly<Record<string, string>>

/** A producer of series about something other than itself. */
export interface Exporter {
  readonly source: string
  /** Matches the scrape job, the Service and the pods of the exporter. */
  readonly name: RegExp
  /**
   * `objects`: its series name the object in labels, so a pod of another name is the subject. `nodes`: its series are
   * about the node that it runs on. `others`: about something that its own labels do not name.
   */
  readonly about: "objects" | "nodes" | "others"
}

/** In the order in which a name is looked up. */
export const exporters: ReadonlyArray<Exporter> = [
  { source: "kube-state-metrics", name: /kube[-_]?state[-_]?metrics|^ksm$/, about: "objects" },
  { source: "kubelet and cAdvisor", name: /^kubelet|cadvisor|^kubernetes-nodes/, about: "objects" },
  { source: "node-exporter", name: /node[-_]?exporter/, about: "nodes" },
  { source: "node-problem-detector", name: /node-problem-detector/, about: "nodes" },
  { source: "blackbox exporter and its probes", name: /blackbox|^probe\//, about: "others" },
  { source: "Pushgateway", name: /push-?gateway/, about: "others" },
  {
    source: "controllers of certificates and applications",
    name: /^cert-manager|argocd-application-controller/,
    about: "others"
  },
  { source: "Flux", name: /^(kustomize|helm|source)-controller/, about: "others" },
  { source: "exporters of databases, queues, clouds and hardware", name: /exporter/, about: "others" }
]

/**
 * Names of alerting rules about pods and containers, and about exporters themselves: the pod in such an alert is its
 * subject.
 */
export const aboutPods: ReadonlyArray<RegExp> = [
  // The Kubernetes mixin.
  /^Kube(Pod|Container|StateMetrics)/,
  /^CPUThrottlingHigh$/,
  // awesome-prometheus-alerts, and names that people choose.
  /^Kubernetes(Pod|Container)/,
  /^(Pod|Container)[A-Z]/,
  /Exporter/
]

/** Names of alerting rules about nodes: the node in such an alert is its subject, even beside a pod. */
export const aboutNodes: ReadonlyArray<RegExp> = [
  // The Kubernetes mixin.
  /^KubeNode(?!JS|Js)[A-Z]/,
  /^Kubelet[A-Z]/,
  /^Kube(CPU|Memory)Overcommit$/,
  // The mixin of node-exporter. Only its own names: rules about Node.js begin with `Node` as well.
  /^NodeBondingDegraded$/,
  /^Node(CPUHighUsage|SystemSaturation)$/,
  /^NodeClock(NotSynchronising|SkewDetected)$/,
  /^Node(DiskIOSaturation|FileDescriptorLimit|HighNumberConntrackEntriesUsed)$/,
  /^NodeFilesystem(AlmostOutOfFiles|AlmostOutOfSpace|FilesFillingUp|SpaceFillingUp)$/,
  /^NodeMemory(HighUtilization|MajorPagesFaults)$/,
  /^NodeNetwork(InterfaceFlapping|ReceiveErrs|TransmitErrs)$/,
  /^NodeRAID(Degraded|DiskFailure)$/,
  /^NodeSystemdService(Crashlooping|Failed)$/,
  /^NodeTextFileCollectorScrapeError$/,
  // awesome-prometheus-alerts.
  /^KubernetesNode(?!JS|Js)[A-Z]/
]

/**
 * Series about a request, as its caller or a proxy reports it: the pod in their labels is not the subject, and where
 * `workload` is true, neither is the workload.
 */
export const callers: ReadonlyArray<{
  readonly source: string
  readonly when: Readonly<Record<string, RegExp>>
  readonly workload?: true
}> = [
  {
    source: "Istio: reported by the caller, or by nobody",
    when: { destination_workload: /./, reporter: /^(?!destination$)/ }
  },
  { source: "Istio: a Service that was called", when: { destination_service: /./, reporter: /^(?!destination$)/ } },
  {
    source: "Istio: a Service that was called",
    when: { destination_service_name: /./, reporter: /^(?!destination$)/ }
  },
  { source: "Linkerd: reported by the caller", when: { direction: /^outbound$/ }, workload: true },
  { source: "Cilium Hubble", when: { destination_pod: /./ } },
  { source: "Envoy: an upstream cluster", when: { envoy_cluster_name: /^outbound\|/ } },
  { source: "ingress-nginx: the controller's pod", when: { ingress: /./ } },
  { source: "ingress-nginx: the controller's pod", when: { controller_pod: /./ } },
  { source: "ingress-nginx without honor_labels", when: { exported_service: /./ } },
  { source: "Traefik: a backend", when: { service: /@/ } }
]

/** Whether each label matches. An absent label is empty. */
export const matches = (labels: Labels, when: Readonly<Record<string, RegExp>> | undefined): boolean =>
  when === undefined || Object.entries(when).every(([label, pattern]) => pattern.test(labels[label] ?? ""))

const isNamed = (alertName: string | undefined, patterns: ReadonlyArray<RegExp>): boolean =>
  patterns.some((pattern) => pattern.test(alertName ?? ""))

/** The exporter with this name of a job, Service or pod. */
export const exporterOf = (name: string | undefined): Exporter | undefined =>
  name === undefined || name === "" ? undefined : exporters.find((exporter) => exporter.name.test(name.toLowerCase()))

/** The exporter that was scraped, by the job, or else by the Service. */
const scraped = (labels: Labels): Exporter | undefined => exporterOf(labels["job"] || labels["service"])

/**
 * Whether the labels name another pod than that of an exporter of nodes. Such an exporter also publishes what other
 * programs write to a file.
 */
const namesOtherPod = (labels: Labels): boolean =>
  [labels["pod"], labels["exported_pod"]].some((pod = "") => pod !== "" && exporterOf(pod)?.about !== "nodes")

/** Whether the alert is known to be about a node. */
export const isAboutNode = (labels: Labels): boolean =>
  isNamed(labels["alertname"], aboutNodes)
  || (scraped(labels)?.about === "nodes" && !isNamed(labels["alertname"], aboutPods) && !namesOtherPod(labels))

/** Whether a pod is the subject: neither the exporter of the series, nor the caller of what is broken. */
export const isSubject = (pod: string, labels: Labels): boolean => {
  if (isNamed(labels["alertname"], aboutPods)) return true
  if (callers.some(({ when }) => matches(labels, when))) return false
  const own = exporterOf(pod)
  if (own === undefined) return true
  const source = scraped(labels)
  // Series about pods come from another exporter. Without a job and a Service, the pod is all that the labels name.
  return source === undefined ? !labels["job"] && !labels["service"] : source !== own && source.about === "objects"
}

/** Whether the workload in the labels is that of a caller. */
export const namesCaller = (labels: Labels): boolean =>
  callers.some(({ when, workload }) => workload === true && matches(labels, when))
