/**
 * How long the condition of an alert holds before the alert fires: the field `for` of its rule.
 *
 * Alertmanager does not pass it on. So it is known for the rules that most clusters run, those of kube-prometheus and
 * the kubernetes-mixin, and where a label or an annotation of the alert states it. A rule with several severities has
 * several durations.
 */

import type { Alert } from "../domain/Alert.ts"

/** The alerts by the duration of their rule, as Prometheus writes it. */
const wellKnown: Readonly<Record<string, string>> = {
  "1m 1h": "KubePersistentVolumeFillingUp KubePersistentVolumeInodesFillingUp",
  "2m": "NodeNetworkInterfaceFlapping",
  "2m 15m 1h 3h": "KubeAPIErrorBudgetBurn",
  "5m": `AlertmanagerClusterCrashlooping AlertmanagerClusterDown AlertmanagerClusterFailedToSendAlerts
    AlertmanagerFailedToSendAlerts GrafanaRequestsFailing KubeAPITerminatedRequests KubeAggregatedAPIDown
    KubeCPUQuotaOvercommit KubeClientCertificateExpiration KubeMemoryQuotaOvercommit KubePersistentVolumeErrors
    KubeletPlegDurationHigh NodeSystemdServiceFailed PrometheusOperatorNotReady PrometheusOperatorRejectedResources
    PrometheusTargetSyncFailure`,
  "10m": `AlertmanagerFailedReload ConfigReloaderSidecarErrors KubeAggregatedAPIErrors KubeCPUOvercommit
    KubeDaemonSetNotScheduled KubeMemoryOvercommit KubeNodePressure NodeClockNotSynchronising NodeClockSkewDetected
    PrometheusBadConfig PrometheusDuplicateTimestamps PrometheusNotConnectedToAlertmanagers
    PrometheusNotIngestingSamples PrometheusOperatorNodeLookupErrors PrometheusOperatorReconcileErrors
    PrometheusOperatorStatusUpdateErrors PrometheusOperatorSyncFailed PrometheusOutOfOrderTimestamps TargetDown`,
  "15m": `AlertmanagerClusterFailedPeers AlertmanagerMembersInconsistent CPUThrottlingHigh KubeAPIDown
    KubeAPIInstanceUnreachable KubeClientErrors KubeControllerManagerDown KubeControllerManagerInstanceUnreachable
    KubeDaemonSetMisScheduled KubeDaemonSetRolloutStuck KubeDeploymentGenerationMismatch
    KubeDeploymentReplicasMismatch KubeDeploymentRolloutStuck KubeHpaMaxedOut KubeHpaReplicasMismatch KubeJobFailed
    KubeNodeNotReady KubeNodeReadinessFlapping KubeNodeUnreachable KubePdbNotEnoughHealthyPods KubePodCrashLooping
    KubePodNotReady KubeQuotaAlmostFull KubeQuotaExceeded KubeQuotaFullyUsed KubeSchedulerDown
    KubeSchedulerInstanceUnreachable KubeStateMetricsListErrors KubeStateMetricsShardingMismatch
    KubeStateMetricsShardsMissing KubeStateMetricsWatchErrors KubeStatefulSetGenerationMismatch
    KubeStatefulSetReplicasMismatch KubeStatefulSetUpdateNotRolledOut KubeVersionMismatch
    KubeletClientCertificateRenewalErrors KubeletDown KubeletInstanceUnreachable KubeletPodStartUpLatencyHigh
    KubeletServerCertificateRenewalErrors KubeletTooManyPods NodeBondingDegraded NodeCPUHighUsage
    NodeFileDescriptorLimit NodeMemoryHighUtilization NodeMemoryMajorPagesFaults NodeRAIDDegraded NodeSystemSaturation
    NodeSystemdServiceCrashlooping PrometheusErrorSendingAlertsToAnyAlertmanager
    PrometheusErrorSendingAlertsToSomeAlertmanagers PrometheusHighQueryLoad PrometheusKubernetesListWatchFailures
    PrometheusLabelLimitHit PrometheusMissingRuleEvaluations PrometheusNotificationQueueRunningFull
    PrometheusOperatorListErrors PrometheusOperatorWatchErrors PrometheusRemoteStorageFailures
    PrometheusRemoteWriteBehind PrometheusRemoteWriteDesiredShards PrometheusRuleFailures
    PrometheusScrapeBodySizeLimitHit PrometheusScrapeSampleLimitHit PrometheusTargetLimitHit`,
  "20m": "AlertmanagerConfigInconsistent PrometheusSDRefreshFailure",
  "30m": "NodeDiskIOSaturation NodeFilesystemAlmostOutOfSpace",
  "1h": `KubeContainerWaiting NodeFilesystemAlmostOutOfFiles NodeFilesystemFilesFillingUp NodeFilesystemSpaceFillingUp
    NodeNetworkReceiveErrs NodeNetworkTransmitErrs`,
  "4h": "PrometheusTSDBCompactionsFailing PrometheusTSDBReloadsFailing",
  "0s": `InfoInhibitor KubeJobNotCompleted KubeNodeEviction KubeletClientCertificateExpiration
    KubeletServerCertificateExpiration NodeHighNumberConntrackEntriesUsed NodeRAIDDiskFailure
    NodeTextFileCollectorScrapeError Watchdog`
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000
}

/** A duration of Prometheus, such as `15m` or `1h30m`, in milliseconds; `undefined` for other text. */
export const durationMs = (text: string): number | undefined => {
  const trimmed = text.trim()
  if (trimmed === "0") return 0
  if (!/^(\d+(ms|[smhdwy]))+$/.test(trimmed)) return undefined
  return [...trimmed.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce(
    (total, [, count, unit]) => total + Number(count) * (unitMs[unit ?? ""] ?? 0),
    0
  )
}

const byName: ReadonlyMap<string, ReadonlyArray<number>> = new Map(
  Object.entries(wellKnown).flatMap(([durations, names]) => {
    const millis = durations.split(" ").flatMap((each) => durationMs(each) ?? [])
    return names.split(/\s+/).map((name): [string, ReadonlyArray<number>] => [name, millis])
  })
)

/** The labels and annotations in which people state the duration of a rule. */
const statedIn = ["for", "alert_for", "rule_for", "pending_period"] as const

/** The longest duration that is believed. A change before it is not remembered anyway. */
const longestMs = 24 * 3_600_000

/** The duration that the alert states itself; `undefined` if it states none. */
export const statedDurationOf = ({ annotations, labels }: Alert): number | undefined => {
  const [stated] = statedIn.flatMap((key) => durationMs(labels[key] ?? annotations[key] ?? "") ?? [])
  return stated === undefined ? undefined : Math.min(stated, longestMs)
}

/** The durations that the alert's rule may have. Empty: not known. */
export const durationsOf = (alert: Alert): ReadonlyArray<number> => {
  const stated = statedDurationOf(alert)
  return stated === undefined ? (byName.get(alert.name) ?? []) : [stated]
}
