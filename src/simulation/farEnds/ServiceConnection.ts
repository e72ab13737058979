/** How the outside world speaks to the service: over a connection that breaks when the service's process ends. */

import { type Effect, Schema } from "effect"
import type { Degradation } from "../../health/Degradation.ts"
import type { HealthSupervisor } from "../../health/HealthSupervisor.ts"
import type { Kubernaut } from "../../Kubernaut.ts"
import type { RemediationActors } from "../../remediation/RemediationActors.ts"
import type { Reviews } from "../../remediation/Reviews.ts"
import type { RollbackRequests } from "../../remediation/RollbackRequests.ts"
import type { AuditLog } from "../../storage/AuditLog.ts"
import type { RemediationStore } from "../../storage/RemediationStore.ts"
import type { StandingOrders } from "../../storage/StandingOrders.ts"
import type { StorageHealth } from "../../storage/StorageHealth.ts"
import type { Process } from "../engine/Process.ts"

/** No response: the service was down, or went down before it responded. It may have carried out the request. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {}) {}

/** What the routes for operators are built on. */
export interface OperatorApi {
  readonly store: RemediationStore["Service"]
  readonly actors: RemediationActors["Service"]
  readonly reviews: Reviews["Service"]
  readonly rollbackRequests: RollbackRequests["Service"]
  readonly health: HealthSupervisor["Service"]
  readonly audit: AuditLog["Service"]
  readonly storage: StorageHealth["Service"]
  readonly degradation: Degradation["Service"]
  readonly orders: StandingOrders["Service"]
}

export interface ServiceConnection {
  /**
   * Sends a request from another process. The work continues in the service when the caller gives up; it is cut off
   * when the service's process ends.
   */
  readonly call: <A, E>(
    caller: Process,
    request: (kubernaut: Kubernaut["Service"]) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | Unreachable>
  /** The same for operators: the routes for reviews are these parts and little else. */
  readonly callOperatorApi: <A, E>(
    caller: Process,
    request: (api: OperatorApi) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | Unreachable>
}
