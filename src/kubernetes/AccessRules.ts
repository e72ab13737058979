/**
 * What rules of RBAC grant, and how rights are named. Pure.
 *
 * The API server decides about a request by verb, API group, resource, subresource, namespace and name. `covers`
 * decides as its RBAC authorizer does; `test/kubernetes/contract/Rights.ts` compares both.
 */

import type { Access, Permission, PolicyRule } from "./Access.ts"
import { findWatched } from "./ApiResource.ts"
import { groupOf } from "./Ownership.ts"

/** The API group of a permission; the empty string for the core group, and for a kind that `ApiResource` lacks. */
export const apiGroupOf = ({ kind }: Permission): string => groupOf(findWatched(kind)?.apiVersion ?? "")

/** The resource of a permission as rules name it, such as `pods/eviction`. */
export const resourceNameOf = ({ kind, subresource }: Permission): string =>
  (findWatched(kind)?.plural ?? kind) + (subresource === undefined ? "" : `/${subresource}`)

/** Whether the kind of a permission has namespaces. */
export const isNamespaced = ({ kind }: Permission): boolean => findWatched(kind)?.namespaced ?? true

/** The permission in a namespace. A kind without namespaces has none. */
export const inNamespace = (permission: Permission, namespace: string): Access => ({
  ...permission,
  namespace: isNamespaced(permission) ? namespace : ""
})

/** Equal for two accesses to the same thing. */
export const keyOf = (access: Access): string => `${access.verb} ${describe(access)} ${access.namespace}`

const describe = (permission: Permission): string => {
  const group = apiGroupOf(permission)
  return `${resourceNameOf(permission)}${group === "" ? "" : `.${group}`}`
}

/** A permission as kubectl writes it, such as `patch deployments.apps`. */
export const permissionText = (permission: Permission): string => `${permission.verb} ${describe(permission)}`

/** An access for people: `patch deployments.apps in namespace shop`. */
export const accessText = (access: Access): string => {
  const where =
    access.namespace !== "" ? ` in namespace ${access.namespace}` : isNamespaced(access) ? " in all namespaces" : ""
  return `${permissionText(access)}${where}`
}

const includes = (granted: ReadonlyArray<string> = [], wanted: string): boolean =>
  granted.includes("*") || granted.includes(wanted)

const includesResource = (granted: ReadonlyArray<string> = [], permission: Permission): boolean =>
  includes(granted, resourceNameOf(permission))
  || (permission.subresource !== undefined && granted.includes(`*/${permission.subresource}`))

/** Whether rules grant a permission for every object. Rules for objects by name do not. */
export const covers = (rules: ReadonlyArray<PolicyRule>, permission: Permission): boolean =>
  rules.some(
    (rule) =>
      (rule.resourceNames ?? []).length === 0
      && includes(rule.verbs, permission.verb)
      && includes(rule.apiGroups, apiGroupOf(permission))
      && includesResource(rule.resources, permission)
  )
