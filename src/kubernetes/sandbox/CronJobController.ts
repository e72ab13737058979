/** The CronJob controller: creates a Job at each scheduled time and removes old finished ones. */

import { Cron, Result } from "effect"
import type { CronJob, Job } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { isFinished } from "./JobController.ts"
import { putStatus } from "./Status.ts"

/** Schedules the next run, unless it is scheduled already. A schedule that cannot be parsed never runs. */
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
  const dropFinished = (type: "Complete" | "Failed", keep: number) => {
    const finished = jobs.filter((job) => job.status?.conditions?.some((each) => each.type === type) === true)
    for (const job of finished.slice(0, Math.max(0, finished.length - keep))) {
      for (const pod of cluster.store.ownedBy(job.metadata.uid, "Pod")) cluster.store.remove(pod)
      cluster.store.remove(job)
    }
  }
  dropFinished("Complete", cronJob.spec.successfulJobsHistoryLimit ?? 3)
  dropFinished("Failed", cronJob.spec.failedJobsHistoryLimit ?? 1)
  const active = jobs
    .filter((job) => !isFinished(job))
    .map((job) => ({ kind: "Job", apiVersion: "batch/v1", namespace, name: job.metadata.name, uid: job.metadata.uid }))
  putStatus<CronJob>(cluster, cronJob, { ...cronJob.status, active })
}
