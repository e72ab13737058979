/**
 * A cluster in memory, behind the same port as a real one: for trying Kubernaut out, for tests, for the simulator and
 * for benchmarks.
 *
 * It starts with a shop in trouble on three nodes (`sandbox/Workloads` lists the workloads). Controllers, the scheduler
 * and the kubelet are simulated on Effect's `Clock`. Nothing runs in the background: the state advances lazily when it
 * is read. The same seed of `Random` and the same requests at the same times give the same results.
 *
 * **Known differences from a real API server** (the contract suite states what is the same):
 *
 * - No authentication: `Unauthorized` comes only from `intercept`. RBAC is one list of `rules` for all namespaces, and
 *   does not apply to probes. No admission webhooks. Pod Security knows `restricted`, and of its rules only
 *   `runAsNonRoot`. A LimitRange checks the maximum and minimum of containers and pods, but fills in no defaults.
 * - Objects are stored as written: no defaulting, and unknown fields are not pruned. Only the fields that
 *   `sandbox/Admission` names are validated; the type of other fields is not checked.
 * - The selectors of `list` and `watch` support equality only, as the port does. A list is never paged or `Expired`. A
 *   watch is `Expired` when its reader is more than 10,000 events behind.
 * - Controllers react immediately; only pods take time (`pace`). A Deployment that is scaled during a rollout grows only
 *   its new ReplicaSet; a real one scales all of them in proportion. A `PodDisruptionBudget` status is never stale.
 * - Pods have no init containers, probes, finalizers or volumes. The restart policy is `Always`, or `Never` for Jobs. All
 *   containers of a pod behave like the first. Nodes never fail. The scheduler considers pod counts, CPU and memory,
 *   but not affinity, taints or node selectors. A DaemonSet runs on every node.
 * - An autoscaler follows a demand that the sandbox knows, and scales once per `pace.autoscaler`. There are no metrics.
 * - `managedFields` names the fields that were changed after an object was made, not those that it was made with. A
 *   namespace keeps at most 500 events, and drops old ones when a new one is recorded; a repeated event increments its
 *   count.
 *
 * **Example** (a faster cluster with one Deployment)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { KubernetesClient, Sandbox } from "kubernaut"
 *
 * const cluster = Sandbox.layer({
 *   shop: false,
 *   pace: Sandbox.instantPace,
 *   deployments: [{ namespace: "prod", name: "api", behaviour: "healthy", replicas: 3 }]
 * })
 * const api = Effect.flatMap(KubernetesClient.KubernetesClient, (client) =>
 *   client.get({ namespace: "prod", kind: "Deployment", name: "api" })
 * )
 * const { metadata } = await Effect.runPromise(Effect.provide(api, cluster))
 * metadata.name // => "api"
 * ```
 */

import { Clock, Duration, Effect, Layer, Random, Result, Stream } from "effect"
import type { Change } from "../domain/Change.ts"
import { displayName } from "../domain/Target.ts"
import type { Permission, PolicyRule } from "./Access.ts"
import { covers } from "./AccessRules.ts"
import { find, findWatched, unknownKind } from "./ApiResource.ts"
import * as CustomKinds from "./CustomKinds.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "./KubernetesClient.ts"
import * as OperationName from "./OperationName.ts"
import * as ApiServer from "./sandbox/ApiServer.ts"
import { reconcileAutoscaler } from "./sandbox/AutoscalerController.ts"
import { reconcileClaim } from "./sandbox/ClaimController.ts"
import { Cluster, type Controller, type ImageBehaviour, type PaceMs } from "./sandbox/Cluster.ts"
import { reconcileCronJob } from "./sandbox/CronJobController.ts"
import { reconcileDaemonSet } from "./sandbox/DaemonSetController.ts"
import { reconcileDeployment } from "./sandbox/DeploymentController.ts"
import { reconcileBudget } from "./sandbox/DisruptionController.ts"
import { reconcileJob } from "./sandbox/JobController.ts"
import { reconcilePod } from "./sandbox/PodLifecycle.ts"
import { reconcileQuota } from "./sandbox/QuotaController.ts"
import { retryCreations } from "./sandbox/RefusedCreations.ts"
import { reconcileReplicaSet } from "./sandbox/ReplicaSetController.ts"
import { reconcileService } from "./sandbox/ServiceController.ts"
import { reconcileStatefulSet } from "./sandbox/StatefulSetController.ts"
import * as Watches from "./sandbox/Watches.ts"
import { type DeploymentOptions, historyMs, images, sandboxUid, seed } from "./sandbox/Workloads.ts"

/** How long the steps of a simulated cluster take. Each defaults to the value in `defaultPace`. */
export interface Pace {
  /** From a pod's creation until it is ready. */
  readonly startup: Duration.Input
  /** From a deletion until the pod is gone. */
  readonly termination: Duration.Input
  /** How long a failing container runs before it exits. */
  readonly crash: Duration.Input
  /**
   * The first crash-loop back-off, at least 1 s so that a crash loop never spins. It doubles with every crash, up to
   * `backoffCap`.
   */
  readonly backoff: Duration.Input
  readonly backoffCap: Duration.Input
  /** The shortest time between two scalings by an autoscaler. */
  readonly autoscaler: Duration.Input
  /** How long the pod of a Job runs. */
  readonly job: Duration.Input
}

/** Realistic but quick: a rollout of four replicas settles in about a second. */
export const defaultPace: Pace = {
  startup: "300 millis",
  termination: "100 millis",
  crash: "150 millis",
  backoff: "1 second",
  backoffCap: "30 seconds",
  autoscaler: "1 second",
  job: "2 seconds"
}

/** Pods start and end immediately: a healthy rollout is complete when its write returns. For benchmarks. */
export const instantPace: Pace = { ...defaultPace, startup: 0, termination: 0, crash: 0, autoscaler: 0, job: 0 }

/** A request to the sandbox, as `intercept` sees it. */
export interface Operation {
  readonly verb: "get" | "list" | "watch" | "patch" | "create" | "evict" | "delete" | "logs" | "probe" | "review"
  /** Empty for probes and for the question for all rules. */
  readonly kind: string
  readonly namespace: string
  /** Empty for lists, probes and reviews. */
  readonly name: string
  readonly dryRun: boolean
}

/** The permission that a request needs; `undefined` for one that needs none. */
export const permissionOf = ({ kind, verb }: Pick<Operation, "kind" | "verb">): Permission | undefined => {
  if (verb === "probe" || verb === "review" || findWatched(kind) === undefined) return undefined
  if (verb === "logs") return { verb: "get", kind, subresource: "log" }
  return verb === "evict" ? { verb: "create", kind, subresource: "eviction" } : { verb, kind }
}

/** What the sandbox contains and how it behaves. */
export interface SandboxOptions {
  readonly pace?: Partial<Pace> | undefined
  /** Whether the shop exists. Default `true`. Without it the sandbox starts five times as fast. */
  readonly shop?: boolean | undefined
  /** More Deployments besides the shop, each with a Service. Their namespaces are created. */
  readonly deployments?: ReadonlyArray<DeploymentOptions> | undefined
  /** The uid of `kube-system`, which identifies the cluster. Default: that of every sandbox, also after a restart. */
  readonly uid?: string | undefined
  /** The number of nodes. Default: 3, or as many as the generated Deployments need to roll out. */
  readonly nodes?: number | undefined
  /** The behaviour of more images, by image or repository. Any tag that begins with `bad` crash-loops. */
  readonly images?: Readonly<Record<string, ImageBehaviour>> | undefined
  /** The name under which writes are recorded in `managedFields`; a function where it changes. Default `kubernaut`. */
  readonly fieldManager?: string | (() => string) | undefined
  /** Kinds besides the built-in ones, such as `security.istio.io/v1/AuthorizationPolicy`. Default: none. */
  readonly customKinds?: ReadonlyArray<string> | undefined
  /** What the client may do. A function is asked for each request. Default: everything. */
  readonly rules?: ReadonlyArray<PolicyRule> | (() => ReadonlyArray<PolicyRule>) | undefined
  /**
   * Wraps every request except watches, to inject faults: it may delay the request, refuse it, or run it and discard
   * the result.
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
  ["ResourceQuota", reconcileQuota],
  ["LimitRange", retryCreations],
  ["Namespace", (cluster, _, name) => retryCreations(cluster, name)],
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

const everything: ReadonlyArray<PolicyRule> = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]

const reviewOf = (kind: string, namespace: string): Operation => ({
  verb: "review",
  kind,
  namespace,
  name: "",
  dryRun: false
})

/** The refusal of a request that the rules do not grant. A question about the own rights needs none. */
const forbidden = (operation: Operation, rules: ReadonlyArray<PolicyRule>): ApiServer.Response<never> | undefined => {
  const permission = permissionOf(operation)
  return permission === undefined || covers(rules, permission)
    ? undefined
    : Result.fail(
        new KubernetesError({
          reason: { _tag: "Forbidden" },
          operation: `${operation.verb} ${displayName(operation)}`,
          applied: "no",
          retryable: false
        })
      )
}

type Watch = KubernetesClient["Service"]["watch"]

/** Refuses a watch that the rules at its beginning do not grant. */
const permitted =
  (watch: Watch, rulesNow: () => ReadonlyArray<PolicyRule>): Watch =>
  (kind, options) =>
    Stream.suspend(() => {
      const namespace = options.namespace ?? ""
      const refusal = forbidden({ verb: "watch", kind, namespace, name: "", dryRun: false }, rulesNow())
      return refusal !== undefined && Result.isFailure(refusal) ? Stream.fail(refusal.failure) : watch(kind, options)
    })

/** Starts a sandbox. Its history ends at the current time of `Clock`, and its randomness is seeded from `Random`. */
export const make = Effect.fnUntraced(function* (options: SandboxOptions = {}) {
  const nowMs = yield* Clock.currentTimeMillis
  const deployments = options.deployments ?? []
  const custom = CustomKinds.parseAll(options.customKinds).map(CustomKinds.guessed)
  const cluster = new Cluster({
    nowMs: nowMs - historyMs,
    seed: yield* Random.nextInt,
    pace: paceMs(options.pace),
    images: new Map([...images, ...Object.entries(options.images ?? {})]),
    controllers
  })
  cluster.find = (kind) => find(kind) ?? custom.find((each) => each.kind === kind)
  seed(cluster, {
    nowMs,
    nodes: options.nodes ?? nodesFor(deployments),
    shop: options.shop ?? true,
    deployments,
    uid: options.uid ?? sandboxUid
  })

  const watchers = new Watches.Watchers(cluster)
  cluster.observer = (mutation) => watchers.notify(mutation)
  const { fieldManager = "kubernaut" } = options
  const manager = () => (typeof fieldManager === "function" ? fieldManager() : fieldManager)
  const intercept = options.intercept
  const rulesNow = () => (typeof options.rules === "function" ? options.rules() : (options.rules ?? everything))

  const request = <A>(operation: Operation, run: () => ApiServer.Response<A>): Effect.Effect<A, KubernetesError> => {
    const effect = Effect.clockWith((clock): Effect.Effect<A, KubernetesError> => {
      cluster.advance(clock.currentTimeMillisUnsafe())
      const result = forbidden(operation, rulesNow()) ?? run()
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
        () => ApiServer.apply(cluster, change, apply?.dryRun === true, manager())
      ),
    logs: (pod, log) => request({ verb: "logs", ...pod, dryRun: false }, () => ApiServer.logs(cluster, pod, log)),
    watch: permitted(Watches.make(cluster, watchers), rulesNow),
    probe: request({ verb: "probe", kind: "", namespace: "", name: "", dryRun: false }, () =>
      Result.succeed(undefined)
    ),
    rights: {
      may: (access) =>
        request(reviewOf(access.kind, access.namespace), () =>
          findWatched(access.kind) === undefined
            ? Result.fail(unknownKind(OperationName.ofReview(access)))
            : Result.succeed(covers(rulesNow(), access))
        ),
      rules: (namespace) =>
        request(reviewOf("", namespace), () => Result.succeed({ rules: rulesNow(), incomplete: false }))
    }
  })
})

/** A new sandbox behind the port. */
export const layer = (options?: SandboxOptions): Layer.Layer<KubernetesClient> =>
  Layer.effect(KubernetesClient, make(options))

export type { DeploymentOptions, ImageBehaviour }
