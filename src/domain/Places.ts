/**
 * Where a target runs and what it needs from outside: what it shares with other targets. Targets that share a failed
 * image registry, zone or node fail in the same way, and the same action helps none of them.
 */

import { Schema } from "effect"
import type { WorkloadState } from "./WorkloadState.ts"

/** What a target shares with others. An empty list: nothing is known. */
export const Places = Schema.Struct({
  /** The hosts of the registries of its images, such as `registry.k8s.io`. */
  registries: Schema.Array(Schema.String),
  /** The nodes of its pods that are not ready; if all are ready, of all its pods. For a node, the node itself. */
  nodes: Schema.Array(Schema.String),
  /** The zones of those nodes. */
  zones: Schema.Array(Schema.String),
  /** The pools of those nodes. */
  pools: Schema.Array(Schema.String)
})
export type Places = typeof Places.Type

/** Where one node is. */
export interface NodePlace {
  readonly zone?: string
  readonly pool: string
}

/** The places of nodes by their names. */
export type NodePlaces = ReadonlyMap<string, NodePlace>

const distinct = (names: ReadonlyArray<string | undefined>): ReadonlyArray<string> =>
  [...new Set(names.filter((name) => name !== undefined))].sort()

/** What a target shares, given where the nodes of the cluster are. */
export const placesOf = (
  { nodes = [], registries = [] }: Pick<WorkloadState, "nodes" | "registries">,
  known: NodePlaces = new Map()
): Places => {
  const places = nodes.map((node) => known.get(node))
  return {
    registries,
    nodes,
    zones: distinct(places.map((place) => place?.zone)),
    pools: distinct(places.map((place) => place?.pool))
  }
}

/**
 * The pools whose budget an action takes a token of: the pool of a node, and the one pool on which all pods of a
 * workload run. Nodes without the label of a pool are one for nodes only; to a workload they are the cluster.
 */
export const poolsOf = (kind: string, pools: ReadonlyArray<string>): ReadonlyArray<string> =>
  pools.length === 1 && (kind === "Node" || pools[0]?.includes("=") === true) ? pools : []

/**
 * The host of the registry of an image. An image without a host comes from Docker Hub.
 *
 * A first part is a host if it has a dot or a port, or is `localhost`. That is how container runtimes read it.
 */
export const registryOf = (image: string): string => {
  const [first = "", ...rest] = image.split("/")
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io"
}
