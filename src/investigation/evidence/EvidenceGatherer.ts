/**
 * Gathers evidence about a target from the cluster, in bounded time and size.
 *
 * **Details**
 *
 * | level | context | events | logs                                                       | metrics | time |
 * | ----- | ------- | ------ | ---------------------------------------------------------- | ------- | ---- |
 * | 0     | full    | 30     | 6 failing containers, 80 lines each, this and the last run | yes     | 5 s  |
 * | 1     | reduced | 10     | 2 failing containers, 30 lines each, the last run          | –       | 3 s  |
 * | 2     | basic   | –      | –                                                          | –       | 2 s  |
 *
 * At every level, the events of the controller are read when pods are missing, to name what keeps it from creating
 * them. Containers, events and logs name the pod and revision that they belong to.
 *
 * Spec, autoscaler, revisions and failing containers are read at every level, because rules depend on them. A part that
 * cannot be read in time is named in `missing`, and the other parts are kept. An investigation never fails for lack of
 * evidence.
 *
 * Our own limits take no evidence away. Time in which they hold requests up (`heldUp`) does not count, for as long as
 * the work has patience. A part that fails because the API server did not respond is read again within the time.
 *
 * The chain gathers evidence before it calls a tier and outside the tier's pipeline, so a slow API server does not
 * count against HolmesGPT.
 */

import { Cause, Clock, Duration, Effect } from "effect"
import type { DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { failedCreateIn } from "../../kubernetes/FailedCreate.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { waitOut } from "../../kubernetes/NotNow.ts"
import type { Deployment, Event } from "../../kubernetes/ObjectModel.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import * as Patience from "../../resilience/pipeline/Patience.ts"
import type { InvestigationRequest } from "../Investigator.ts"
import { empty, type Evidence, type FailingContainer, type LogTail, type parts as partNames } from "./Evidence.ts"
import { autoscalerOf, containersOf, endOf, eventLines, failingContainersOf, revisionsOf } from "./EvidenceOfObjects.ts"
import type { MetricsUnread, TargetMetrics } from "./TargetMetrics.ts"

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
  /** Whether metrics are read, where there is a source of them. */
  readonly metrics: boolean
  /** Parts that take longer are missing from the evidence. */
  readonly time: Duration.Input
}

/** The bounds by level: the table above. */
export const boundsOf: Readonly<Record<DegradationLevel, Bounds>> = {
  0: {
    events: 30,
    logContainers: 6,
    logLines: 80,
    logCharacters: 8000,
    currentLogs: true,
    metrics: true,
    time: "5 seconds"
  },
  1: {
    events: 10,
    logContainers: 2,
    logLines: 30,
    logCharacters: 3000,
    currentLogs: false,
    metrics: false,
    time: "3 seconds"
  },
  2: {
    events: 0,
    logContainers: 0,
    logLines: 0,
    logCharacters: 0,
    currentLogs: false,
    metrics: false,
    time: "2 seconds"
  },
  3: {
    events: 0,
    logContainers: 0,
    logLines: 0,
    logCharacters: 0,
    currentLogs: false,
    metrics: false,
    time: "2 seconds"
  }
}

/** Gathers the evidence for a request. It never fails. */
export type Gather = (request: InvestigationRequest) => Effect.Effect<Evidence>

// Number of pods that are read one by one. The pods of a broken Deployment fail in the same way.
const podsRead = 6
// How many of them may be of one revision while pods of another one need attention too.
const podsOfOneRevision = 4

/** The pods that need attention: those that are not ready first, and those of the newest revision before others. */
const podsToRead = (
  observed: WorkloadState | null,
  target: ResourceRef,
  alertPod: string | undefined
): ReadonlyArray<ResourceRef> => {
  const refOf = (name: string): ResourceRef => ({ namespace: target.namespace, kind: "Pod", name })
  if (observed === null)
    return [target.kind === "Pod" ? target.name : alertPod].flatMap((name) => (name === undefined ? [] : [refOf(name)]))
  const pods = observed.pods
    .filter((pod) => !pod.ready || pod.restarts > 0)
    .toSorted(
      (left, right) =>
        Number(left.ready) - Number(right.ready)
        || Number(right.current === true) - Number(left.current === true)
        || right.restarts - left.restarts
    )
  const own = pods.filter(({ current }) => current === true)
  const others = pods.filter(({ current }) => current !== true)
  const ownRead = Math.max(podsOfOneRevision, podsRead - others.length)
  const chosen = new Set([...own.slice(0, ownRead), ...others.slice(0, podsRead - Math.min(own.length, ownRead))])
  return pods.filter((pod) => chosen.has(pod)).map(({ name }) => refOf(name))
}

/** Of how many pods that need no attention the metrics are read, to compare with. */
const podsCompared = 2

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
  options: {
    readonly bounds?: Partial<Record<DegradationLevel, Bounds>>
    /** Whether requests to the cluster wait for a limit of this process now. Default: never. */
    readonly heldUp?: Effect.Effect<boolean>
    /** The source of metrics. Absent: the evidence has none. */
    readonly metrics?: TargetMetrics["Service"]
  } = {}
): Effect.Effect<Gather, never, KubernetesClient> =>
  Effect.map(KubernetesClient, (client) => (request) => {
    const bounds = { ...boundsOf, ...options.bounds }[request.level]
    return Effect.suspend(() => {
      // Parts are stored as they arrive, so those that were read before the timeout are kept.
      const reading: Reading = { evidence: empty }
      const parts = [
        ...partsOf(client, request, bounds, reading),
        ...(bounds.metrics ? metricsPart(options.metrics, request, reading) : [])
      ]
      const pending = new Set(parts.map(([name]) => name))
      return Effect.forEach(
        parts,
        ([name, part]) =>
          part.pipe(
            Effect.tap(() => Effect.sync(() => pending.delete(name))),
            Effect.catchCause((cause) => unreadPart(name, cause))
          ),
        { concurrency: "unbounded", discard: true }
      ).pipe(
        (all) =>
          Effect.raceFirst(all, timeUp(Duration.fromInputUnsafe(bounds.time), options.heldUp ?? Effect.succeed(false))),
        Effect.map(() => ({ ...reading.evidence, missing: [...pending] })),
        Effect.withSpan("evidence", { attributes: { "kubernaut.level": request.level } })
      )
    })
  })

/** An object that nobody expected may make reading it throw. The other parts are not lost for that. */
const unreadPart = (part: string, cause: Cause.Cause<KubernetesError | MetricsUnread>): Effect.Effect<void> => {
  const error = cause.reasons.find(Cause.isFailReason)?.error
  return error === undefined
    ? Effect.logWarning("Evidence could not be read", cause).pipe(Effect.annotateLogs({ part, reason: "defect" }))
    : Effect.logDebug("Evidence could not be read").pipe(
        Effect.annotateLogs({ part, reason: error._tag === "KubernetesError" ? error.reason._tag : error._tag })
      )
}

/** How often it is asked whether requests are held up, within the time for the evidence. */
const ticks = 20

/**
 * Waits until the time for the evidence is over. Time in which our own limits hold requests up does not count, for as
 * long as the work has patience.
 */
const timeUp = Effect.fnUntraced(function* (time: Duration.Duration, heldUp: Effect.Effect<boolean>) {
  const patience = yield* Patience.CurrentPatience
  const untilMs = (yield* Monotonic.nowMs) + (patience?.limitMs ?? 0)
  let wasHeldUp = yield* heldUp
  for (let counted = 0; counted < ticks;) {
    yield* Effect.sleep(Duration.times(time, 1 / ticks))
    const isHeldUp = yield* heldUp
    if ((!wasHeldUp && !isHeldUp) || (yield* Monotonic.nowMs) >= untilMs) counted++
    wasHeldUp = isHeldUp
  }
})

type Part = readonly [name: string, part: Effect.Effect<void, KubernetesError | MetricsUnread>]

/** Of the pods that need attention, and of a few others to compare them with. */
const metricsPart = (
  metrics: TargetMetrics["Service"] | undefined,
  { alert, observed, target }: InvestigationRequest,
  reading: Reading
): ReadonlyArray<Part> => {
  if (metrics === undefined) return []
  const chosen = podsToRead(observed, target, alert.labels["pod"]).map(({ name }) => name)
  const others = (observed?.pods ?? []).map(({ name }) => name).filter((name) => !chosen.includes(name))
  const pods = [...chosen, ...others.slice(0, podsCompared)]
  return [
    [
      "metrics",
      Effect.map(
        Effect.suspend(() => metrics.read({ target, pods })),
        (lines) => {
          reading.evidence = { ...reading.evidence, metrics: lines }
        }
      )
    ]
  ]
}

/** What keeps the earlier templates of a workload. */
const revisionKinds: Readonly<Record<string, "ReplicaSet" | "ControllerRevision">> = {
  Deployment: "ReplicaSet",
  StatefulSet: "ControllerRevision",
  DaemonSet: "ControllerRevision"
}

const partsOf = (
  client: KubernetesClient["Service"],
  request: InvestigationRequest,
  bounds: Bounds,
  reading: Reading
): ReadonlyArray<Part> => {
  const { alert, observed, target } = request
  const get = (ref: ResourceRef) => Effect.suspend(() => client.get(ref))
  const put = (part: Partial<Evidence>) => {
    reading.evidence = { ...reading.evidence, ...part }
  }
  const parts: Array<readonly [(typeof partNames)[number], Effect.Effect<void, KubernetesError>]> = [
    [
      "spec",
      Effect.gen(function* () {
        const object = yield* get(target)
        put(
          target.kind === "HorizontalPodAutoscaler"
            ? { autoscaler: autoscalerOf(object) }
            : { containers: containersOf(object) }
        )
        const keptAs = revisionKinds[target.kind]
        // The pods of the other kinds say which revision serves.
        if (keptAs === undefined || (keptAs !== "ReplicaSet" && observed === null)) return
        const labelSelector = (object as Deployment).spec.selector.matchLabels ?? {}
        const kept = yield* client.list(keptAs, { namespace: target.namespace, labelSelector })
        put({ revisions: revisionsOf(object, kept, observed) })
      })
    ],
    [
      "containers and logs",
      Effect.gen(function* () {
        const pods = yield* Effect.forEach(podsToRead(observed, target, alert.labels["pod"]), get, {
          concurrency: 3
        })
        const nowMs = yield* Clock.currentTimeMillis
        const failing = pods.flatMap((pod) => failingContainersOf(pod, observed, nowMs))
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
    parts.push(["autoscaler", Effect.map(get(ref), (object) => put({ autoscaler: autoscalerOf(object) }))])
  }
  const pods = podsToRead(observed, target, alert.labels["pod"]).slice(0, 2)
  const creators = creatorsOf(observed, target)
  if (bounds.events > 0 || creators.length > 0)
    parts.push([
      "events",
      Effect.map(eventsOf(client, bounds.events > 0 ? [target, ...creators, ...pods] : creators), (lists) =>
        put({
          events: eventLines(lists.flat(), bounds.events),
          failedCreate: failedCreateIn(
            lists.flat().filter((event) => creators.some((ref) => isAbout(event as Event, ref)))
          )
        })
      )
    ])
  return parts.map(([name, part]) => [name, waitOut(part)])
}

/**
 * The objects whose events say why pods are missing; empty when none is missing. The ReplicaSet of a Deployment's
 * newest template creates its pods. Other workloads create theirs themselves.
 */
const creatorsOf = (observed: WorkloadState | null, target: ResourceRef): ReadonlyArray<ResourceRef> => {
  if (observed === null || observed.desiredReplicas === null || target.kind === "Pod") return []
  const { desiredReplicas, pods, rollout } = observed
  if (pods.length >= desiredReplicas && rollout?.inProgress !== true) return []
  if (target.kind !== "Deployment") return [target]
  const hash = rollout?.templateHash ?? null
  return hash === null ? [] : [{ namespace: target.namespace, kind: "ReplicaSet", name: `${target.name}-${hash}` }]
}

const isAbout = ({ involvedObject }: Event, ref: ResourceRef): boolean =>
  involvedObject.kind === ref.kind && involvedObject.name === ref.name

/** The events of each object. */
const eventsOf = (
  client: KubernetesClient["Service"],
  objects: ReadonlyArray<ResourceRef>
): Effect.Effect<ReadonlyArray<ReadonlyArray<KubernetesObject>>, KubernetesError> => {
  const distinct = objects.filter(
    (ref, index) => objects.findIndex((each) => each.kind === ref.kind && each.name === ref.name) === index
  )
  return Effect.forEach(
    distinct,
    (ref) =>
      client.list("Event", {
        ...(ref.namespace === "" ? {} : { namespace: ref.namespace }),
        involvedObject: { kind: ref.kind, name: ref.name },
        limit: 100
      }),
    { concurrency: 3 }
  )
}

const logsOf = (
  client: KubernetesClient["Service"],
  namespace: string,
  { container, current, failsNow, pod, restarts, revision }: FailingContainer,
  bounds: Bounds
): Effect.Effect<ReadonlyArray<LogTail>> => {
  // What is wrong now, the previous run cannot say when its failure is over.
  const isCurrentRead = bounds.currentLogs || restarts === 0 || failsNow === null
  const runs = [...(restarts > 0 ? [true] : []), ...(isCurrentRead ? [false] : [])]
  return Effect.forEach(runs, (previous) =>
    client.logs({ namespace, kind: "Pod", name: pod }, { container, previous, tailLines: bounds.logLines }).pipe(
      Effect.map((text): ReadonlyArray<LogTail> =>
        text === "" ? [] : [{ pod, revision, current, container, previous, text: endOf(text, bounds.logCharacters) }]
      ),
      // A container that never started has no log, so nothing is missing from the evidence.
      Effect.orElseSucceed((): ReadonlyArray<LogTail> => [])
    )
  ).pipe(Effect.map((tails) => tails.flat()))
}
