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
import { createdRoute } from "./actions/CreatedRoutes.ts"
import { routeKinds } from "./actions/NamedObjects.ts"
import { dependantKinds } from "./actions/RestoredDependants.ts"
import { relabels, type States } from "./actions/RestoredEndpoints.ts"
import { choosesNodes, keysNeededAgain, namedAgain, statesOf } from "./actions/RestoredReferences.ts"
import { touchesTemplate } from "./actions/RestoredTemplate.ts"
import { podKinds, successorKinds } from "./actions/Successors.ts"
import { type Cautions, cautiously, eachOnce, found } from "./Cautions.ts"
import { mayLead, podsBehind, readDestinations } from "./DestinationObjects.ts"
import { refOf } from "./ObjectPatch.ts"
import { asKind, type PlanObjects } from "./Plan.ts"

type Client = KubernetesClient["Service"]
type Reads = ReadonlyArray<Effect.Effect<Cautions, KubernetesError>>

/** What the plan of a `RestoreObject` is about. */
export interface RestoredOf {
  /** The target of the alert. */
  readonly target: ResourceRef
  readonly change?: ObjectChange | undefined
  /** What others have changed in its namespace since. */
  readonly later?: ReadonlyArray<ObjectChange> | undefined
  /** Whether those are only the newest of them. Default false. */
  readonly laterCut?: boolean
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

/** The objects that the earlier state names, and the nodes if it chooses other ones. */
const namedReads = (client: Client, states: States): Reads => [
  ...namedAgain(states).map((ref) => {
    const { kind, name, namespace } = ref
    // The right to list them is that of the change journal.
    const isListed = kind === "IngressClass" || kind === "Gateway"
    const named = isListed
      ? Effect.map(client.list(kind, namespace === "" ? {} : { namespace }), (all) =>
          // The present class is compared, too.
          all.filter(({ metadata }) => kind === "IngressClass" || metadata.name === name)
        )
      : found(client, ref)
    return cautiously(kind as Kind, named)
  }),
  ...[...keysNeededAgain(states).keys()].map((name) =>
    cautiously(
      "ConfigMap" as Kind,
      found(client, { namespace: states.now.metadata.namespace ?? "", kind: "ConfigMap", name })
    )
  ),
  ...(choosesNodes(states) ? [listed(client, "Node", {})] : [])
]

const behind = (client: Client, states: States): Reads => {
  const { earlier, now } = states
  return [
    ...(relabels(states) ? [listed(client, "Service", { namespace: now.metadata.namespace ?? "" })] : []),
    ...(now.kind === "Service" ? [now, earlier].flatMap((each) => podsBehind(client, each)) : []),
    ...(mayLead(states) ? [readDestinations(client, states)] : [])
  ]
}

/** The kinds of the namespace that are listed: those that may depend on the object, or have taken its place. */
const kindsAround = ({ change, later = [] }: RestoredOf): ReadonlySet<string> => {
  if (change === undefined || change.ref.namespace === "") return new Set()
  const { fields, operation, ref } = change
  const addsKeys = fields.some(({ before }) => before === undefined)
  return new Set([
    ...later.map((each) => each.ref.kind).filter((kind) => dependantKinds.has(kind)),
    ...(operation === "created" || (ref.kind === "ConfigMap" && addsKeys)
      ? ["Deployment", "StatefulSet", "DaemonSet", "CronJob"]
      : []),
    ...(operation === "created" && ref.kind === "Service" ? ["Ingress"] : []),
    ...(operation === "created" ? [] : successorKinds(ref.kind)),
    // An autoscaler sets the number of replicas.
    ...(ref.kind === "Deployment" || ref.kind === "StatefulSet" ? ["HorizontalPodAutoscaler"] : [])
  ])
}

const readsOf = (
  client: Client,
  of: RestoredOf & { readonly change: ObjectChange },
  subject: KubernetesObject | undefined,
  target: KubernetesObject | undefined
): Reads => {
  const { change } = of
  const { kind, namespace } = change.ref
  const replaces = touchesTemplate(change) || kind === "ConfigMap"
  const states = statesOf(change, subject)
  const created = createdRoute(change)
  const kinds = kindsAround(of)
  return [
    ...(namespace === ""
      ? []
      : [cautiously("Namespace", found(client, { namespace: "", kind: "Namespace", name: namespace }))]),
    ...(change.operation === "deleted" ? ownersOf(client, change) : []),
    // A node port belongs to one Service of the cluster.
    ...(kind === "Service" && change.operation === "deleted" ? [listed(client, "Service", {})] : []),
    ...[...kinds].map((each) => listed(client, each as Kind, { namespace })),
    ...(states === undefined
      ? []
      : [...namedReads(client, states), ...(change.operation === "modified" ? behind(client, states) : [])]),
    ...(created !== undefined && mayLead(created) ? [readDestinations(client, created)] : []),
    ...(replaces
      ? [
          ...(kinds.has("PodDisruptionBudget") ? [] : [listed(client, "PodDisruptionBudget", { namespace })]),
          ...(kinds.has("ResourceQuota") ? [] : [listed(client, "ResourceQuota", { namespace })]),
          ...podsOf(client, kind === "ConfigMap" ? target : subject)
        ]
      : [])
  ]
}

/**
 * What shows whether the object and another one of its kind are about the same pods. It only settles a doubt: where it
 * cannot be listed, for whatever reason, the doubt stays, and nothing else fails.
 */
const podsOfBoth = (
  client: Client,
  of: RestoredOf & { readonly change: ObjectChange },
  related: ReadonlyArray<KubernetesObject>
): ReadonlyArray<Effect.Effect<Cautions>> => {
  const { operation, ref } = of.change
  const isBeside = related.some((each) => each.kind === ref.kind && !sameRef(refOf(each), ref))
  if (operation === "created" || !isBeside) return []
  const around = kindsAround(of)
  return podKinds(ref.kind)
    .filter((kind) => !around.has(kind))
    .map((kind) =>
      Effect.orElseSucceed(listed(client, kind, { namespace: ref.namespace }), (): Cautions => ({
        found: [],
        unread: [kind]
      }))
    )
}

/** The kinds for which it matters whether the target of the alert depends on the object. */
const concernsTarget = ({ ref: { kind } }: ObjectChange): boolean =>
  kind === "ConfigMap" || kind === "Service" || routeKinds.has(kind)

/** The current objects around a recorded change. A kind that is never restored is not read. */
export const readRestored = Effect.fnUntraced(function* (
  client: Client,
  action: Extract<Action, { readonly type: "RestoreObject" }>,
  of: RestoredOf
): Effect.fn.Return<PlanObjects, KubernetesError> {
  const { change, later, laterCut = false } = of
  if (!appliesToItsTarget(action) || change === undefined) return { subject: undefined, related: [], change }
  const subject = yield* find(client, action.target)
  const isOther = !sameRef(of.target, action.target) && resourceOf(of.target.kind) !== undefined
  const target = concernsTarget(change) && isOther ? yield* find(client, of.target) : undefined
  const around = yield* Effect.all(readsOf(client, { ...of, change }, subject, target), { concurrency: 4 })
  const others = around.flatMap(({ found }) => found)
  const ofBoth = yield* Effect.all(podsOfBoth(client, { ...of, change }, others), { concurrency: 4 })
  return {
    subject,
    target,
    change,
    ...(later === undefined ? {} : { later, laterCut }),
    related: eachOnce([...others, ...ofBoth.flatMap(({ found }) => found)]),
    unread: [...around, ...ofBoth].flatMap(({ unread }) => unread)
  }
})
