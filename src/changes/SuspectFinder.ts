/**
 * Finds the changes that may have caused an alert.
 *
 * **Details**
 *
 * 1. The first symptom bounds the interval (`FirstSymptom`).
 * 2. The journal has the changes in it that may concern the target (`SuspectScope`). If there are none, no request is
 *    made, where the journal knows the target.
 * 3. The dependency graph of the target says which changed objects matter (`GraphReader`, `DependencyGraph`).
 * 4. The changes are scored (`SuspectScore`).
 * 5. Where there is a suspect, what fails besides is looked for, because it may be the cause as well (`Outages`).
 * 6. Where there is one, what its journal may have missed is asked for (`Rivals`).
 * 7. The earlier changes of its object may say that only a person can tell (`ObjectHistory`).
 *
 * Without a suspect the finding is `nothing-changed` only if all kinds were watched throughout, those of all objects
 * that the target depends on included (`Unrecorded`), everything could be read, and the API server shows that no change
 * is still on its way. Everything else is `unknown`. A kind that matters only by its name does not have to be watched
 * where nothing in the graph names one (`NamedKinds`).
 *
 * It never fails, and takes at most three seconds. What is not known by then is unknown.
 */

import { Context, Effect, Layer } from "effect"
import type { Alert } from "../domain/Alert.ts"
import type { Firing } from "../domain/Firing.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { Suspects } from "../domain/Suspects.ts"
import { type ResourceRef, sameRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { reportsByEvent } from "../kubernetes/FailedCreate.ts"
import { KubernetesClient, type KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type Around, candidatesOf } from "./Candidates.ts"
import { ChangeJournal } from "./ChangeJournal.ts"
import { amongMore, distinct, type Interval, type Listed, listed, mostChanges, tooMany } from "./ChangesInScope.ts"
import * as DependencyGraph from "./DependencyGraph.ts"
import { type FirstSymptom, firstSymptom, skewMs } from "./FirstSymptom.ts"
import { matters } from "./GapText.ts"
import * as GraphReader from "./GraphReader.ts"
import { refOf } from "./GraphStates.ts"
import { knownOf } from "./KnownStates.ts"
import { isNextTo } from "./Mitigation.ts"
import { canBeLeftToTheGraph, withinReach } from "./NamedKinds.ts"
import { withHistory } from "./ObjectHistory.ts"
import * as Outages from "./Outages.ts"
import { unrivalled } from "./Rivals.ts"
import type { SetupFacts } from "./Setup.ts"
import { isInScope, startsOf, unnamed } from "./SuspectScope.ts"
import { type Candidate, findingOf, rank, type Scene, suspectScore } from "./SuspectScore.ts"
import { symptomsSeen } from "./SymptomKinds.ts"
import { settled } from "./TakenBack.ts"
import { unconnected } from "./Unconnected.ts"
import { knownGraph, unrecorded } from "./Unrecorded.ts"

/** What suspects are looked for. */
export interface SuspectRequest {
  readonly alert: Alert
  readonly target: Target
  /** The state of the target; `null` where it could not be read. */
  readonly observed: WorkloadState | null
  readonly nowMs: number
  /** When the alert fired before, and others around. Default: never. */
  readonly firings?: ReadonlyArray<Firing>
  /** Others up to this time are not known (`domain/Firing`). Default: all are. */
  readonly firingsCutAt?: Timestamp.Timestamp
}

/** Finds the suspects of an alert. */
export class SuspectFinder extends Context.Service<
  SuspectFinder,
  {
    /** Never fails. Three seconds at most. */
    readonly suspectsOf: (request: SuspectRequest) => Effect.Effect<Suspects>
  }
>()("kubernaut/changes/SuspectFinder") {}

/**
 * The kinds that may be the cause of an alert. All of them, and all others that the journal records, must have been
 * watched to say that nothing changed.
 */
export const suspectKinds = [
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Service",
  "Ingress",
  "ConfigMap",
  "Secret",
  "HorizontalPodAutoscaler",
  "ResourceQuota",
  "LimitRange",
  "NetworkPolicy",
  "PodDisruptionBudget",
  "PriorityClass",
  "ServiceAccount",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "PersistentVolumeClaim",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
  "Namespace",
  "Node"
] as const

/** Where there are too many changes, those of so many objects are asked for by name. */
const mostAskedFor = 200
const mostRanked = 10
const withinMs = 3000
/** A change that is dated so much later than now was recorded before the clock was set back. */
const aheadMs = 10_000
const readWithin = "2 seconds"

const until = ({ latestMs }: FirstSymptom, nowMs: number): Timestamp.Timestamp =>
  Timestamp.fromMillis(Math.max(latestMs + skewMs, nowMs))

/** Gateway routes and custom kinds may be the cause too, where they are recorded. */
const kindsOf = ({ kinds }: ChangeJournal["Service"], changes: ReadonlyArray<ObjectChange> = []) => [
  ...new Set([...suspectKinds, ...kinds, ...changes.map(({ ref }) => ref.kind)])
]

const unknownOf = (symptom: FirstSymptom, unread: ReadonlyArray<string>): Suspects => ({
  finding: "unknown",
  ranked: [],
  symptomAt: Timestamp.fromMillis(symptom.latestMs),
  since: Timestamp.fromMillis(symptom.sinceMs),
  gaps: [],
  unread
})

/** The events that say since when pods cannot be created, where only events say it. */
const eventsOf = (client: KubernetesClient["Service"], { observed, target }: SuspectRequest) =>
  observed?.failedCreate === undefined || observed.failedCreate === null || !reportsByEvent.has(target.kind)
    ? Effect.succeed([])
    : Effect.orElseSucceed(
        client.list("Event", {
          namespace: target.namespace,
          involvedObject: { kind: target.kind, name: target.name },
          limit: 100
        }),
        (): ReadonlyArray<KubernetesObject> => []
      )

interface Sources {
  readonly journal: ChangeJournal["Service"]
  readonly client: KubernetesClient["Service"]
}

const gapsOf = (
  journal: ChangeJournal["Service"],
  symptom: FirstSymptom,
  starts: ReadonlyArray<ResourceRef>,
  changes: ReadonlyArray<ObjectChange>
) => {
  const [since, until] = [Timestamp.fromMillis(symptom.sinceMs), Timestamp.fromMillis(symptom.latestMs)]
  return Effect.map(journal.gaps(kindsOf(journal, changes), since), (all) =>
    all.filter((gap) => matters(gap, since, until) && (gap.object === undefined || isInScope(starts, gap.object)))
  )
}

/**
 * The graph with the changes of its objects. Where there are more changes than are considered, those of the nearest
 * objects are asked for by name.
 */
const around = Effect.fnUntraced(function* (
  { journal }: Sources,
  {
    interval,
    known,
    request,
    starts
  }: {
    readonly interval: Interval
    readonly known: Listed
    readonly request: SuspectRequest
    readonly starts: ReadonlyArray<ResourceRef>
  },
  { objects, unlisted, unread }: GraphReader.Reading
) {
  const built = (changes: ReadonlyArray<ObjectChange>): Around => {
    const { presentOf, states } = knownOf(changes, journal.present)
    return {
      graph: DependencyGraph.build(starts, [...objects, ...states], request.observed?.nodes, [...unread, ...unlisted]),
      changes,
      presentOf
    }
  }
  const first = built(known.changes)
  if (known.moreUntilMs === undefined) return first
  const refs = first.graph.nodes.slice(0, mostAskedFor).map(({ ref }) => ref)
  const named = yield* journal.list({ refs, ...interval, limit: mostChanges })
  return built(distinct([...known.changes, ...named]))
})

const setupFacts = (
  target: ResourceRef,
  { changes, graph, presentOf }: Around,
  objects: ReadonlyArray<KubernetesObject>,
  observed: WorkloadState | null
): SetupFacts => ({
  target,
  objects: objects.filter((object) => (graph.find(refOf(object))?.distance ?? Infinity) <= 1),
  observed,
  creations: changes.flatMap(({ at, operation, ref }) =>
    operation === "created"
      ? [{ ref, distance: graph.find(ref)?.distance ?? Infinity, atMs: Timestamp.toMillis(at) }]
      : []
  ),
  isDeleted: changes.some((change) => sameRef(change.ref, target) && presentOf.get(change) === null)
})

/** That an undo did not help another target says nothing about this one. */
const inVain = (candidates: ReadonlyArray<Candidate>, scene: Scene): ReadonlyArray<string> =>
  findingOf(rank(candidates, scene)) === undefined
  && findingOf(
    rank(
      candidates.map(({ takenBack: _takenBack, ...each }) => each),
      scene
    )
  ) !== undefined
    ? ["whether a change that Kubernaut took back in vain, and put back, is the cause here"]
    : []

const intervalOf = (rough: FirstSymptom, { nowMs }: SuspectRequest): Interval => ({
  since: Timestamp.fromMillis(rough.sinceMs),
  until: until(rough, nowMs)
})

/** The suspects by the changes of the interval and the graph. It may fail, and take any time. */
const suspects = Effect.fnUntraced(function* (
  sources: Sources,
  request: SuspectRequest,
  rough: FirstSymptom,
  known: Listed
) {
  const { client, journal } = sources
  const { alert, firings = [], firingsCutAt, nowMs, observed, target } = request
  const starts = startsOf(request)
  const interval = intervalOf(rough, request)
  const nowhere = unnamed(starts)
  const { changes, moreUntilMs } = known
  const gaps = yield* gapsOf(journal, rough, starts, changes)
  if (changes.length === 0 && !canBeLeftToTheGraph(gaps, starts)) {
    const graph = knownGraph(starts, journal.present)
    const unread = [...nowhere, ...unrecorded(graph?.nodes ?? [], journal.kinds)]
    const isQuiet = gaps.length + unread.length === 0
    if (graph !== undefined || !isQuiet)
      return { ...unknownOf(rough, unread), gaps, finding: isQuiet ? "nothing-changed" : "unknown" } satisfies Suspects
  }

  const { states } = knownOf(changes, journal.present)
  const [reading, events] = yield* Effect.all(
    [GraphReader.read(client, { starts, within: readWithin, known: states }), eventsOf(client, request)],
    { concurrency: "unbounded" }
  )
  const found = yield* around(sources, { interval, known, request, starts }, reading)
  const object = reading.objects.find((each) => sameRef(refOf(each), target))
  const symptom = firstSymptom({ alert, observed, nowMs, events, ...(object === undefined ? {} : { object }) })
  const candidates = candidatesOf(found, setupFacts(starts[0] ?? target, found, reading.objects, observed))
  const isNear = isNextTo(starts[0] ?? target, found.graph)
  const scene = {
    symptom,
    seen: symptomsSeen(alert, observed),
    firings: firings.filter(({ other }) => other === undefined || found.graph.find(other.target) !== undefined),
    isNear,
    ...(firingsCutAt === undefined ? {} : { firingsCutAt })
  }
  const all = rank(candidates, scene)
  const clear = findingOf(all)
  const ranked = amongMore(all.slice(0, mostRanked), clear, symptom, moreUntilMs)
  const outages = yield* Outages.find(client, {
    target: starts[0] ?? target,
    observed,
    suspects: clear === undefined ? [] : ranked.flatMap((each) => (each.score >= suspectScore ? [each.change] : []))
  })
  const hidden = clear === undefined ? [] : unconnected(found.changes, found.graph, reading.unread, symptom)
  const takenBack = clear === undefined ? settled(candidates, scene) : []
  const unseen = reading.unread.length > 0 ? gaps : withinReach(gaps, starts, found.graph.nodes)
  const notRecorded = unrecorded(found.graph.nodes, journal.kinds)
  const unread = [...nowhere, ...reading.unread, ...notRecorded, ...tooMany(moreUntilMs), ...inVain(candidates, scene)]
  const quiet = unseen.length === 0 && unread.length === 0
  return {
    finding: clear ?? (quiet ? "nothing-changed" : "unknown"),
    ranked,
    symptomAt: Timestamp.fromMillis(symptom.latestMs),
    since: Timestamp.fromMillis(symptom.sinceMs),
    gaps: unseen,
    unread,
    ...(outages.length + hidden.length === 0 ? {} : { outages: [...outages, ...hidden] }),
    ...(takenBack.length === 0 ? {} : { takenBack })
  } satisfies Suspects
})

/** Says that nothing changed only if that is confirmed. What has arrived meanwhile is considered. */
const confirmed = Effect.fnUntraced(function* (sources: Sources, request: SuspectRequest, rough: FirstSymptom) {
  const { journal } = sources
  const untilMs = (yield* Monotonic.nowMs) + withinMs
  const look = Effect.suspend(() => listed(journal, startsOf(request), intervalOf(rough, request)))
  const before = yield* look
  const found = yield* suspects(sources, request, rough, before)
  const known = new Set(before.changes.map(({ id }) => id))
  const mayRival = (change: ObjectChange) =>
    !known.has(change.id) && Timestamp.toMillis(change.at) <= rough.latestMs + skewMs
  if (found.finding === "one") {
    const late = Effect.flatMap(look, (after) =>
      after.changes.some(mayRival) ? suspects(sources, request, rough, after) : Effect.undefined
    )
    return yield* unrivalled({ ...request, journal, kinds: kindsOf(journal), untilMs }, found, late)
  }
  if (found.finding !== "nothing-changed") return found
  if ((yield* journal.list({ since: Timestamp.fromMillis(request.nowMs + aheadMs), limit: 1 })).length > 0)
    return {
      ...found,
      finding: "unknown",
      unread: [...found.unread, "changes of the future: the clock was set back, so it is not known what came first"]
    } satisfies Suspects
  const late = yield* journal.confirm(kindsOf(journal), found.symptomAt)
  if (late.length > 0) return { ...found, finding: "unknown", gaps: [...found.gaps, ...late] } satisfies Suspects
  const after = yield* look
  const isSame =
    after.changes.length === before.changes.length
    && after.changes.every(({ id }, index) => id === before.changes[index]?.id)
  return isSame ? found : yield* suspects(sources, request, rough, after)
})

const make = Effect.gen(function* () {
  const sources: Sources = { journal: yield* ChangeJournal, client: yield* KubernetesClient }

  const suspectsOf = Effect.fn("suspects")(function* (request: SuspectRequest) {
    const rough = firstSymptom(request)
    const found = yield* confirmed(sources, request, rough).pipe(
      Effect.flatMap((judged) => withHistory(sources.journal, judged)),
      Effect.timeoutOrElse({
        duration: withinMs,
        orElse: () => Effect.succeed(unknownOf(rough, ["changes: they took too long"]))
      }),
      Effect.catch((error) =>
        Effect.as(
          Effect.logWarning("The recorded changes could not be read, so the suspects are unknown", {
            reason: error.message
          }),
          unknownOf(rough, ["changes: the database could not be read"])
        )
      ),
      Effect.catchDefect((defect) =>
        Effect.as(
          Effect.logError("The suspects of an alert could not be found", defect),
          unknownOf(rough, ["changes: they could not be judged"])
        )
      )
    )
    yield* Effect.annotateCurrentSpan({
      "kubernaut.suspects.finding": found.finding,
      "kubernaut.suspects.count": found.ranked.length
    })
    return found
  })
  return { suspectsOf }
})

/** Finds suspects in the changes that the journal has recorded. */
export const layer: Layer.Layer<SuspectFinder, never, ChangeJournal | KubernetesClient> = Layer.effect(
  SuspectFinder,
  make
)
