/**
 * Reads what the earlier template of a rollback names and the present one does not, and what serves behind the hosts in
 * which both differ. Where both name the same, nothing is read: most releases change an image.
 */

import { Effect } from "effect"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { KubernetesClient, KubernetesError } from "../kubernetes/KubernetesClient.ts"
import type { Kind } from "../kubernetes/ObjectModel.ts"
import { movesOf } from "./actions/Destinations.ts"
import { onlyIn } from "./actions/NamedObjects.ts"
import { relabels, type States } from "./actions/RestoredEndpoints.ts"
import { choosesNodes, keysNeededAgain, namedAgain } from "./actions/RestoredReferences.ts"
import { type Cautions, cautiously, found } from "./Cautions.ts"
import { readDestinations } from "./DestinationObjects.ts"
import type { PlanObjects } from "./Plan.ts"

type Client = KubernetesClient["Service"]
type Read = Effect.Effect<Cautions, KubernetesError>

/** What others have changed in a namespace since a time, newest first. `laterCut`: not all of it is known. */
export type ChangesSince = (
  namespace: string,
  since: Timestamp
) => Effect.Effect<{ readonly later: ReadonlyArray<ObjectChange>; readonly laterCut: boolean }>

const namespaceOf = ({ now }: States): string => now.metadata.namespace ?? ""

/** The objects that are named again, those included of which another key is needed. */
const refsAgain = (states: States): ReadonlyArray<ResourceRef> => {
  const configs = [...keysNeededAgain(states).keys()].map((name) => ({
    namespace: namespaceOf(states),
    kind: "ConfigMap",
    name
  }))
  return onlyIn([...namedAgain(states), ...configs], [])
}

const together = (reads: ReadonlyArray<Cautions>): Cautions => ({
  found: reads.flatMap(({ found }) => found),
  unread: reads.flatMap(({ unread }) => unread)
})

/** Everything around the two templates that shows whether the earlier one runs still. */
export const readEarlierTemplate = Effect.fnUntraced(function* (
  client: Client,
  { releasedAt, states }: { readonly states: States; readonly releasedAt: Timestamp | undefined },
  changesSince: ChangesSince | undefined
): Effect.fn.Return<Cautions & Pick<PlanObjects, "later" | "laterCut">, KubernetesError> {
  const refs = refsAgain(states)
  const words = movesOf(states, () => true).flatMap(({ former }) => former)
  const namespace = namespaceOf(states)
  const reads: ReadonlyArray<Read> = [
    ...refs.map((ref) => cautiously(ref.kind as Kind, found(client, ref))),
    ...(choosesNodes(states) ? [cautiously("Node", client.list("Node", {}))] : []),
    ...(relabels(states) ? [cautiously("Service", client.list("Service", { namespace }))] : [])
  ]
  const around = yield* Effect.all(reads, { concurrency: 4 })
  const led = words.length > 0 ? yield* readDestinations(client, states) : { found: [], unread: [] }
  const all = together([...around, led])
  if (changesSince === undefined || releasedAt === undefined || (refs.length === 0 && words.length === 0)) return all
  const { later, laterCut } = yield* changesSince(namespace, releasedAt)
  // A word that is the name of no Service, such as a level of the log, may be anything.
  const isAtStake = refs.length > 0 || led.found.length > 0 || words.some(({ isSure }) => isSure)
  return { ...all, later, laterCut: laterCut && isAtStake }
})
