/**
 * Reads the state of a target: as the baseline before an action, and again to verify the action against it.
 *
 * `readWorkload` makes at most six requests plus one per Service, in three rounds: the object; its ReplicaSets or
 * revisions, pods, Services and autoscalers; the EndpointSlices of the Services that select its pods, and if a
 * StatefulSet, DaemonSet or Job lacks pods its events. `assemble` is the pure part.
 */

import { Effect } from "effect"
import type { ResourceRef } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { isAtMaximum } from "./AutoscalerState.ts"
import { failedCreateIn, failedCreateOf, reportsByEvent } from "./FailedCreate.ts"
import { find, KubernetesClient, type KubernetesError, type KubernetesObject } from "./KubernetesClient.ts"
import { managementOf } from "./Managers.ts"
import {
  controllerOf,
  type Condition,
  type CronJob,
  type DaemonSet,
  type Deployment,
  type EndpointSlice,
  type Event,
  hasLabels,
  type HorizontalPodAutoscaler,
  isPodReady,
  type Job,
  type Labels,
  type Node,
  type Pod,
  type ReplicaStatus,
  type Service
} from "./ObjectModel.ts"
import { refersTo } from "./Ownership.ts"
import { podState, restartsOf } from "./PodState.ts"
import { revisionOf } from "./Revision.ts"
import { earlierRevisions } from "./RevisionHistory.ts"
import { sharedOf } from "./Shared.ts"
import { specDigest } from "./SpecDigest.ts"
import { revisionsOf, rolloutOf } from "./WorkloadRollout.ts"

/**
 * The objects from which a state is assembled. A list may hold objects that do not belong to the target: ownership
 * decides which ones count.
 */
export interface Observation {
  readonly ref: ResourceRef
  readonly object: KubernetesObject | undefined
  readonly replicaSets?: ReadonlyArray<KubernetesObject>
  readonly controllerRevisions?: ReadonlyArray<KubernetesObject>
  readonly jobs?: ReadonlyArray<KubernetesObject>
  readonly pods?: ReadonlyArray<KubernetesObject>
  /** The Services of the namespace. */
  readonly services?: ReadonlyArray<KubernetesObject>
  /** The EndpointSlices of the Services that select the pods. */
  readonly endpointSlices?: ReadonlyArray<KubernetesObject>
  readonly autoscalers?: ReadonlyArray<KubernetesObject>
  /** The events about the object, which say why pods are missing. */
  readonly events?: ReadonlyArray<KubernetesObject>
}

/** The maximum number of pods that a state lists. Its counts include all pods. */
const podsListed = 100

/** The labels of the object's pods, by which Services select them; `undefined` for an object without pods. */
const podLabels = (object: KubernetesObject): Labels | undefined => {
  if (object.kind === "Pod") return object.metadata.labels ?? {}
  const spec = object["spec"] as Partial<Deployment["spec"]> | undefined
  return spec?.template?.metadata?.labels
}

const selectorLabels = (object: KubernetesObject): Labels =>
  (object["spec"] as { readonly selector?: { readonly matchLabels?: Labels } } | undefined)?.selector?.matchLabels ?? {}

const servicesOf = (object: KubernetesObject, services: ReadonlyArray<KubernetesObject>): ReadonlyArray<Service> => {
  if (object.kind === "Service") return [object]
  const labels = podLabels(object)
  if (labels === undefined) return []
  return (services as ReadonlyArray<Service>).filter((service) => {
    const selector = service.spec?.selector
    return selector !== undefined && Object.keys(selector).length > 0 && hasLabels(labels, selector)
  })
}

/** The pods that an object owns, directly or through its ReplicaSets or Jobs. Terminating pods do not count. */
const podsOf = (observation: Observation, object: KubernetesObject): ReadonlyArray<Pod> => {
  if (object.kind === "Pod") return [object as Pod]
  const owners = new Set([object.metadata.uid])
  for (const between of [...(observation.replicaSets ?? []), ...(observation.jobs ?? [])]) {
    if (controllerOf(between)?.uid === object.metadata.uid) owners.add(between.metadata.uid)
  }
  const keepsFinished = object.kind === "Job" || object.kind === "CronJob"
  return ((observation.pods as ReadonlyArray<Pod> | undefined) ?? []).filter((pod) => {
    const owner = controllerOf(pod)
    if (owner === undefined || !owners.has(owner.uid) || pod.metadata.deletionTimestamp !== undefined) return false
    return keepsFinished || (pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed")
  })
}

/**
 * How many of the object's own pods are ready behind its Services, each counted once. For a Service: all ready pods.
 * `null` when no Service selects the object.
 */
const readyEndpoints = (
  object: KubernetesObject,
  services: ReadonlyArray<Service>,
  slices: ReadonlyArray<KubernetesObject>,
  pods: ReadonlyArray<Pod>
): number | null => {
  if (services.length === 0) return null
  const uids = object.kind === "Service" ? undefined : new Set(pods.map((pod) => pod.metadata.uid))
  const names = new Set(services.map((service) => service.metadata.name))
  const ready = new Set<string>()
  for (const slice of slices as ReadonlyArray<EndpointSlice>) {
    if (!names.has(slice.metadata.labels?.["kubernetes.io/service-name"] ?? "")) continue
    for (const endpoint of slice.endpoints ?? []) {
      // The API defines an absent `ready` as true.
      if (endpoint.conditions?.ready === false || endpoint.conditions?.terminating === true) continue
      const uid = endpoint.targetRef?.uid
      if (uids === undefined ? true : uid !== undefined && uids.has(uid)) ready.add(uid ?? endpoint.addresses.join(","))
    }
  }
  return ready.size
}

interface Counts {
  readonly desired: number | null
  readonly ready: number | null
  readonly updated: number | null
  readonly available: number | null
}

const countsOf = (object: KubernetesObject): Counts => {
  switch (object.kind) {
    case "Deployment":
    case "StatefulSet":
    case "ReplicaSet": {
      const spec = object["spec"] as { readonly replicas?: number } | undefined
      // The API server omits a count of 0.
      const status: ReplicaStatus = (object["status"] as ReplicaStatus | undefined) ?? {}
      return {
        desired: spec?.replicas ?? 1,
        ready: status.readyReplicas ?? 0,
        updated: object.kind === "ReplicaSet" ? null : (status.updatedReplicas ?? 0),
        available: status.availableReplicas ?? 0
      }
    }
    case "DaemonSet": {
      const status = (object as DaemonSet).status ?? {}
      return {
        desired: status.desiredNumberScheduled ?? 0,
        ready: status.numberReady ?? 0,
        updated: status.updatedNumberScheduled ?? 0,
        available: status.numberAvailable ?? 0
      }
    }
    case "Job": {
      const { spec, status } = object as Job
      return {
        desired: spec.completions ?? 1,
        ready: status?.ready ?? 0,
        updated: null,
        available: status?.succeeded ?? 0
      }
    }
    case "HorizontalPodAutoscaler": {
      const { status } = object as HorizontalPodAutoscaler
      return {
        desired: status?.desiredReplicas ?? null,
        ready: status?.currentReplicas ?? null,
        updated: null,
        available: null
      }
    }
    case "Pod":
      return { desired: 1, ready: isPodReady(object as Pod) ? 1 : 0, updated: null, available: null }
    default:
      return { desired: null, ready: null, updated: null, available: null }
  }
}

const runsPods: ReadonlySet<string> = new Set([
  "Pod",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "Job",
  "CronJob"
])

const autoscalerOf = (
  object: KubernetesObject,
  autoscalers: ReadonlyArray<KubernetesObject>
): HorizontalPodAutoscaler | undefined =>
  (autoscalers as ReadonlyArray<HorizontalPodAutoscaler>).find(({ spec }) => refersTo(spec.scaleTargetRef, object))

const absent = (ref: ResourceRef, observedAt: Timestamp.Timestamp): WorkloadState => ({
  ref,
  exists: false,
  observedAt,
  uid: null,
  resourceVersion: null,
  generation: null,
  observedGeneration: null,
  desiredReplicas: null,
  readyReplicas: null,
  updatedReplicas: null,
  availableReplicas: null,
  restarts: null,
  pods: [],
  endpoints: null,
  revision: null,
  earlierRevisions: null,
  conditions: [],
  rollout: null,
  failedCreate: null,
  managers: [],
  autoscaler: null,
  autoscalerAtMaximum: null,
  spec: null,
  autoscalerSeen: null,
  unschedulable: null
})

/** The state of the observed target. `observedAt` is the wall-clock time of the observation. */
export const assemble = (observation: Observation, observedAt: Timestamp.Timestamp): WorkloadState => {
  const { object, ref } = observation
  if (object === undefined) return absent(ref, observedAt)
  const pods = podsOf(observation, object)
  const { controllerRevisions = [], replicaSets = [] } = observation
  const rollout = rolloutOf(object, { replicaSets, controllerRevisions, pods })
  const templates = {
    newest: rollout?.templateHash ?? null,
    revisions: revisionsOf(object, { replicaSets, controllerRevisions })
  }
  const status = object["status"] as
    | { readonly observedGeneration?: number; readonly conditions?: ReadonlyArray<Condition> }
    | undefined
  const counts = countsOf(object)
  const autoscaler = autoscalerOf(object, observation.autoscalers ?? [])
  return {
    ref,
    exists: true,
    observedAt,
    uid: object.metadata.uid,
    resourceVersion: object.metadata.resourceVersion,
    generation: object.metadata.generation ?? null,
    observedGeneration: status?.observedGeneration ?? null,
    desiredReplicas: counts.desired,
    readyReplicas: counts.ready,
    updatedReplicas: counts.updated,
    availableReplicas: counts.available,
    restarts: runsPods.has(object.kind) ? pods.reduce((sum, pod) => sum + restartsOf(pod), 0) : null,
    // Pods that are not ready come first, so that the cut drops healthy ones.
    pods: [...pods]
      .sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)))
      .slice(0, podsListed)
      .map((pod) => podState(pod, templates, observedAt)),
    endpoints: readyEndpoints(
      object,
      servicesOf(object, observation.services ?? []),
      observation.endpointSlices ?? [],
      pods
    ),
    revision: revisionOf(object),
    earlierRevisions: earlierRevisions(object, rollout?.templateHash ?? null, observation),
    conditions: (status?.conditions ?? []).map(({ type, status, reason }) => ({ type, status, reason: reason ?? "" })),
    rollout,
    failedCreate: failedCreateOf(object, replicaSets) ?? failedCreateIn(observation.events ?? []),
    ...managementOf(object, autoscaler),
    autoscaler: autoscaler?.metadata.name ?? null,
    autoscalerAtMaximum: autoscaler === undefined ? null : isAtMaximum(autoscaler),
    spec: specDigest(object, autoscaler !== undefined),
    autoscalerSeen:
      autoscaler === undefined
        ? null
        : {
            name: autoscaler.metadata.name,
            uid: autoscaler.metadata.uid,
            resourceVersion: autoscaler.metadata.resourceVersion,
            spec: specDigest(autoscaler)
          },
    unschedulable: object.kind === "Node" ? (object as Node).spec?.unschedulable === true : null,
    ...sharedOf(object, pods)
  }
}

const none: Effect.Effect<ReadonlyArray<KubernetesObject>> = Effect.succeed([])

/** Whether pods of an object are missing that reports the reason only by events. */
const lacksPods = (state: WorkloadState): boolean =>
  reportsByEvent.has(state.ref.kind)
  && state.desiredReplicas !== null
  && (state.pods.length < Math.min(state.desiredReplicas, podsListed) || state.rollout?.inProgress === true)

const forbiddenAsNone = (error: KubernetesError): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> =>
  error.reason._tag === "Forbidden" ? none : Effect.fail(error)

/** What RBAC hides is not known: that is not the same as none. */
const forbiddenAsUnknown = (error: KubernetesError): Effect.Effect<undefined, KubernetesError> =>
  error.reason._tag === "Forbidden" ? Effect.undefined : Effect.fail(error)

/** The events about an object. Without the right to read them, it stays unknown why pods are missing. */
const eventsAbout = (
  kubernetes: KubernetesClient["Service"],
  { kind, metadata: { name, namespace = "", uid } }: KubernetesObject
): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> =>
  kubernetes.list("Event", { namespace, involvedObject: { kind, name } }).pipe(
    Effect.catch(forbiddenAsNone),
    // Another object may have had the name before.
    Effect.map((events) =>
      (events as ReadonlyArray<Event>).filter(({ involvedObject }) => (involvedObject.uid ?? uid) === uid)
    )
  )

/** The target's own object; `undefined` when it does not exist. One request. */
export const readObject = (
  ref: ResourceRef
): Effect.Effect<KubernetesObject | undefined, KubernetesError, KubernetesClient> =>
  Effect.flatMap(KubernetesClient, (kubernetes) => find(kubernetes, ref))

/** The whole state of a target whose object has just been read: reads only the objects that belong to it. */
export const readAround = Effect.fnUntraced(function* (
  ref: ResourceRef,
  object: KubernetesObject | undefined
): Effect.fn.Return<WorkloadState, KubernetesError, KubernetesClient> {
  const kubernetes = yield* KubernetesClient
  if (object === undefined) return assemble({ ref, object }, yield* Timestamp.now)
  const { kind, namespace } = ref
  const inNamespace = (listed: string, labelSelector?: Labels) =>
    kubernetes.list(listed, { namespace, ...(labelSelector === undefined ? {} : { labelSelector }) })
  const labels = selectorLabels(object)
  const scales = kind === "Deployment" || kind === "StatefulSet" || kind === "ReplicaSet"
  const served = podLabels(object) !== undefined && runsPods.has(kind)
  const [replicaSets, controllerRevisions, jobs, pods, services, autoscalers] = yield* Effect.all(
    [
      kind === "Deployment" ? inNamespace("ReplicaSet", labels) : none,
      // Without the right to read them, the revisions stay unknown.
      kind === "DaemonSet" || kind === "StatefulSet"
        ? Effect.catch(inNamespace("ControllerRevision", labels), forbiddenAsUnknown)
        : none,
      kind === "CronJob" ? inNamespace("Job") : none,
      runsPods.has(kind) && kind !== "Pod" && kind !== "CronJob" ? inNamespace("Pod", labels) : none,
      served ? inNamespace("Service") : none,
      scales ? inNamespace("HorizontalPodAutoscaler") : none
    ],
    { concurrency: "unbounded" }
  )
  const running = ((object as CronJob).status?.active ?? []) as ReadonlyArray<{ readonly name?: string }>
  const [endpointSlices, jobPods] = yield* Effect.all(
    [
      Effect.forEach(
        servicesOf(object, services),
        (service) => inNamespace("EndpointSlice", { "kubernetes.io/service-name": service.metadata.name }),
        { concurrency: "unbounded" }
      ),
      kind === "CronJob"
        ? Effect.forEach(running, ({ name = "" }) => inNamespace("Pod", { "job-name": name }), {
            concurrency: "unbounded"
          })
        : Effect.succeed([])
    ],
    { concurrency: "unbounded" }
  )
  const observation: Observation = {
    ref,
    object,
    replicaSets,
    ...(controllerRevisions === undefined ? {} : { controllerRevisions }),
    jobs,
    pods: [...pods, ...jobPods.flat()],
    services,
    autoscalers,
    endpointSlices: endpointSlices.flat()
  }
  const state = assemble(observation, yield* Timestamp.now)
  if (!lacksPods(state)) return state
  const events = yield* eventsAbout(kubernetes, object)
  return events.length === 0 ? state : assemble({ ...observation, events }, yield* Timestamp.now)
})

/** The state of a target of any kind. A target that does not exist has `exists: false`; that is not an error. */
export const readWorkload = (ref: ResourceRef): Effect.Effect<WorkloadState, KubernetesError, KubernetesClient> =>
  Effect.flatMap(readObject(ref), (object) => readAround(ref, object))
