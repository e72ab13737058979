/**
 * The Kubernetes cluster: the sandbox, whose workloads get better or worse by what is done to them, behind a network
 * that takes time and may fail.
 *
 * Every request of the service goes
 *
 *     latency ──> faults (`disturb`) ──> API server ──> (a write is told as `ClusterWrite`) ──> faults ──> latency
 *
 * so that a service that crashes in the middle has or has not written, and does not know. The cluster goes by the
 * world's time, whatever the service's wall clock says.
 *
 * The rest of the world (a person who rolls a bad version out, whoever looks whether a workload serves) uses `direct`,
 * at once and undisturbed.
 */

import { Clock, Context, Effect, Layer, Random, Result, type Schema } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../kubernetes/Sandbox.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import { SimulatedClock } from "../engine/SimulatedClock.ts"
import { crashLog, environment, eventMessage } from "../observation/Secrets.ts"
import { ApiWire } from "./ApiWire.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { carried, type ClusterFault, ClusterPath, type ClusterRequest } from "./paths/ClusterPath.ts"

type Client = KubernetesClient["Service"]

const annotationPath = "/metadata/annotations/kubernaut.dev~1execution"

/** The execution that a write says it belongs to. */
const executionOf = (change: Change): string | undefined => {
  if (change._tag !== "Patch") return undefined
  for (const operation of change.patch) {
    if (operation.op === "remove") continue
    if (operation.path === annotationPath && typeof operation.value === "string") return operation.value
    if (operation.path === "/metadata/annotations" && typeof operation.value === "object" && operation.value !== null) {
      const execution = (operation.value as Readonly<Record<string, unknown>>)["kubernaut.dev/execution"]
      if (typeof execution === "string") return execution
    }
  }
  return undefined
}

const writer = "kubernaut"

/** As a kubelet's: 10 s before the first restart of a crash loop, up to 5 minutes. */
const pace = {
  startup: "2 seconds",
  termination: "1 second",
  crash: "500 millis",
  backoff: "10 seconds",
  backoffCap: "5 minutes"
} as const

/**
 * Who else has a say about a workload: its namespace is protected, Helm declares it, or an autoscaler owns its replica
 * count.
 */
export type Ownership = "protected" | "helm" | "autoscaler"

/** How large a scenario is whose cluster has such workloads. */
const ownedFrom = 4

const owned: ReadonlyArray<{ readonly namespace: string; readonly name: string; readonly ownership: Ownership }> = [
  // The sandbox has it from the beginning.
  { namespace: "kube-system", name: "coredns", ownership: "protected" },
  { namespace: "prod", name: "app-helm", ownership: "helm" },
  { namespace: "prod", name: "app-scaled", ownership: "autoscaler" }
]

export class Cluster implements FarEnd {
  readonly name = "cluster"
  readonly layer: Layer.Layer<KubernetesClient>
  /**
   * Deployments that exist for the scenario. In a cluster of some size three of them are not Kubernaut's alone, see
   * `ownership`.
   */
  readonly workloads: ReadonlyArray<ResourceRef>
  private readonly setting: Setting
  private readonly sandbox: Client
  private readonly clock: SimulatedClock
  private readonly random: SeededRandom
  private readonly wire: ApiWire
  private readonly runDirect: <A, E>(effect: Effect.Effect<A, E>) => A
  private readonly path = new ClusterPath()
  private readonly healthy = new Map<string, boolean>()
  private readonly owners: ReadonlyMap<string, Ownership>
  /** When somebody other than the service last wrote to a workload, and when the service last read one. By name. */
  private readonly disturbedMs = new Map<string, number>()
  private readonly readMs = new Map<string, number>()
  private readonly gone = new Map<string, KubernetesObject>()
  private releases = 0

  constructor(setting: Setting) {
    const { scenario, world } = setting
    this.setting = setting
    this.random = world.random("cluster")
    this.wire = new ApiWire(setting)
    const plain = Array.from({ length: scenario.workloads }, (_, index) => ({
      namespace: "prod",
      kind: "Deployment",
      name: `app-${index + 1}`
    }))
    this.owners = new Map(scenario.workloads < ownedFrom ? [] : owned.map(({ name, ownership }) => [name, ownership]))
    this.workloads = [
      ...plain,
      ...owned
        .filter(({ name }) => this.owners.has(name))
        .map(({ name, namespace }) => ({ namespace, kind: "Deployment", name }))
    ]
    this.clock = new SimulatedClock({
      get nowMs() {
        return world.nowMs
      },
      wallOriginMs: world.wallStartMs,
      after: (delayMs, run) => world.at(world.nowMs + delayMs, run)
    })
    this.runDirect = Effect.runSyncWith(
      Context.make(Clock.Clock, this.clock).pipe(Context.add(Random.Random, this.random))
    )
    this.sandbox = this.direct(
      Sandbox.make({
        shop: false,
        pace,
        images: Object.fromEntries(
          this.workloads.map(({ name, namespace }) => [`registry.example/${namespace}/${name}`, { logs: crashLog }])
        ),
        // Those of kube-system are there already.
        deployments: this.workloads
          .filter(({ namespace }) => namespace === "prod")
          .map(({ name, namespace }) => ({ name, namespace, behaviour: "healthy" }))
      })
    )
    for (const { name, ownership } of owned) if (this.owners.has(name)) this.own(name, ownership)
    this.layer = Layer.succeed(KubernetesClient, this.client())
  }

  /** Activates a fault until the returned function is called. */
  disturb(fault: ClusterFault): () => void {
    return this.path.disturb(fault)
  }

  /** Who else has a say about a workload; `undefined` where nobody has. */
  ownership(ref: ResourceRef): Ownership | undefined {
    return this.owners.get(ref.name)
  }

  /**
   * Whether a workload truly serves, by its pods alone: as many are ready as are wanted, and none of them fails. The
   * Deployment's own status, which the service goes by, is not looked at.
   */
  serves(ref: ResourceRef): boolean {
    const object = this.read(ref)
    if (Result.isFailure(object)) return false
    const wanted = (object.success as DeploymentObject).spec?.replicas ?? 1
    const pods = this.podsOf(ref)
    return wanted > 0 && pods.length >= wanted && pods.every(isReady)
  }

  /** The names of a workload's pods that are not ready. */
  brokenPods(ref: ResourceRef): ReadonlyArray<string> {
    return this.podsOf(ref)
      .filter((pod) => !isReady(pod))
      .map((pod) => pod.metadata.name)
  }

  private podsOf({ name, namespace }: ResourceRef): ReadonlyArray<KubernetesObject> {
    return this.direct(this.sandbox.list("Pod", { namespace, labelSelector: { app: name } })).filter(
      (pod) => pod.metadata.deletionTimestamp === undefined
    )
  }

  /** When somebody other than the service last wrote to a workload. */
  disturbedAtMs(ref: ResourceRef): number {
    return this.disturbedMs.get(ref.name) ?? -Infinity
  }

  /** When the service last got an answer of the API server about a workload. */
  readAtMs(ref: ResourceRef): number {
    return this.readMs.get(ref.name) ?? -Infinity
  }

  /** Somebody changes an annotation of a workload, and with it its version. Nothing where it is gone. */
  touch(ref: ResourceRef, value: string): void {
    const object = this.read(ref)
    if (Result.isFailure(object)) return
    const annotations = { ...object.success.metadata.annotations, "example.com/touched": value }
    this.write({ _tag: "Patch", ref, patch: [{ op: "add", path: "/metadata/annotations", value: annotations }] })
  }

  /** A disruption budget allows no eviction of a workload's pods, until the answer is called. */
  forbidEvictions({
    budget,
    name,
    namespace
  }: {
    readonly namespace: string
    readonly name: string
    readonly budget: string
  }): () => void {
    const ref = { namespace, kind: "PodDisruptionBudget", name: budget }
    this.write({
      _tag: "Create",
      ref,
      manifest: {
        apiVersion: "policy/v1",
        kind: ref.kind,
        metadata: { name: budget, namespace },
        spec: { minAvailable: "100%", selector: { matchLabels: { app: name } } }
      }
    })
    return () =>
      Result.match(this.read(ref), {
        onFailure: () => {},
        onSuccess: ({ metadata: { uid } }) => this.write({ _tag: "Delete", ref, uid })
      })
  }

  /** Somebody deletes a workload, until `restore`. Nothing where it is gone already. */
  remove(ref: ResourceRef): void {
    const object = this.read(ref)
    if (Result.isFailure(object)) return
    this.gone.set(ref.name, object.success)
    this.write({ _tag: "Delete", ref, uid: object.success.metadata.uid })
  }

  /** Somebody makes a deleted workload again, with a version that works. */
  restore(ref: ResourceRef): void {
    const object = this.gone.get(ref.name)
    if (object === undefined || Result.isSuccess(this.read(ref))) return
    this.gone.delete(ref.name)
    const { labels = {}, name, namespace = "" } = object.metadata
    const manifest = {
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: { name, namespace, labels },
      spec: object["spec"]
    }
    // What the API server gave is JSON.
    this.write({ _tag: "Create", ref, manifest: manifest as unknown as Schema.JsonObject })
    this.repair(ref)
  }

  /** Rolls a version out that crash-loops; `flaky`: after it has been ready for some seconds. */
  breakRollout(ref: ResourceRef, how: "bad" | "flaky" = "bad"): void {
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:${how}-${++this.releases}`, [
      { op: "add", path: "/spec/template/spec/containers/0/env", value: environment }
    ])
    this.complain(ref)
  }

  /** Rolls a version out that works, as a person would. One that is gone is made again. */
  repair(ref: ResourceRef): void {
    if (this.gone.has(ref.name)) return this.restore(ref)
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:v${++this.releases + 1}.0.0`)
  }

  /** Whether a Deployment's newest version serves with all its replicas. Tells where that has changed. */
  isHealthy(ref: ResourceRef): boolean {
    const healthy = Result.match(this.read(ref), { onFailure: () => false, onSuccess: isRolledOut })
    if (this.healthy.get(ref.name) !== healthy) {
      this.healthy.set(ref.name, healthy)
      this.setting.observations.publish({ _tag: "WorkloadHealth", ref, healthy })
    }
    return healthy
  }

  /** An object as it is. */
  read(ref: ResourceRef): Result.Result<KubernetesObject, KubernetesError> {
    return this.direct(Effect.result(this.sandbox.get(ref)))
  }

  /** A write by somebody else. It must be one that the API server takes. */
  write(change: Change): void {
    this.disturbedMs.set(change.ref.name, this.setting.world.nowMs)
    this.direct(this.sandbox.apply(change))
  }

  private own(name: string, ownership: Ownership): void {
    const ref = { namespace: "prod", kind: "Deployment", name }
    if (ownership === "helm") {
      this.write({
        _tag: "Patch",
        ref,
        patch: [
          { op: "add", path: "/metadata/labels/app.kubernetes.io~1managed-by", value: "Helm" },
          {
            op: "add",
            path: "/metadata/annotations",
            value: { "meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "prod" }
          }
        ]
      })
    }
    if (ownership === "autoscaler") {
      this.write({
        _tag: "Create",
        ref: { ...ref, kind: "HorizontalPodAutoscaler" },
        manifest: {
          apiVersion: "autoscaling/v2",
          kind: "HorizontalPodAutoscaler",
          metadata: { name, namespace: "prod" },
          spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, minReplicas: 2, maxReplicas: 2 }
        }
      })
    }
  }

  private setImage(
    ref: ResourceRef,
    image: string,
    more: Extract<Change, { readonly _tag: "Patch" }>["patch"] = []
  ): void {
    if (Result.isFailure(this.read(ref))) return
    this.write({
      _tag: "Patch",
      ref,
      patch: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: image }, ...more]
    })
  }

  /** An event about a workload; the first stays, and is refused when it is made again. */
  private complain({ kind, name, namespace }: ResourceRef): void {
    const event = `${name}.pull`
    const lastTimestamp = new Date(this.setting.world.wallStartMs + this.setting.world.nowMs).toISOString()
    this.direct(
      Effect.ignore(
        this.sandbox.apply({
          _tag: "Create",
          ref: { namespace, kind: "Event", name: event },
          manifest: {
            apiVersion: "v1",
            kind: "Event",
            metadata: { name: event, namespace },
            involvedObject: { kind, namespace, name },
            type: "Warning",
            reason: "Failed",
            message: eventMessage,
            count: 1,
            lastTimestamp
          }
        })
      )
    )
  }

  private direct<A, E>(effect: Effect.Effect<A, E>): A {
    return this.runDirect(effect)
  }

  private client(): Client {
    const { sandbox } = this
    return carried(
      {
        ...sandbox,
        get: (ref) => (ref.kind === "Deployment" ? this.noted(ref, sandbox.get(ref)) : sandbox.get(ref)),
        apply: (change, options) => {
          const server = sandbox.apply(change, options)
          return options?.dryRun === true ? server : this.published(change, server)
        }
      },
      (request, server) => this.request(request, server)
    )
  }

  /** Without the costs of another context where the caller's clock is right, as it nearly always is. */
  private byWorldTime<A, E>(server: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.clockWith((clock) =>
      clock.currentTimeMillisUnsafe() === this.clock.currentTimeMillisUnsafe()
        ? server
        : Effect.provideService(server, Clock.Clock, this.clock)
    )
  }

  private request<A>(
    request: ClusterRequest,
    server: Effect.Effect<A, KubernetesError>
  ): Effect.Effect<A, KubernetesError> {
    const atServer = this.byWorldTime(server)
    const isWrite = request.change !== undefined && !request.dryRun
    const asked = this.wire.ask(request.verb, `${request.kind} ${request.name}`)
    return this.wire.carry(
      asked,
      Effect.suspend(() => {
        const disturbed = this.path.disturbed(request, atServer)
        const answered = Effect.flatMap(this.underWay, () => disturbed)
        // The way back is worth a timer where a crash on it matters.
        return isWrite ? Effect.ensuring(answered, this.underWay) : answered
      })
    )
  }

  /** The time that a message takes. */
  private readonly underWay: Effect.Effect<void> = Effect.suspend(() =>
    Effect.sleep(this.random.between(...this.setting.scenario.clusterLatencyMs))
  )

  private noted<A, E>(ref: ResourceRef, server: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.tap(server, () => Effect.sync(() => this.readMs.set(ref.name, this.setting.world.nowMs)))
  }

  private published<A>(change: Change, server: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> {
    const executionId = executionOf(change)
    const about = {
      _tag: "ClusterWrite",
      by: writer,
      change,
      ...(executionId === undefined ? {} : { executionId })
    } as const
    return Effect.withFiber((fiber) => {
      const process = this.wire.callers.numberOf(fiber)
      return Effect.matchEffect(server, {
        onFailure: (error) => {
          this.setting.observations.publish({ ...about, process, applied: "no", refused: error.reason._tag })
          return Effect.fail(error)
        },
        onSuccess: (object) => {
          this.setting.observations.publish({ ...about, process, applied: "yes" })
          return Effect.succeed(object)
        }
      })
    })
  }
}

const isReady = (pod: KubernetesObject): boolean =>
  (
    pod as {
      readonly status?: { readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }> }
    }
  ).status?.conditions?.some(({ status, type }) => type === "Ready" && status === "True") === true

interface DeploymentObject extends KubernetesObject {
  readonly spec?: { readonly replicas?: number }
  readonly status?: {
    readonly observedGeneration?: number
    readonly updatedReplicas?: number
    readonly readyReplicas?: number
    readonly replicas?: number
  }
}

/** As `kubectl rollout status` has it. */
const isRolledOut = (object: DeploymentObject): boolean => {
  const wanted = object.spec?.replicas ?? 1
  const { readyReplicas = 0, replicas = 0, updatedReplicas = 0 } = object.status ?? {}
  return updatedReplicas >= wanted && replicas <= updatedReplicas && readyReplicas >= wanted
}
