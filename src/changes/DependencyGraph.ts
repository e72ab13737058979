/**
 * The objects on which the target of an alert depends, as one typed graph. Pure.
 *
 * **Details**
 *
 * Nodes are objects, with their distance from the target. Edges have a relation (`TemplateReferences.Relation`), and a
 * node has the text of the way that leads to it, such as `is selected by Service shop/checkout, which is routed to by
 * Ingress shop/web`. It is built from the states of objects, earlier ones included, so an object that was deleted or no
 * longer refers to the target is a node too.
 *
 * The order of the given objects does not matter. Damaged objects lead nowhere, and nothing throws.
 */

import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { refOf, type Side, type States, type Step } from "./GraphStates.ts"
import { fieldsOf } from "./ObjectFields.ts"
import { stepsFrom, stepText } from "./ObjectRelations.ts"
import type { Relation } from "./TemplateReferences.ts"

/** An object of the graph. */
export interface GraphNode {
  readonly ref: ResourceRef
  /** The number of edges between the target and the object. */
  readonly distance: number
  /** The way from the target to the object. */
  readonly relation: string
  /** Whether a step of every way to it is one that only a name says. Absent: no. */
  readonly onlyByName?: true
}

/** `from` depends on `to`, or is found through it. */
export interface GraphEdge {
  readonly from: ResourceRef
  readonly to: ResourceRef
  readonly relation: Relation
}

/** The graph of one target. */
export interface DependencyGraph {
  /** The nearest first. */
  readonly nodes: ReadonlyArray<GraphNode>
  readonly edges: ReadonlyArray<GraphEdge>
  readonly find: (ref: ResourceRef) => GraphNode | undefined
}

/** The bounds of a graph. Further objects are left out. */
const maxDistance = 5
const maxNodes = 1000

const keyOf = ({ kind, name, namespace }: ResourceRef): string => `${kind}/${namespace}/${name}`

const kindsOfKubernetes: ReadonlySet<string> = new Set(
  [
    "Pod Node Service Event PersistentVolumeClaim PersistentVolume Namespace ResourceQuota LimitRange ConfigMap Secret",
    "EndpointSlice Endpoints Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision Job CronJob Ingress",
    "HorizontalPodAutoscaler PodDisruptionBudget StorageClass NetworkPolicy ServiceAccount Role RoleBinding ClusterRole",
    "ClusterRoleBinding PriorityClass RuntimeClass IngressClass MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration ValidatingAdmissionPolicy Gateway HTTPRoute GRPCRoute TLSRoute TCPRoute UDPRoute"
  ].flatMap((kinds) => kinds.split(" "))
)

/** Whether the graph knows how objects of a kind depend on others. */
export const isBuiltIn = (kind: string): boolean => kindsOfKubernetes.has(kind)

const isObject = (object: KubernetesObject): boolean =>
  typeof object.kind === "string" && object.kind !== "" && typeof fieldsOf(object.metadata)["name"] === "string"

const indexOf = (objects: ReadonlyArray<KubernetesObject>, unread: ReadonlyArray<string>): States => {
  const usable = objects.filter(isObject)
  const byRef = new Map<string, Array<KubernetesObject>>()
  const byKind = new Map<string, Array<KubernetesObject>>()
  for (const object of usable) {
    const key = keyOf(refOf(object))
    byRef.set(key, [...(byRef.get(key) ?? []), object])
    byKind.set(object.kind, [...(byKind.get(object.kind) ?? []), object])
  }
  const isIn = (namespace: string) => (object: KubernetesObject) => object.metadata.namespace === namespace
  return {
    of: (ref) => byRef.get(keyOf(ref)) ?? [],
    all: (kind, namespace) => {
      const found = byKind.get(kind) ?? []
      return namespace === undefined ? found : found.filter(isIn(namespace))
    },
    custom: (namespace) => usable.filter((object) => !kindsOfKubernetes.has(object.kind) && isIn(namespace)(object)),
    inNamespace: (namespace) => usable.filter(isIn(namespace)),
    unread: new Set(unread)
  }
}

const byKey = (left: { readonly to: ResourceRef }, right: { readonly to: ResourceRef }): number =>
  keyOf(left.to) < keyOf(right.to) ? -1 : keyOf(left.to) > keyOf(right.to) ? 1 : 0

const nodeStep = (name: string): Step => ({
  to: { namespace: "", kind: "Node", name },
  relation: "runs on",
  side: "behind"
})

interface Open extends GraphNode {
  readonly side: Side
}

/** The objects that the names of pods and Jobs lead to when they are gone. */
export const ownersByName = ({ kind, name, namespace }: ResourceRef): ReadonlyArray<ResourceRef> => {
  const found: Array<ResourceRef> = []
  const add = (owner: string, match: RegExp) => {
    const base = match.exec(name)?.[1]
    if (base !== undefined && base !== "") found.push({ namespace, kind: owner, name: base })
  }
  if (kind === "Pod") {
    add("Deployment", /^(.+)-[a-z0-9]{6,10}-[a-z0-9]{5}$/)
    add("StatefulSet", /^(.+)-\d+$/)
    add("DaemonSet", /^(.+)-[a-z0-9]{5}$/)
    add("Job", /^(.+)-[a-z0-9]{5}$/)
    add("CronJob", /^(.+)-\d{8,10}-[a-z0-9]{5}$/)
  }
  if (kind === "ReplicaSet") add("Deployment", /^(.+)-[a-z0-9]{6,10}$/)
  if (kind === "Job") add("CronJob", /^(.+)-\d{8,10}$/)
  return found
}

/**
 * Builds the graph of the objects that `starts` name: the target, and other objects that the alert names. `objects` are
 * their states, present and earlier ones, `runsOn` the nodes of the target's pods, and `unread` the kinds of which
 * there may be more objects.
 */
export const build = (
  starts: ReadonlyArray<ResourceRef>,
  objects: ReadonlyArray<KubernetesObject>,
  runsOn: ReadonlyArray<string> = [],
  unread: ReadonlyArray<string> = []
): DependencyGraph => {
  const states = indexOf(objects, unread)
  const nodes = new Map<string, GraphNode>()
  const edges = new Map<string, GraphEdge>()
  let open: Array<Open> = starts.map((ref, index) => ({
    ref,
    distance: index === 0 ? 0 : 1,
    relation: index === 0 ? `is the target ${displayName(ref)}` : `is named by the alert: ${displayName(ref)}`,
    side: "target"
  }))
  const visited = new Set<string>()
  // Followed last, so that an object to which anything else leads is no matter of names.
  const byNames: Array<Open> = []
  while (open.length > 0) {
    const next: Array<Open> = []
    for (const { side, ...node } of open) {
      const key = keyOf(node.ref)
      if (visited.has(`${key} ${side}`) || visited.has(`${key} target`) || nodes.size >= maxNodes) continue
      visited.add(`${key} ${side}`)
      if (!nodes.has(key)) nodes.set(key, node)
      if (node.distance >= maxDistance) continue
      const byName = states.of(node.ref).length > 0 ? [] : ownersByName(node.ref)
      const steps: ReadonlyArray<Step> = [
        ...stepsFrom(node.ref, states, side),
        ...(node.distance > 0 ? [] : runsOn.map(nodeStep)),
        ...byName
          .filter((ref) => states.of(ref).length > 0)
          .map((to) => ({ to, relation: "is owned by" as const, side }))
      ].toSorted(byKey)
      for (const step of steps) {
        if (sameRef(step.to, node.ref)) continue
        edges.set(`${key} ${step.relation} ${keyOf(step.to)}`, { from: node.ref, to: step.to, relation: step.relation })
        const isByName = node.onlyByName ?? step.onlyByName
        const queue = isByName === node.onlyByName ? next : byNames
        queue.push({
          ref: step.to,
          distance: node.distance + 1,
          relation: node.distance === 0 ? stepText(step) : `${node.relation}, which ${stepText(step)}`,
          side: step.side,
          ...(isByName === undefined ? {} : { onlyByName: isByName })
        })
      }
    }
    if (next.length === 0) next.push(...byNames.splice(0))
    open = next.toSorted((left, right) => left.distance - right.distance)
  }
  return {
    nodes: [...nodes.values()].toSorted((left, right) => left.distance - right.distance),
    edges: [...edges.values()],
    find: (ref) => nodes.get(keyOf(ref))
  }
}
