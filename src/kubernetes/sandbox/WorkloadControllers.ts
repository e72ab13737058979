/** The controllers of StatefulSets, DaemonSets, Jobs and CronJobs. */

import { Cron, Result } from "effect"
import type { KubernetesObject } from "../KubernetesClient.ts"
import {
  type ControllerRevision,
  type CronJob,
  type DaemonSet,
  isPodReady,
  type Job,
  type Pod,
  type PodTemplate,
  type StatefulSet
} from "../ObjectModel.ts"
import { quotaRefusal } from "./Admission.ts"
import type { Cluster } from "./Cluster.ts"
import { templateHash } from "./DeploymentController.ts"
import { activePods, podOf, terminatePod } from "./PodLifecycle.ts"
import { putStatus, withCondition } from "./Status.ts"

const revisionLabel = "controller-revision-hash"

/** The ControllerRevision that keeps a template, so that it can be put back. */
const keepRevision = (cluster: Cluster, owner: KubernetesObject, template: PodTemplate): string => {
  const hash = templateHash(template)
  const { name, namespace, uid } = owner.metadata
  const revisions = cluster.store.ownedBy(uid, "ControllerRevision")
  const highest = revisions.reduce((max, each) => Math.max(max, each.revision), 0)
  const existing = revisions.find((each) => each.metadata.labels?.[revisionLabel] === hash)
  if (existing === undefined) {
    cluster.store.put<ControllerRevision>({
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: cluster.newMetadata(`${name}-${hash}`, namespace, {
        labels: { ...template.metadata?.labels, [revisionLabel]: hash },
        ownerReferences: [{ apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true }]
      }),
      revision: highest + 1,
      data: { spec: { template: { ...template, $patch: "replace" } } }
    })
  } else if (existing.revision < highest) {
    cluster.store.put<ControllerRevision>({ ...existing, revision: highest + 1 })
  }
  return `${name}-${hash}`
}

const createPod = (cluster: Cluster, owner: KubernetesObject, pod: Pod, component: string): boolean => {
  const refusal = quotaRefusal(cluster, pod)
  if (refusal !== undefined) {
    cluster.event(
      owner,
      "Warning",
      "FailedCreate",
      `create Pod ${pod.metadata.name} failed error: ${refusal.message}`,
      component
    )
    return false
  }
  cluster.store.put(pod)
  cluster.event(owner, "Normal", "SuccessfulCreate", `create Pod ${pod.metadata.name} successful`, component)
  return true
}

/** Ordered: one pod at a time, upwards when created, downwards when updated or removed. */
export const reconcileStatefulSet = (cluster: Cluster, namespace: string, name: string): void => {
  const set = cluster.store.get("StatefulSet", namespace, name)
  if (set === undefined) return
  const revision = keepRevision(cluster, set, set.spec.template)
  const hash = revision.slice(name.length + 1)
  const desired = set.spec.replicas ?? 1
  const all = new Map(
    cluster.store.ownedBy(set.metadata.uid, "Pod").map((pod) => [Number(pod.metadata.name.slice(name.length + 1)), pod])
  )
  const isUpdated = (pod: Pod) => pod.metadata.labels?.[revisionLabel] === hash
  step: {
    for (let ordinal = 0; ordinal < desired; ordinal++) {
      const pod = all.get(ordinal)
      if (pod === undefined) {
        const labels = {
          [revisionLabel]: hash,
          "statefulset.kubernetes.io/pod-name": `${name}-${ordinal}`,
          "apps.kubernetes.io/pod-index": String(ordinal)
        }
        createPod(
          cluster,
          set,
          podOf(cluster, set, `${name}-${ordinal}`, set.spec.template, { labels }),
          "statefulset-controller"
        )
        break step
      }
      // A pod that is not ready holds up those after it, and so does one that still terminates.
      if (!isPodReady(pod) && isUpdated(pod)) break step
    }
    const condemned = [...all.keys()].filter((ordinal) => ordinal >= desired).sort((a, b) => b - a)[0]
    if (condemned !== undefined) {
      terminatePod(cluster, all.get(condemned)!)
      break step
    }
    for (let ordinal = desired - 1; ordinal >= 0; ordinal--) {
      const pod = all.get(ordinal)!
      if (isUpdated(pod)) continue
      terminatePod(cluster, pod)
      break
    }
  }
  const pods = activePods(cluster, set.metadata.uid)
  const ready = pods.filter(isPodReady)
  const updated = pods.filter(isUpdated)
  putStatus<StatefulSet>(cluster, set, {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.length,
    currentReplicas: updated.length,
    updatedReplicas: updated.length,
    currentRevision: updated.length === desired ? revision : (set.status?.currentRevision ?? revision),
    updateRevision: revision
  })
}

/** One pod on every node, cordoned ones too; updated one node at a time. */
export const reconcileDaemonSet = (cluster: Cluster, namespace: string, name: string): void => {
  const set = cluster.store.get("DaemonSet", namespace, name)
  if (set === undefined) return
  const hash = keepRevision(cluster, set, set.spec.template).slice(name.length + 1)
  const nodes = cluster.store.list("Node")
  const owned = cluster.store.ownedBy(set.metadata.uid, "Pod")
  const byNode = new Map(owned.map((pod) => [pod.spec.nodeName, pod]))
  for (const node of nodes) {
    const nodeName = node.metadata.name
    if (byNode.has(nodeName)) continue
    createPod(
      cluster,
      set,
      podOf(cluster, set, `${name}-${cluster.suffix()}`, set.spec.template, {
        nodeName,
        labels: { [revisionLabel]: hash }
      }),
      "daemonset-controller"
    )
  }
  const pods = activePods(cluster, set.metadata.uid)
  const ready = pods.filter(isPodReady)
  const updated = pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === hash)
  const outdated = pods.find((pod) => pod.metadata.labels?.[revisionLabel] !== hash)
  if (outdated !== undefined && (ready.length === nodes.length || !isPodReady(outdated)))
    terminatePod(cluster, outdated)
  putStatus<DaemonSet>(cluster, set, {
    observedGeneration: set.metadata.generation ?? 1,
    desiredNumberScheduled: nodes.length,
    currentNumberScheduled: pods.length,
    numberMisscheduled: 0,
    numberReady: ready.length,
    numberAvailable: ready.length,
    numberUnavailable: nodes.length - ready.length,
    updatedNumberScheduled: updated.length
  })
}

const isFinished = (job: Job): boolean =>
  job.status?.conditions?.some((each) => (each.type === "Complete" || each.type === "Failed") && each.status === "True")
  === true

export const reconcileJob = (cluster: Cluster, namespace: string, name: string): void => {
  const job = cluster.store.get("Job", namespace, name)
  if (job === undefined || isFinished(job)) return
  const pods = cluster.store.ownedBy(job.metadata.uid, "Pod")
  const succeeded = pods.filter((pod) => pod.status?.phase === "Succeeded").length
  const failed = pods.filter((pod) => pod.status?.phase === "Failed").length
  const completions = job.spec.completions ?? 1
  let conditions = job.status?.conditions ?? []
  if (succeeded >= completions) {
    conditions = withCondition(
      conditions,
      {
        type: "Complete",
        status: "True",
        reason: "CompletionsReached",
        message: "Reached expected number of succeeded pods"
      },
      cluster.stamp()
    )
    cluster.event(job, "Normal", "Completed", "Job completed", "job-controller")
  } else if (failed > (job.spec.backoffLimit ?? 6)) {
    conditions = withCondition(
      conditions,
      {
        type: "Failed",
        status: "True",
        reason: "BackoffLimitExceeded",
        message: "Job has reached the specified backoff limit"
      },
      cluster.stamp()
    )
    cluster.event(
      job,
      "Warning",
      "BackoffLimitExceeded",
      "Job has reached the specified backoff limit",
      "job-controller"
    )
  } else {
    const active = activePods(cluster, job.metadata.uid)
    const wanted = job.spec.suspend === true ? 0 : Math.min(job.spec.parallelism ?? 1, completions - succeeded)
    for (const pod of active.slice(wanted)) terminatePod(cluster, pod)
    for (let missing = wanted - active.length; missing > 0; missing--) {
      const labels = {
        "batch.kubernetes.io/job-name": name,
        "job-name": name,
        "batch.kubernetes.io/controller-uid": job.metadata.uid
      }
      if (
        !createPod(
          cluster,
          job,
          podOf(cluster, job, `${name}-${cluster.suffix()}`, job.spec.template, { labels }),
          "job-controller"
        )
      )
        break
    }
  }
  const active = activePods(cluster, job.metadata.uid)
  putStatus<Job>(cluster, job, {
    ...job.status,
    active: active.length,
    ready: active.filter(isPodReady).length,
    succeeded,
    failed,
    ...(conditions.length === 0 ? {} : { conditions })
  })
}

const planNext = (cluster: Cluster, cronJob: CronJob): void => {
  const parsed = Cron.parse(cronJob.spec.schedule, "UTC")
  if (Result.isFailure(parsed)) return
  const { uid, name, namespace = "" } = cronJob.metadata
  const known = cluster.cronRuns.get(uid)
  if (known?.schedule === cronJob.spec.schedule && known.atMs > cluster.nowMs) return
  const atMs = Cron.next(parsed.success, cluster.stamp()).getTime()
  const plan = { schedule: cronJob.spec.schedule, atMs }
  cluster.cronRuns.set(uid, plan)
  cluster.timeline.plan(atMs, () => {
    const current = cluster.store.get("CronJob", namespace, name)
    if (current === undefined || current.metadata.uid !== uid || cluster.cronRuns.get(uid) !== plan) return
    if (current.spec.suspend !== true) runNow(cluster, current, atMs)
    cluster.enqueue("CronJob", namespace, name)
  })
}

const runNow = (cluster: Cluster, cronJob: CronJob, atMs: number): void => {
  const { name, namespace, uid } = cronJob.metadata
  const running = cluster.store.ownedBy(uid, "Job").filter((job) => !isFinished(job))
  if (cronJob.spec.concurrencyPolicy === "Forbid" && running.length > 0) return
  const { spec, metadata } = cronJob.spec.jobTemplate
  const job = cluster.store.put<Job>({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: cluster.newMetadata(`${name}-${Math.floor(atMs / 60_000)}`, namespace, {
      ...metadata,
      generation: 1,
      ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name, uid, controller: true }]
    }),
    spec
  })
  cluster.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${job.metadata.name}`, "cronjob-controller")
  const current = cluster.store.get("CronJob", namespace ?? "", name)!
  cluster.store.put({ ...current, status: { ...current.status, lastScheduleTime: cluster.stampOf(atMs) } })
}

export const reconcileCronJob = (cluster: Cluster, namespace: string, name: string): void => {
  const cronJob = cluster.store.get("CronJob", namespace, name)
  if (cronJob === undefined) return
  planNext(cluster, cronJob)
  const jobs = cluster.store.ownedBy(cronJob.metadata.uid, "Job")
  const drop = (type: string, keep: number) => {
    const finished = jobs.filter((job) => job.status?.conditions?.some((each) => each.type === type) === true)
    for (const job of finished.slice(0, Math.max(0, finished.length - keep))) {
      for (const pod of cluster.store.ownedBy(job.metadata.uid, "Pod")) cluster.store.remove(pod)
      cluster.store.remove(job)
    }
  }
  drop("Complete", cronJob.spec.successfulJobsHistoryLimit ?? 3)
  drop("Failed", cronJob.spec.failedJobsHistoryLimit ?? 1)
  const active = jobs
    .filter((job) => !isFinished(job))
    .map((job) => ({ kind: "Job", apiVersion: "batch/v1", namespace, name: job.metadata.name, uid: job.metadata.uid }))
  putStatus<CronJob>(cluster, cronJob, { ...cronJob.status, active })
}
