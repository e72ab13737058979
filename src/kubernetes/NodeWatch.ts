/**
 * The nodes of the cluster, read at most twice a minute: where they are, and which have become unready.
 *
 * How long a node has been unready is told by its condition, but it is no longer than since we last saw it ready, and
 * no less than since we first saw it unready: the clock of the cluster may be behind ours or ahead of it, and a node
 * that no kubelet has ever reported has no such condition.
 *
 * A node that is starting is not ready either. It counts as never ready while we have not seen it ready and its
 * condition is as old as the node: a kubelet registers its node as not ready, with a condition of that moment.
 */

import { Clock, Effect, Semaphore } from "effect"
import type { NodePlaces } from "../domain/Places.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { KubernetesClient, KubernetesObject } from "./KubernetesClient.ts"
import { placeOf } from "./NodePools.ts"
import { conditionOf, type Node } from "./ObjectModel.ts"

export interface WatchedNode {
  readonly name: string
  readonly ready: boolean
  /** For how long it has not been ready. 0 for a ready node. */
  readonly unreadyForMs: number
  /** The age of a node that has never been ready. Absent: it has been, or that is not known. */
  readonly neverReadyForMs?: number
}

export interface Nodes {
  readonly places: NodePlaces
  readonly nodes: ReadonlyArray<WatchedNode>
}

/** How long a list is used. */
const freshMs = 30_000

/** How long a list may take. Without it, nothing is known about nodes. */
const timeout = "10 seconds"

interface Now {
  readonly wallMs: number
  readonly atMs: number
}

/** By the monotonic clock, and by the uids of nodes: a node may be created again under its name. */
interface Sightings {
  /** When a node was last seen ready. */
  readonly readyMs: Map<string, number>
  /** When a node was first seen unready since then. */
  readonly unreadyMs: Map<string, number>
  /** When a node was first listed, and when it was last not listed. */
  readonly listedMs: Map<string, { readonly firstMs: number; readonly notBeforeMs: number }>
}

/** How much younger than its node a condition may be that says since the registration that the node is not ready. */
const registrationMs = 60_000

/** The age of a node: by its object, but no less than we have seen it for, and no more than since a list without it. */
const ageOf = ({ metadata }: KubernetesObject, { listedMs }: Sightings, { atMs, wallMs }: Now): number | undefined => {
  const createdMs = Date.parse(metadata.creationTimestamp ?? "")
  if (Number.isNaN(createdMs)) return undefined
  const { firstMs, notBeforeMs } = listedMs.get(metadata.uid) ?? { firstMs: atMs, notBeforeMs: -Infinity }
  return Math.min(Math.max(0, wallMs - createdMs, atMs - firstMs), atMs - notBeforeMs)
}

/** Whether nothing says that a node which is not ready has ever been. */
const isNeverReady = (object: KubernetesObject, { readyMs }: Sightings): boolean => {
  if (readyMs.has(object.metadata.uid)) return false
  const condition = conditionOf((object as Node).status?.conditions, "Ready")
  if (condition === undefined || condition.reason === "NodeStatusNeverUpdated") return true
  const sinceMs = Date.parse(condition.lastTransitionTime ?? "")
  const createdMs = Date.parse(object.metadata.creationTimestamp ?? "")
  return !Number.isNaN(sinceMs) && sinceMs - createdMs <= registrationMs
}

const watched = (object: KubernetesObject, sightings: Sightings, now: Now): WatchedNode => {
  const { readyMs, unreadyMs } = sightings
  const { atMs, wallMs } = now
  const { name, uid } = object.metadata
  const condition = conditionOf((object as Node).status?.conditions, "Ready")
  if (condition?.status === "True") {
    readyMs.set(uid, atMs)
    unreadyMs.delete(uid)
    return { name, ready: true, unreadyForMs: 0 }
  }
  const firstMs = unreadyMs.get(uid) ?? atMs
  unreadyMs.set(uid, firstMs)
  const sinceMs = Date.parse(condition?.lastTransitionTime ?? "")
  const byCondition = Number.isNaN(sinceMs) ? 0 : Math.max(0, wallMs - sinceMs)
  const unreadyForMs = Math.min(Math.max(byCondition, atMs - firstMs), atMs - (readyMs.get(uid) ?? -Infinity))
  const neverReadyForMs = isNeverReady(object, sightings) ? ageOf(object, sightings, now) : undefined
  return { name, ready: false, unreadyForMs, ...(neverReadyForMs === undefined ? {} : { neverReadyForMs }) }
}

/** The newest list of the nodes; `undefined` where they could not be read. */
export const make = Effect.fnUntraced(function* (client: KubernetesClient["Service"]) {
  const oneAtATime = yield* Semaphore.make(1)
  const sightings: Sightings = { readyMs: new Map(), unreadyMs: new Map(), listedMs: new Map() }
  /** When the nodes were last read. */
  let readAtMs: number | undefined
  let latest: { readonly atMs: number; readonly nodes: Nodes | undefined } | undefined

  const read = client.list("Node", {}).pipe(
    Effect.timeout(timeout),
    Effect.flatMap((objects) =>
      Effect.map(Effect.zip(Clock.currentTimeMillis, Monotonic.nowMs), ([wallMs, atMs]): Nodes => {
        const uids = new Set(objects.map(({ metadata }) => metadata.uid))
        for (const seen of Object.values(sightings)) for (const uid of seen.keys()) if (!uids.has(uid)) seen.delete(uid)
        for (const uid of uids)
          if (!sightings.listedMs.has(uid))
            sightings.listedMs.set(uid, { firstMs: atMs, notBeforeMs: readAtMs ?? -Infinity })
        readAtMs = atMs
        return {
          places: new Map(objects.map((object) => [object.metadata.name, placeOf(object)])),
          nodes: objects.map((object) => watched(object, sightings, { wallMs, atMs }))
        }
      })
    ),
    Effect.catch((error) =>
      Effect.as(
        Effect.logDebug("The nodes could not be read", {
          reason: error._tag === "KubernetesError" ? error.reason._tag : error._tag
        }),
        undefined
      )
    )
  )

  const current: Effect.Effect<Nodes | undefined> = Effect.gen(function* () {
    if (latest !== undefined && (yield* Monotonic.nowMs) - latest.atMs < freshMs) return latest.nodes
    const nodes = yield* read
    latest = { atMs: yield* Monotonic.nowMs, nodes }
    return nodes
  })
  return { current: oneAtATime.withPermit(current) }
})
