/**
 * The URL path of each kind on the API server.
 *
 * The table lists the kinds that an action, an alert, evidence or the change journal involves, and the operator may
 * name custom kinds (`CustomKinds`). Every other kind is refused as `Invalid` before a request is sent.
 *
 * A Secret can only be watched, and the client seals its values as it reads the event (`SealedSecret`). Every other
 * request about one is refused, so that no action and no evidence can ever reach it.
 */

import { KubernetesError } from "./KubernetesClient.ts"

export interface ApiResource {
  readonly kind: string
  readonly apiVersion: string
  /** The name in URL paths. */
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
  ["NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", true],
  ["Ingress", "networking.k8s.io/v1", "ingresses", true],
  ["IngressClass", "networking.k8s.io/v1", "ingressclasses", false],
  ["Gateway", "gateway.networking.k8s.io/v1", "gateways", true],
  ["HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes", true],
  ["GRPCRoute", "gateway.networking.k8s.io/v1", "grpcroutes", true],
  ["ServiceAccount", "v1", "serviceaccounts", true],
  ["Role", "rbac.authorization.k8s.io/v1", "roles", true],
  ["RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", true],
  ["ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", false],
  ["ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", false],
  ["PriorityClass", "scheduling.k8s.io/v1", "priorityclasses", false],
  ["MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", false],
  ["ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", false]
]

/** The only kind that can be watched and nothing else. */
const secret: ApiResource = { kind: "Secret", apiVersion: "v1", plural: "secrets", namespaced: true }

const table: ReadonlyMap<string, ApiResource> = new Map(
  rows.map(([kind, apiVersion, plural, namespaced]) => [kind, { kind, apiVersion, plural, namespaced }])
)

/** The entry of a kind; `undefined` when the table does not list it. */
export const find = (kind: string): ApiResource | undefined => table.get(kind)

/** Finds the entry of a kind. */
export type FindResource = (kind: string) => ApiResource | undefined

/** The entry of a kind that can be watched: that of `find`, or Secret. */
export const findWatched = (kind: string, findOther: FindResource = find): ApiResource | undefined =>
  kind === secret.kind ? secret : findOther(kind)

/** The error for a request about a kind that the table does not list. */
export const unknownKind = (operation: string): KubernetesError =>
  new KubernetesError({ reason: { _tag: "Invalid", fields: ["kind"] }, operation, applied: "no", retryable: false })

/**
 * The path of a collection, such as `/apis/apps/v1/namespaces/shop/deployments`. It spans all namespaces when
 * `namespace` is `undefined` or empty.
 */
export const collectionPath = (resource: ApiResource, namespace: string | undefined): string => {
  const root = resource.apiVersion.includes("/") ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`
  return resource.namespaced && namespace !== undefined && namespace !== ""
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`
    : `${root}/${resource.plural}`
}

/** The path of one object, such as `/apis/apps/v1/namespaces/shop/deployments/checkout`. */
export const objectPath = (resource: ApiResource, namespace: string, name: string): string =>
  `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`
