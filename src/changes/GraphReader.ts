/**
 * Reads the dependency graph of an alert's target from the cluster, with bounded requests and in bounded time.
 *
 * **Details**
 *
 * | read                                                                      | requests                     |
 * | ------------------------------------------------------------------------- | ---------------------------- |
 * | the objects that the alert names, and their owners                        | 2 for each, at most 6 in all |
 * | in the namespace: Services, Ingresses, HTTPRoutes, GRPCRoutes,            | 11                           |
 * | autoscalers, quotas, LimitRanges, NetworkPolicies, budgets, RoleBindings, |                              |
 * | ServiceAccounts                                                           |                              |
 * | the Namespace and the claims                                              | at most 5                    |
 * | ClusterRoleBindings and webhook configurations                            | 3                            |
 * | the workloads of the namespace, unless the target is one; then only where | at most 4                    |
 * | they tell what a Service with its name is about (`ObjectRelations`)       |                              |
 * | for a node: the DaemonSets of the cluster                                 | 1                            |
 *
 * ConfigMaps, Secrets, PriorityClasses and the like are known by the references to them, and are not read. Objects that
 * changed lately are known from the journal, with their earlier states: those need no request either.
 *
 * A kind that cannot be read, because RBAC does not allow it or the API server does not respond, is named in `unread`.
 * A kind that the cluster does not have has no objects.
 */

import { Duration, Effect } from "effect"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import {
  find,
  type KubernetesClient,
  type KubernetesError,
  type KubernetesObject
} from "../kubernetes/KubernetesClient.ts"
import { listOf, templateOf, textOf, valueOf } from "./ObjectFields.ts"
import { listedWorkloads, othersDecide, runsPods } from "./ObjectRelations.ts"
import { referencesOf } from "./TemplateReferences.ts"

/** Kinds that are listed in the namespace of the target. */
export const listedKinds = [
  "Service",
  "Ingress",
  "HTTPRoute",
  "GRPCRoute",
  "HorizontalPodAutoscaler",
  "ResourceQuota",
  "LimitRange",
  "NetworkPolicy",
  "PodDisruptionBudget",
  "RoleBinding",
  "ServiceAccount"
] as const

/** Kinds that are listed in the whole cluster. */
export const clusterKinds = [
  "ClusterRoleBinding",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration"
] as const

/** What is listed needs no request of its own, and an alert is no object. */
const isListed = (kind: string): boolean => kind === "Alert" || (listedKinds as ReadonlyArray<string>).includes(kind)

/** More objects of one kind are not read. */
const mostListed = 500
const mostStarts = 3
const mostClaims = 4

/** What was read. */
export interface Reading {
  readonly objects: ReadonlyArray<KubernetesObject>
  /** The kinds of which objects could not be read. */
  readonly unread: ReadonlyArray<string>
  /** The kinds of workloads that were not listed, because nothing asked for them or because they could not be read. */
  readonly unlisted: ReadonlyArray<string>
}

const nothing: Reading = { objects: [], unread: [], unlisted: [] }

/** How a graph is read. */
export interface ReadOptions {
  /** The objects that the alert names, the target first. */
  readonly starts: ReadonlyArray<ResourceRef>
  /** The reading ends after this time, with what there is. */
  readonly within: Duration.Input
  /** States of changed objects, as the journal knows them: an object that was deleted is read nowhere. Default: none. */
  readonly known?: ReadonlyArray<KubernetesObject>
}

/** A kind that the cluster does not have: nothing of it can be the cause. */
const isNotServed = ({ reason: { _tag } }: KubernetesError): boolean => _tag === "NotFound"

interface Progress {
  readonly objects: Array<KubernetesObject>
  readonly pending: Map<string, number>
  readonly unread: Set<string>
  /** The kinds that were listed. */
  readonly listed: Set<string>
}

/** Runs one request. Its kind is unread until it has succeeded. */
const part = (
  progress: Progress,
  kind: string,
  request: Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError>
): Effect.Effect<ReadonlyArray<KubernetesObject>> =>
  Effect.suspend(() => {
    progress.pending.set(kind, (progress.pending.get(kind) ?? 0) + 1)
    return request
  }).pipe(
    Effect.catch((error: KubernetesError) =>
      Effect.sync((): ReadonlyArray<KubernetesObject> => {
        if (!isNotServed(error)) progress.unread.add(kind)
        return []
      })
    ),
    Effect.tap((objects) =>
      Effect.sync(() => {
        progress.pending.set(kind, (progress.pending.get(kind) ?? 1) - 1)
        progress.objects.push(...objects)
        if (objects.length >= mostListed) progress.unread.add(kind)
      })
    )
  )

const one = (
  client: KubernetesClient["Service"],
  ref: ResourceRef
): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> =>
  Effect.map(find(client, ref), (object) => (object === undefined ? [] : [object]))

const ownerOf = (object: KubernetesObject): ResourceRef | undefined => {
  const owner = listOf(object, "metadata", "ownerReferences").find((each) => valueOf(each, "controller") === true)
  const [kind, name] = [textOf(owner, "kind"), textOf(owner, "name")]
  return kind === undefined || name === undefined || !runsPods(kind)
    ? undefined
    : { namespace: object.metadata.namespace ?? "", kind, name }
}

/** An object, and the workloads that own it. */
const withOwners = Effect.fnUntraced(function* (
  client: KubernetesClient["Service"],
  progress: Progress,
  start: ResourceRef
) {
  let ref: ResourceRef | undefined = start
  const found: Array<KubernetesObject> = []
  for (let depth = 0; ref !== undefined && depth < 3; depth++) {
    const [object]: ReadonlyArray<KubernetesObject> = yield* part(progress, ref.kind, one(client, ref))
    if (object === undefined) break
    found.push(object)
    ref = ownerOf(object)
  }
  return found
})

/** The single objects that a workload names and that lead on to others. */
const namedBy = (workloads: ReadonlyArray<KubernetesObject>): ReadonlyArray<ResourceRef> => {
  const named = workloads.flatMap((object) =>
    templateOf(object) === undefined
      ? []
      : referencesOf(valueOf(templateOf(object), "spec"), object.metadata.namespace ?? "").map(({ to }) => to)
  )
  const distinct = named.filter((ref, index) => named.findIndex((each) => sameRef(each, ref)) === index)
  return distinct.filter(({ kind }) => kind === "PersistentVolumeClaim").slice(0, mostClaims)
}

/**
 * Whether the workloads that were not read say what a Service is about: one that is there, one that is gone, or one as
 * it was.
 */
const othersAreNeeded = ({ objects }: Progress, { known = [] }: ReadOptions): boolean => {
  const all = [...objects, ...known]
  const services = all.filter(({ kind }) => kind === "Service")
  return all
    .filter(({ kind }) => runsPods(kind))
    .some((workload) =>
      services.some(
        (service) => service.metadata.namespace === workload.metadata.namespace && othersDecide(workload, service)
      )
    )
}

/** Reads what there is around the objects that an alert names. It never fails. */
export const read = Effect.fn("dependency graph")(function* (
  client: KubernetesClient["Service"],
  options: ReadOptions
) {
  const { starts, within } = options
  const progress: Progress = { objects: [], pending: new Map(), unread: new Set(), listed: new Set() }
  const [target] = starts
  if (target === undefined) return nothing
  const namespace = target.kind === "Namespace" ? target.name : target.namespace
  const list = (kind: string, within: string | undefined) =>
    part(
      progress,
      kind,
      client.list(kind, { limit: mostListed, ...(within === undefined ? {} : { namespace: within }) })
    ).pipe(Effect.tap(() => Effect.sync(() => progress.listed.add(kind))))

  const around = Effect.gen(function* () {
    const found = yield* Effect.forEach(
      starts.filter(({ kind }) => !isListed(kind)).slice(0, mostStarts),
      (start) => withOwners(client, progress, start),
      { concurrency: mostStarts }
    )
    yield* Effect.forEach(namedBy(found.flat()), (ref) => part(progress, ref.kind, one(client, ref)), {
      concurrency: 4,
      discard: true
    })
  })
  const listWorkloads = listedWorkloads.map((kind) => list(kind, namespace))
  const areNeeded = () => runsPods(target.kind) && othersAreNeeded(progress, options)
  const others = Effect.suspend(() =>
    areNeeded() ? Effect.all(listWorkloads, { concurrency: 3, discard: true }) : Effect.void
  )
  const ofNode = target.kind === "Node" ? (["DaemonSet"] as const) : []
  const lists: ReadonlyArray<Effect.Effect<unknown>> =
    namespace === ""
      ? ofNode.map((kind) => list(kind, undefined))
      : [
          ...listedKinds.map((kind) => list(kind, namespace)),
          ...clusterKinds.map((kind) => list(kind, undefined)),
          ...(runsPods(target.kind) ? [] : listWorkloads),
          part(progress, "Namespace", one(client, { namespace: "", kind: "Namespace", name: namespace }))
        ]
  yield* Effect.timeoutOption(
    Effect.andThen(Effect.all([around, ...lists], { concurrency: 6, discard: true }), others),
    Duration.fromInputUnsafe(within)
  )
  const started = [...progress.pending].filter(([, count]) => count > 0).map(([kind]) => kind)
  const workloads = !runsPods(target.kind) || areNeeded() ? listedWorkloads : []
  const wanted: ReadonlyArray<string> = namespace === "" ? ofNode : [...listedKinds, ...clusterKinds, ...workloads]
  const never = wanted.filter((kind) => !progress.listed.has(kind))
  return {
    objects: progress.objects,
    unread: [...new Set([...progress.unread, ...started, ...never])].toSorted(),
    unlisted: listedWorkloads.filter((kind) => !progress.listed.has(kind))
  } satisfies Reading
})
