/**
 * A digest of an object's spec: equal digests mean that nobody has changed what the object is meant to be.
 *
 * It replaces the generation, which several kinds do not have (Node, HorizontalPodAutoscaler, PersistentVolumeClaim, on
 * older servers Pod), and which also grows when a controller writes to the spec. What controllers write is left out:
 *
 * | kind         | left out                                                                                        |
 * | ------------ | ----------------------------------------------------------------------------------------------- |
 * | Node         | everything but `unschedulable` and the taints, and the taints that show a condition of the node |
 * | Pod          | `nodeName`, which the scheduler sets, and ephemeral containers, which a person debugs with      |
 * | with scaling | `replicas`, if an autoscaler controls the count                                                 |
 *
 * A kind without a spec, such as ConfigMap, Role or PriorityClass, is meant to be all of its fields but these:
 *
 * | kind           | left out                                            |
 * | -------------- | --------------------------------------------------- |
 * | all            | `apiVersion`, `kind`, `metadata`, `status`          |
 * | ServiceAccount | `secrets`, which the controller of tokens writes    |
 * | webhooks       | `caBundle`, which controllers of certificates write |
 */

import { hash } from "node:crypto"
import type { SeenObject } from "../domain/Seen.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { isPodReady, type Pod } from "./ObjectModel.ts"
import { revisionOf } from "./Revision.ts"

type Json = Readonly<Record<string, unknown>>

/**
 * Taints that controllers add and remove by themselves: those of Kubernetes and of cloud providers, and those of
 * network and storage drivers whose agent on the node is not ready.
 */
const condition = /^(node(\.cloudprovider)?\.kubernetes\.io\/|DeletionCandidateOf)|[/-]not-ready$/

/** A person gives up a node with this one, and its pods are deleted by force. */
const outOfService = "node.kubernetes.io/out-of-service"

const followsCondition = ({ key = "" }: { readonly key?: string }): boolean =>
  condition.test(key) && key !== outOfService

const withoutBundle = (webhook: Json): Json => {
  const { caBundle: _issued, ...client } = (webhook["clientConfig"] ?? {}) as Json
  return { ...webhook, clientConfig: client }
}

/** The fields of an object without a spec; `undefined` for one that has none. */
const fieldsOf = ({ apiVersion: _api, kind, metadata: _metadata, ...fields }: KubernetesObject): Json | undefined => {
  const { status: _status, ...meant } = fields as Json
  if (Object.keys(meant).length === 0) return undefined
  if (kind === "ServiceAccount") {
    const { secrets: _tokens, ...rest } = meant
    return rest
  }
  return Array.isArray(meant["webhooks"])
    ? { ...meant, webhooks: (meant["webhooks"] as ReadonlyArray<Json>).map(withoutBundle) }
    : meant
}

/** What an object is meant to be, without what controllers write; `undefined` for one that says nothing. */
export const meantOf = (object: KubernetesObject, autoscaled: boolean): Json | undefined => {
  const spec = object["spec"] as Json | undefined
  if (spec === undefined) return fieldsOf(object)
  switch (object.kind) {
    case "Node": {
      const taints = (spec["taints"] as ReadonlyArray<{ readonly key?: string }> | undefined) ?? []
      return {
        unschedulable: spec["unschedulable"] === true,
        taints: taints.filter((taint) => !followsCondition(taint))
      }
    }
    case "Pod": {
      const { ephemeralContainers: _debugging, nodeName: _scheduled, ...meant } = spec
      return meant
    }
    default: {
      if (!autoscaled) return spec
      const { replicas: _scaled, ...meant } = spec
      return meant
    }
  }
}

/** The value with the keys of its objects in order, so that equal values have equal text. */
export const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, each]) => [key, ordered(each)])
  )
}

/** The text of a JSON value, equal where `sameJson` says that two values are, so that a set can hold it. */
export const textOfJson = (value: unknown): string => JSON.stringify(ordered(value))

/** The digest of the spec; `null` for an object without one. `autoscaled`: leave out the replica count. */
export const specDigest = (object: KubernetesObject, autoscaled = false): string | null => {
  const meant = meantOf(object, autoscaled)
  return meant === undefined ? null : hash("sha256", textOfJson(meant)).slice(0, 16)
}

/** What an object shows of itself. */
export const seenObject = (ref: ResourceRef, object: KubernetesObject, autoscaled: boolean): SeenObject => ({
  ref,
  uid: object.metadata.uid,
  generation: object.metadata.generation ?? null,
  revision: revisionOf(object),
  resourceVersion: object.metadata.resourceVersion,
  spec: specDigest(object, autoscaled),
  ...(object.kind === "Pod" ? { works: isPodReady(object as unknown as Pod) } : {})
})
