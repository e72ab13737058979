/**
 * Every alert of kube-prometheus, the Kubernetes mixin and the rules of etcd, with the labels that name its subject and
 * the expected kind of its target. `Alert` means that the labels name no object of the cluster.
 */

/** A realistic value for each label. */
const values: Readonly<Record<string, string>> = {
  alertmanager: "http://alertmanager-main-0:9093",
  condition: "DiskPressure",
  container: "app",
  controller: "prometheus",
  cronjob: "reports",
  daemonset: "fluentd",
  deployment: "checkout",
  device: "/dev/sda1",
  eviction_signal: "memory.available",
  git_version: "v1.34.1",
  handler: "/api/*",
  horizontalpodautoscaler: "search",
  instance: "10.0.0.12:10250",
  integration: "webhook",
  job: "job",
  job_name: "reports-29380320",
  mechanism: "kubernetes",
  mountpoint: "/var/lib",
  name: "v1beta1.metrics.k8s.io",
  namespace: "shop",
  node: "worker-1",
  owner_kind: "ReplicaSet",
  persistentvolume: "pvc-0b1d6a",
  persistentvolumeclaim: "data-postgres-0",
  phase: "Failed",
  pod: "checkout-6f7c9-2xk9q",
  poddisruptionbudget: "checkout",
  remote_name: "remote",
  resource: "pods",
  resourcequota: "team",
  service: "service",
  statefulset: "postgres"
}

/** Which name the target has, by its kind. */
const names: Readonly<Record<string, string>> = {
  Service: "service",
  APIService: "name",
  DaemonSet: "daemonset",
  Deployment: "deployment",
  HorizontalPodAutoscaler: "horizontalpodautoscaler",
  Job: "job_name",
  Node: "node",
  PersistentVolume: "persistentvolume",
  PersistentVolumeClaim: "persistentvolumeclaim",
  Pod: "pod",
  PodDisruptionBudget: "poddisruptionbudget",
  ResourceQuota: "resourcequota",
  StatefulSet: "statefulset"
}

/** `labels kind`: the alerts that name a `kind` by `labels`. */
const groups: ReadonlyArray<readonly [labels: string, kind: string, alerts: string]> = [
  [
    "deployment namespace",
    "Deployment",
    "KubeDeploymentGenerationMismatch KubeDeploymentReplicasMismatch KubeDeploymentRolloutStuck"
  ],
  ["namespace statefulset", "StatefulSet", "KubeStatefulSetGenerationMismatch KubeStatefulSetReplicasMismatch"],
  ["job namespace statefulset", "StatefulSet", "KubeStatefulSetUpdateNotRolledOut"],
  ["daemonset namespace", "DaemonSet", "KubeDaemonSetMisScheduled KubeDaemonSetNotScheduled KubeDaemonSetRolloutStuck"],
  ["job_name namespace", "Job", "KubeJobFailed KubeJobNotCompleted KubeJobCompletion"],
  ["horizontalpodautoscaler namespace", "HorizontalPodAutoscaler", "KubeHpaMaxedOut KubeHpaReplicasMismatch"],
  [
    "namespace persistentvolumeclaim",
    "PersistentVolumeClaim",
    "KubePersistentVolumeFillingUp KubePersistentVolumeInodesFillingUp"
  ],
  ["persistentvolume phase", "PersistentVolume", "KubePersistentVolumeErrors"],
  ["namespace poddisruptionbudget", "PodDisruptionBudget", "KubePdbNotEnoughHealthyPods"],
  ["namespace resource resourcequota", "ResourceQuota", "KubeQuotaAlmostFull KubeQuotaExceeded KubeQuotaFullyUsed"],
  ["name namespace", "APIService", "KubeAggregatedAPIDown"],
  ["instance name reason", "APIService", "KubeAggregatedAPIErrors"],
  [
    "node",
    "Node",
    `KubeNodeNotReady KubeNodeReadinessFlapping KubeNodeUnreachable KubeCPUOvercommit KubeMemoryOvercommit KubeletPlegDurationHigh
     KubeletClientCertificateExpiration KubeletClientCertificateRenewalErrors KubeletServerCertificateExpiration
     KubeletServerCertificateRenewalErrors`
  ],
  ["condition node", "Node", "KubeNodePressure"],
  ["eviction_signal instance node", "Node", "KubeNodeEviction"],
  ["instance node", "Node", "KubeletPodStartUpLatencyHigh KubeletTooManyPods"],
  ["container namespace pod", "Pod", "KubePodCrashLooping KubeContainerWaiting"],
  ["job namespace owner_kind pod", "Pod", "KubePodNotReady"],
  ["container instance namespace pod", "Pod", "CPUThrottlingHigh"],
  [
    "namespace pod",
    "Pod",
    `AlertmanagerFailedReload ConfigReloaderSidecarErrors PrometheusBadConfig PrometheusDuplicateTimestamps
     PrometheusErrorSendingAlertsToAnyAlertmanager PrometheusHighQueryLoad PrometheusKubernetesListWatchFailures PrometheusLabelLimitHit
     PrometheusMissingRuleEvaluations PrometheusNotConnectedToAlertmanagers PrometheusNotIngestingSamples
     PrometheusNotificationQueueRunningFull PrometheusOutOfOrderTimestamps PrometheusRuleFailures PrometheusScrapeBodySizeLimitHit
     PrometheusScrapeSampleLimitHit PrometheusTSDBCompactionsFailing PrometheusTSDBReloadsFailing PrometheusTargetLimitHit
     PrometheusTargetSyncFailure`
  ],
  ["alertmanager namespace pod", "Pod", "PrometheusErrorSendingAlertsToSomeAlertmanagers"],
  ["integration namespace pod", "Pod", "AlertmanagerFailedToSendAlerts"],
  ["mechanism namespace pod", "Pod", "PrometheusSDRefreshFailure"],
  [
    "instance namespace pod remote_name url",
    "Pod",
    "PrometheusRemoteStorageFailures PrometheusRemoteWriteBehind PrometheusRemoteWriteDesiredShards"
  ],
  ["job namespace pod service", "Pod", "AlertmanagerClusterFailedPeers AlertmanagerMembersInconsistent"],
  [
    "job namespace service",
    "Service",
    `AlertmanagerClusterCrashlooping AlertmanagerClusterDown AlertmanagerConfigInconsistent AlertmanagerClusterFailedToSendAlerts TargetDown`
  ],
  ["handler job namespace", "Alert", "GrafanaRequestsFailing"],
  ["instance job namespace", "Alert", "KubeClientErrors"],
  ["git_version", "Alert", "KubeVersionMismatch"],
  ["namespace", "Alert", "InfoInhibitor"],
  [
    "controller namespace",
    "Alert",
    `PrometheusOperatorListErrors PrometheusOperatorNodeLookupErrors PrometheusOperatorNotReady PrometheusOperatorReconcileErrors
     PrometheusOperatorRejectedResources PrometheusOperatorStatusUpdateErrors PrometheusOperatorSyncFailed PrometheusOperatorWatchErrors`
  ],
  [
    "",
    "Alert",
    `KubeAPIDown KubeAPIErrorBudgetBurn KubeAPIInstanceUnreachable KubeAPITerminatedRequests KubeCPUQuotaOvercommit
     KubeClientCertificateExpiration KubeControllerManagerDown KubeControllerManagerInstanceUnreachable KubeMemoryQuotaOvercommit
     KubeSchedulerDown KubeSchedulerInstanceUnreachable KubeStateMetricsListErrors KubeStateMetricsShardingMismatch
     KubeStateMetricsShardsMissing KubeStateMetricsWatchErrors KubeletDown KubeletInstanceUnreachable KubeProxyDown Watchdog`
  ],
  [
    "instance job",
    "Alert",
    `etcdMembersDown etcdInsufficientMembers etcdNoLeader etcdHighNumberOfFailedGRPCRequests etcdGRPCRequestsSlow etcdHighFsyncDurations
     etcdBackendQuotaLowSpace`
  ]
]

/** node-exporter's alerts say which machine by `instance`. */
export const nodeExporterAlerts: ReadonlyArray<string> =
  `NodeBondingDegraded NodeCPUHighUsage NodeClockNotSynchronising NodeClockSkewDetected NodeDiskIOSaturation NodeFileDescriptorLimit
   NodeFilesystemAlmostOutOfFiles NodeFilesystemAlmostOutOfSpace NodeFilesystemFilesFillingUp NodeFilesystemSpaceFillingUp
   NodeHighNumberConntrackEntriesUsed NodeMemoryHighUtilization NodeMemoryMajorPagesFaults NodeNetworkInterfaceFlapping NodeNetworkReceiveErrs
   NodeNetworkTransmitErrs NodeRAIDDegraded NodeRAIDDiskFailure NodeSystemSaturation NodeSystemdServiceCrashlooping NodeSystemdServiceFailed
   NodeTextFileCollectorScrapeError`.split(/\s+/)

export interface ReferenceAlert {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly kind: string
  /** The name that the target has to have; absent for `Alert`. */
  readonly target: string | undefined
}

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== "")

export const referenceAlerts: ReadonlyArray<ReferenceAlert> = groups.flatMap(([labels, kind, alerts]) =>
  words(alerts).map((name) => ({
    name,
    labels: {
      alertname: name,
      severity: "warning",
      ...Object.fromEntries(words(labels).map((label) => [label, values[label] ?? "value"]))
    },
    kind,
    target: values[names[kind] ?? ""]
  }))
)
