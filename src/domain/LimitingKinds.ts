/**
 * Which kinds of objects limit what others may do, so that a new one may break what worked before. Every other kind of
 * Kubernetes enables something: a new one breaks nothing that worked.
 */

/** The kinds of Kubernetes whose objects do something for others. */
const enabling: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "CronJob",
  "Job",
  "Pod",
  "Service",
  "Endpoints",
  "EndpointSlice",
  "ConfigMap",
  "Secret",
  "ServiceAccount",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "StorageClass",
  "PriorityClass",
  "Namespace",
  "Node"
])

/** Whether a new object of the kind may limit others. A custom kind may: nobody knows what it does. */
export const isLimiting = (kind: string): boolean => !enabling.has(kind)
