/**
 * Kinds in the graph of a target whose changes nobody records, such as that of a custom owner. Pure.
 *
 * A change of theirs may be the cause and is not known, so with one of them "nothing changed" is never said. The
 * setting `KUBERNAUT_CHANGES_KINDS` makes the journal record a custom kind.
 */

import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import * as DependencyGraph from "./DependencyGraph.ts"

/**
 * Nobody changes these to configure something: they say what happens. Of a volume that a claim is bound to, the source
 * is immutable, and it is not deleted before the claim.
 */
const withoutIntent: ReadonlySet<string> = new Set([
  "Alert",
  "Pod",
  "Event",
  "Endpoints",
  "ControllerRevision",
  "PersistentVolume"
])

/** Says which kinds of these objects are not recorded. Where nothing is recorded, the gaps say so. */
export const unrecorded = (
  nodes: ReadonlyArray<{ readonly ref: ResourceRef }>,
  recorded: ReadonlyArray<string>
): ReadonlyArray<string> =>
  recorded.length === 0
    ? []
    : [...new Set(nodes.map(({ ref }) => ref.kind))]
        .filter((kind) => !recorded.includes(kind) && !withoutIntent.has(kind))
        .toSorted()
        .map((kind) => `changes of ${kind}, which is not recorded`)

const mostRounds = 5

/**
 * The graph of what the journal knows, without a request. `undefined` where it does not know one of the objects that it
 * begins with: what that depends on has to be read.
 */
export const knownGraph = (
  starts: ReadonlyArray<ResourceRef>,
  present: (ref: ResourceRef) => KubernetesObject | undefined
): DependencyGraph.DependencyGraph | undefined => {
  if (starts.some((ref) => ref.kind !== "Alert" && present(ref) === undefined)) return undefined
  let graph = DependencyGraph.build(starts, [])
  let known = 0
  for (let round = 0; round < mostRounds; round++) {
    const objects = graph.nodes.flatMap(({ ref }) => present(ref) ?? [])
    if (objects.length === known) break
    known = objects.length
    graph = DependencyGraph.build(starts, objects)
  }
  return graph
}
