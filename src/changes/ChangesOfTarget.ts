/**
 * The recorded changes of an object and of everything that it depends on, for people who ask what changed.
 *
 * **Details**
 *
 * The dependency graph is read as for the suspects of an alert, in two seconds at most, so the objects are the same
 * ones. Without an alert nothing is scored: every change of the graph is part of the list. What could not be read is
 * named in `unread`. A cluster that does not respond leaves the target and what the journal knows.
 */

import { Effect } from "effect"
import type { ChangeQuery } from "../domain/ChangeQuery.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import type { StorageError } from "../storage/StorageError.ts"
import type { ChangeJournal } from "./ChangeJournal.ts"
import { listed, tooMany } from "./ChangesInScope.ts"
import * as DependencyGraph from "./DependencyGraph.ts"
import * as GraphReader from "./GraphReader.ts"
import { refOf } from "./GraphStates.ts"
import { knownOf } from "./KnownStates.ts"
import { unrecorded } from "./Unrecorded.ts"

const readWithin = "2 seconds"

/** A change, and how the target depends on the changed object. */
export interface RelatedChange {
  readonly change: ObjectChange
  readonly relation: string
  readonly distance: number
}

/** What is known of the changes of a target. */
export interface ChangesOfTarget {
  /** The newest first. */
  readonly changes: ReadonlyArray<RelatedChange>
  /** The kinds of the graph, those of objects that have not changed included. */
  readonly kinds: ReadonlyArray<string>
  /** The kinds of which objects could not be read, and what nobody records. */
  readonly unread: ReadonlyArray<string>
  /** Whether changes of some kind of the graph are not recorded, so they were not watched. */
  readonly isPartlyRecorded: boolean
  /** Whether there is such an object now. A name that is misspelt has no changes either. */
  readonly exists: "yes" | "no" | "unknown"
}

const existence = (target: ResourceRef, reading: GraphReader.Reading, isKnown: boolean): ChangesOfTarget["exists"] => {
  if (isKnown || reading.objects.some((object) => sameRef(refOf(object), target))) return "yes"
  return reading.unread.includes(target.kind) ? "unknown" : "no"
}

/** The nodes on which the target runs; `undefined` where that could not be read. */
const nodesOf = (client: KubernetesClient["Service"], target: ResourceRef) =>
  readWorkload(target).pipe(
    Effect.provideService(KubernetesClient, client),
    Effect.timeout(readWithin),
    Effect.match({ onSuccess: ({ nodes = [] }) => nodes, onFailure: () => undefined })
  )

/** Reads the graph of a target, and the changes of its objects that `query` asks for. */
export const changesOfTarget = (
  journal: ChangeJournal["Service"],
  client: KubernetesClient["Service"],
  target: ResourceRef,
  query: Omit<ChangeQuery, "refs">
): Effect.Effect<ChangesOfTarget, StorageError> =>
  Effect.gen(function* () {
    const { since, until } = query
    const interval = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
    const [all, reading, nodes] = yield* Effect.all(
      [
        listed(journal, [target], interval),
        GraphReader.read(client, { starts: [target], within: readWithin }),
        nodesOf(client, target)
      ],
      { concurrency: "unbounded" }
    )
    const { states } = knownOf(all.changes, journal.present)
    const present = journal.present(target)
    const graph = DependencyGraph.build(
      [target],
      [...reading.objects, ...(present === undefined ? [] : [present]), ...states],
      nodes
    )
    const notRecorded = query.kinds === undefined ? unrecorded(graph.nodes, journal.kinds) : []
    const changes = yield* journal.list({ ...query, refs: graph.nodes.map(({ ref }) => ref) })
    return {
      exists: existence(target, reading, present !== undefined),
      changes: changes.map((change): RelatedChange => {
        const node = graph.find(change.ref)
        return {
          change,
          relation: node?.relation ?? "",
          distance: sameRef(change.ref, target) ? 0 : (node?.distance ?? 0)
        }
      }),
      isPartlyRecorded: notRecorded.length > 0,
      kinds: [...new Set(graph.nodes.map(({ ref }) => ref.kind))],
      unread: [
        ...reading.unread,
        ...notRecorded,
        ...(nodes === undefined && !reading.unread.includes("Pod") ? ["Pod"] : []),
        ...tooMany(all.moreUntilMs)
      ]
    }
  })
