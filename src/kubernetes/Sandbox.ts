/**
 * A cluster in memory behind the same port as a real one: for trying Kubernaut out without a cluster, for tests, for
 * the simulator and for benchmarks.
 *
 * It opens with a shop in trouble (`sandbox/Workloads` has the list) on three nodes. Controllers, scheduler and kubelet
 * are simulated on Effect's `Clock`: nothing runs in the background, whoever looks makes happen what was due by then.
 * With the same seed of `Random` and the same calls at the same times it gives the same answers.
 *
 * **Known differences to a real API server** (the contract suite says what is the same):
 *
 * - No authentication and no RBAC: `Unauthorized` and `Forbidden` come only from `intercept`. No LimitRange, Pod Security
 *   or admission webhooks.
 * - Objects are stored as written: no defaulting, no pruning of unknown fields; only what `sandbox/Admission` names is
 *   validated. Schema errors of types (a string for a number) are `Invalid` on both, but for other fields they are
 *   found only by the real one.
 * - Selectors of `list` and `watch` are equality only, as the port has them. A list is never paged or `Expired`; a watch
 *   is when its reader is more than 10,000 events behind.
 * - The controllers react at once; only pods take time (`pace`). A Deployment that is scaled in mid-rollout grows its new
 *   ReplicaSet only, where a real one scales all in proportion. `PodDisruptionBudget` status is never stale.
 * - Pods have no init containers, no probes, no finalizers and no volumes; a restart policy is `Always`, or `Never` for
 *   Jobs. All containers of a pod share the fate of the first. Nodes never fail. The scheduler looks at pod counts, CPU
 *   and memory, not at affinity, taints or node selectors; a DaemonSet runs on every node.
 * - An autoscaler follows a demand that the sandbox knows, and scales once a `pace.autoscaler`; there are no metrics.
 * - Managed fields name the manager only. At most 500 events are kept per namespace, and old ones go when a new one
 *   comes; the same event counts up without end.
 */

import { Clock, Duration, Effect, Layer, Random, Result, Stream } from "effect"
import type { Change } from "../domain/Change.ts"
import { find, unknownKind } from "./ApiResource.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject, type WatchEvent } from "./KubernetesClient.ts"
import { hasLabels, type Labels } from "./ObjectModel.ts"
import * as ApiServer from "./sandbox/ApiServer.ts"
import { Cluster, type Controller, type ImageBehaviour, type PaceMs } from "./sandbox/Cluster.ts"
import { reconcileDeployment } from "./sandbox/DeploymentController.ts"
import { reconcilePod } from "./sandbox/PodLifecycle.ts"
import { reconcileReplicaSet } from "./sandbox/ReplicaSetController.ts"
import { reconcileAutoscaler, reconcileBudget, reconcileClaim, reconcileService } from "./sandbox/ServiceControllers.ts"
import type { Mutation } from "./sandbox/Store.ts"
import {
  reconcileCronJob,
  reconcileDaemonSet,
  reconcileJob,
  reconcileStatefulSet
} from "./sandbox/WorkloadControllers.ts"
import { type DeploymentOptions, historyMs, images, seed } from "./sandbox/Workloads.ts"

/** How fast pods live. Every part defaults to that of `defaultPace`. */
export interface Pace {
  /** From a pod's creation until it is ready. */
  readonly startup: Duration.Input
  /** From a deletion until the pod is gone. */
  readonly termination: Duration.Input
  /** How long a failing container runs before it dies. */
  readonly crash: Duration.Input
  /**
   * The first crash-loop back-off. It doubles up to `backoffCap`; below 1 s it is 1 s, so that a crash loop never
   * spins.
   */
  readonly backoff: Duration.Input
  readonly backoffCap: Duration.Input
  /** How often an autoscaler may scale. */
  readonly autoscaler: Duration.Input
  /** How long a Job's pod works. */
  readonly job: Duration.Input
}

/** Believable and quick: a rollout of four replicas settles in about a second. */
export const defaultPace: Pace = {
  startup: "300 millis",
  termination: "100 millis",
  crash: "150 millis",
  backoff: "1 second",
  backoffCap: "30 seconds",
  autoscaler: "1 second",
  job: "2 seconds"
}

/** Pods start and end at once: a healthy rollout is over when its write is answered. For benchmarks. */
export const instantPace: Pace = { ...defaultPace, startup: 0, termination: 0, crash: 0, autoscaler: 0, job: 0 }

/** A request as it arrives at the sandbox. */
export interface Operation {
  readonly verb: "get" | "list" | "patch" | "create" | "evict" | "delete" | "logs" | "probe"
  readonly kind: string
  readonly namespace: string
  /** Empty for lists and probes. */
  readonly name: string
  readonly dryRun: boolean
}

export interface SandboxOptions {
  readonly pace?: Partial<Pace> | undefined
  /** Whether the shop is there. Default true; without it a sandbox opens five times as fast. */
  readonly shop?: boolean | undefined
  /** More Deployments beside the shop, each with a Service; their namespaces are made. */
  readonly deployments?: ReadonlyArray<DeploymentOptions> | undefined
  /** Default: 3, or as many as the generated Deployments need with room to roll. */
  readonly nodes?: number | undefined
  /** What more images do, by image or by repository. Any tag that begins with `bad` crash-loops. */
  readonly images?: Readonly<Record<string, ImageBehaviour>> | undefined
  /** The name under which writes are recorded in `managedFields`. Default `kubernaut`. */
  readonly fieldManager?: string | undefined
  /**
   * Stands around every request but watches: it may delay it, refuse it, or let it happen and lose the answer. This is
   * where faults are injected.
   */
  readonly intercept?:
    | (<A>(operation: Operation, request: Effect.Effect<A, KubernetesError>) => Effect.Effect<A, KubernetesError>)
    | undefined
}

const controllers: ReadonlyMap<string, Controller> = new Map([
  ["Pod", reconcilePod],
  ["ReplicaSet", reconcileReplicaSet],
  ["Deployment", reconcileDeployment],
  ["StatefulSet", reconcileStatefulSet],
  ["DaemonSet", reconcileDaemonSet],
  ["Job", reconcileJob],
  ["CronJob", reconcileCronJob],
  ["Service", reconcileService],
  ["PodDisruptionBudget", reconcileBudget],
  ["HorizontalPodAutoscaler", reconcileAutoscaler],
  ["PersistentVolumeClaim", reconcileClaim]
])

const paceMs = (pace: Partial<Pace> = {}): PaceMs => {
  const millis = (part: keyof Pace) => Duration.toMillis(pace[part] ?? defaultPace[part])
  const backoff = Math.max(1000, millis("backoff"))
  return {
    startup: millis("startup"),
    termination: millis("termination"),
    crash: millis("crash"),
    backoff,
    backoffCap: Math.max(backoff, millis("backoffCap")),
    autoscaler: millis("autoscaler"),
    job: millis("job")
  }
}

// The shop and kube-system run some thirty pods; a node takes 110, and a rollout surges.
const nodesFor = (deployments: ReadonlyArray<DeploymentOptions>): number =>
  Math.max(3, Math.ceil((40 + 2 * deployments.reduce((pods, each) => pods + (each.replicas ?? 2), 0)) / 110))

/** A watch falls behind by at most so many events before it has to begin anew. */
const watchBuffer = 10_000

interface Watcher {
  readonly kind: string
  readonly namespace: string | undefined
  readonly labels: Labels
  buffer: Array<WatchEvent>
  expired: boolean
  /** The moment until which the reader sleeps; `-Infinity` while it does not. */
  sleepsUntilMs: number
  wake: () => void
}

const watchEvent = (watcher: Watcher, mutation: Mutation): WatchEvent | undefined => {
  const { object } = mutation
  if (
    object.kind !== watcher.kind
    || (watcher.namespace !== undefined && object.metadata.namespace !== watcher.namespace)
  )
    return undefined
  const matches = hasLabels(object.metadata.labels, watcher.labels)
  if (mutation.type !== "MODIFIED") return matches ? { type: mutation.type, object } : undefined
  // An object that begins or ceases to match appears or goes for this watcher, as on a real server.
  const matched = hasLabels(mutation.previous.metadata.labels, watcher.labels)
  if (matches) return { type: matched ? "MODIFIED" : "ADDED", object }
  return matched ? { type: "DELETED", object } : undefined
}

class Watchers {
  private readonly all = new Set<Watcher>()

  add(watcher: Watcher): void {
    this.all.add(watcher)
  }

  remove(watcher: Watcher): void {
    this.all.delete(watcher)
  }

  notify(mutation: Mutation): void {
    for (const watcher of this.all) {
      const event = watchEvent(watcher, mutation)
      if (event === undefined) continue
      if (watcher.buffer.length >= watchBuffer) watcher.expired = true
      else watcher.buffer.push(event)
      watcher.wake()
    }
  }

  /** Wakes those that would sleep beyond what is due next. */
  wakeBefore(nextMs: number): void {
    for (const watcher of this.all) if (watcher.sleepsUntilMs > nextMs) watcher.wake()
  }
}

const makeWatch =
  (cluster: Cluster, watchers: Watchers): KubernetesClient["Service"]["watch"] =>
  (kind, options) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const resource = find(kind)
        if (resource === undefined) return Stream.fail(unknownKind(`watch ${kind}`))
        cluster.advance(clock.currentTimeMillisUnsafe())
        const namespace = resource.namespaced && options.namespace !== "" ? options.namespace : undefined
        const watcher: Watcher = {
          kind,
          namespace,
          labels: options.labelSelector ?? {},
          buffer: [],
          expired: false,
          sleepsUntilMs: -Infinity,
          wake: () => {}
        }
        const listed = ApiServer.list(cluster, kind, options)
        if (Result.isFailure(listed)) return Stream.fail(listed.failure)
        watcher.buffer = listed.success.map((object) => ({ type: "ADDED", object }))
        watchers.add(watcher)
        yield* Effect.addFinalizer(() => Effect.sync(() => watchers.remove(watcher)))

        const woken = Effect.callback<void>((resume) => {
          watcher.wake = () => resume(Effect.void)
          return Effect.sync(() => {
            watcher.wake = () => {}
          })
        })
        const idle = Effect.suspend(() => {
          const nowMs = clock.currentTimeMillisUnsafe()
          watcher.sleepsUntilMs = cluster.timeline.nextMs
          const waiting = Number.isFinite(watcher.sleepsUntilMs)
            ? Effect.raceFirst(woken, clock.sleep(Duration.millis(Math.max(0, watcher.sleepsUntilMs - nowMs))))
            : woken
          return Effect.ensuring(
            waiting,
            Effect.sync(() => {
              watcher.sleepsUntilMs = -Infinity
            })
          )
        })
        const next: Effect.Effect<ReadonlyArray<WatchEvent>, KubernetesError> = Effect.suspend(() => {
          cluster.advance(clock.currentTimeMillisUnsafe())
          if (watcher.expired) {
            return Effect.fail(
              new KubernetesError({
                reason: { _tag: "Expired" },
                operation: `watch ${kind}`,
                applied: "no",
                retryable: true
              })
            )
          }
          if (watcher.buffer.length === 0) return Effect.flatMap(idle, () => next)
          const events = watcher.buffer
          watcher.buffer = []
          return Effect.succeed(events)
        })
        return Stream.fromIterableEffectRepeat(next)
      })
    )

/** Opens a sandbox. Its history is seeded from the present `Clock` and `Random`. */
export const make = Effect.fnUntraced(function* (options: SandboxOptions = {}) {
  const nowMs = yield* Clock.currentTimeMillis
  const deployments = options.deployments ?? []
  const cluster = new Cluster({
    nowMs: nowMs - historyMs,
    seed: yield* Random.nextInt,
    pace: paceMs(options.pace),
    images: new Map([...images, ...Object.entries(options.images ?? {})]),
    controllers
  })
  seed(cluster, { nowMs, nodes: options.nodes ?? nodesFor(deployments), shop: options.shop ?? true, deployments })

  const watchers = new Watchers()
  cluster.observer = (mutation) => watchers.notify(mutation)
  const manager = options.fieldManager ?? "kubernaut"
  const intercept = options.intercept

  const request = <A>(operation: Operation, run: () => ApiServer.Answer<A>): Effect.Effect<A, KubernetesError> => {
    const effect = Effect.clockWith((clock): Effect.Effect<A, KubernetesError> => {
      cluster.advance(clock.currentTimeMillisUnsafe())
      const result = run()
      watchers.wakeBefore(cluster.timeline.nextMs)
      return Result.isFailure(result) ? Effect.fail(result.failure) : Effect.succeed(result.success)
    })
    return intercept === undefined ? effect : intercept(operation, effect)
  }

  const verbs = { Patch: "patch", Evict: "evict", Delete: "delete", Create: "create" } as const
  return KubernetesClient.of({
    get: (ref) => request({ verb: "get", ...ref, dryRun: false }, () => ApiServer.get(cluster, ref)),
    list: (kind, list) =>
      request<ReadonlyArray<KubernetesObject>>(
        { verb: "list", kind, namespace: list.namespace ?? "", name: "", dryRun: false },
        () => ApiServer.list(cluster, kind, list)
      ),
    apply: (change: Change, apply) =>
      request<KubernetesObject | undefined>(
        { verb: verbs[change._tag], ...change.ref, dryRun: apply?.dryRun === true },
        () => ApiServer.apply(cluster, change, apply?.dryRun === true, manager)
      ),
    logs: (pod, log) => request({ verb: "logs", ...pod, dryRun: false }, () => ApiServer.logs(cluster, pod, log)),
    watch: makeWatch(cluster, watchers),
    probe: request({ verb: "probe", kind: "", namespace: "", name: "", dryRun: false }, () => Result.succeed(undefined))
  })
})

/** The port on a new sandbox. */
export const layer = (options?: SandboxOptions): Layer.Layer<KubernetesClient> =>
  Layer.effect(KubernetesClient, make(options))

export type { DeploymentOptions, ImageBehaviour }
