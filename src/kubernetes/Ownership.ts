/**
 * Who owns an object. A reference names a kind only together with its API group: OpenKruise's `StatefulSet`
 * (`apps.kruise.io`) is not the `StatefulSet` of Kubernetes (`apps`), although both have that kind.
 *
 * An owner is **built-in** if it is a workload of Kubernetes itself. Every other owner is **foreign**: an operator or
 * another program writes the object on behalf of a custom resource, and may put back what Kubernaut changes. Kubernaut
 * cannot act on the custom resource, so it never follows a reference to one.
 */

import type { ResourceRef } from "../domain/Target.ts"
import type { Owner } from "../domain/WorkloadState.ts"
import { find } from "./ApiResource.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { controllerOf } from "./ObjectModel.ts"

/** A reference to an object as Kubernetes writes it, such as an owner reference or a `scaleTargetRef`. */
export interface TypedReference {
  /** Absent: unknown, so only the kind is compared. */
  readonly apiVersion?: string | undefined
  readonly kind: string
  readonly name: string
}

/** The API group of `apps/v1` is `apps`; the group of `v1` is the empty string. */
export const groupOf = (apiVersion: string): string => {
  const slash = apiVersion.indexOf("/")
  return slash === -1 ? "" : apiVersion.slice(0, slash)
}

/** The API group of each workload that Kubernetes itself controls objects with. */
const builtIn: ReadonlyMap<string, string> = new Map([
  ["Deployment", "apps"],
  ["StatefulSet", "apps"],
  ["DaemonSet", "apps"],
  ["ReplicaSet", "apps"],
  ["ReplicationController", ""],
  ["Job", "batch"],
  ["CronJob", "batch"],
  // The kubelet of a node controls the static pods that it runs from files.
  ["Node", ""]
])

/** The API groups of Kubernetes itself whose name contains a dot, as the name of every custom resource's group does. */
const kubernetesGroup =
  /^(admissionregistration|apiextensions|apiregistration|authentication|authorization|certificates|coordination|discovery|events|networking|node|rbac\.authorization|resource|scheduling|storage)\.k8s\.io$/

/** Whether a reference names a kind of Kubernetes itself that controls other objects. */
export const isBuiltIn = ({ apiVersion, kind }: TypedReference): boolean => {
  const group = builtIn.get(kind)
  return group !== undefined && (apiVersion === undefined || groupOf(apiVersion) === group)
}

/** Whether a reference names this object, by group, kind and name. */
export const refersTo = (reference: TypedReference, object: KubernetesObject): boolean =>
  reference.kind === object.kind
  && reference.name === object.metadata.name
  && (reference.apiVersion === undefined || groupOf(reference.apiVersion) === groupOf(object.apiVersion))

/** The controller of an object, if it is the workload of Kubernetes with this kind. */
export const controllerOfKind = (object: KubernetesObject, kind: string) => {
  const owner = controllerOf(object)
  return owner !== undefined && owner.kind === kind && isBuiltIn(owner) ? owner : undefined
}

/** The kinds to which Kubernetes' own controllers lead from each kind. */
const followed: Readonly<Record<string, ReadonlyArray<string>>> = {
  Pod: ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"],
  ReplicaSet: ["Deployment"],
  Job: ["CronJob"],
  HorizontalPodAutoscaler: ["Deployment", "StatefulSet", "ReplicaSet"]
}

/** Whether objects of the kind may have an owner that is followed. */
export const isFollowed = (kind: string): boolean => kind in followed

/**
 * The object that a reference of `object` leads to. `undefined` if Kubernaut cannot act on it: its kind is unknown, or
 * is of another API group.
 */
export const follow = (object: KubernetesObject, reference: TypedReference | undefined): ResourceRef | undefined =>
  reference !== undefined
  && followed[object.kind]?.includes(reference.kind) === true
  && find(reference.kind) !== undefined
  && isBuiltIn(reference)
    ? { namespace: object.metadata.namespace ?? "", kind: reference.kind, name: reference.name }
    : undefined

const isCustom = ({ apiVersion }: { readonly apiVersion: string }): boolean => {
  const group = groupOf(apiVersion)
  return group.includes(".") && !kubernetesGroup.test(group)
}

/**
 * The foreign owner of an object: its controller, or else a custom resource that owns it without controlling it,
 * because some operators leave out the mark `controller`.
 */
export const foreignOwnerOf = (object: KubernetesObject): Owner | undefined => {
  const controller = controllerOf(object)
  // A plain reference to a kind of Kubernetes, such as a ConfigMap, says only when the object is to be deleted.
  const owner = controller ?? object.metadata.ownerReferences?.find(isCustom)
  return owner === undefined || isBuiltIn(owner)
    ? undefined
    : { group: groupOf(owner.apiVersion), kind: owner.kind, name: owner.name, controls: owner === controller }
}
