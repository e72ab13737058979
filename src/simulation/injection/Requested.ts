/**
 * What somebody asks to be injected. It knows nothing of the catalogue, so that reading the settings does not load the
 * simulator.
 */

import { Schema } from "effect"

/** A kind by its name, or with parameters of one's own: then it stands for as long as the service runs. */
export const Requested = Schema.Union([
  Schema.NonEmptyString,
  Schema.Struct({ kind: Schema.NonEmptyString, parameters: Schema.JsonObject })
])
export type Requested = typeof Requested.Type

/** The kind that is asked for. */
export const nameOf = (requested: Requested): string => (typeof requested === "string" ? requested : requested.kind)
