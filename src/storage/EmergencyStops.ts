/** The emergency stop on record. It is durable, and every process on the same database obeys it. */

import { Context, type Effect, type Option } from "effect"
import type { EmergencyStop } from "../domain/EmergencyStop.ts"
import type { StorageError } from "./StorageError.ts"

/** An operator's order, for the audit log. */
export interface StopOrder {
  readonly by: string
  readonly reason?: string
}

/** Sets, lifts and reads the emergency stop. Provided by the layers of `Storage`. */
export class EmergencyStops extends Context.Service<
  EmergencyStops,
  {
    /** The stop that is set, as of the last commit of any process. */
    readonly current: Effect.Effect<Option.Option<EmergencyStop>, StorageError>
    /**
     * Sets the stop and returns it after the commit. If one is set already, that one stays. Each order is audited in
     * the same transaction.
     */
    readonly set: (order: StopOrder) => Effect.Effect<EmergencyStop, StorageError>
    /** Lifts the stop and returns the one that was set, if any. */
    readonly lift: (order: StopOrder) => Effect.Effect<Option.Option<EmergencyStop>, StorageError>
  }
>()("kubernaut/storage/EmergencyStops") {}
