/**
 * The Kubernetes cluster: the sandbox, whose workloads recover or fail depending on what is done to them, behind a
 * network that has latency and may fail.
 *
 * Every request of the service passes
 *
 *     latency ──> faults (`disturb`) ──> API server ──> (a write is published as `ClusterWrite`) ──> faults ──> latency
 *
 * so a service that crashes in the middle does not know whether it has written. The cluster uses the world's time,
 * whatever the service's wall clock shows.
 *
 * Everybody else (a person who rolls out a bad version, a checker that reads whether a workload serves) uses `direct`:
 * immediate and without faults.
 */

import { Clock, Context, Effect, Layer, Random, Result } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../kubernetes/Sandbox.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import { SimulatedClock } from "../engine/SimulatedClock.ts"
import { crashLog, environment } from "../observation/Secrets.ts"
import { ApiWire } from "./ApiWire.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ForbiddenDisruptions } from "./ForbiddenDisruptions.ts"
import { carried, type ClusterFault, ClusterPath, type ClusterRequest } from "./paths/ClusterPath.ts"
import { SpecHistory } from "./SpecHistory.ts"
import {
  autoscaler,
  disruptionBudget,
  executionOf,
  helmOwnership,
  imagesOf,
  isReady,
  isRolledOut,
  operatorOwnership,
  type Ownership,
  pullFailure,
  readyFromMs,
  recreated,
  replicasOf,
  type RevisionTruth,
  revisionsIn,
  startDelay,
  templateImage
} from "./WorkloadObjects.ts"

type Client = KubernetesClient["Service"]

const writer = "kubernaut"

/** The back-off of a kubelet: 10 s before the first restart of a crash loop, up to 5 minutes. */
const pace = {
  startup: "2 seconds",
  termination: "1 second",
  crash: "500 millis",
  backoff: "10 seconds",
  backoffCap: "5 minutes"
} as const

/** Scenarios with fewer workloads than this have none that somebody else owns. */
const ownedFrom = 4

const owned: ReadonlyArray<{ readonly namespace: string; readonly name: string; readonly ownership: Ownership }> = [
  // Part of the sandbox.
  { namespace: "kube-system", name: "coredns", ownership: "protected" },
  { namespace: "prod", name: "app-helm", ownership: "helm" },
  { namespace: "prod", name: "app-scaled", ownership: "autoscaler" },
  { namespace: "prod", name: "app-operated", ownership: "operator" }
]

export class Cluster implements FarEnd {
  readonly name = "cluster"
  readonly layer: Layer.Layer<KubernetesClient>
  /** The scenario's Deployments. In a cluster of some size, somebody else owns four of them; see `ownership`. */
  readonly workloads: ReadonlyArray<ResourceRef>
  /** What each workload was meant to be, and who wrote it. */
  readonly specs = new SpecHistory()
  private readonly setting: Setting
  private readonly sandbox: Client
  private readonly clock: SimulatedClock
  private readonly random: SeededRandom
  private readonly wire: ApiWire
  private readonly runDirect: <A, E>(effect: Effect.Effect<A, E>) => A
  private readonly path = new ClusterPath()
  private readonly healthy = new Map<string, boolean>()
  private readonly owners: ReadonlyMap<string, Ownership>
  /** When somebody other than the service last wrote to a workload, by name. */
  private readonly disturbedMs = new Map<string, number>()
  /** When the service last read a workload, by name. */
  private readonly readMs = new Map<string, number>()
  private readonly gone = new Map<string, KubernetesObject>()
  readonly forbidden = new ForbiddenDisruptions()
  /** The images whose containers crash some seconds after they have become ready. */
  readonly flaky = new Set<string>()
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
        images: imagesOf(this.workloads, { logs: crashLog, flaky: this.flaky }),
        // The sandbox has those of kube-system.
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

  /** Who else owns a workload; `undefined` where nobody does. */
  ownership(ref: ResourceRef): Ownership | undefined {
    return this.owners.get(ref.name)
  }

  /**
   * Whether a workload truly serves, judged by its pods alone: all replicas exist and are ready. The Deployment's own
   * status, which the service relies on, is not read.
   */
  serves(ref: ResourceRef): boolean {
    const object = this.read(ref)
    if (Result.isFailure(object)) return false
    const wanted = replicasOf(object.success)
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

  /** When somebody other than the service last wrote to a workload, or to a pod of it. */
  disturbedAtMs(ref: ResourceRef): number {
    return this.disturbedMs.get(ref.name) ?? -Infinity
  }

  /** When the service last read a workload from the API server. */
  readAtMs(ref: ResourceRef): number {
    return this.readMs.get(ref.name) ?? -Infinity
  }

  /** Somebody changes an annotation of a workload, and so its `resourceVersion`. Does nothing where it is deleted. */
  touch(ref: ResourceRef, value: string): void {
    const object = this.read(ref)
    if (Result.isFailure(object)) return
    const annotations = { ...object.success.metadata.annotations, "example.com/touched": value }
    this.write({ _tag: "Patch", ref, patch: [{ op: "add", path: "/metadata/annotations", value: annotations }] })
  }

  /** A disruption budget forbids to evict a workload's pods, until the returned function is called. */
  forbidEvictions(options: { readonly namespace: string; readonly name: string; readonly budget: string }): () => void {
    const { manifest, ref } = disruptionBudget(options)
    this.write({ _tag: "Create", ref, manifest })
    this.forbidden.add(options.name, options.budget, this.setting.world.nowMs)
    return () => {
      this.forbidden.remove(options.budget)
      Result.match(this.read(ref), {
        onFailure: () => {},
        onSuccess: ({ metadata: { uid } }) => this.write({ _tag: "Delete", ref, uid })
      })
    }
  }

  /** How many of a workload's pods have been ready without a break since a moment. */
  readySince(ref: ResourceRef, sinceMs: number): number {
    const wallMs = this.setting.world.wallStartMs + sinceMs
    return this.podsOf(ref).filter((pod) => isReady(pod) && readyFromMs(pod) <= wallMs).length
  }

  /** Somebody deletes a workload, until `restore`. Does nothing where it is deleted already. */
  remove(ref: ResourceRef): void {
    const object = this.read(ref)
    if (Result.isFailure(object)) return
    this.gone.set(ref.name, object.success)
    this.write({ _tag: "Delete", ref, uid: object.success.metadata.uid })
  }

  /** Somebody recreates a deleted workload, with a version that works. */
  restore(ref: ResourceRef): void {
    const object = this.gone.get(ref.name)
    if (object === undefined || Result.isSuccess(this.read(ref))) return
    this.gone.delete(ref.name)
    this.write({ _tag: "Create", ref, manifest: recreated(object) })
    this.repair(ref)
  }

  /** Rolls out a version that crash-loops; `flaky`: after it has been ready for some seconds. */
  breakRollout(ref: ResourceRef, how: "bad" | "flaky" = "bad"): void {
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:${how}-${++this.releases}`, [
      { op: "add", path: "/spec/template/spec/containers/0/env", value: environment }
    ])
    this.complain(ref)
  }

  /** Rolls out a version that works, as a person would. Recreates a deleted workload. */
  repair(ref: ResourceRef): void {
    if (this.gone.has(ref.name)) return this.restore(ref)
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:v${++this.releases + 1}.0.0`)
  }

  /** An engineer rolls out a version that works, and whose pods take a while to start. */
  fix(ref: ResourceRef, startsAfter: string): void {
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:v${++this.releases + 1}.0.0`, [], startsAfter)
  }

  /** The image of a Deployment's template; `undefined` where it is deleted. */
  imageOf(ref: ResourceRef): string | undefined {
    const object = this.read(ref)
    return Result.isFailure(object) ? undefined : templateImage(object.success)
  }

  /** The revisions of a Deployment with their own pods, the newest first. */
  revisionsOf({ name, namespace }: ResourceRef): ReadonlyArray<RevisionTruth> {
    const list = (kind: string) => this.direct(this.sandbox.list(kind, { namespace, labelSelector: { app: name } }))
    return revisionsIn(list("ReplicaSet"), list("Pod"))
  }

  /** Whether all replicas of a Deployment's newest version serve. Publishes changes. */
  isHealthy(ref: ResourceRef): boolean {
    const healthy = Result.match(this.read(ref), { onFailure: () => false, onSuccess: isRolledOut })
    if (this.healthy.get(ref.name) !== healthy) {
      this.healthy.set(ref.name, healthy)
      this.setting.observations.publish({ _tag: "WorkloadHealth", ref, healthy })
    }
    return healthy
  }

  /** An object as the API server has it. */
  read(ref: ResourceRef): Result.Result<KubernetesObject, KubernetesError> {
    return this.direct(Effect.result(this.sandbox.get(ref)))
  }

  /** A write by somebody else. The API server must accept it. */
  write(change: Change): void {
    const { nowMs } = this.setting.world
    const now = () => Result.getOrUndefined(this.read(change.ref))
    // A pod belongs to a workload, whose name is in its label.
    this.disturbedMs.set((change.ref.kind === "Pod" && now()?.metadata.labels?.["app"]) || change.ref.name, nowMs)
    const note = () => this.specs.note(change.ref, "somebody", now(), nowMs)
    note()
    this.direct(this.sandbox.apply(change))
    note()
  }

  private own(name: string, ownership: Ownership): void {
    const ref = { namespace: "prod", kind: "Deployment", name }
    if (ownership === "helm") this.write({ _tag: "Patch", ref, patch: helmOwnership(name) })
    if (ownership === "operator") this.write({ _tag: "Patch", ref, patch: operatorOwnership(name) })
    if (ownership === "autoscaler")
      this.write({ _tag: "Create", ref: { ...ref, kind: "HorizontalPodAutoscaler" }, manifest: autoscaler(name) })
  }

  private setImage(
    ref: ResourceRef,
    image: string,
    more: Extract<Change, { readonly _tag: "Patch" }>["patch"] = [],
    startsAfter?: string
  ): void {
    const object = this.read(ref)
    if (Result.isFailure(object)) return
    this.write({
      _tag: "Patch",
      ref,
      patch: [
        { op: "replace", path: "/spec/template/spec/containers/0/image", value: image },
        ...more,
        ...startDelay(object.success, startsAfter)
      ]
    })
  }

  /** Adds an event about a workload. There is one for each workload: creating it again is refused. */
  private complain(about: ResourceRef): void {
    const { world } = this.setting
    const { manifest, ref } = pullFailure(about, world.wallStartMs + world.nowMs)
    this.direct(Effect.ignore(this.sandbox.apply({ _tag: "Create", ref, manifest })))
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

  /** Provides the world's clock only where the caller's is wrong, which is rare: another context costs time. */
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
        // A timer for the way back costs time, and only after a write does a crash there matter.
        return isWrite ? Effect.ensuring(answered, this.underWay) : answered
      })
    )
  }

  /** The latency of one message. */
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
      // In one step: a service that crashes does not keep the API server from having stored the write.
      const result = this.direct(Effect.result(server))
      if (Result.isFailure(result)) {
        this.setting.observations.publish({ ...about, process, applied: "no", refused: result.failure.reason._tag })
        return Effect.fail(result.failure)
      }
      const object = result.success as KubernetesObject | undefined
      if (object !== undefined) this.specs.note(change.ref, writer, object, this.setting.world.nowMs)
      this.setting.observations.publish({ ...about, process, applied: "yes" })
      return Effect.succeed(result.success)
    })
  }
}
