/**
 * A requested injection. It does not import the catalogue of faults, so that reading the settings does not load the
 * simulator.
 */

import { Schema } from "effect"

/** A kind by name, or with given parameters: then it is active as long as the service runs. */
export const Requested = Schema.Union([
  Schema.NonEmptyString,
  Schema.Struct({ kind: Schema.NonEmptyString, parameters: Schema.JsonObject })
])
export type Requested = typeof Requested.Type

/** The name of the requested kind. */
export const nameOf = (requested: Requested): string => (typeof requested === "string" ? requested : requested.kind)
