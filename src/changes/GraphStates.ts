/** What is known of the cluster for a dependency graph: states of objects, and steps from one object to the next. */

import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { labelsOf, templateOf } from "./ObjectFields.ts"
import type { Reference, Relation } from "./TemplateReferences.ts"

/** On which side of the target an object lies: see `ObjectRelations`. */
export type Side = "target" | "front" | "behind"

/** The states of all objects that are known. */
export interface States {
  readonly of: (ref: ResourceRef) => ReadonlyArray<KubernetesObject>
  /** Of one kind, in one namespace if it is given. */
  readonly all: (kind: string, namespace?: string) => ReadonlyArray<KubernetesObject>
  /** Of every kind that Kubernetes itself does not have, in one namespace. */
  readonly custom: (namespace: string) => ReadonlyArray<KubernetesObject>
  readonly inNamespace: (namespace: string) => ReadonlyArray<KubernetesObject>
  /** The kinds of which there may be more objects than these. */
  readonly unread: ReadonlySet<string>
}

/** The reference to an object. */
export const refOf = ({ kind, metadata }: KubernetesObject): ResourceRef => ({
  namespace: metadata.namespace ?? "",
  kind,
  name: metadata.name
})

/** A step of the graph: an object, how it is related, and on which side it lies. */
export interface Step extends Reference {
  readonly side: Side
  /** Whether nothing but a name says so, while the object states that it is about another one. Absent: no. */
  readonly onlyByName?: true
}

/** The labels of the pods of a workload. */
export const podLabelsOf = (object: KubernetesObject) => labelsOf(templateOf(object), "metadata", "labels")

/** A step to an object of which a state is known. */
export const to = (object: KubernetesObject, relation: Relation, side: Side): Step => ({
  to: refOf(object),
  relation,
  side
})
