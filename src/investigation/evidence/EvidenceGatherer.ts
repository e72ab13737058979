/**
 * Gathers evidence about a target from the cluster, in bounded time and size.
 *
 * **Details**
 *
 * | level | context | events | logs                                                       | time |
 * | ----- | ------- | ------ | ---------------------------------------------------------- | ---- |
 * | 0     | full    | 30     | 6 failing containers, 80 lines each, this and the last run | 5 s  |
 * | 1     | reduced | 10     | 2 failing containers, 30 lines each, the last run          | 3 s  |
 * | 2     | basic   | –      | –                                                          | 2 s  |
 *
 * Spec, autoscaler, revisions and failing containers are read at every level, because rules depend on them. A part that
 * cannot be read in time is named in `missing`, and the other parts are kept. An investigation never fails for lack of
 * evidence.
 *
 * The chain gathers evidence before it calls a tier and outside the tier's pipeline, so a slow API server does not
 * count against HolmesGPT.
 */

import { Clock, type Duration, Effect } from "effect"
import type { DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type {
  ContainerStatus,
  Deployment,
  Event,
  HorizontalPodAutoscaler,
  Pod,
  PodTemplate,
  ReplicaSet
} from "../../kubernetes/ObjectModel.ts"
import { controllerOf } from "../../kubernetes/ObjectModel.ts"
import type { InvestigationRequest } from "../Investigator.ts"
import {
  type Autoscaler,
  type ContainerSpec,
  empty,
  type EventLine,
  type Evidence,
  type FailingContainer,
  type LogTail,
  type Revision
} from "./Evidence.ts"

/** The limits on the evidence of one request. */
export interface Bounds {
  /** The number of events that are kept, newest first. */
  readonly events: number
  /** The number of failing containers whose logs are read. */
  readonly logContainers: number
  readonly logLines: number
  /** The number of characters that are kept of each log, from its end. */
  readonly logCharacters: number
  /** Whether the log of the current run is read, besides that of the previous one. */
  readonly currentLogs: boolean
  /** Parts that take longer are missing from the evidence. */
  readonly time: Duration.Input
}

/** The bounds by level: the table above. */
export const boundsOf: Readonly<Record<DegradationLevel, Bounds>> = {
  0: { events: 30, logContainers: 6, logLines: 80, logCharacters: 8000, currentLogs: true, time: "5 seconds" },
  1: { events: 10, logContainers: 2, logLines: 30, logCharacters: 3000, currentLogs: false, time: "3 seconds" },
  2: { events: 0, logContainers: 0, logLines: 0, logCharacters: 0, currentLogs: false, time: "2 seconds" },
  3: { events: 0, logContainers: 0, logLines: 0, logCharacters: 0, currentLogs: false, time: "2 seconds" }
}

/** Gathers the evidence for a request. It never fails. */
export type Gather = (request: InvestigationRequest) => Effect.Effect<Evidence>

// Number of pods that are read one by one. The pods of a broken Deployment fail in the same way.
const podsRead = 6
// Length of an event message. Some contain a whole stack trace.
const eventCharacters = 400

export const containersOf = (object: KubernetesObject): ReadonlyArray<ContainerSpec> => {
  const spec = object["spec"] as
    | { readonly template?: PodTemplate; readonly containers?: PodTemplate["spec"]["containers"] }
    | undefined
  return (spec?.template?.spec?.containers ?? spec?.containers ?? []).map((container) => ({
    name: container.name,
    requests: container.resources?.requests ?? {},
    limits: container.resources?.limits ?? {}
  }))
}

export const autoscalerOf = (object: KubernetesObject): Autoscaler => {
  const { metadata, spec, status } = object as HorizontalPodAutoscaler
  return {
    name: metadata.name,
    minReplicas: spec.minReplicas ?? 1,
    maxReplicas: spec.maxReplicas,
    currentReplicas: status?.currentReplicas ?? null,
    desiredReplicas: status?.desiredReplicas ?? null
  }
}

/** The revisions of a Deployment, newest first: the ReplicaSets that it controls. */
export const revisionsOf = (
  deployment: KubernetesObject,
  replicaSets: ReadonlyArray<KubernetesObject>
): ReadonlyArray<Revision> => {
  const owned = (replicaSets as ReadonlyArray<ReplicaSet>).filter(
    (set) => controllerOf(set)?.uid === deployment.metadata.uid
  )
  const numbered = owned.map((set) => ({
    revision: Number(set.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0),
    replicas: set.spec.replicas ?? 0,
    readyReplicas: set.status?.readyReplicas ?? 0,
    createdAt: set.metadata.creationTimestamp ?? null,
    images: set.spec.template.spec.containers.flatMap((container) =>
      container.image === undefined ? [] : [container.image]
    )
  }))
  return numbered
    .filter((set) => Number.isInteger(set.revision) && set.revision > 0)
    .sort((left, right) => right.revision - left.revision)
    .map((set, index) => ({ ...set, current: index === 0 }))
}

/**
 * A container that is ready counts as failing when its previous run failed this recently, because a crash-looping
 * container is ready in between.
 */
export const recentlyMs = 60 * 60 * 1000

const endedRecently = ({ lastState }: ContainerStatus, nowMs: number): boolean =>
  lastState?.terminated !== undefined
  && lastState.terminated.exitCode !== 0
  && Date.parse(lastState.terminated.finishedAt ?? "") >= nowMs - recentlyMs

const failing = (pod: string, status: ContainerStatus, nowMs: number): FailingContainer | undefined => {
  const ended = status.state?.terminated ?? status.lastState?.terminated
  const reason = status.state?.waiting?.reason ?? status.state?.terminated?.reason ?? null
  // A container that is starting and has never failed is not failing.
  const isStarting =
    ended === undefined && (reason === null || reason === "ContainerCreating" || reason === "PodInitializing")
  if (status.ready ? !endedRecently(status, nowMs) : isStarting) return undefined
  return {
    pod,
    container: status.name,
    restarts: status.restartCount,
    reason,
    lastReason: status.lastState?.terminated?.reason ?? null,
    exitCode: ended?.exitCode ?? null
  }
}

export const failingContainersOf = (object: KubernetesObject, nowMs: number): ReadonlyArray<FailingContainer> => {
  const { metadata, status } = object as Pod
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap(
    (container) => failing(metadata.name, container, nowMs) ?? []
  )
}

export const eventLines = (objects: ReadonlyArray<KubernetesObject>, limit: number): ReadonlyArray<EventLine> =>
  (objects as ReadonlyArray<Event>)
    .map((event) => ({
      type: event.type ?? "Normal",
      reason: event.reason ?? "",
      message: (event.message ?? "").slice(0, eventCharacters),
      count: event.count ?? 1,
      lastSeen: event.lastTimestamp ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? null
    }))
    .sort((left, right) => (right.lastSeen ?? "").localeCompare(left.lastSeen ?? ""))
    .slice(0, limit)

const podsToRead = (
  observed: WorkloadState | null,
  target: ResourceRef,
  alertPod: string | undefined
): ReadonlyArray<ResourceRef> => {
  const names =
    observed === null
      ? [target.kind === "Pod" ? target.name : alertPod].filter((name) => name !== undefined)
      : observed.pods
          .filter((pod) => !pod.ready || pod.restarts > 0)
          .toSorted((left, right) => Number(left.ready) - Number(right.ready) || right.restarts - left.restarts)
          .map((pod) => pod.name)
  return names.slice(0, podsRead).map((name) => ({ namespace: target.namespace, kind: "Pod", name }))
}

interface Reading {
  evidence: Evidence
}

/**
 * Makes the gatherer, which reads from the `KubernetesClient` in the context. `bounds` overrides the table above for
 * single levels.
 *
 * **When to use**
 *
 * As `evidence` of a chain of your own. `Kubernaut.layer` does this by itself.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InvestigationChain, Sandbox } from "kubernaut"
 * import * as EvidenceGatherer from "./EvidenceGatherer.ts"
 *
 * const chain = Effect.gen(function* () {
 *   const evidence = yield* EvidenceGatherer.make()
 *   return yield* InvestigationChain.make({ investigators: [], evidence })
 * })
 * const { tiers } = await Effect.runPromise(Effect.provide(chain, Sandbox.layer()))
 * tiers.length // => 0
 * ```
 */
export const make = (
  options: { readonly bounds?: Partial<Record<DegradationLevel, Bounds>> } = {}
): Effect.Effect<Gather, never, KubernetesClient> =>
  Effect.map(KubernetesClient, (client) => (request) => {
    const bounds = { ...boundsOf, ...options.bounds }[request.level]
    return Effect.suspend(() => {
      // Parts are stored as they arrive, so those that were read before the timeout are kept.
      const reading: Reading = { evidence: empty }
      const parts = partsOf(client, request, bounds, reading)
      const pending = new Set(parts.map(([name]) => name))
      return Effect.forEach(
        parts,
        ([name, part]) =>
          part.pipe(
            Effect.tap(() => Effect.sync(() => pending.delete(name))),
            Effect.catch((error: KubernetesError) =>
              Effect.logDebug("Evidence could not be read").pipe(
                Effect.annotateLogs({ part: name, reason: error.reason._tag })
              )
            )
          ),
        { concurrency: "unbounded", discard: true }
      ).pipe(
        Effect.timeoutOption(bounds.time),
        Effect.map(() => ({ ...reading.evidence, missing: [...pending] })),
        Effect.withSpan("evidence", { attributes: { "kubernaut.level": request.level } })
      )
    })
  })

const partsOf = (
  client: KubernetesClient["Service"],
  request: InvestigationRequest,
  bounds: Bounds,
  reading: Reading
): ReadonlyArray<readonly [name: string, part: Effect.Effect<void, KubernetesError>]> => {
  const { alert, observed, target } = request
  const put = (part: Partial<Evidence>) => {
    reading.evidence = { ...reading.evidence, ...part }
  }
  const parts: Array<readonly [string, Effect.Effect<void, KubernetesError>]> = [
    [
      "spec",
      Effect.gen(function* () {
        const object = yield* client.get(target)
        put(
          target.kind === "HorizontalPodAutoscaler"
            ? { autoscaler: autoscalerOf(object) }
            : { containers: containersOf(object) }
        )
        if (target.kind !== "Deployment") return
        const labelSelector = (object as Deployment).spec.selector.matchLabels ?? {}
        put({
          revisions: revisionsOf(
            object,
            yield* client.list("ReplicaSet", { namespace: target.namespace, labelSelector })
          )
        })
      })
    ],
    [
      "containers and logs",
      Effect.gen(function* () {
        const pods = yield* Effect.forEach(podsToRead(observed, target, alert.labels["pod"]), client.get, {
          concurrency: 3
        })
        const nowMs = yield* Clock.currentTimeMillis
        const failing = pods.flatMap((pod) => failingContainersOf(pod, nowMs))
        put({ failing })
        yield* Effect.forEach(
          failing.slice(0, bounds.logContainers),
          (container) =>
            Effect.map(logsOf(client, target.namespace, container, bounds), (logs) =>
              put({ logs: [...reading.evidence.logs, ...logs] })
            ),
          { concurrency: 3, discard: true }
        )
      })
    ]
  ]
  if (observed !== null && observed.autoscaler !== null) {
    const ref = { namespace: target.namespace, kind: "HorizontalPodAutoscaler", name: observed.autoscaler }
    parts.push(["autoscaler", Effect.map(client.get(ref), (object) => put({ autoscaler: autoscalerOf(object) }))])
  }
  if (bounds.events > 0)
    parts.push(["events", Effect.map(eventsOf(client, request, bounds), (events) => put({ events }))])
  return parts
}

/** The newest events of the target and of two of its unhealthy pods. */
const eventsOf = (
  client: KubernetesClient["Service"],
  { alert, observed, target }: InvestigationRequest,
  bounds: Bounds
): Effect.Effect<ReadonlyArray<EventLine>, KubernetesError> => {
  const objects: ReadonlyArray<ResourceRef> = [target, ...podsToRead(observed, target, alert.labels["pod"]).slice(0, 2)]
  const lists = Effect.forEach(
    objects,
    (ref) =>
      client.list("Event", {
        ...(ref.namespace === "" ? {} : { namespace: ref.namespace }),
        involvedObject: { kind: ref.kind, name: ref.name },
        limit: 100
      }),
    { concurrency: 3 }
  )
  return Effect.map(lists, (events) => eventLines(events.flat(), bounds.events))
}

/** The last whole lines of a log. A cut within a line could remove the name that marks a secret. */
export const endOf = (log: string, characters: number): string => {
  if (log.length <= characters) return log
  const from = log.length - characters
  return log[from - 1] === "\n" ? log.slice(from) : log.slice(log.indexOf("\n", from) + 1 || log.length)
}

const logsOf = (
  client: KubernetesClient["Service"],
  namespace: string,
  { container, pod, restarts }: FailingContainer,
  bounds: Bounds
): Effect.Effect<ReadonlyArray<LogTail>> => {
  const runs = [...(restarts > 0 ? [true] : []), ...(bounds.currentLogs || restarts === 0 ? [false] : [])]
  return Effect.forEach(runs, (previous) =>
    client.logs({ namespace, kind: "Pod", name: pod }, { container, previous, tailLines: bounds.logLines }).pipe(
      Effect.map((text): ReadonlyArray<LogTail> =>
        text === "" ? [] : [{ pod, container, previous, text: endOf(text, bounds.logCharacters) }]
      ),
      // A container that never started has no log, so nothing is missing from the evidence.
      Effect.orElseSucceed((): ReadonlyArray<LogTail> => [])
    )
  ).pipe(Effect.map((tails) => tails.flat()))
}
