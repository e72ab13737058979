/** Reads the objects that the plan of an action depends on. */

import { Effect } from "effect"
import type { Action } from "../domain/Action.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { controllerOfKind } from "../kubernetes/Ownership.ts"
import { asKind, type PlanObjects } from "./Plan.ts"

type Client = KubernetesClient["Service"]

/** The object, or `undefined` if it does not exist. */
export const find = (client: Client, ref: ResourceRef): Effect.Effect<KubernetesObject | undefined, KubernetesError> =>
  Effect.catchReason(client.get(ref), "KubernetesError", "NotFound", () => Effect.undefined)

const found = (client: Client, ref: ResourceRef): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> =>
  Effect.map(find(client, ref), (object) => (object === undefined ? [] : [object]))

const relatedOf = (
  client: Client,
  action: Action,
  subject: KubernetesObject
): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> => {
  const { namespace } = action.target
  switch (action.type) {
    case "ScaleWorkload":
      return client.list("HorizontalPodAutoscaler", { namespace })
    case "RollbackDeployment": {
      const labels = asKind(subject, "Deployment")?.spec.selector.matchLabels
      return client.list("ReplicaSet", { namespace, ...(labels === undefined ? {} : { labelSelector: labels }) })
    }
    case "DrainNode":
      return client.list("Pod", {})
    case "ExpandVolume": {
      const name = asKind(subject, "PersistentVolumeClaim")?.spec.storageClassName
      return name === undefined || name === ""
        ? Effect.succeed([])
        : found(client, { namespace: "", kind: "StorageClass", name })
    }
    case "QuarantinePod": {
      const owner = controllerOfKind(subject, "ReplicaSet")
      return Effect.map(
        Effect.all([
          client.list("Service", { namespace }),
          owner === undefined ? Effect.succeed([]) : found(client, { namespace, kind: "ReplicaSet", name: owner.name })
        ]),
        ([services, owners]) => [...services, ...owners]
      )
    }
    default:
      return Effect.succeed([])
  }
}

/** The current objects. An action that changes nothing, and a subject that does not exist, need no others. */
export const readObjects = Effect.fnUntraced(function* (
  client: Client,
  action: Action
): Effect.fn.Return<PlanObjects, KubernetesError> {
  if (action.type === "Notify" || action.type === "CollectDiagnostics") return { subject: undefined, related: [] }
  const subject = yield* find(client, action.target)
  return { subject, related: subject === undefined ? [] : yield* relatedOf(client, action, subject) }
})
