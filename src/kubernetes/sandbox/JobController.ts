/** The Job controller: runs pods until enough have succeeded or too many have failed. */

import { type Condition, isPodReady, type Job } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { activePods, createPod, podOf } from "./OwnedPods.ts"
import { terminatePod } from "./PodLifecycle.ts"
import { putStatus, withCondition } from "./Status.ts"

const component = "job-controller"

/** Whether a Job has completed or finally failed. */
export const isFinished = (job: Job): boolean =>
  job.status?.conditions?.some((each) => (each.type === "Complete" || each.type === "Failed") && each.status === "True")
  === true

/** The condition that ends the Job, with its event; `undefined` while the Job should run. */
const ending = (
  job: Job,
  succeeded: number,
  failed: number
): { readonly condition: "Complete" | "Failed"; readonly reason: string; readonly message: string } | undefined => {
  if (succeeded >= (job.spec.completions ?? 1))
    return {
      condition: "Complete",
      reason: "CompletionsReached",
      message: "Reached expected number of succeeded pods"
    }
  if (failed > (job.spec.backoffLimit ?? 6))
    return {
      condition: "Failed",
      reason: "BackoffLimitExceeded",
      message: "Job has reached the specified backoff limit"
    }
  return undefined
}

/** Adjusts the number of running pods to the number that the Job requires. */
const runPods = (cluster: Cluster, job: Job, succeeded: number): void => {
  const { name, uid } = job.metadata
  const active = activePods(cluster, uid)
  const remaining = (job.spec.completions ?? 1) - succeeded
  const wanted = job.spec.suspend === true ? 0 : Math.min(job.spec.parallelism ?? 1, remaining)
  for (const pod of active.slice(wanted)) terminatePod(cluster, pod)
  const labels = { "batch.kubernetes.io/job-name": name, "job-name": name, "batch.kubernetes.io/controller-uid": uid }
  for (let missing = wanted - active.length; missing > 0; missing--) {
    const pod = podOf(cluster, job, `${name}-${cluster.suffix()}`, job.spec.template, { labels })
    if (!createPod(cluster, job, pod, component)) break
  }
}

export const reconcileJob = (cluster: Cluster, namespace: string, name: string): void => {
  const job = cluster.store.get("Job", namespace, name)
  if (job === undefined || isFinished(job)) return
  const pods = cluster.store.ownedBy(job.metadata.uid, "Pod")
  const succeeded = pods.filter((pod) => pod.status?.phase === "Succeeded").length
  const failed = pods.filter((pod) => pod.status?.phase === "Failed").length
  let conditions: ReadonlyArray<Condition> = job.status?.conditions ?? []
  const end = ending(job, succeeded, failed)
  if (end === undefined) runPods(cluster, job, succeeded)
  else {
    const { condition, reason, message } = end
    conditions = withCondition(conditions, { type: condition, status: "True", reason, message }, cluster.stamp())
    if (condition === "Complete") cluster.event(job, "Normal", "Completed", "Job completed", component)
    else cluster.event(job, "Warning", reason, message, component)
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
