/**
 * The object that a remediation works on, identified by cluster, namespace, kind and name.
 *
 * A target is the **root owner**: a pod's Deployment, not the pod. All alerts about one broken workload therefore share
 * one remediation. Until the owner has been read, the target is provisional and names the pod itself.
 */

import { Schema } from "effect"

/** A Kubernetes object of one cluster. `namespace` is `""` for cluster-scoped kinds such as `Node`. */
export const ResourceRef = Schema.Struct({
  namespace: Schema.String,
  kind: Schema.NonEmptyString,
  name: Schema.NonEmptyString
})
export type ResourceRef = typeof ResourceRef.Type

/** A Kubernetes object with the name of its cluster. */
export const Target = Schema.Struct({ cluster: Schema.NonEmptyString, ...ResourceRef.fields })
export type Target = typeof Target.Type

/**
 * `cluster/namespace/kind/name`: the key of actors, budgets and history. It never contains output of a model.
 */
export const TargetKey = Schema.NonEmptyString.pipe(Schema.brand("TargetKey"))
export type TargetKey = typeof TargetKey.Type

const escape = (part: string): string => (/[%/]/.test(part) ? part.replaceAll("%", "%25").replaceAll("/", "%2F") : part)

/**
 * The key of a target. A `/` inside a part is escaped, so different targets never share a key.
 *
 * ```ts
 * import { Target } from "kubernaut"
 *
 * const target = { cluster: "prod", namespace: "shop", kind: "Deployment", name: "checkout" }
 * Target.targetKey(target) // => "prod/shop/Deployment/checkout"
 * ```
 */
export const targetKey = ({ cluster, kind, name, namespace }: Target): TargetKey =>
  // It contains three `/`, so it is never empty. Computed at every step, so the schema's check is skipped.
  `${escape(cluster)}/${escape(namespace)}/${escape(kind)}/${escape(name)}` as TargetKey

const partOf = (key: TargetKey, index: number): string => {
  let start = 0
  for (let before = 0; before < index; before++) {
    const slash = key.indexOf("/", start)
    if (slash === -1) return ""
    start = slash + 1
  }
  const end = key.indexOf("/", start)
  const part = key.slice(start, end === -1 ? key.length : end)
  return part.includes("%") ? part.replaceAll("%2F", "/").replaceAll("%25", "%") : part
}

/** The cluster of a target, from its key. */
export const clusterOf = (key: TargetKey): string => partOf(key, 0)

/** The namespace of a target, from its key. `""` for cluster-scoped kinds. */
export const namespaceOf = (key: TargetKey): string => partOf(key, 1)

/** The kind of a target, from its key. */
export const kindOf = (key: TargetKey): string => partOf(key, 2)

/** The target of a key, for people: `Deployment shop/checkout`. */
export const nameOf = (key: TargetKey): string =>
  displayName({ namespace: partOf(key, 1), kind: partOf(key, 2), name: partOf(key, 3) })

/** Whether two references name the same object. */
export const sameRef = (left: ResourceRef, right: ResourceRef): boolean =>
  left.kind === right.kind && left.name === right.name && left.namespace === right.namespace

/** The reference to a target within its cluster. */
export const resourceRef = (target: Target): ResourceRef => ({
  namespace: target.namespace,
  kind: target.kind,
  name: target.name
})

/**
 * A name for people: `kind namespace/name`.
 *
 * ```ts
 * import { Target } from "kubernaut"
 *
 * Target.displayName({ namespace: "shop", kind: "Deployment", name: "checkout" }) // => "Deployment shop/checkout"
 * ```
 */
export const displayName = (ref: ResourceRef): string =>
  ref.namespace === "" ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`
