/**
 * What a remediation works on: one Kubernetes object, named by cluster, namespace, kind and name.
 *
 * A target is the **root owner** (a pod's Deployment, not the pod), so that all alerts about one broken workload meet
 * in one remediation. Until the owner could be read the target is provisional (the pod itself).
 */

import { Schema } from "effect"

/** A Kubernetes object within a cluster. `namespace` is `""` for cluster-scoped kinds such as `Node`. */
export const ResourceRef = Schema.Struct({
  namespace: Schema.String,
  kind: Schema.NonEmptyString,
  name: Schema.NonEmptyString
})
export type ResourceRef = typeof ResourceRef.Type

export const Target = Schema.Struct({ cluster: Schema.NonEmptyString, ...ResourceRef.fields })
export type Target = typeof Target.Type

/**
 * `cluster/namespace/kind/name`, the key of actors, budgets and history. No text that a model wrote is ever part of it.
 */
export const TargetKey = Schema.NonEmptyString.pipe(Schema.brand("TargetKey"))
export type TargetKey = typeof TargetKey.Type

const escape = (part: string): string => (/[%/]/.test(part) ? part.replaceAll("%", "%25").replaceAll("/", "%2F") : part)

/**
 * The key of a target. A `/` inside a part is escaped, so that two different targets never share a key.
 *
 * ```ts
 * import { Target } from "kubernaut"
 *
 * const target = { cluster: "prod", namespace: "shop", kind: "Deployment", name: "checkout" }
 * Target.targetKey(target) // => "prod/shop/Deployment/checkout"
 * ```
 */
export const targetKey = ({ cluster, kind, name, namespace }: Target): TargetKey =>
  // With three `/` in it, it is never empty: asked for at every step, so it is not checked anew.
  `${escape(cluster)}/${escape(namespace)}/${escape(kind)}/${escape(name)}` as TargetKey

export const resourceRef = (target: Target): ResourceRef => ({
  namespace: target.namespace,
  kind: target.kind,
  name: target.name
})

/** `kind namespace/name`, for people. */
export const displayName = (ref: ResourceRef): string =>
  ref.namespace === "" ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`
