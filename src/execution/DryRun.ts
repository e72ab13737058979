/** Dry runs: whether the API server accepts a change of the current object. */

import { Effect } from "effect"
import type { Change } from "../domain/Change.ts"
import { find, type KubernetesClient, KubernetesError, type KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { plannedVersion } from "./ObjectPatch.ts"

/** A refused patch is a conflict if the object is no longer the one that it was planned on. */
const conflictOf = (
  client: KubernetesClient["Service"],
  change: Change,
  refused: KubernetesError
): Effect.Effect<KubernetesError> =>
  find(client, change.ref).pipe(
    Effect.map((object) =>
      object !== undefined && object.metadata.resourceVersion === plannedVersion(change)
        ? refused
        : new KubernetesError({ ...refused, reason: { _tag: "Conflict" } })
    ),
    // What cannot be read again does not change what the server said.
    Effect.orElseSucceed(() => refused)
  )

/**
 * Validates a change on the server without storing it, and returns the object that it would leave.
 *
 * The API server applies a patch before it compares versions. If somebody changes the object after it was read, a path
 * of the patch may be missing, and the patch is invalid instead of a conflict.
 */
export const dryRun = (
  client: KubernetesClient["Service"],
  change: Change
): Effect.Effect<KubernetesObject | undefined, KubernetesError> =>
  client.apply(change, { dryRun: true }).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "Invalid" && plannedVersion(change) !== undefined,
      (refused) => Effect.flatMap(conflictOf(client, change, refused), Effect.fail)
    )
  )
