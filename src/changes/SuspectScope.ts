/**
 * Where the cause of an alert is looked for: the objects that the alert names, and the changes that may concern them.
 * Pure.
 */

import type { Alert } from "../domain/Alert.ts"
import type { ChangeQuery } from "../domain/ChangeQuery.ts"
import { type ResourceRef, sameRef, type Target } from "../domain/Target.ts"

/** Kinds of another namespace that may concern the target: gateways, and the policies of callers. */
const acrossNamespaces: ReadonlySet<string> = new Set([
  "Gateway",
  "HTTPRoute",
  "GRPCRoute",
  "TLSRoute",
  "TCPRoute",
  "UDPRoute",
  "NetworkPolicy",
  "Service"
])

const namespaceOf = ({ kind, name, namespace }: ResourceRef): string => (kind === "Namespace" ? name : namespace)

/** The target, and the objects that the alert names besides. A target that is no object has the Service of its labels. */
export const startsOf = ({
  alert,
  target
}: {
  readonly alert: Alert
  readonly target: Target
}): ReadonlyArray<ResourceRef> => {
  const { kind, name } = target
  const namespace = namespaceOf(target) === "" ? (alert.labels["namespace"] ?? "") : target.namespace
  const named = (label: string, as: string): ReadonlyArray<ResourceRef> => {
    const value = alert.labels[`exported_${label}`] ?? alert.labels[label]
    return value === undefined || value === "" ? [] : [{ namespace, kind: as, name: value }]
  }
  const own = { namespace: target.namespace, kind, name }
  if (kind !== "Alert") return [own, ...(alert.candidates ?? []).filter((each) => !sameRef(each, own))]
  const others = [...(alert.candidates ?? []), ...named("service", "Service"), ...named("ingress", "Ingress")]
  if (others.length > 0) return others
  return namespace === "" ? [own] : [{ namespace: "", kind: "Namespace", name: namespace }]
}

/** Without an object that the alert names, no change is known to concern it. */
export const unnamed = (starts: ReadonlyArray<ResourceRef>): ReadonlyArray<string> =>
  starts.every(({ kind }) => kind === "Alert") ? ["what the alert is about: it names no object"] : []

/** Whether changes of this object may concern the target. */
export const isInScope = (starts: ReadonlyArray<ResourceRef>, { kind, namespace }: ResourceRef): boolean =>
  scopesOf(starts).some(
    (scope) => (scope.namespace ?? namespace) === namespace && scope.kinds?.includes(kind) !== false
  )

/** Which changes may concern the target. A change may be in two of these. */
export type Scope = Pick<ChangeQuery, "kinds" | "namespace">

/**
 * The changes that may concern what an alert names, so that what happens elsewhere in a busy cluster takes nobody's
 * place. The pods that a node cannot do without are in any namespace.
 */
export const scopesOf = (starts: ReadonlyArray<ResourceRef>): ReadonlyArray<Scope> =>
  starts.some(({ kind }) => kind === "Node")
    ? [{}]
    : [
        ...[...new Set(["", ...starts.map(namespaceOf)])].map((namespace) => ({ namespace })),
        { kinds: [...acrossNamespaces] }
      ]
