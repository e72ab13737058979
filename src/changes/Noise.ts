/**
 * What the journal leaves out: the fields and objects that controllers, and the API server itself, write all the time.
 * Pure.
 *
 * Everything else counts. `ChangeOf` leaves out one more change, by its writer: the scaling by an autoscaler.
 */

import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { controllerOf } from "../kubernetes/ObjectModel.ts"

type Fields = Readonly<Record<string, unknown>>

/** One row: fields that are left out of an object, or objects that are left out. */
interface Row {
  /** What it is about, for the test of the row. */
  readonly what: string
  /** Default: every kind. */
  readonly kinds?: ReadonlyArray<string>
  readonly leavesOut?: (object: KubernetesObject) => boolean
  readonly strips?: (object: KubernetesObject) => KubernetesObject
}

const without = (fields: Fields | undefined, names: ReadonlyArray<string>): Fields =>
  Object.fromEntries(Object.entries(fields ?? {}).filter(([name]) => !names.includes(name)))

const withoutFields =
  (...names: ReadonlyArray<string>) =>
  (object: KubernetesObject): KubernetesObject =>
    without(object, names) as unknown as KubernetesObject

const withoutSpec =
  (...names: ReadonlyArray<string>) =>
  (object: KubernetesObject): KubernetesObject => ({ ...object, spec: without(object["spec"] as Fields, names) })

const withoutMetadata =
  (...names: ReadonlyArray<string>) =>
  (object: KubernetesObject): KubernetesObject =>
    ({ ...object, metadata: without(object.metadata as unknown as Fields, names) }) as unknown as KubernetesObject

const keysWithout = (keys: Readonly<Record<string, string>> = {}, marks: ReadonlyArray<string>) =>
  Object.fromEntries(
    Object.entries(keys).filter(
      ([key]) => !marks.some((mark) => (mark.endsWith("/") ? key.startsWith(mark) : key === mark))
    )
  )

const withoutAnnotations =
  (...marks: ReadonlyArray<string>) =>
  (object: KubernetesObject): KubernetesObject => {
    const annotations = keysWithout(object.metadata.annotations, marks)
    const { annotations: _, ...metadata } = object.metadata
    return {
      ...object,
      metadata: { ...metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) }
    }
  }

const annotation = ({ metadata }: KubernetesObject, key: string): string | undefined => metadata.annotations?.[key]
const label = ({ metadata }: KubernetesObject, key: string): string | undefined => metadata.labels?.[key]
const typeOf = (object: KubernetesObject): string => String(object["type"] ?? "")
const isOwned = (object: KubernetesObject): boolean => controllerOf(object) !== undefined

/** Taints that controllers set from conditions, from a cordon, or before they remove a node. */
const conditionTaint =
  /^(node\.kubernetes\.io\/(not-ready|unreachable|unschedulable|memory-pressure|disk-pressure|pid-pressure|network-unavailable)|node\.cloudprovider\.kubernetes\.io\/.*|ToBeDeletedByClusterAutoscaler|DeletionCandidateOfClusterAutoscaler)$/

const withoutConditionTaints = (object: KubernetesObject): KubernetesObject => {
  const { taints, ...spec } = (object["spec"] ?? {}) as Fields
  if (!Array.isArray(taints)) return object
  const kept = (taints as ReadonlyArray<{ readonly key?: string }>).filter(({ key = "" }) => !conditionTaint.test(key))
  // The time is the controller's note of when it saw the taint.
  const plain = kept.map((taint) => without(taint, ["timeAdded"]))
  return { ...object, spec: { ...spec, ...(plain.length === 0 ? {} : { taints: plain }) } }
}

const isHelmRelease = (object: KubernetesObject): boolean =>
  typeOf(object) === "helm.sh/release.v1"
  || (label(object, "owner") === "helm" && object.metadata.name.startsWith("sh.helm.release."))

export const rows: ReadonlyArray<Row> = [
  { what: "status", strips: withoutFields("status") },
  {
    what: "bookkeeping of the API server",
    strips: withoutMetadata(
      "managedFields",
      "resourceVersion",
      "generation",
      "creationTimestamp",
      "selfLink",
      // Since when it is being deleted counts: what holds it may take hours, and nothing works with it any more.
      "deletionGracePeriodSeconds",
      "generateName",
      "finalizers"
    )
  },
  {
    what: "annotations in which tools and controllers keep notes",
    strips: withoutAnnotations(
      "kubectl.kubernetes.io/last-applied-configuration",
      "deployment.kubernetes.io/",
      "deprecated.daemonset.template.generation",
      "control-plane.alpha.kubernetes.io/leader",
      "endpoints.kubernetes.io/",
      "autoscaling.alpha.kubernetes.io/",
      "kubernaut.dev/",
      "pv.kubernetes.io/",
      "volume.kubernetes.io/",
      "volume.beta.kubernetes.io/storage-provisioner",
      "batch.kubernetes.io/",
      "cni.projectcalico.org/",
      "node.alpha.kubernetes.io/",
      "volumes.kubernetes.io/",
      "csi.volume.kubernetes.io/",
      "projectcalico.org/",
      "flannel.alpha.coreos.com/",
      "argocd.argoproj.io/refresh",
      "reconcile.fluxcd.io/requestedAt"
    )
  },
  {
    what: "ReplicaSets and Jobs of a controller: their template is the owner's own change",
    kinds: ["ReplicaSet", "Job", "StatefulSet", "Deployment"],
    leavesOut: (object) => (object.kind === "ReplicaSet" || object.kind === "Job") && isOwned(object)
  },
  {
    what: "EndpointSlices that a controller makes",
    kinds: ["EndpointSlice"],
    leavesOut: (object) => label(object, "endpointslice.kubernetes.io/managed-by")?.endsWith(".k8s.io") === true
  },
  {
    what: "ConfigMaps that controllers write: CAs, leader leases, the state of an autoscaler",
    kinds: ["ConfigMap"],
    leavesOut: (object) =>
      ["kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert", "cluster-autoscaler-status"].includes(
        object.metadata.name
      ) || annotation(object, "control-plane.alpha.kubernetes.io/leader") !== undefined
  },
  {
    what: "tokens",
    kinds: ["Secret"],
    leavesOut: (object) =>
      /^(kubernetes\.io\/service-account-token|bootstrap\.kubernetes\.io\/token)$/.test(typeOf(object))
  },
  {
    what: "the content of Helm's releases: only their name says that Helm changed something",
    kinds: ["Secret", "ConfigMap"],
    strips: (object) =>
      isHelmRelease(object) ? withoutMetadata("labels", "annotations")(withoutFields("data")(object)) : object
  },
  {
    what: "the taints that controllers set on nodes, and addresses that the cluster assigns to them",
    kinds: ["Node"],
    strips: (object) => withoutSpec("podCIDR", "podCIDRs", "providerID", "externalID")(withoutConditionTaints(object))
  },
  { what: "how far a namespace has been deleted", kinds: ["Namespace"], strips: withoutFields("spec") },
  { what: "the volume that a claim is bound to", kinds: ["PersistentVolumeClaim"], strips: withoutSpec("volumeName") },
  { what: "the tokens of a ServiceAccount", kinds: ["ServiceAccount"], strips: withoutFields("secrets") },
  {
    what: "the rules that a controller collects from other ClusterRoles",
    kinds: ["ClusterRole"],
    strips: (object) => (object["aggregationRule"] === undefined ? object : withoutFields("rules")(object))
  }
]

/** The object without its noise; `undefined` if all of it is noise. `table` replaces the rows, for their test. */
export const significant = (
  object: KubernetesObject,
  table: ReadonlyArray<Row> = rows
): KubernetesObject | undefined => {
  const applicable = table.filter(({ kinds }) => kinds === undefined || kinds.includes(object.kind))
  if (applicable.some(({ leavesOut }) => leavesOut?.(object) === true)) return undefined
  return applicable.reduce((stripped, { strips }) => (strips === undefined ? stripped : strips(stripped)), object)
}
