/** Reads the target's state from the cluster, for the investigation and for the decision. */

import { Cause, Effect } from "effect"
import type { Remediation } from "../../domain/Remediation.ts"
import { resourceRef } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
import { waitOut } from "../../kubernetes/NotNow.ts"
import { readWorkload } from "../../kubernetes/WorkloadReader.ts"

/**
 * The target's state, or `null` when the cluster has not responded for as long as the work has patience, refuses the
 * read, or has an object that cannot be understood, or the alert names no object. Without a state no action is taken,
 * but the alert is still investigated.
 */
export type Observe = (self: Remediation) => Effect.Effect<WorkloadState | null>

export const make = Effect.map(
  KubernetesClient,
  (kubernetes): Observe =>
    ({ target }) =>
      target.kind === "Alert"
        ? Effect.succeed(null)
        : waitOut(readWorkload(resourceRef(target))).pipe(
            Effect.provideService(KubernetesClient, kubernetes),
            Effect.catch((error) =>
              Effect.as(Effect.logWarning("Target could not be read", { reason: error.reason._tag }), null)
            ),
            // An object that nobody expected would otherwise end each activation, and the alert would stay open for ever.
            Effect.catchDefect((defect) =>
              Effect.as(Effect.logError("Target could not be read", Cause.die(defect), { reason: "defect" }), null)
            )
          )
)
