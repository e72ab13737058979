/** Reads the objects that the plan of a `RestoreObject` depends on. */

import { Effect } from "effect"
import { type Action, appliesToItsTarget } from "../domain/Action.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import { find as resourceOf } from "../kubernetes/ApiResource.ts"
import {
  find,
  type KubernetesClient,
  type KubernetesError,
  type KubernetesObject
} from "../kubernetes/KubernetesClient.ts"
import type { Kind, Labels } from "../kubernetes/ObjectModel.ts"
import { touchesTemplate } from "./actions/RestoredTemplate.ts"
import { type Cautions, cautiously, found } from "./Cautions.ts"
import { asKind, type PlanObjects } from "./Plan.ts"

type Client = KubernetesClient["Service"]
type Reads = ReadonlyArray<Effect.Effect<Cautions, KubernetesError>>

interface Of {
  /** The target of the alert. */
  readonly target: ResourceRef
  readonly change?: ObjectChange | undefined
}

const listed = (
  client: Client,
  kind: Kind,
  options: { readonly namespace?: string; readonly labelSelector?: Labels }
) => cautiously(kind, client.list(kind, options))

const podsOf = (client: Client, workload: KubernetesObject | undefined): Reads => {
  const typed = workload && asKind(workload, "Deployment", "StatefulSet", "DaemonSet")
  if (typed === undefined) return []
  const { matchLabels } = typed.spec.selector
  const options = {
    namespace: typed.metadata.namespace ?? "",
    ...(matchLabels === undefined ? {} : { labelSelector: matchLabels })
  }
  return [
    listed(client, "Pod", options),
    ...(typed.kind === "Deployment" ? [] : [listed(client, "ControllerRevision", options)])
  ]
}

/** The owners that the recorded object names, so that it is not given one that is gone. */
const ownersOf = (client: Client, { manifest, ref }: ObjectChange): Reads => {
  const { ownerReferences = [] } = (manifest?.["metadata"] ?? {}) as {
    readonly ownerReferences?: ReadonlyArray<{ readonly kind: string; readonly name: string }>
  }
  return ownerReferences.flatMap(({ kind, name }) => {
    const resource = resourceOf(kind)
    return resource === undefined
      ? []
      : [cautiously(kind as Kind, found(client, { namespace: resource.namespaced ? ref.namespace : "", kind, name }))]
  })
}

const readsOf = (
  client: Client,
  change: ObjectChange,
  subject: KubernetesObject | undefined,
  target: KubernetesObject | undefined
): Reads => {
  const { kind, namespace } = change.ref
  const replaces = touchesTemplate(change) || kind === "ConfigMap"
  return [
    ...(namespace === ""
      ? []
      : [cautiously("Namespace", found(client, { namespace: "", kind: "Namespace", name: namespace }))]),
    ...(change.operation === "deleted" ? ownersOf(client, change) : []),
    // A node port belongs to one Service of the cluster.
    ...(kind === "Service" && change.operation === "deleted" ? [listed(client, "Service", {})] : []),
    // An autoscaler that was deleted may have been replaced by one of another name.
    ...(kind === "Deployment" || kind === "StatefulSet" || kind === "HorizontalPodAutoscaler"
      ? [listed(client, "HorizontalPodAutoscaler", { namespace })]
      : []),
    ...(replaces
      ? [
          listed(client, "PodDisruptionBudget", { namespace }),
          listed(client, "ResourceQuota", { namespace }),
          ...podsOf(client, kind === "ConfigMap" ? target : subject)
        ]
      : [])
  ]
}

/** The current objects around a recorded change. A kind that is never restored is not read. */
export const readRestored = Effect.fnUntraced(function* (
  client: Client,
  action: Extract<Action, { readonly type: "RestoreObject" }>,
  of: Of
): Effect.fn.Return<PlanObjects, KubernetesError> {
  const { change } = of
  if (!appliesToItsTarget(action) || change === undefined) return { subject: undefined, related: [], change }
  const subject = yield* find(client, action.target)
  const target =
    change.ref.kind === "ConfigMap" && !sameRef(of.target, action.target) ? yield* find(client, of.target) : undefined
  const around = yield* Effect.all(readsOf(client, change, subject, target), { concurrency: 4 })
  return {
    subject,
    target,
    change,
    related: around.flatMap(({ found }) => found),
    unread: around.flatMap(({ unread }) => unread)
  }
})
