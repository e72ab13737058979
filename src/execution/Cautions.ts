/** Reads objects that show whether an action is harmless, and that Kubernaut may be without the permission to read. */

import { Effect } from "effect"
import type { ResourceRef } from "../domain/Target.ts"
import {
  find,
  type KubernetesClient,
  type KubernetesError,
  type KubernetesObject
} from "../kubernetes/KubernetesClient.ts"
import type { Kind } from "../kubernetes/ObjectModel.ts"
import { keyOf } from "./actions/NamedObjects.ts"
import { refOf } from "./ObjectPatch.ts"

type Client = KubernetesClient["Service"]

/** The object; nothing if it does not exist. */
export const found = (
  client: Client,
  ref: ResourceRef
): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> =>
  Effect.map(find(client, ref), (object) => (object === undefined ? [] : [object]))

/** What was found, and what Kubernaut may not read. */
export interface Cautions {
  readonly found: ReadonlyArray<KubernetesObject>
  readonly unread: ReadonlyArray<Kind>
}

/** Each object once: several cautions may read the same one, such as a pod behind a Service of its own workload. */
export const eachOnce = (objects: ReadonlyArray<KubernetesObject>): ReadonlyArray<KubernetesObject> => [
  ...new Map(objects.map((each) => [keyOf(refOf(each)), each])).values()
]

/** The objects that a caution reads, or its kind if Kubernaut may not read them. */
export const cautiously = (
  kind: Kind,
  read: Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError>
): Effect.Effect<Cautions, KubernetesError> =>
  read.pipe(
    Effect.map((found): Cautions => ({ found, unread: [] })),
    Effect.catchReason("KubernetesError", "Forbidden", () => Effect.succeed<Cautions>({ found: [], unread: [kind] }))
  )
