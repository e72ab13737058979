/**
 * The nodes of the cluster, read at most twice a minute: where they are, and which have become unready.
 *
 * How long a node has been unready is told by its condition, but it is no longer than since we last saw it ready, and
 * no less than since we first saw it unready: the clock of the cluster may be behind ours or ahead of it, and a node
 * that no kubelet has ever reported has no such condition.
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

/** By the monotonic clock, and by the names of nodes. */
interface Sightings {
  /** When a node was last seen ready. */
  readonly readyMs: Map<string, number>
  /** When a node was first seen unready since then. */
  readonly unreadyMs: Map<string, number>
}

const watched = (object: KubernetesObject, { readyMs, unreadyMs }: Sightings, { atMs, wallMs }: Now): WatchedNode => {
  const { name } = object.metadata
  const condition = conditionOf((object as Node).status?.conditions, "Ready")
  if (condition?.status === "True") {
    readyMs.set(name, atMs)
    unreadyMs.delete(name)
    return { name, ready: true, unreadyForMs: 0 }
  }
  const firstMs = unreadyMs.get(name) ?? atMs
  unreadyMs.set(name, firstMs)
  const sinceMs = Date.parse(condition?.lastTransitionTime ?? "")
  const byCondition = Number.isNaN(sinceMs) ? 0 : Math.max(0, wallMs - sinceMs)
  const unreadyForMs = Math.min(Math.max(byCondition, atMs - firstMs), atMs - (readyMs.get(name) ?? -Infinity))
  return { name, ready: false, unreadyForMs }
}

/** The newest list of the nodes; `undefined` where they could not be read. */
export const make = Effect.fnUntraced(function* (client: KubernetesClient["Service"]) {
  const oneAtATime = yield* Semaphore.make(1)
  const sightings: Sightings = { readyMs: new Map(), unreadyMs: new Map() }
  let latest: { readonly atMs: number; readonly nodes: Nodes | undefined } | undefined

  const read = client.list("Node", {}).pipe(
    Effect.timeout(timeout),
    Effect.flatMap((objects) =>
      Effect.map(Effect.zip(Clock.currentTimeMillis, Monotonic.nowMs), ([wallMs, atMs]): Nodes => {
        const names = new Set(objects.map(({ metadata }) => metadata.name))
        for (const seen of [sightings.readyMs, sightings.unreadyMs])
          for (const name of seen.keys()) if (!names.has(name)) seen.delete(name)
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
