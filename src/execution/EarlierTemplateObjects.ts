/**
 * Reads what the earlier template of a rollback names and the present one does not, and what serves behind the hosts in
 * which both differ. Where both name the same, nothing is read: most releases change an image.
 */

import { Effect } from "effect"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { Kind } from "../kubernetes/ObjectModel.ts"
import { sendsMoreTo } from "./actions/Destinations.ts"
import { onlyIn } from "./actions/NamedObjects.ts"
import { relabels, selectorOf, type States } from "./actions/RestoredEndpoints.ts"
import { choosesNodes, keysNeededAgain, namedAgain } from "./actions/RestoredReferences.ts"
import { type Cautions, cautiously, found } from "./Cautions.ts"
import { refOf } from "./ObjectPatch.ts"
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

/** Hosts may be any words, so no more Services of other namespaces are looked for. */
const mostElsewhere = 5

const podsBehind = (client: Client, service: KubernetesObject): ReadonlyArray<Read> => {
  const labelSelector = selectorOf(service)
  const { namespace = "" } = service.metadata
  return labelSelector === undefined ? [] : [cautiously("Pod", client.list("Pod", { namespace, labelSelector }))]
}

const together = (reads: ReadonlyArray<Cautions>): Cautions => ({
  found: reads.flatMap(({ found }) => found),
  unread: reads.flatMap(({ unread }) => unread)
})

/** The Services of which only one of the templates has the host, and the pods behind them. */
const readHosts = Effect.fnUntraced(function* (
  client: Client,
  states: States,
  own: Cautions
): Effect.fn.Return<Cautions, KubernetesError> {
  const { earlier, now } = states
  const refs = onlyIn([...sendsMoreTo(earlier, now), ...sendsMoreTo(now, earlier)], [])
  const elsewhere = refs.filter(({ namespace }) => namespace !== namespaceOf(states)).slice(0, mostElsewhere)
  // One of another namespace that may not be read is no known Service.
  const others = yield* Effect.forEach(elsewhere, (ref) => cautiously("Service", found(client, ref)), {
    concurrency: 4
  })
  const services = [...own.found, ...others.flatMap(({ found }) => found)].filter((each) =>
    refs.some((ref) => sameRef(ref, refOf(each)))
  )
  const pods = yield* Effect.all(
    services.flatMap((each) => podsBehind(client, each)),
    { concurrency: 4 }
  )
  return together([...others.map((each) => ({ ...each, unread: [] })), ...pods])
})

/** Everything around the two templates that shows whether the earlier one runs still. */
export const readEarlierTemplate = Effect.fnUntraced(function* (
  client: Client,
  { releasedAt, states }: { readonly states: States; readonly releasedAt: Timestamp | undefined },
  changesSince: ChangesSince | undefined
): Effect.fn.Return<Cautions & Pick<PlanObjects, "later" | "laterCut">, KubernetesError> {
  const { earlier, now } = states
  const refs = refsAgain(states)
  const sends = sendsMoreTo(earlier, now).length > 0
  const namespace = namespaceOf(states)
  const reads: ReadonlyArray<Read> = [
    ...refs.map((ref) => cautiously(ref.kind as Kind, found(client, ref))),
    ...(choosesNodes(states) ? [cautiously("Node", client.list("Node", {}))] : []),
    ...(sends || relabels(states)
      ? [
          Effect.gen(function* () {
            const own = yield* cautiously("Service", client.list("Service", { namespace }))
            return sends ? together([own, yield* readHosts(client, states, own)]) : own
          })
        ]
      : [])
  ]
  const later =
    changesSince !== undefined && releasedAt !== undefined && (refs.length > 0 || sends)
      ? yield* changesSince(namespace, releasedAt)
      : {}
  return { ...together(yield* Effect.all(reads, { concurrency: 4 })), ...later }
})
