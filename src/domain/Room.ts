/**
 * How much fits into a namespace, by its quotas and LimitRanges: what alternatives to an action that does not fit are
 * made from.
 */

import { Schema } from "effect"
import { Shortage } from "./Failure.ts"

/** How much of one resource a container may have. Quantities, rounded so that they fit. */
export const ResourceBounds = Schema.Struct({
  list: Schema.Literals(["requests", "limits"]),
  resource: Schema.String,
  /** What the container has now. Absent: nothing. */
  from: Schema.optionalKey(Schema.String),
  /** Absent: any amount fits. */
  most: Schema.optionalKey(Schema.String),
  least: Schema.optionalKey(Schema.String)
})
export type ResourceBounds = typeof ResourceBounds.Type

export const Room = Schema.Struct({
  /** The lines of quotas that the action would exceed. Empty if a LimitRange is in the way. */
  shortages: Schema.Array(Shortage),
  /** For a change of the replica count: the count now, and the largest one whose pods all fit. */
  replicas: Schema.optionalKey(Schema.Struct({ now: Schema.Int, most: Schema.Int })),
  /** For a change of a container's resources: the bounds of every resource that it changes. */
  resources: Schema.optionalKey(Schema.Array(ResourceBounds))
})
export type Room = typeof Room.Type
