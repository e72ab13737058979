/**
 * What Prometheus knows about the containers or the volume of a target: the port, and the questions as PromQL.
 *
 * **Details**
 *
 * | about                       | value                                | series                                         |
 * | --------------------------- | ------------------------------------ | ---------------------------------------------- |
 * | each container of some pods | memory in use, and its highest value | `container_memory_working_set_bytes`           |
 * |                             | CPU in use, in cores                 | `container_cpu_usage_seconds_total`            |
 * |                             | share of its CPU time held back      | `container_cpu_cfs_{throttled_,}periods_total` |
 * |                             | restarts                             | `kube_pod_container_status_restarts_total`     |
 * | a PersistentVolumeClaim     | share of the volume in use           | `kubelet_volume_stats_{used,capacity}_bytes`   |
 *
 * The names are those of the kubelet and of kube-state-metrics, as kube-prometheus collects them. A series that nobody
 * collects has no value, and then nothing is said. The hour before now is looked at.
 *
 * Names of objects are text from the cluster. They are written as PromQL strings, so they select series and change
 * nothing else of a question.
 */

import { Context, type Effect, Schema } from "effect"
import type { ResourceRef } from "../../domain/Target.ts"
import type { CircuitBreaker } from "../../resilience/breaker/CircuitBreaker.ts"

/** One measured value. */
export interface MetricLine {
  /** What it is, for people and models. */
  readonly name: string
  readonly unit: "bytes" | "cores" | "share" | "count"
  /** Absent for a volume. */
  readonly pod?: string
  readonly container?: string
  readonly value: number
}

/** Prometheus gave no usable response. */
export class MetricsUnread extends Schema.TaggedError<MetricsUnread>()("MetricsUnread", {}) {}

/** What is asked about. */
export interface Subject {
  readonly target: ResourceRef
  /** Names of pods of the target. */
  readonly pods: ReadonlyArray<string>
}

/** One question: an instant query of which each result is a value. */
export interface Question {
  readonly name: string
  readonly unit: MetricLine["unit"]
  readonly query: string
}

/** The source of metrics. `PrometheusMetrics.layer`, or none. */
export class TargetMetrics extends Context.Service<
  TargetMetrics,
  {
    readonly read: (subject: Subject) => Effect.Effect<ReadonlyArray<MetricLine>, MetricsUnread>
    /** The circuit breaker in front of it, for status pages and operators. */
    readonly circuitBreaker?: CircuitBreaker
    /** Whether it responds, outside of the breaker. `countsAsFailure: false`: nothing was found out. */
    readonly probe?: Effect.Effect<void, { readonly countsAsFailure: boolean }>
  }
>()("kubernaut/investigation/evidence/TargetMetrics") {}

/** A string of PromQL, which has the escapes of Go. Control characters that JSON escapes are escaped in the same way. */
const text = (value: string): string => JSON.stringify(value)

/** A pattern of RE2 that matches one of the names. PromQL anchors patterns. */
const oneOf = (names: ReadonlyArray<string>): string =>
  text(names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"))

/** `selector` is added to the selectors of all series, for a Prometheus that has those of several clusters. */
const selecting = (selector: string, ...matchers: ReadonlyArray<string>): string =>
  `{${[...matchers, ...(selector === "" ? [] : [selector])].join(",")}}`

const ofContainers = ({ pods, target }: Subject, selector: string): ReadonlyArray<Question> => {
  if (pods.length === 0) return []
  const matchers = [`namespace=${text(target.namespace)}`, `pod=~${oneOf(pods)}`]
  // The kubelet also has series of whole pods, and of the container that keeps their network.
  const real = selecting(selector, ...matchers, 'container!=""', 'container!="POD"')
  const each = "by (pod, container)"
  const throttled = `rate(container_cpu_cfs_throttled_periods_total${real}[10m])`
  const restarts = `kube_pod_container_status_restarts_total${selecting(selector, ...matchers)}`
  return [
    { name: "memory in use", unit: "bytes", query: `max ${each} (container_memory_working_set_bytes${real})` },
    {
      name: "memory in use, the highest value of the last hour",
      unit: "bytes",
      query: `max ${each} (max_over_time(container_memory_working_set_bytes${real}[1h]))`
    },
    {
      name: "CPU in use",
      unit: "cores",
      query: `sum ${each} (rate(container_cpu_usage_seconds_total${real}[10m]))`
    },
    {
      name: "share of CPU periods in which the limit held it back",
      unit: "share",
      query: `sum ${each} (${throttled}) / sum ${each} (rate(container_cpu_cfs_periods_total${real}[10m]))`
    },
    { name: "restarts in the last hour", unit: "count", query: `max ${each} (increase(${restarts}[1h]))` }
  ]
}

const ofClaim = ({ name, namespace }: ResourceRef, selector: string): ReadonlyArray<Question> => {
  const claim = selecting(selector, `namespace=${text(namespace)}`, `persistentvolumeclaim=${text(name)}`)
  return [
    {
      name: "share of the volume in use",
      unit: "share",
      query: `max(kubelet_volume_stats_used_bytes${claim}) / max(kubelet_volume_stats_capacity_bytes${claim})`
    }
  ]
}

/** The questions about a target; none where no series is about its kind. `selector`: more matchers of PromQL. */
export const questionsOf = (subject: Subject, selector = ""): ReadonlyArray<Question> =>
  subject.target.kind === "PersistentVolumeClaim" ? ofClaim(subject.target, selector) : ofContainers(subject, selector)
