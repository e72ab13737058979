/**
 * The lifecycle of a pod in the sandbox: it is created, scheduled and started; then it becomes ready or fails
 * repeatedly; finally it is terminated.
 *
 *     creating ──startup──> ready
 *         └─────startup──> running ──crash──> waiting (CrashLoopBackOff) ──back-off──> running …
 *
 * Whether a container fails is decided at every start, so a higher memory limit or a changed image behaviour heals it.
 * The following make a container fail:
 *
 * - the `ImageBehaviour` of its image;
 * - an image tag that begins with `bad`, or with `flaky`, which fails only after the container has been ready for a
 *   while;
 * - the pod's annotations `sim/fail: crashloop|oom` and `sim/memory-need`, which the simulated nodes of
 *   `scripts/control-plane` support too.
 *
 * As on those nodes, the annotation `sim/ready-delay: 5s` makes a pod start that much later.
 */

import * as Quantity from "../../domain/Quantity.ts"
import type { Condition, Pod, Quantities } from "../ObjectModel.ts"
import { controllerOfKind } from "../Ownership.ts"
import { sameJson } from "../SameJson.ts"
import type { Cluster, ImageBehaviour, PodRuntime } from "./Cluster.ts"
import { nodeFor, reportUnschedulable } from "./Scheduler.ts"

const tagOf = (image: string): string => {
  const colon = image.lastIndexOf(":")
  return colon > image.lastIndexOf("/") ? image.slice(colon + 1) : ""
}

/** The behaviour of an image: its own entry, or the entry of its repository. */
export const behaviourOf = (cluster: Cluster, image: string): ImageBehaviour | undefined => {
  const tag = tagOf(image)
  return cluster.images.get(image) ?? cluster.images.get(tag === "" ? image : image.slice(0, -tag.length - 1))
}

interface Failure {
  readonly reason: "Error" | "OOMKilled"
  readonly exitCode: number
}

/** How the pod's first container would fail if it started now; `undefined` if it would not. */
export const failureOf = (cluster: Cluster, pod: Pod): Failure | undefined => {
  const container = pod.spec.containers[0]
  if (container === undefined) return undefined
  const image = container.image ?? ""
  const behaviour = behaviourOf(cluster, image)
  const annotations = pod.metadata.annotations
  const limit = Quantity.parse((container.resources?.limits as Quantities | undefined)?.["memory"])
  const need = Quantity.parse(annotations?.["sim/memory-need"] ?? behaviour?.memoryNeed) ?? 0n
  if (annotations?.["sim/fail"] === "oom" || (limit !== undefined && need > limit))
    return { reason: "OOMKilled", exitCode: 137 }
  if (behaviour?.crash !== undefined) return { reason: "Error", exitCode: behaviour.crash.exitCode }
  if (annotations?.["sim/fail"] === "crashloop" || tagOf(image).startsWith("bad"))
    return { reason: "Error", exitCode: 1 }
  return undefined
}

/** Whether containers of the image crash after they have been ready for a while. */
const isFlaky = (cluster: Cluster, image: string): boolean =>
  tagOf(image).startsWith("flaky") || behaviourOf(cluster, image)?.flaky?.has(image) === true

const condition = (type: string, isTrue: boolean, lastTransitionTime: string, reason = "", message = ""): Condition =>
  isTrue ? { type, status: "True", lastTransitionTime } : { type, status: "False", lastTransitionTime, reason, message }

/** The status that a kubelet would report. */
const statusOf = (cluster: Cluster, pod: Pod, runtime: PodRuntime): NonNullable<Pod["status"]> => {
  const now = cluster.stamp()
  const { state } = runtime
  const ready = state === "ready"
  const done = state === "succeeded" || state === "failed"
  const terminated = runtime.lastTermination
  const containerStatuses = pod.spec.containers.map((container) => ({
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready,
    started: ready || state === "running",
    restartCount: runtime.restarts,
    state: done
      ? { terminated: terminated! }
      : state === "creating"
        ? { waiting: { reason: "ContainerCreating" } }
        : state === "waiting"
          ? {
              waiting: {
                reason: "CrashLoopBackOff",
                message: `back-off restarting failed container=${container.name} pod=${pod.metadata.name}`
              }
            }
          : { running: { startedAt: runtime.startedAt } },
    lastState: done || terminated === undefined ? {} : { terminated }
  }))
  return {
    phase:
      state === "creating"
        ? "Pending"
        : state === "succeeded"
          ? "Succeeded"
          : state === "failed"
            ? "Failed"
            : "Running",
    conditions: [
      condition("PodScheduled", true, now),
      condition("Initialized", true, now),
      condition("ContainersReady", ready, now, "ContainersNotReady", "containers with unready status"),
      condition("Ready", ready, now, done ? "PodCompleted" : "ContainersNotReady", "containers with unready status")
    ],
    podIP: pod.status?.podIP ?? cluster.podAddress(),
    startTime: pod.status?.["startTime"] ?? now,
    containerStatuses
  }
}

const report = (cluster: Cluster, pod: Pod, runtime: PodRuntime): Pod =>
  cluster.store.put({ ...pod, status: statusOf(cluster, pod, runtime) })

/**
 * Schedules a step of a pod's lifecycle. It is skipped if the pod is then gone, terminating, or another of the same
 * name.
 */
const later = (cluster: Cluster, pod: Pod, delayMs: number, step: (pod: Pod, runtime: PodRuntime) => void): void => {
  const { name, namespace = "", uid } = pod.metadata
  cluster.after(delayMs, () => {
    const current = cluster.store.get("Pod", namespace, name)
    const runtime = cluster.runtimes.get(uid)
    if (current?.metadata.uid === uid && current.metadata.deletionTimestamp === undefined && runtime !== undefined)
      step(current, runtime)
  })
}

/** Long enough for a single read to find the pod healthy, shorter than the first back-off. */
const flakyReadyMs = 5_000

/** How long a container takes to start: the pace of the cluster, or the pod's own annotation. */
const startupMs = (cluster: Cluster, pod: Pod): number => {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(pod.metadata.annotations?.["sim/ready-delay"] ?? "")?.[1]
  return seconds === undefined ? cluster.pace.startup : Number(seconds) * 1000
}

const isJobPod = (pod: Pod): boolean => controllerOfKind(pod, "Job") !== undefined

const start = (cluster: Cluster, pod: Pod, runtime: PodRuntime): void => {
  runtime.startedAtMs = cluster.nowMs
  runtime.startedAt = cluster.stamp()
  if (failureOf(cluster, pod) !== undefined) {
    runtime.state = "running"
    report(cluster, pod, runtime)
    later(cluster, pod, cluster.pace.crash, (current, state) => die(cluster, current, state))
    return
  }
  runtime.state = "ready"
  runtime.readyAtMs = cluster.nowMs
  report(cluster, pod, runtime)
  if (isFlaky(cluster, pod.spec.containers[0]?.image ?? ""))
    later(cluster, pod, flakyReadyMs, (current, state) => die(cluster, current, state))
  if (isJobPod(pod))
    later(cluster, pod, cluster.pace.job, (current, state) =>
      finish(cluster, current, state, "succeeded", { reason: "Completed", exitCode: 0 })
    )
}

const ended = (
  cluster: Cluster,
  runtime: PodRuntime,
  how: { readonly reason: string; readonly exitCode: number }
): void => {
  runtime.lastTermination = { ...how, startedAt: runtime.startedAt, finishedAt: cluster.stamp() }
  runtime.lastStartedAtMs = runtime.startedAtMs
}

const finish = (
  cluster: Cluster,
  pod: Pod,
  runtime: PodRuntime,
  state: "succeeded" | "failed",
  how: { readonly reason: string; readonly exitCode: number }
): void => {
  runtime.state = state
  ended(cluster, runtime, how)
  report(cluster, pod, runtime)
}

/** Ends the container with the failure that it would have if it started now, and restarts it after the back-off. */
export const die = (cluster: Cluster, pod: Pod, runtime: PodRuntime): void => {
  const failure = failureOf(cluster, pod) ?? { reason: "Error", exitCode: 1 }
  if (failure.reason === "OOMKilled") {
    const node = cluster.store.get("Node", "", pod.spec.nodeName ?? "")
    const container = pod.spec.containers[0]?.name
    if (node !== undefined) {
      cluster.event(
        node,
        "Warning",
        "OOMKilling",
        `Memory cgroup out of memory: Killed process (${container}) in pod ${pod.metadata.namespace}/${pod.metadata.name}`,
        "kernel-monitor"
      )
    }
  }
  if (isJobPod(pod)) return finish(cluster, pod, runtime, "failed", failure)
  runtime.state = "waiting"
  runtime.restarts++
  ended(cluster, runtime, failure)
  const current = report(cluster, pod, runtime)
  const container = pod.spec.containers[0]?.name
  cluster.event(
    current,
    "Warning",
    "BackOff",
    `Back-off restarting failed container ${container} in pod ${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
    "kubelet"
  )
  const backoffMs = Math.min(cluster.pace.backoffCap, cluster.pace.backoff * 2 ** Math.min(runtime.restarts - 1, 20))
  later(cluster, current, backoffMs, (next, state) => start(cluster, next, state))
}

const bind = (cluster: Cluster, pod: Pod, node: string): void => {
  cluster.unscheduled.delete(`${pod.metadata.namespace}\u0000${pod.metadata.name}`)
  const runtime: PodRuntime = {
    state: "creating",
    restarts: 0,
    startedAtMs: cluster.nowMs,
    startedAt: cluster.stamp(),
    readyAtMs: 0,
    lastTermination: undefined,
    lastStartedAtMs: 0
  }
  cluster.runtimes.set(pod.metadata.uid, runtime)
  const bound = report(cluster, { ...pod, spec: { ...pod.spec, nodeName: node } }, runtime)
  later(cluster, bound, startupMs(cluster, pod), (current, state) => start(cluster, current, state))
}

/** Scheduler and kubelet: a pod without a node is scheduled, a pod with a node starts, and one that should fail fails. */
export const reconcilePod = (cluster: Cluster, namespace: string, name: string): void => {
  const pod = cluster.store.get("Pod", namespace, name)
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return
  const runtime = cluster.runtimes.get(pod.metadata.uid)
  if (runtime !== undefined) {
    // Somebody has given a running pod the annotation.
    if (runtime.state === "ready" && pod.metadata.annotations?.["sim/fail"] !== undefined) die(cluster, pod, runtime)
    return
  }
  const node = pod.spec.nodeName ?? nodeFor(cluster, pod)?.metadata.name
  if (node === undefined) reportUnschedulable(cluster, pod)
  else bind(cluster, pod, node)
}

/** Begins a pod's graceful termination. Its owner replaces it at once; it is removed when the termination completes. */
export const terminatePod = (cluster: Cluster, pod: Pod): void => {
  if (pod.metadata.deletionTimestamp !== undefined) return
  const { name, namespace = "", uid } = pod.metadata
  cluster.store.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: cluster.stamp() } })
  cluster.after(pod.spec.nodeName === undefined ? 0 : cluster.pace.termination, () => {
    const current = cluster.store.get("Pod", namespace, name)
    if (current?.metadata.uid === uid) cluster.store.remove(current)
  })
}

/** Kills a ready container that would fail if it started now. For use after the behaviour of its image has changed. */
export const killContainers = (cluster: Cluster, pod: Pod): void => {
  const runtime = cluster.runtimes.get(pod.metadata.uid)
  if (runtime?.state === "ready" && !sameJson(failureOf(cluster, pod), undefined)) die(cluster, pod, runtime)
}
