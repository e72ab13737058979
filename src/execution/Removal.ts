/**
 * Whether an object that was to be removed is gone.
 *
 * "Not found" shows no version: an API server or a proxy that lags says it of an object that is too new for it, and it
 * would count as removed although it is still there. A write is never served from a cache, so a dry run of the removal
 * shows whether the object exists. It changes nothing, and needs no other right than the removal.
 */

import { Effect } from "effect"
import type { Change } from "../domain/Change.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { waitOut } from "../kubernetes/NotNow.ts"
import type { Presence } from "./Presence.ts"

export const isRemoval = ({ _tag }: Change): boolean => _tag === "Evict" || _tag === "Delete"

/** Whether the response to a removal shows that the object it is about is gone. */
export const isGone = (change: Change, error: KubernetesError): boolean =>
  isRemoval(change) && (error.reason._tag === "NotFound" || error.reason._tag === "Conflict")

/** Whether what was read says nothing about the version from which it is. */
const isUndated = (change: Change, object: KubernetesObject | undefined): boolean =>
  object === undefined || (change._tag === "Delete" && object.metadata.uid !== change.uid)

/**
 * The presence of a change, after `read` has shown it. A removal that seems to have happened is asked about once more:
 * if the object exists, the read was out of date.
 */
export const confirmed = (
  client: KubernetesClient["Service"],
  change: Change,
  object: KubernetesObject | undefined,
  read: Presence
): Effect.Effect<Presence, KubernetesError> => {
  if (!isRemoval(change) || read !== "present" || !isUndated(change, object)) return Effect.succeed(read)
  return waitOut(client.apply(change, { dryRun: true })).pipe(
    Effect.as<Presence>("absent"),
    Effect.catch((error) => {
      if (isGone(change, error)) return Effect.succeed<Presence>("present")
      return error.reason._tag === "DisruptionBudget" ? Effect.succeed<Presence>("absent") : Effect.fail(error)
    })
  )
}
