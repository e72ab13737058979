/**
 * The requests of the sandbox's API server as synchronous functions: storage semantics (resourceVersion, generation,
 * uid), admission, dry run, and the eviction and log subresources. Each returns the object or the error that a real API
 * server would return.
 */

import { JsonPatch, Result } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { unknownKind } from "../ApiResource.ts"
import {
  KubernetesError,
  type KubernetesErrorReason,
  type KubernetesObject,
  type ListOptions,
  type LogOptions
} from "../KubernetesClient.ts"
import { isPodReady, type Pod, selectorMatches } from "../ObjectModel.ts"
import * as OperationName from "../OperationName.ts"
import { sameJson } from "../SameJson.ts"
import { refusalOf } from "./Admission.ts"
import type { Cluster } from "./Cluster.ts"
import { budgetPods } from "./DisruptionController.ts"
import { afterWrite, type Write } from "./ManagedFields.ts"
import { behaviourOf, terminatePod } from "./PodLifecycle.ts"
import { adoptOrphan } from "./ReplicaSetController.ts"

/** The result of a request. A failed one has changed nothing. */
export type Response<A> = Result.Result<A, KubernetesError>

const refuse = (operation: string, reason: KubernetesErrorReason, retryable = false): Response<never> =>
  Result.fail(new KubernetesError({ reason, operation, applied: "no", retryable }))

const done: Response<undefined> = Result.succeed(undefined)

export const get = (cluster: Cluster, ref: ResourceRef): Response<KubernetesObject> => {
  const operation = OperationName.ofObject("get", ref)
  if (cluster.find(ref.kind) === undefined) return Result.fail(unknownKind(operation))
  const object = cluster.store.get(ref.kind, ref.namespace, ref.name)
  return object === undefined ? refuse(operation, { _tag: "NotFound" }) : Result.succeed(object)
}

export const list = (
  cluster: Cluster,
  kind: string,
  options: ListOptions
): Response<ReadonlyArray<KubernetesObject>> => {
  const resource = cluster.find(kind)
  if (resource === undefined) return Result.fail(unknownKind(`list ${kind}`))
  const namespace = resource.namespaced && options.namespace !== "" ? options.namespace : undefined
  let found: ReadonlyArray<KubernetesObject>
  if (options.involvedObject !== undefined) {
    if (kind !== "Event") return refuse(`list ${kind}`, { _tag: "Invalid", fields: ["involvedObject"] })
    found = cluster.store.eventsAbout(namespace, options.involvedObject.kind, options.involvedObject.name)
    if (options.labelSelector !== undefined)
      found = found.filter((each) => selectorMatches({ matchLabels: options.labelSelector! }, each.metadata.labels))
  } else {
    found =
      options.labelSelector === undefined
        ? cluster.store.list(kind, namespace)
        : cluster.store.select(kind, namespace, options.labelSelector)
  }
  return Result.succeed(
    options.limit !== undefined && found.length > options.limit ? found.slice(0, options.limit) : found
  )
}

/** Restores the fields that only the server writes, regardless of what the client sent. */
const withServerFields = (next: KubernetesObject, previous: KubernetesObject, write: Write): KubernetesObject => {
  const specChanged = !sameJson(next["spec"], previous["spec"])
  const { generation, creationTimestamp, deletionTimestamp } = previous.metadata
  return {
    ...next,
    metadata: {
      ...next.metadata,
      ...(generation === undefined ? {} : { generation: specChanged ? generation + 1 : generation }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      managedFields: afterWrite(next, previous, write)
    },
    ...(previous["status"] === undefined ? {} : { status: previous["status"] })
  }
}

type Patch = Extract<Change, { _tag: "Patch" }>

const patch = (cluster: Cluster, change: Patch, dryRun: boolean, manager: string): Response<KubernetesObject> => {
  const operation = OperationName.ofChange(change)
  const { kind, namespace, name } = change.ref
  const previous = cluster.store.get(kind, namespace, name)
  if (previous === undefined) return refuse(operation, { _tag: "NotFound" })
  let next: KubernetesObject
  try {
    next = JsonPatch.apply(change.patch, previous as never) as unknown as KubernetesObject
  } catch {
    // A missing path and a malformed pointer are both a 422, as on a real API server.
    return refuse(operation, { _tag: "Invalid", fields: change.patch.map((each) => each.path) })
  }
  const { metadata } = next
  if (next.kind !== kind || metadata?.name !== name || (metadata.namespace ?? "") !== namespace)
    return refuse(operation, { _tag: "Invalid", fields: ["metadata.name"] })
  if (metadata.uid !== previous.metadata.uid || metadata.resourceVersion !== previous.metadata.resourceVersion)
    return refuse(operation, { _tag: "Conflict" })
  const refusal = refusalOf(cluster, next, previous)
  if (refusal !== undefined) return refuse(operation, refusal.reason)
  if (sameJson(withoutStatus(next), withoutStatus(previous))) return Result.succeed(previous)
  const complete = withServerFields(next, previous, { manager, time: cluster.stamp() })
  if (dryRun) return Result.succeed(complete)
  const stored = cluster.store.put(complete)
  if (kind === "Pod") adoptOrphan(cluster, stored as Pod)
  cluster.settle()
  return Result.succeed(cluster.store.get(kind, namespace, name) ?? stored)
}

/** An object without its status, which clients cannot write, to detect whether a patch changes anything. */
const withoutStatus = (object: KubernetesObject): unknown => {
  const { status: _, ...rest } = object as KubernetesObject & { readonly status?: unknown }
  return rest
}

type Create = Extract<Change, { _tag: "Create" }>

const create = (cluster: Cluster, change: Create, dryRun: boolean, manager: string): Response<KubernetesObject> => {
  const operation = OperationName.ofChange(change)
  const { kind, namespace, name } = change.ref
  const resource = cluster.find(kind)!
  const manifest = change.manifest as unknown as KubernetesObject
  const declared = (manifest.metadata ?? {}) as Partial<KubernetesObject["metadata"]>
  if (
    (manifest.kind ?? kind) !== kind
    || (declared.name ?? name) !== name
    || (declared.namespace ?? namespace) !== namespace
  ) {
    return refuse(operation, { _tag: "Invalid", fields: ["metadata"] })
  }
  if (resource.namespaced && cluster.store.get("Namespace", "", namespace) === undefined)
    return refuse(operation, { _tag: "NotFound" })
  if (cluster.store.get(kind, namespace, name) !== undefined) return refuse(operation, { _tag: "AlreadyExists" })
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _at, generation: _generation, ...rest } = declared
  const object: KubernetesObject = {
    ...manifest,
    apiVersion: resource.apiVersion,
    kind,
    metadata: cluster.newMetadata(name, resource.namespaced ? namespace : undefined, {
      ...rest,
      // Nobody counts the generations of a ConfigMap or a Role.
      ...(manifest["spec"] === undefined ? {} : { generation: 1 }),
      managedFields: [{ manager, time: cluster.stamp() }]
    })
  }
  const refusal = refusalOf(cluster, object, undefined)
  if (refusal !== undefined) return refuse(operation, refusal.reason)
  if (dryRun) return Result.succeed(object)
  const stored = cluster.store.put(object)
  if (kind === "Pod") adoptOrphan(cluster, stored as Pod)
  cluster.settle()
  return Result.succeed(cluster.store.get(kind, namespace, name) ?? stored)
}

/** Removes an object and the objects that it owns, as the garbage collector does. */
const collect = (cluster: Cluster, object: KubernetesObject): void => {
  if (object.kind === "Pod") return terminatePod(cluster, object as Pod)
  cluster.store.remove(object)
  for (const owned of cluster.store.allOwnedBy(object.metadata.uid)) collect(cluster, owned)
}

/** Marks a namespace as terminating. Its objects go after a while, and the namespace itself goes after them. */
const endNamespace = (cluster: Cluster, object: KubernetesObject): void => {
  if (object.metadata.deletionTimestamp !== undefined) return
  const { name } = object.metadata
  cluster.store.put({
    ...object,
    metadata: { ...object.metadata, deletionTimestamp: cluster.stamp() },
    status: { phase: "Terminating" }
  })
  const empty = (): void => {
    const content = cluster.store.inNamespace(name)
    const namespace = cluster.store.get("Namespace", "", name)
    if (content.length === 0 && namespace !== undefined) return cluster.store.remove(namespace)
    for (const each of content) if (each.metadata.deletionTimestamp === undefined) collect(cluster, each)
    cluster.after(Math.max(1, cluster.pace.termination), empty)
  }
  cluster.after(Math.max(1, cluster.pace.termination), empty)
}

const remove = (
  cluster: Cluster,
  change: Extract<Change, { _tag: "Delete" }>,
  dryRun: boolean
): Response<undefined> => {
  const operation = OperationName.ofChange(change)
  const object = cluster.store.get(change.ref.kind, change.ref.namespace, change.ref.name)
  if (object === undefined) return refuse(operation, { _tag: "NotFound" })
  if (object.metadata.uid !== change.uid) return refuse(operation, { _tag: "Conflict" })
  if (!dryRun) {
    if (object.kind === "Namespace") endNamespace(cluster, object)
    else collect(cluster, object)
    cluster.settle()
  }
  return done
}

const evict = (cluster: Cluster, change: Extract<Change, { _tag: "Evict" }>, dryRun: boolean): Response<undefined> => {
  const operation = OperationName.ofChange(change)
  const { namespace, name } = change.ref
  const pod = cluster.store.get("Pod", namespace, name)
  if (pod === undefined) return refuse(operation, { _tag: "NotFound" })
  if (pod.metadata.uid !== change.uid) return refuse(operation, { _tag: "Conflict" })
  const phase = pod.status?.phase
  const guarded =
    phase !== "Succeeded" && phase !== "Failed" && phase !== "Pending" && pod.metadata.deletionTimestamp === undefined
  const budgets = guarded
    ? cluster.store
        .list("PodDisruptionBudget", namespace)
        .filter((each) => selectorMatches(each.spec.selector, pod.metadata.labels))
    : []
  // `This pod has more than one PodDisruptionBudget` is a 500 that retries do not resolve.
  if (budgets.length > 1) return refuse(operation, { _tag: "Unavailable", status: 500, because: "several-budgets" })
  const budget = budgets[0]
  if (budget !== undefined && budgetPods(cluster, budget).some((each) => each.metadata.uid === pod.metadata.uid)) {
    const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {}
    // A pod that is not ready may be evicted if enough other pods are healthy.
    const unhealthy =
      !isPodReady(pod)
      && (budget.spec.unhealthyPodEvictionPolicy === "AlwaysAllow"
        || (currentHealthy >= desiredHealthy && desiredHealthy > 0))
    if (!unhealthy && disruptionsAllowed < 1) return refuse(operation, { _tag: "DisruptionBudget" }, true)
  }
  if (!dryRun) {
    terminatePod(cluster, pod)
    cluster.event(pod, "Normal", "Killing", `Stopping container ${pod.spec.containers[0]?.name ?? ""}`, "kubelet")
    cluster.settle()
  }
  return done
}

export const apply = (
  cluster: Cluster,
  change: Change,
  dryRun: boolean,
  manager: string
): Response<KubernetesObject | undefined> => {
  if (cluster.find(change.ref.kind) === undefined) return Result.fail(unknownKind(OperationName.ofChange(change)))
  switch (change._tag) {
    case "Patch":
      return patch(cluster, change, dryRun, manager)
    case "Create":
      return create(cluster, change, dryRun, manager)
    case "Delete":
      return remove(cluster, change, dryRun)
    case "Evict":
      return evict(cluster, change, dryRun)
  }
}

const defaultLogs = (name: string): ReadonlyArray<string> => [
  `level=info msg="starting" app=${name}`,
  `level=info msg="listening" addr=:8080`,
  `level=info msg="ready"`
]

export const logs = (cluster: Cluster, ref: ResourceRef, options: LogOptions): Response<string> => {
  const operation = OperationName.ofObject("logs", ref)
  const pod = cluster.store.get("Pod", ref.namespace, ref.name)
  if (ref.kind !== "Pod") return refuse(operation, { _tag: "Invalid", fields: ["kind"] })
  if (pod === undefined) return refuse(operation, { _tag: "NotFound" })
  const container =
    options.container === undefined
      ? pod.spec.containers[0]
      : pod.spec.containers.find((each) => each.name === options.container)
  if (container === undefined) return refuse(operation, { _tag: "Invalid", fields: ["container"] })
  const runtime = cluster.runtimes.get(pod.metadata.uid)
  const last = runtime?.lastTermination
  // A container that has not started, or has no previous run, is a 400 from the kubelet.
  if (runtime === undefined || runtime.state === "creating" || (options.previous === true && last === undefined)) {
    return refuse(operation, { _tag: "Invalid", fields: [options.previous === true ? "previous" : "container"] })
  }
  const past = options.previous === true || runtime.state === "waiting" || runtime.state === "failed"
  const startedAtMs = past && last !== undefined ? runtime.lastStartedAtMs : runtime.startedAtMs
  const lines = (behaviourOf(cluster, container.image ?? "")?.logs ?? defaultLogs(container.name)).map(
    (line, index) => `${cluster.stampOf(startedAtMs + index)} ${line}`
  )
  if (past && last?.reason === "Error" && behaviourOf(cluster, container.image ?? "")?.logs === undefined) {
    lines.push(`${last.finishedAt} level=fatal msg="exiting" code=${last.exitCode}`)
  }
  return Result.succeed(options.tailLines <= 0 ? "" : `${lines.slice(-options.tailLines).join("\n")}\n`)
}
