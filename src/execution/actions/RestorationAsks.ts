/**
 * What a person has to approve about taking a change back. That the earlier state was there before does not make every
 * way back harmless.
 *
 * **By the way back**
 *
 * | ask                   | the restoration                                                                |
 * | --------------------- | ------------------------------------------------------------------------------ |
 * | `lowers-replicas`     | lowers a replica count                                                         |
 * | `lowers-minimum`      | lowers the minimum of an autoscaler                                            |
 * | `lowers-maximum`      | lowers the maximum of an autoscaler                                            |
 * | `lowers-resources`    | lowers a request, a limit, or a line of a quota or LimitRange                  |
 * | `widens-rights`       | adds rules or subjects to a Role, ClusterRole or binding, or creates one again |
 * | `opens-network`       | removes a direction from a NetworkPolicy, or lets all traffic of one through,  |
 * |                       | also by an address block of all addresses; admits more addresses to a Service  |
 * |                       | or an Ingress; gives a Service an address outside of the cluster; selects      |
 * |                       | other pods for a NetworkPolicy; takes an annotation away that guards an        |
 * |                       | Ingress or a Service, such as one that asks for a login                        |
 * | `weakens-isolation`   | lets containers reach more of their node, or the API server: see               |
 * |                       | `PodIsolation`; puts back a label that exempts a namespace from a check, or    |
 * |                       | takes one away that subjects it to one                                         |
 * | `lowers-pod-security` | lowers the pod security level that a namespace enforces                        |
 * | `evicts-pods`         | cordons a node, or taints it                                                   |
 * | `node-not-ready`      | makes a node schedulable that does not work, or that a person has given up     |
 * | `removes-object`      | removes an object that somebody added, unless a setting allows its kind        |
 * | `cluster-wide`        | writes an object that many namespaces depend on; see the table below           |
 *
 * Raising a count or a limit far does not ask: the value was in force before the change.
 *
 * **By the kind**
 *
 * | kind                                                         | reaches                  | asks |
 * | ------------------------------------------------------------ | ------------------------ | ---- |
 * | namespaced kinds                                             | its namespace, or less   | no   |
 * | Namespace (labels and annotations)                           | its namespace            | no   |
 * | Node (cordon, taints, labels)                                | one node                 | no   |
 * | PriorityClass                                                | pods that name it        | no   |
 * | PriorityClass that is the default, or becomes it             | every new pod            | yes  |
 * | ClusterRole, ClusterRoleBinding                              | everybody that it names  | yes  |
 * | MutatingWebhookConfiguration, ValidatingWebhookConfiguration | every write that matches | yes  |
 * | custom kinds without a namespace                             | not known                | yes  |
 */

import * as FieldPath from "../../domain/FieldPath.ts"
import { nodeFaults } from "../../domain/NodeFaults.ts"
import * as Quantity from "../../domain/Quantity.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, type RefusalRule } from "../Plan.ts"
import { shown } from "./RestoredFields.ts"

/** One field as it is, and as it is restored. */
export interface Step {
  readonly path: FieldPath.FieldPath
  readonly from: unknown
  readonly to: unknown
}

type Fields = Readonly<Record<string, unknown>>
type Steps = ReadonlyArray<Step>

const objection = (rule: RefusalRule, name: string, { from, path, to }: Step, what: string): Ask => {
  const field = FieldPath.display(path)
  return ask(rule, `Putting ${field} of ${name} back ${what}, so it needs an approval.`, {
    field,
    // Of counts, amounts, rights and addresses. A kind like a Secret has none but counts and amounts.
    from: shown("", path, from),
    to: shown("", path, to)
  })
}

const endsWith = (path: FieldPath.FieldPath, ...names: ReadonlyArray<string>): boolean =>
  names.every((name, index) => path[path.length - names.length + index] === name)

const listOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? (value as ReadonlyArray<unknown>) : []

/** The lines of a LimitRange by their types, which occur once. Any other value is as it is. */
const byType = (path: FieldPath.FieldPath, value: unknown): unknown =>
  path.length === 2 && path[0] === "spec" && path[1] === "limits" && Array.isArray(value)
    ? Object.fromEntries(listOf(value).map((line) => [String((line as Fields)["type"]), line]))
    : value

/** The innermost steps, so that a map that is restored as a whole is compared value by value. */
const innermost = (steps: Steps): Steps =>
  steps.flatMap(({ from, path, to }) =>
    FieldPath.differences(byType(path, from), byType(path, to), path).map((each) => ({
      path: each.path,
      from: each.before,
      to: each.after
    }))
  )

const lowersCount = ({ from, to }: Step, otherwise: number): boolean =>
  typeof (from ?? otherwise) === "number" && Number(to ?? otherwise) < Number(from ?? otherwise)

const lowersQuantity = ({ from, to }: Step): boolean => {
  const [before, after] = [Quantity.parse(from as string | undefined), Quantity.parse(to as string | undefined)]
  return before !== undefined && after !== undefined && after < before
}

const isAmount = (path: FieldPath.FieldPath): boolean =>
  path.includes("requests") || path.includes("limits") || path.includes("hard")

const countAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  steps.flatMap((step) => {
    const { path } = step
    if (endsWith(path, "spec", "replicas") && lowersCount(step, 1))
      return [objection("lowers-replicas", name, step, "reduces capacity")]
    if (object.kind === "HorizontalPodAutoscaler") {
      if (endsWith(path, "spec", "minReplicas") && lowersCount(step, 1))
        return [objection("lowers-minimum", name, step, "reduces capacity")]
      if (endsWith(path, "spec", "maxReplicas") && lowersCount(step, 1))
        return [objection("lowers-maximum", name, step, "reduces capacity")]
    }
    return isAmount(path) && lowersQuantity(step) ? [objection("lowers-resources", name, step, "lowers it")] : []
  })

const rbacKinds: ReadonlySet<string> = new Set(["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"])

const isRbac = ({ kind }: Pick<KubernetesObject, "kind">): boolean => rbacKinds.has(kind)

/** Whether something is granted that is not granted now. A subject is found by its name, so it may differ by itself. */
const grantsMore = ({ from, to }: Step): boolean => {
  if (to === undefined || to === null) return false
  return Array.isArray(to)
    ? !listOf(to).every((item) => listOf(from).some((each) => sameJson(each, item)))
    : !sameJson(from, to)
}

const rightsAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  isRbac(object)
    ? steps
        .filter((step) => step.path[0] !== "metadata" && grantsMore(step))
        .map((step) => objection("widens-rights", name, step, "grants more than is granted now"))
    : []

/** Whether a peer of a NetworkPolicy is every address of one family. */
const isEverybody = (peer: unknown): boolean => {
  const { ipBlock } = (peer ?? {}) as { readonly ipBlock?: { readonly cidr?: unknown } }
  return String(ipBlock?.cidr ?? "").endsWith("/0")
}

/** Whether a rule of a NetworkPolicy lets everything of its direction through. */
const isOpen = (rule: unknown): boolean => {
  const { from, ports, to } = (rule ?? {}) as Fields
  const peers = listOf(from ?? to)
  return (peers.length === 0 || peers.some(isEverybody)) && listOf(ports).length === 0
}

/** Whether a NetworkPolicy may no longer apply to a pod. A requirement that goes selects more pods. */
const releasesPods = ({ path, to }: Step): boolean =>
  path[1] === "podSelector" && to !== undefined && to !== null && !sameJson(to, {})

const opensNetwork = (step: Step): boolean => {
  const { from, path, to } = step
  if (releasesPods(step)) return true
  const last = path.at(-1)
  if (last === "policyTypes") return listOf(from).some((type) => !listOf(to).includes(type))
  return (last === "ingress" || last === "egress") && listOf(to).some(isOpen) && !listOf(from).some(isOpen)
}

const networkAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  object.kind === "NetworkPolicy"
    ? steps
        .filter(opensNetwork)
        .map((step) => objection("opens-network", name, step, "lets traffic through that it stops now"))
    : []

/** The addresses that a Service or an Ingress admits, as a list or as the text of an annotation. */
const addressesIn = (value: unknown): ReadonlyArray<string> =>
  (typeof value === "string" ? value.split(",") : listOf(value)).map((each) => String(each).trim()).filter(Boolean)

/** Whether more addresses are admitted. No address stands for all of them. */
const admitsMore = ({ from, path, to }: Step): boolean => {
  const last = path.at(-1)
  if (typeof last !== "string" || !/source-?ranges?$/i.test(last) || /(deny|black)list/i.test(last)) return false
  const [now, then] = [addressesIn(from), addressesIn(to)]
  return now.length > 0 && (then.length === 0 || !then.every((each) => now.includes(each)))
}

const exposure = ["ClusterIP", "NodePort", "LoadBalancer"]

/** Whether a Service gets an address outside of the cluster that it does not have now. */
const exposes = ({ from, path, to }: Step): boolean => {
  if (endsWith(path, "spec", "type")) return exposure.indexOf(String(to)) > Math.max(0, exposure.indexOf(String(from)))
  return path[1] === "externalIPs" && to !== undefined && to !== null
}

const exposureAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  object.kind === "Service"
    ? steps
        .filter(exposes)
        .map((step) => objection("opens-network", name, step, "makes it reachable from outside of the cluster"))
    : []

/** Labels by which admission, meshes and policies leave a namespace out. */
const exempting = /(^|[^a-z])(ignore|exempt|skip|bypass|exclude|privileged|disabled?)/i

const exempts = ({ path, to }: Step): boolean =>
  to !== undefined && to !== null && exempting.test(`${String(path.at(-1))} ${typeof to === "string" ? to : ""}`)

/** Labels by which a namespace asks for a check, an identity or encryption. */
const subjecting = /(enforce|validat|admission|audit|polic(y|ies)|inject|sidecar|mesh|mtls|isolat|restrict|secur)/i

/** Whether a label that subjects a namespace to a check goes, or says something else. */
const releases = ({ from, path, to }: Step): boolean =>
  typeof from === "string"
  && !exempting.test(`${String(path.at(-1))} ${from}`)
  && subjecting.test(String(path.at(-1)))
  && from !== to

const exemptionAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  object.kind === "Namespace"
    ? steps
        .filter(
          (step) =>
            step.path[1] === "labels"
            && !String(step.path.at(-1)).startsWith("pod-security.kubernetes.io/")
            && (exempts(step) || releases(step))
        )
        .map((step) => objection("weakens-isolation", name, step, "may exempt it from a check that it has now"))
    : []

const tokenAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  object.kind === "ServiceAccount"
    ? steps
        .filter(({ from, path, to }) => path[0] === "automountServiceAccountToken" && from === false && to !== false)
        .map((step) => objection("weakens-isolation", name, step, "gives its pods a token of the API server"))
    : []

/** Annotations by which an Ingress asks who it is, and a load balancer stays inside of the network. */
const guarding =
  /([./-]auth-|authenticat|oauth|oidc|\bwaf|modsecurity|load-?balancer-(internal|type|scheme)|\/scheme$)/i

const guards = ({ from, path, to }: Step): boolean =>
  path[1] === "annotations" && from !== undefined && guarding.test(String(path.at(-1))) && !sameJson(from, to)

const guardAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  ["Service", "Ingress", "HTTPRoute", "GRPCRoute"].includes(object.kind)
    ? steps
        .filter(guards)
        .map((step) => objection("opens-network", name, step, "may let requests in that it keeps out now"))
    : []

const addressAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  object.kind === "Service" || object.kind === "Ingress"
    ? steps
        .filter(admitsMore)
        .map((step) => objection("opens-network", name, step, "admits addresses that it does not admit now"))
    : []

const levels = ["privileged", "baseline", "restricted"]
const enforced = "pod-security.kubernetes.io/enforce"

const podSecurityAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> =>
  object.kind === "Namespace"
    ? steps
        .filter(
          ({ from, path, to }) =>
            path.at(-1) === enforced
            && levels.indexOf(String(to ?? "privileged")) < levels.indexOf(String(from ?? "privileged"))
        )
        .map((step) => objection("lowers-pod-security", name, step, "lowers the level that it enforces"))
    : []

interface Taint {
  readonly key?: string
  readonly effect?: string
}

/** A person gives up a node with this taint. */
const outOfService = "node.kubernetes.io/out-of-service"

const taintsIn = (value: unknown): ReadonlyArray<Taint> => listOf(value) as ReadonlyArray<Taint>

const added = (from: unknown, to: unknown): ReadonlyArray<Taint> =>
  taintsIn(to).filter((taint) => !taintsIn(from).some((each) => sameJson(each, taint)))

const nodeFault = (node: KubernetesObject): string | undefined => {
  const conditions = (node["status"] as { readonly conditions?: ReadonlyArray<Fields> } | undefined)?.conditions ?? []
  const ready = conditions.find(({ type }) => type === "Ready")
  if (ready?.["status"] !== "True") return "is not ready"
  const fault = conditions.find(({ status, type }) => nodeFaults.has(String(type)) && status === "True")
  return fault === undefined ? undefined : `reports ${String(fault["type"])}`
}

const nodeAsks = (object: KubernetesObject, name: string, steps: Steps): ReadonlyArray<Ask> => {
  if (object.kind !== "Node") return []
  return steps.flatMap((step) => {
    const { from, path, to } = step
    const [taints, cordon] = [path.at(-1) === "taints", path.at(-1) === "unschedulable"]
    if (!taints && !cordon) return []
    if (cordon ? to === true : added(from, to).length > 0)
      return [objection("evicts-pods", name, step, "keeps pods away from it, or evicts them")]
    const removed = taints ? added(to, from) : []
    const fault = removed.some(({ key }) => key === outOfService) ? "was given up by a person" : nodeFault(object)
    return fault === undefined
      ? []
      : [objection("node-not-ready", name, step, `makes it schedulable although it ${fault}`)]
  })
}

const clusterWide: ReadonlySet<string> = new Set([
  "ClusterRole",
  "ClusterRoleBinding",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration"
])

const withoutNamespace: ReadonlySet<string> = new Set([...clusterWide, "Namespace", "Node", "PriorityClass"])

const reachAsks = (object: KubernetesObject, steps: Steps = []): ReadonlyArray<Ask> => {
  const { kind, metadata } = object
  const isUnknown = (metadata.namespace ?? "") === "" && !withoutNamespace.has(kind)
  const isDefault =
    object["globalDefault"] === true || steps.some(({ path, to }) => path[0] === "globalDefault" && to === true)
  return clusterWide.has(kind) || isUnknown || (kind === "PriorityClass" && isDefault)
    ? [
        ask(
          "cluster-wide",
          `${displayName(refOf(object))} is not of one namespace, and others may depend on it, so it needs an approval.`,
          { kind }
        )
      ]
    : []
}

/** The asks about fields that are put back. */
export const fieldAsks = (object: KubernetesObject, steps: Steps): ReadonlyArray<Ask> => {
  const name = displayName(refOf(object))
  return [
    ...reachAsks(object, steps),
    ...countAsks(object, name, innermost(steps)),
    ...rightsAsks(object, name, steps),
    ...networkAsks(object, name, steps),
    ...addressAsks(object, name, innermost(steps)),
    ...guardAsks(object, name, innermost(steps)),
    ...exposureAsks(object, name, innermost(steps)),
    ...exemptionAsks(object, name, innermost(steps)),
    ...tokenAsks(object, name, steps),
    ...podSecurityAsks(object, name, innermost(steps)),
    ...nodeAsks(object, name, steps)
  ]
}

/** The asks about an object that is created again. */
export const creationAsks = (object: KubernetesObject): ReadonlyArray<Ask> => {
  const name = displayName(refOf(object))
  return [
    ...reachAsks(object),
    ...(isRbac(object)
      ? [ask("widens-rights", `Creating ${name} again grants what it says, so it needs an approval.`, { object: name })]
      : [])
  ]
}

/** The asks about an object that is removed, because somebody had added it. */
export const removalAsks = (object: KubernetesObject, removable: ReadonlyArray<string>): ReadonlyArray<Ask> => {
  const name = displayName(refOf(object))
  return [
    ...reachAsks(object),
    ...(removable.includes(object.kind)
      ? []
      : [
          ask("removes-object", `${name} was added, and removing it needs an approval. Its manifest is kept.`, {
            object: name
          })
        ])
  ]
}
