/**
 * Changed objects of which it is not known whether the target depends on them, because what leads to them could not be
 * read. Such a change explains the symptom as well as a suspect does. Pure.
 *
 * The changed object itself is known from the journal. What stands between it and the target may not be: an Ingress
 * belongs to a target only by the Service that it routes to.
 */

import type { ObjectChange } from "../domain/ObjectChange.ts"
import { displayName } from "../domain/Target.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { DependencyGraph } from "./DependencyGraph.ts"
import { effectsOfChange } from "./FieldEffects.ts"
import { type FirstSymptom, skewMs } from "./FirstSymptom.ts"

const workloads = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"]

/** The kinds between a target and a changed object. Objects that are not listed here are next to the target. */
const between: Readonly<Record<string, ReadonlyArray<string>>> = {
  Ingress: ["Service"],
  HTTPRoute: ["Service"],
  GRPCRoute: ["Service"],
  EndpointSlice: ["Service"],
  Gateway: ["Service", "HTTPRoute", "GRPCRoute"],
  Role: ["RoleBinding"],
  ClusterRole: ["RoleBinding", "ClusterRoleBinding"],
  StorageClass: ["PersistentVolumeClaim"],
  ConfigMap: workloads,
  ServiceAccount: workloads,
  PersistentVolumeClaim: workloads,
  PriorityClass: workloads
}

const mostNamed = 3

const canBreak = (change: ObjectChange): boolean =>
  effectsOfChange(change).some(({ effects }) => effects.likely.length > 0)

/** One sentence for each, the newest first. `changes` are those of the interval that may concern the target. */
export const unconnected = (
  changes: ReadonlyArray<ObjectChange>,
  graph: Pick<DependencyGraph, "find">,
  unread: ReadonlyArray<string>,
  { latestMs }: FirstSymptom
): ReadonlyArray<string> =>
  changes
    .filter(
      (change) =>
        change.by.kind !== "kubernaut"
        && toMillis(change.at) <= latestMs + skewMs
        && (between[change.ref.kind] ?? []).some((kind) => unread.includes(kind))
        && graph.find(change.ref) === undefined
        && canBreak(change)
    )
    .slice(0, mostNamed)
    .map(
      ({ at, operation, ref }) =>
        `It could not be read whether the target depends on ${displayName(ref)}, which was ${operation} at ${at}.`
    )
