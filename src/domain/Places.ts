/**
 * Where a target runs and what it needs from outside: what it shares with other targets. Targets that share a failed
 * image registry, zone or node fail in the same way, and the same action helps none of them.
 */

import { Schema } from "effect"

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

/**
 * The host of the registry of an image. An image without a host comes from Docker Hub.
 *
 * A first part is a host if it has a dot or a port, or is `localhost`. That is how container runtimes read it.
 */
export const registryOf = (image: string): string => {
  const [first = "", ...rest] = image.split("/")
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io"
}
