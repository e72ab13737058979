/**
 * Where each kind lives on the API server: the one table that turns a kind into a path.
 *
 * Only kinds that an action or an alert touches are in it. A kind that is not is refused as `Invalid` before any
 * request, so a typed action can never reach, say, a Secret.
 */

import { KubernetesError } from "./KubernetesClient.ts"

export interface ApiResource {
  readonly kind: string
  readonly apiVersion: string
  readonly plural: string
  readonly namespaced: boolean
}

const rows: ReadonlyArray<readonly [kind: string, apiVersion: string, plural: string, namespaced: boolean]> = [
  ["Pod", "v1", "pods", true],
  ["Node", "v1", "nodes", false],
  ["Service", "v1", "services", true],
  ["Event", "v1", "events", true],
  ["PersistentVolumeClaim", "v1", "persistentvolumeclaims", true],
  ["PersistentVolume", "v1", "persistentvolumes", false],
  ["Namespace", "v1", "namespaces", false],
  ["ResourceQuota", "v1", "resourcequotas", true],
  ["LimitRange", "v1", "limitranges", true],
  ["ConfigMap", "v1", "configmaps", true],
  ["EndpointSlice", "discovery.k8s.io/v1", "endpointslices", true],
  ["Deployment", "apps/v1", "deployments", true],
  ["StatefulSet", "apps/v1", "statefulsets", true],
  ["DaemonSet", "apps/v1", "daemonsets", true],
  ["ReplicaSet", "apps/v1", "replicasets", true],
  ["ControllerRevision", "apps/v1", "controllerrevisions", true],
  ["Job", "batch/v1", "jobs", true],
  ["CronJob", "batch/v1", "cronjobs", true],
  ["HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", true],
  ["PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", true],
  ["StorageClass", "storage.k8s.io/v1", "storageclasses", false],
  ["NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", true]
]

const table: ReadonlyMap<string, ApiResource> = new Map(
  rows.map(([kind, apiVersion, plural, namespaced]) => [kind, { kind, apiVersion, plural, namespaced }])
)

/** `undefined` for a kind that the port does not know. */
export const find = (kind: string): ApiResource | undefined => table.get(kind)

/** The error for a kind that is not in the table: the request is not sent. */
export const unknownKind = (operation: string): KubernetesError =>
  new KubernetesError({ reason: { _tag: "Invalid", fields: ["kind"] }, operation, applied: "no", retryable: false })

/**
 * The path of a kind's collection, `/apis/apps/v1/namespaces/shop/deployments`; of all namespaces where `namespace` is
 * `undefined` or empty.
 */
export const collectionPath = (resource: ApiResource, namespace: string | undefined): string => {
  const root = resource.apiVersion.includes("/") ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`
  return resource.namespaced && namespace !== undefined && namespace !== ""
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`
    : `${root}/${resource.plural}`
}

/** The path of one object. */
export const objectPath = (resource: ApiResource, namespace: string, name: string): string =>
  `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`
