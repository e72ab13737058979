/**
 * The cluster of the sandbox: its objects, its time, its randomness, and the queue of objects to reconcile.
 *
 * There is no background fiber. A request first advances the cluster to the current time (`advance`), then does its own
 * work, then runs the controllers until none has work left (`settle`). The state is therefore a function of the seed,
 * the requests and their times.
 */

import * as Quantity from "../../domain/Quantity.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { find, type FindResource } from "../ApiResource.ts"
import type { KubernetesObject } from "../KubernetesClient.ts"
import {
  controllerOf,
  hasLabels,
  isPodReady,
  type Labels,
  type Pod,
  type Quantities,
  selectorMatches
} from "../ObjectModel.ts"
import { refersTo } from "../Ownership.ts"
import { type Mutation, Store } from "./Store.ts"
import { Timeline } from "./Timeline.ts"

/** The durations of the cluster's steps, in milliseconds. */
export interface PaceMs {
  /** From a pod's creation until its containers run and, if healthy, are ready. */
  readonly startup: number
  /** From a deletion until the pod is gone. */
  readonly termination: number
  /** How long a failing container runs before it exits. */
  readonly crash: number
  /** The first crash-loop back-off; it doubles up to `backoffCap`. */
  readonly backoff: number
  readonly backoffCap: number
  /** The shortest time between two scalings by an autoscaler. */
  readonly autoscaler: number
  /** How long the pod of a Job runs. */
  readonly job: number
}

/** How a container of an image behaves. Default: it becomes ready and stays so. */
export interface ImageBehaviour {
  /** It exits with this code after it has started, and crash-loops. */
  readonly crash?: { readonly exitCode: number } | undefined
  /** It is OOM-killed if its memory limit is below this many bytes. */
  readonly memoryNeed?: number | undefined
  /** The images whose containers crash after they have been ready for a while. The set may change at any time. */
  readonly flaky?: ReadonlySet<string> | undefined
  /** The lines that it logs at every start. */
  readonly logs?: ReadonlyArray<string> | undefined
}

/** The state of a pod's containers that the Pod object does not hold. */
export interface PodRuntime {
  state: "creating" | "running" | "ready" | "waiting" | "succeeded" | "failed"
  restarts: number
  startedAtMs: number
  startedAt: string
  readyAtMs: number
  /** How the previous run ended, as in a container status. */
  lastTermination:
    | { readonly exitCode: number; readonly reason: string; readonly startedAt: string; readonly finishedAt: string }
    | undefined
  lastStartedAtMs: number
}

export interface NodeUsage {
  pods: number
  cpu: Quantity.Amount
  memory: Quantity.Amount
}

type QueuedObject = readonly [kind: string, namespace: string, name: string]

export type Controller = (cluster: Cluster, namespace: string, name: string) => void

/** The sum of a resource over the containers of a pod. */
export const requestsOf = (pod: Pod, resource: string, of: "requests" | "limits" = "requests"): Quantity.Amount =>
  pod.spec.containers.reduce(
    (sum, container) => sum + (Quantity.parse((container.resources?.[of] as Quantities | undefined)?.[resource]) ?? 0n),
    0n
  )

/** Whether owners, Services and budgets count both versions of a pod alike. */
const countsAlike = (before: Pod, after: Pod): boolean =>
  before.metadata.labels === after.metadata.labels
  && before.metadata.ownerReferences === after.metadata.ownerReferences
  && before.metadata.deletionTimestamp === after.metadata.deletionTimestamp
  && before.status?.phase === after.status?.phase
  && before.status?.podIP === after.status?.podIP
  && isPodReady(before) === isPodReady(after)

/** The kinds whose labels and annotations concern controllers too. */
const labelsMatter: ReadonlySet<string> = new Set(["Node", "Namespace"])

/** Events are kept for an hour, as on a real API server, but at most this many per namespace. */
const eventsPerNamespace = 500
const eventLifeMs = 3_600_000

export class Cluster {
  readonly timeline = new Timeline()
  readonly runtimes = new Map<string, PodRuntime>()
  readonly usage = new Map<string, NodeUsage>()
  /** Pods that fit on no node, as `namespace\0name`. */
  readonly unscheduled = new Set<string>()
  /** The last progress in the rollout of a Deployment, by its uid. */
  readonly progress = new Map<string, { atMs: number; updated: number; old: number; available: number }>()
  /** The next run of a CronJob, by its uid, so that each run is scheduled once. */
  readonly cronRuns = new Map<string, { readonly schedule: string; readonly atMs: number }>()
  /** Autoscalers, by uid, that wait for their period or may scale now. An absent one has not started to wait. */
  readonly autoscalers = new Map<string, "waiting" | "due">()
  readonly images: Map<string, ImageBehaviour>
  /** The replicas that the load on a workload requires, by `namespace/name`. Autoscalers scale to them. */
  readonly demand: Map<string, number>
  readonly store: Store
  readonly pace: PaceMs
  nowMs: number
  find: FindResource = find
  /** Called with every mutation; watches depend on it. */
  observer: ((mutation: Mutation) => void) | undefined

  private readonly controllers: ReadonlyMap<string, Controller>
  private readonly soon = new Map<string, QueuedObject>()
  /** Objects that aggregate pods and ReplicaSets. They wait until those have settled, to be reconciled only once. */
  private readonly late = new Map<string, QueuedObject>()
  private readonly eventNames = new Map<string, string>()
  private readonly eventOrder = new Map<string, Array<{ readonly key: string; readonly name: string }>>()
  /** `namespace\0key=value` of the first pair of a Service's selector → names of Services. */
  private readonly servicesBySelector = new Map<string, Set<string>>()
  private randomState: number
  private stampedMs = NaN
  private stamped = ""
  private addresses = 0

  constructor(options: {
    readonly nowMs: number
    readonly seed: number
    readonly pace: PaceMs
    readonly images: ReadonlyMap<string, ImageBehaviour>
    readonly controllers: ReadonlyMap<string, Controller>
  }) {
    this.nowMs = options.nowMs
    this.randomState = options.seed >>> 0
    this.pace = options.pace
    this.images = new Map(options.images)
    this.demand = new Map()
    this.controllers = options.controllers
    this.store = new Store((mutation) => this.changed(mutation))
  }

  /** Runs everything that is due by `nowMs`, in order. Does nothing if the clock runs backwards. */
  advance(nowMs: number): void {
    while (this.timeline.nextMs <= nowMs) {
      const atMs = this.timeline.nextMs
      this.nowMs = Math.max(this.nowMs, atMs)
      // Controllers run once for everything that is due at the same time.
      while (this.timeline.nextMs === atMs) this.timeline.take().run()
      this.settle()
    }
    this.nowMs = Math.max(this.nowMs, nowMs)
  }

  /** Runs controllers until none has work left at the current time. */
  settle(): void {
    let rounds = 0
    while (this.soon.size > 0 || this.late.size > 0) {
      const queue = this.soon.size > 0 ? this.soon : this.late
      for (const [key, [kind, namespace, name]] of queue) {
        if (++rounds > 1_000_000)
          throw new Error(`The sandbox's controllers do not settle; the last object was ${kind} ${namespace}/${name}`)
        queue.delete(key)
        this.controllers.get(kind)!(this, namespace, name)
        if (queue === this.late && this.soon.size > 0) break
      }
    }
  }

  enqueue(kind: string, namespace: string, name: string): void {
    if (!this.controllers.has(kind)) return
    const queue = kind === "Pod" || kind === "ReplicaSet" ? this.soon : this.late
    queue.set(`${kind}\u0000${namespace}\u0000${name}`, [kind, namespace, name])
  }

  after(delayMs: number, run: () => void): void {
    this.timeline.plan(this.nowMs + delayMs, run)
  }

  /** A number in [0, 1), from the sandbox's seed. */
  random(): number {
    this.randomState = (this.randomState + 0x6d2b79f5) >>> 0
    let t = this.randomState
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** The five random characters that the API server appends to a generated name. */
  suffix(): string {
    const alphabet = "bcdfghjklmnpqrstvwxz2456789"
    let suffix = ""
    for (let i = 0; i < 5; i++) suffix += alphabet[Math.floor(this.random() * alphabet.length)]
    return suffix
  }

  uid(): string {
    const hex = (digits: number) =>
      Math.floor((1 + this.random()) * 16 ** digits)
        .toString(16)
        .slice(1)
    return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(8)}${hex(4)}`
  }

  podAddress(): string {
    const n = ++this.addresses
    return `10.244.${(n >> 8) & 255}.${n & 255}`
  }

  /** The current time as Kubernetes writes it: UTC, whole seconds. */
  stamp(): string {
    if (this.stampedMs !== this.nowMs) {
      this.stampedMs = this.nowMs
      this.stamped = this.stampOf(this.nowMs)
    }
    return this.stamped
  }

  stampOf(millis: number): string {
    return `${Timestamp.fromMillis(millis).slice(0, -5)}Z`
  }

  /** The metadata of a new object, with the fields that only the server sets. */
  newMetadata(
    name: string,
    namespace: string | undefined,
    rest?: Partial<KubernetesObject["metadata"]>
  ): KubernetesObject["metadata"] {
    return {
      ...rest,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: this.uid(),
      resourceVersion: "",
      creationTimestamp: this.stamp()
    }
  }

  /** Records an event, or increments the count of an identical one. */
  event(about: KubernetesObject, type: "Normal" | "Warning", reason: string, message: string, component: string): void {
    const { uid, name, namespace = "default" } = about.metadata
    const key = `${uid}\u0000${reason}\u0000${message}`
    const known = this.eventNames.get(key)
    const previous = known === undefined ? undefined : this.store.get("Event", namespace, known)
    if (previous !== undefined) {
      this.store.put({ ...previous, count: (previous.count ?? 1) + 1, lastTimestamp: this.stamp() })
      return
    }
    const eventName = `${name}.${Math.floor((1 + this.random()) * 2 ** 48)
      .toString(16)
      .slice(1)}`
    this.eventNames.set(key, eventName)
    this.store.put({
      apiVersion: "v1",
      kind: "Event",
      metadata: this.newMetadata(eventName, namespace),
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        namespace: about.metadata.namespace,
        name,
        uid
      },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: this.stamp(),
      lastTimestamp: this.stamp(),
      source: { component }
    })
    const order = this.eventOrder.get(namespace) ?? []
    if (order.length === 0) this.eventOrder.set(namespace, order)
    order.push({ key, name: eventName })
    const deadline = this.stampOf(this.nowMs - eventLifeMs)
    while (order.length > 1) {
      const oldest = order[0]!
      const event = this.store.get("Event", namespace, oldest.name)
      const old = event === undefined || (event.lastTimestamp ?? "") < deadline
      if (!old && order.length <= eventsPerNamespace) break
      order.shift()
      this.eventNames.delete(oldest.key)
      if (event !== undefined) this.store.remove(event)
    }
  }

  /** The names of the Services whose selector the labels satisfy. */
  servicesSelecting(namespace: string, labels: Labels): ReadonlyArray<string> {
    const names: Array<string> = []
    for (const key in labels) {
      for (const name of this.servicesBySelector.get(`${namespace}\u0000${key}=${labels[key]}`) ?? []) {
        if (hasLabels(labels, this.store.get("Service", namespace, name)?.spec?.selector ?? {})) names.push(name)
      }
    }
    return names
  }

  private changed(mutation: Mutation): void {
    this.observer?.(mutation)
    const { object } = mutation
    const { name, namespace = "" } = object.metadata
    switch (object.kind) {
      case "Event":
      case "EndpointSlice":
      case "ControllerRevision":
        return
      case "Pod":
        return this.podChanged(mutation)
      case "Service":
        this.indexService(mutation)
        break
      case "Node":
        for (const key of this.unscheduled) this.enqueue("Pod", ...(key.split("\u0000") as [string, string]))
        for (const daemonSet of this.store.list("DaemonSet"))
          this.enqueue("DaemonSet", daemonSet.metadata.namespace!, daemonSet.metadata.name)
        break
    }
    // A change of status does not concern the object's own controller, only its owner.
    const statusOnly =
      mutation.type === "MODIFIED" && mutation.previous["spec"] === object["spec"] && !labelsMatter.has(object.kind)
    if (!statusOnly) this.enqueue(object.kind, namespace, name)
    const owner = controllerOf(object)
    if (owner !== undefined) this.enqueue(owner.kind, namespace, owner.name)
    for (const autoscaler of this.store.list("HorizontalPodAutoscaler", namespace)) {
      if (refersTo(autoscaler.spec.scaleTargetRef, object))
        this.enqueue("HorizontalPodAutoscaler", namespace, autoscaler.metadata.name)
    }
  }

  private podChanged(mutation: Mutation): void {
    const pod = mutation.object as Pod
    const { name, namespace = "" } = pod.metadata
    const previous = mutation.type === "MODIFIED" ? (mutation.previous as Pod) : undefined
    if (mutation.type === "DELETED") {
      this.runtimes.delete(pod.metadata.uid)
      this.unscheduled.delete(`${namespace}\u0000${name}`)
      this.account(pod, -1)
      for (const key of this.unscheduled) this.enqueue("Pod", ...(key.split("\u0000") as [string, string]))
    } else {
      const isAnnotated = previous !== undefined && previous.metadata.annotations !== pod.metadata.annotations
      if (isAnnotated || !this.runtimes.has(pod.metadata.uid)) this.enqueue("Pod", namespace, name)
      if (pod.spec.nodeName !== previous?.spec.nodeName) this.account(pod, 1)
    }
    // Another cycle of a crash loop changes nothing for the objects that count pods.
    if (previous !== undefined && countsAlike(previous, pod)) return
    for (const each of previous === undefined ? [pod] : [pod, previous]) {
      const owner = controllerOf(each)
      if (owner !== undefined) this.enqueue(owner.kind, namespace, owner.name)
    }
    for (const { metadata } of this.store.list("ResourceQuota", namespace))
      this.enqueue("ResourceQuota", namespace, metadata.name)
    const labels = pod.metadata.labels ?? {}
    for (const each of previous === undefined || previous.metadata.labels === labels
      ? [labels]
      : [labels, previous.metadata.labels ?? {}]) {
      for (const service of this.servicesSelecting(namespace, each)) this.enqueue("Service", namespace, service)
      for (const budget of this.store.list("PodDisruptionBudget", namespace)) {
        if (selectorMatches(budget.spec.selector, each))
          this.enqueue("PodDisruptionBudget", namespace, budget.metadata.name)
      }
    }
  }

  private account(pod: Pod, sign: 1 | -1): void {
    const node = pod.spec.nodeName
    if (node === undefined) return
    const usage = this.usage.get(node) ?? { pods: 0, cpu: 0n, memory: 0n }
    usage.pods += sign
    usage.cpu += BigInt(sign) * requestsOf(pod, "cpu")
    usage.memory += BigInt(sign) * requestsOf(pod, "memory")
    this.usage.set(node, usage)
  }

  private indexService(mutation: Mutation): void {
    const { name, namespace = "" } = mutation.object.metadata
    const first = (object: KubernetesObject) => {
      const pair = Object.entries((object["spec"] as { selector?: Labels } | undefined)?.selector ?? {})[0]
      return pair === undefined ? undefined : `${namespace}\u0000${pair[0]}=${pair[1]}`
    }
    const old =
      mutation.type === "MODIFIED"
        ? first(mutation.previous)
        : mutation.type === "DELETED"
          ? first(mutation.object)
          : undefined
    if (old !== undefined) this.servicesBySelector.get(old)?.delete(name)
    const key = mutation.type === "DELETED" ? undefined : first(mutation.object)
    if (key !== undefined) this.servicesBySelector.set(key, (this.servicesBySelector.get(key) ?? new Set()).add(name))
  }
}
