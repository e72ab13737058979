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
 * Everybody else (a person who rolls out a bad version, a checker that reads whether a workload serves) uses
 * `runDirect`: immediate and without faults.
 */

import { Clock, Context, Effect, Layer, Random, Result } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../kubernetes/Sandbox.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import { SimulatedClock } from "../engine/SimulatedClock.ts"
import { crashLog, environment } from "../observation/Secrets.ts"
import { clusterClient } from "./ClusterClient.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ForbiddenDisruptions } from "./ForbiddenDisruptions.ts"
import { ObjectHistory } from "./ObjectHistory.ts"
import { type ClusterFault, ClusterPath } from "./paths/ClusterPath.ts"
import { WatchPath } from "./paths/WatchPath.ts"
import { deletePods } from "./PodDeletion.ts"
import { type PodRefusal, podRefusal, refusedSince } from "./PodRefusals.ts"
import { configured } from "./SharedObjects.ts"
import { SpecHistory } from "./SpecHistory.ts"
import {
  disruptionBudget,
  imagesOf,
  isReady,
  isRolledOut,
  owned,
  ownedBy,
  pace,
  ownedFrom,
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
import * as WorkloadSets from "./WorkloadSets.ts"

type Client = KubernetesClient["Service"]

export class Cluster implements FarEnd {
  readonly name = "cluster"
  readonly layer: Layer.Layer<KubernetesClient>
  /**
   * The scenario's Deployments, then its StatefulSets and DaemonSets. In a cluster of some size, somebody else owns
   * four of the Deployments; see `ownership`.
   */
  readonly workloads: ReadonlyArray<ResourceRef>
  /** What each workload was meant to be, and who wrote it. */
  readonly specs = new SpecHistory()
  private readonly setting: Setting
  private readonly sandbox: Client
  private readonly clock: SimulatedClock
  private readonly random: SeededRandom
  private readonly runDirect: <A, E>(effect: Effect.Effect<A, E>) => A
  private readonly path = new ClusterPath()
  readonly watches: WatchPath
  /** Every state of the objects that configure behaviour, and who wrote it. */
  readonly objects = new ObjectHistory()
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
  /** The namespaces in which pods are refused. */
  private readonly refused = new Set<string>()
  private releases = 0
  /** Under which name the next write is recorded. */
  private manager = "kubernaut"

  constructor(setting: Setting) {
    const { scenario, world } = setting
    this.setting = setting
    this.random = world.random("cluster")
    this.watches = new WatchPath(() => world.nowMs)
    const plain = Array.from({ length: scenario.workloads }, (_, index) => ({
      namespace: "prod",
      kind: "Deployment",
      name: `app-${index + 1}`
    }))
    this.owners = new Map(scenario.workloads < ownedFrom ? [] : owned.map(({ name, ownership }) => [name, ownership]))
    const deployments = [
      ...plain,
      ...owned
        .filter(({ name }) => this.owners.has(name))
        .map(({ name, namespace }) => ({ namespace, kind: "Deployment", name }))
    ]
    const sets = scenario.sets === true ? WorkloadSets.all : []
    this.workloads = [...deployments, ...sets.map(({ ref }) => ref)]
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
    this.sandbox = this.runDirect(
      Sandbox.make({
        shop: false,
        fieldManager: () => this.manager,
        pace,
        images: imagesOf(this.workloads, { logs: crashLog, flaky: this.flaky }),
        // The sandbox has those of kube-system.
        deployments: deployments
          .filter(({ namespace }) => namespace === "prod")
          .map(({ name, namespace }) => ({ name, namespace, behaviour: "healthy" }))
      })
    )
    for (const { name, ownership } of owned)
      if (this.owners.has(name)) for (const change of ownedBy(name, ownership)) this.write(change)
    for (const { manifest, ref } of sets) this.write({ _tag: "Create", ref, manifest })
    if (scenario.service.changes !== undefined) for (const change of configured) this.write(change)
    this.layer = Layer.succeed(
      KubernetesClient,
      clusterClient({
        setting,
        sandbox: this.sandbox,
        clock: this.clock,
        random: this.random,
        path: this.path,
        watches: this.watches,
        specs: this.specs,
        objects: this.objects,
        onRead: (ref) => this.readMs.set(ref.name, world.nowMs),
        direct: (effect) => this.runDirect(effect)
      })
    )
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
   * Whether a workload truly serves, judged by its pods alone: all replicas exist and are ready. Of its own status,
   * which the service relies on, only the number of nodes of a DaemonSet is read.
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
    return this.runDirect(this.sandbox.list("Pod", { namespace, labelSelector: { app: name } })).filter(
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

  /** New pods of a namespace are refused, those of controllers too, until the returned function is called. */
  refusePods(namespace: string, how: PodRefusal): () => void {
    const pods = this.runDirect(this.sandbox.list("Pod", { namespace }))
    const refusal = podRefusal(namespace, how, pods.length)
    this.refused.add(namespace)
    for (const change of refusal.begin) this.write(change)
    return () => {
      this.refused.delete(namespace)
      if (refusal.end !== undefined) return this.write(refusal.end)
      for (const { ref } of refusal.begin)
        Result.map(this.read(ref), ({ metadata: { uid } }) => this.write({ _tag: "Delete", ref, uid }))
    }
  }

  /** Whether pods are refused in a namespace. */
  isRefused(namespace: string): boolean {
    return this.refused.has(namespace)
  }

  /** Since when the API server has refused to create pods of a workload; `undefined` if it does not. */
  refusedSinceMs(ref: ResourceRef): number | undefined {
    const since = refusedSince(ref, this)
    return since === undefined ? undefined : since - this.setting.world.wallStartMs
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

  /**
   * Rolls out a version that crash-loops; `flaky`: after it has been ready for some seconds. Where the controller
   * replaces no pod by itself, one is deleted.
   */
  breakRollout(ref: ResourceRef, how: "bad" | "flaky" = "bad"): void {
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:${how}-${++this.releases}`, [
      { op: "add", path: "/spec/template/spec/containers/0/env", value: environment }
    ])
    this.complain(ref)
    if (WorkloadSets.isOnDelete(this.read(ref))) this.deletePods(ref, this.podsOf(ref).slice(-1))
  }

  /**
   * One pod of a workload fails by what is on its node, whatever its template: only another pod in its place helps.
   * Returns its name.
   */
  sicken(ref: ResourceRef): string | undefined {
    const pod = this.podsOf(ref).find(isReady)
    if (pod === undefined) return undefined
    const { annotations, name } = pod.metadata
    const value = { ...annotations, "sim/fail": "crashloop" }
    this.write({
      _tag: "Patch",
      ref: { ...ref, kind: "Pod", name },
      patch: [{ op: "add", path: "/metadata/annotations", value }]
    })
    return name
  }

  /** Rolls out a version that works, as a person would. Recreates a deleted workload. */
  repair(ref: ResourceRef): void {
    if (this.gone.has(ref.name)) return this.restore(ref)
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:v${++this.releases + 1}.0.0`)
    this.deleteStuckPods(ref)
  }

  /** An engineer rolls out a version that works, and whose pods take a while to start. */
  fix(ref: ResourceRef, startsAfter: string): void {
    this.setImage(ref, `registry.example/${ref.namespace}/${ref.name}:v${++this.releases + 1}.0.0`, [], startsAfter)
    this.deleteStuckPods(ref)
  }

  /** A person deletes the pods of a set that keep its controller from the new version, or that it never replaces. */
  private deleteStuckPods(ref: ResourceRef): void {
    if (ref.kind === "Deployment") return
    this.deletePods(
      ref,
      this.podsOf(ref).filter((pod) => !isReady(pod))
    )
  }

  private deletePods(ref: ResourceRef, pods: ReadonlyArray<KubernetesObject>): void {
    const found = pods.map(({ metadata }) => metadata)
    deletePods(this, ref, found)
  }

  /** The image of a workload's template; `undefined` where it is deleted. */
  imageOf(ref: ResourceRef): string | undefined {
    const object = this.read(ref)
    return Result.isFailure(object) ? undefined : templateImage(object.success)
  }

  /** The revisions of a workload with their own pods, the newest first. */
  revisionsOf({ kind, name, namespace }: ResourceRef): ReadonlyArray<RevisionTruth> {
    const list = (kind: string) => this.runDirect(this.sandbox.list(kind, { namespace, labelSelector: { app: name } }))
    return kind === "Deployment"
      ? revisionsIn(list("ReplicaSet"), list("Pod"))
      : WorkloadSets.revisionsIn(list("ControllerRevision"), list("Pod"))
  }

  /** Whether all replicas of a workload's newest version serve. Publishes changes. */
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
    return this.runDirect(Effect.result(this.sandbox.get(ref)))
  }

  list(kind: string, options: Parameters<Client["list"]>[1] = {}): ReadonlyArray<KubernetesObject> {
    return this.runDirect(this.sandbox.list(kind, options))
  }

  /** A write by somebody else, under the name of their client. The API server must accept it. */
  write(change: Change, as = "kubectl-edit"): void {
    const { nowMs } = this.setting.world
    const now = () => Result.getOrUndefined(this.read(change.ref))
    // A pod belongs to a workload, whose name is in its label.
    this.disturbedMs.set((change.ref.kind === "Pod" && now()?.metadata.labels?.["app"]) || change.ref.name, nowMs)
    const note = () => {
      this.specs.note(change.ref, "somebody", now(), nowMs)
      if (this.objects.keeps(change.ref)) this.objects.note(change.ref, "somebody", now(), nowMs)
    }
    note()
    this.manager = as
    this.runDirect(this.sandbox.apply(change))
    this.manager = "kubernaut"
    note()
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
    this.runDirect(Effect.ignore(this.sandbox.apply({ _tag: "Create", ref, manifest })))
  }
}
