/**
 * A pod's life in the sandbox: created, taken by a node, started, then ready or failing again and again, and at last
 * terminated.
 *
 *     creating ──startup──> ready
 *         └─────startup──> running ──crash──> waiting (CrashLoopBackOff) ──back-off──> running …
 *
 * Whether a container fails is decided anew at every start, so raising its memory limit or its image's behaviour heals
 * it. An image fails by the table of `ImageBehaviour`, a tag that begins with `bad` (or `flaky`: after it has been
 * ready for a while), or the pod's annotations `sim/fail: crashloop|oom` and `sim/memory-need` (the conventions of the
 * simulated nodes that the real control plane is tested with).
 */

import type { KubernetesObject } from "../KubernetesClient.ts"
import {
  type Condition,
  controllerOf,
  parseQuantity,
  type Node,
  type Pod,
  type PodTemplate,
  type Quantities
} from "../ObjectModel.ts"
import { type Cluster, type ImageBehaviour, type PodRuntime, requestsOf } from "./Cluster.ts"
import { sameJson } from "./Status.ts"

const tagOf = (image: string): string => {
  const colon = image.lastIndexOf(":")
  return colon > image.lastIndexOf("/") ? image.slice(colon + 1) : ""
}

/** What an image does: its own entry, or that of its repository. */
export const behaviourOf = (cluster: Cluster, image: string): ImageBehaviour | undefined => {
  const tag = tagOf(image)
  return cluster.images.get(image) ?? cluster.images.get(tag === "" ? image : image.slice(0, -tag.length - 1))
}

interface Failure {
  readonly reason: "Error" | "OOMKilled"
  readonly exitCode: number
}

/** How the pod's first container fails when it is started now; `undefined` when it does not. */
export const failureOf = (cluster: Cluster, pod: Pod): Failure | undefined => {
  const container = pod.spec.containers[0]
  if (container === undefined) return undefined
  const image = container.image ?? ""
  const behaviour = behaviourOf(cluster, image)
  const annotations = pod.metadata.annotations
  const limit = parseQuantity((container.resources?.limits as Quantities | undefined)?.["memory"] ?? "x") ?? Infinity
  const need = parseQuantity(annotations?.["sim/memory-need"] ?? "x") ?? behaviour?.memoryNeed ?? 0
  if (annotations?.["sim/fail"] === "oom" || need > limit) return { reason: "OOMKilled", exitCode: 137 }
  if (behaviour?.crash !== undefined) return { reason: "Error", exitCode: behaviour.crash.exitCode }
  if (annotations?.["sim/fail"] === "crashloop" || tagOf(image).startsWith("bad"))
    return { reason: "Error", exitCode: 1 }
  return undefined
}

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
 * Plans a step in a pod's life. It falls away if by then the pod is gone, on its way out, or another of the same name.
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

/** Long enough that whoever looks once takes it for healthy, shorter than the first back-off. */
const flakyReadyMs = 5_000

const isJobPod = (pod: Pod): boolean => controllerOf(pod)?.kind === "Job"

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
  if (tagOf(pod.spec.containers[0]?.image ?? "").startsWith("flaky"))
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

/** The container dies of what it would fail of if it were started now. */
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

/** How many nodes are looked at before the rest is, to find a free one. */
const nodesProbed = 8

const fits = (cluster: Cluster, node: Node, pod: Pod): boolean => {
  if (node.spec?.unschedulable === true) return false
  if (node.status?.conditions?.some((each) => each.type === "Ready" && each.status !== "True") === true) return false
  const usage = cluster.usage.get(node.metadata.name) ?? { pods: 0, cpu: 0, memory: 0 }
  const allocatable = node.status?.allocatable
  const room = (resource: string) => parseQuantity(allocatable?.[resource]) ?? Infinity
  return (
    usage.pods < room("pods")
    && usage.cpu + requestsOf(pod, "cpu") <= room("cpu")
    && usage.memory + requestsOf(pod, "memory") <= room("memory")
  )
}

/** The emptiest of the next few nodes that have room; any node with room if none of those has. */
const nodeFor = (cluster: Cluster, pod: Pod): Node | undefined => {
  const nodes = cluster.store.list("Node")
  const first = nodes.length === 0 ? 0 : Math.floor(cluster.random() * nodes.length)
  let best: Node | undefined
  for (let i = 0; i < nodes.length; i++) {
    if (i >= nodesProbed && best !== undefined) break
    const node = nodes[(first + i) % nodes.length]!
    if (!fits(cluster, node, pod)) continue
    if (
      best === undefined
      || (cluster.usage.get(node.metadata.name)?.pods ?? 0) < (cluster.usage.get(best.metadata.name)?.pods ?? 0)
    )
      best = node
  }
  return best
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
  later(cluster, bound, cluster.pace.startup, (current, state) => start(cluster, current, state))
}

/** Scheduler and kubelet: a pod without a node gets one, a pod that was given one begins to start. */
export const reconcilePod = (cluster: Cluster, namespace: string, name: string): void => {
  const pod = cluster.store.get("Pod", namespace, name)
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || cluster.runtimes.has(pod.metadata.uid))
    return
  const node = pod.spec.nodeName ?? nodeFor(cluster, pod)?.metadata.name
  if (node !== undefined) return bind(cluster, pod, node)
  cluster.unscheduled.add(`${namespace}\u0000${name}`)
  const nodes = cluster.store.list("Node")
  const cordoned = nodes.filter((each) => each.spec?.unschedulable === true).length
  const message = `0/${nodes.length} nodes are available: ${cordoned} node(s) were unschedulable, ${nodes.length - cordoned} Insufficient capacity.`
  const before = pod.status?.conditions?.[0]
  if (before?.message === message) return
  cluster.event(pod, "Warning", "FailedScheduling", message, "default-scheduler")
  cluster.store.put({
    ...pod,
    status: {
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastTransitionTime: cluster.stamp() }
      ]
    }
  })
}

/** Begins a pod's graceful end. It counts as gone for its owner at once and is removed when its termination is over. */
export const terminatePod = (cluster: Cluster, pod: Pod): void => {
  if (pod.metadata.deletionTimestamp !== undefined) return
  const { name, namespace = "", uid } = pod.metadata
  cluster.store.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: cluster.stamp() } })
  cluster.after(pod.spec.nodeName === undefined ? 0 : cluster.pace.termination, () => {
    const current = cluster.store.get("Pod", namespace, name)
    if (current?.metadata.uid === uid) cluster.store.remove(current)
  })
}

/** Labels that differ from one pod of a template to the next. */
export type ExtraLabels = Readonly<Record<string, string>>

/** The pod that a controller makes of its template. */
export const podOf = (
  cluster: Cluster,
  owner: KubernetesObject,
  name: string,
  template: PodTemplate,
  extra: { readonly labels?: ExtraLabels; readonly nodeName?: string } = {}
): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: cluster.newMetadata(name, owner.metadata.namespace, {
    labels:
      extra.labels === undefined
        ? (template.metadata?.labels ?? {})
        : { ...template.metadata?.labels, ...extra.labels },
    ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    ownerReferences: [
      {
        apiVersion: owner.apiVersion,
        kind: owner.kind,
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        controller: true
      }
    ]
  }),
  spec: extra.nodeName === undefined ? template.spec : { ...template.spec, nodeName: extra.nodeName },
  status: { phase: "Pending" }
})

/** Pods of an owner that count: not on their way out, not finished. */
export const activePods = (cluster: Cluster, ownerUid: string): Array<Pod> =>
  cluster.store
    .ownedBy(ownerUid, "Pod")
    .filter(
      (pod) =>
        pod.metadata.deletionTimestamp === undefined
        && pod.status?.phase !== "Succeeded"
        && pod.status?.phase !== "Failed"
    )

/** The container runs anew with what is in the table now, as after a kill: used when the world around a pod changes. */
export const killContainers = (cluster: Cluster, pod: Pod): void => {
  const runtime = cluster.runtimes.get(pod.metadata.uid)
  if (runtime?.state === "ready" && !sameJson(failureOf(cluster, pod), undefined)) die(cluster, pod, runtime)
}
