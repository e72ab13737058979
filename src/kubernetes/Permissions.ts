/**
 * Which requests Kubernaut makes for what: the one table from which the least role follows.
 *
 * `deploy/rbac.yaml` grants exactly these permissions, `doctor` compares the role in force with them, and the executor
 * asks for those of an action before it plans or writes (`AccessCheck`). A test on a real API server records all
 * requests and compares them with the table, both ways.
 *
 * | feature    | without it                                                                            |
 * | ---------- | ------------------------------------------------------------------------------------- |
 * | `identity` | the cluster is not known for certain, so nothing is written                           |
 * | `owners`   | the object that an alert names is not followed to its Deployment, so no action starts |
 * | `state`    | an action has no baseline and cannot be verified                                      |
 * | `evidence` | investigations know less                                                              |
 * | `changes`  | what changed before an alert is not known. Not needed if changes are not recorded     |
 * | an action  | the action is not started                                                             |
 * | `caution`  | the action asks a person, because it is not known whether it is harmless              |
 *
 * **No rule is needed** for the questions about the own rights (`selfsubjectaccessreviews`, `selfsubjectrulesreviews`)
 * and for `/readyz`: Kubernetes grants them to every identity by `system:basic-user` and `system:public-info-viewer`.
 */

import { type Action, type ActionType, isReadOnly, kindsOf } from "../domain/Action.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { Access, Permission, Verb } from "./Access.ts"
import { inNamespace, keyOf, permissionText } from "./AccessRules.ts"
import { find } from "./ApiResource.ts"

/** What needs permissions. */
export type Feature = "identity" | "owners" | "state" | "evidence" | "changes" | ActionType

/** The permissions of one feature. */
export interface Requirement {
  readonly feature: Feature
  /** The feature does not work without them. */
  readonly needs: ReadonlyArray<Permission>
  /** Without them the action asks a person, or explains a refusal less precisely. */
  readonly cautions: ReadonlyArray<Permission>
}

const on = (verb: Verb, ...kinds: ReadonlyArray<string>): ReadonlyArray<Permission> =>
  kinds.map((kind) => ({ verb, kind }))

const log: Permission = { verb: "get", kind: "Pod", subresource: "log" }
const eviction: Permission = { verb: "create", kind: "Pod", subresource: "eviction" }

/** The kinds of object that an alert may be about; `intake/AlertTarget` finds them in its labels. */
export const alertKinds = [
  "Pod",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "Job",
  "CronJob",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "PersistentVolumeClaim",
  "PersistentVolume",
  "ResourceQuota",
  "Service",
  "Ingress",
  "Node"
] as const

/** What `WorkloadReader` lists around an object of each kind. Events are evidence: it does without them. */
const around: Readonly<Record<string, ReadonlyArray<string>>> = {
  Deployment: ["ReplicaSet", "Pod", "Service", "EndpointSlice", "HorizontalPodAutoscaler"],
  StatefulSet: ["ControllerRevision", "Pod", "Service", "EndpointSlice", "HorizontalPodAutoscaler"],
  ReplicaSet: ["Pod", "Service", "EndpointSlice", "HorizontalPodAutoscaler"],
  DaemonSet: ["ControllerRevision", "Pod", "Service", "EndpointSlice"],
  Job: ["Pod", "Service", "EndpointSlice"],
  CronJob: ["Job", "Pod"],
  Pod: ["Service", "EndpointSlice"],
  Service: ["EndpointSlice"]
}

/** What the state of an object of this kind is read from. */
const stateOf = (kind: string): ReadonlyArray<Permission> => [
  ...on("get", kind),
  ...on("list", ...(around[kind] ?? []))
]

type Rights = Pick<Requirement, "needs" | "cautions">

const template: ReadonlyArray<Permission> = [
  ...on("list", "PodDisruptionBudget", "ResourceQuota", "LimitRange"),
  // A dry run of one new pod: admission refuses pods, not workloads.
  ...on("create", "Pod")
]
const namespaced = on("get", "Namespace")

/** A pod of a StatefulSet that is not ready blocks a new template, so it is evicted. */
const stuck = (kind: string): ReadonlyArray<Permission> =>
  kind === "StatefulSet" ? [...on("list", "Pod"), ...on("get", "Pod"), eviction] : []

/** Read and written alike: an action reads what it writes, before and after, and its inverse writes the same kind. */
const changes = (...kinds: ReadonlyArray<string>): ReadonlyArray<Permission> => [
  ...on("get", ...kinds),
  ...on("patch", ...kinds)
]

// The owners of a pod say from which template its replacement is made.
const replacement: ReadonlyArray<Permission> = [
  ...on("get", "ReplicaSet", "StatefulSet", "DaemonSet"),
  ...on("list", "ControllerRevision")
]

/** Nobody can create their content again, so `RestoreObject` neither creates nor removes one. */
const onlyModified: ReadonlySet<string> = new Set(["Namespace", "Node", "PersistentVolumeClaim"])

/** What taking back a change of this kind reads and writes, with its inverse. */
const takesBack = (operation: ObjectChange["operation"], kind: string): ReadonlyArray<Permission> => {
  if (operation === "modified") return changes(kind)
  return onlyModified.has(kind) ? [] : [...on("get", kind), ...on("create", kind), ...on("delete", kind)]
}

/** What the earlier state of an object names, what leads to it, what depends on the present one or has replaced it. */
const aroundRestored: ReadonlyArray<Permission> = [
  ...on("get", "Service", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "PriorityClass"),
  ...on("get", "Deployment", "StatefulSet"),
  ...on("list", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "HorizontalPodAutoscaler", "Pod", "Node"),
  ...on("list", "PodDisruptionBudget", "ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding"),
  ...on("list", "Service", "Ingress", "IngressClass", "Gateway", "HTTPRoute", "GRPCRoute")
]

/** What an earlier template names, where it names something else than the present one, and what serves behind its hosts. */
const aroundRolledBack: ReadonlyArray<Permission> = [
  ...on("get", "Service", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "PriorityClass"),
  ...on("list", "Service", "Pod", "Node")
]

/** What an action on an object of this kind reads and writes. */
const rightsOf = (type: ActionType, kind: string): Rights => {
  switch (type) {
    case "RestartWorkload":
    case "AdjustResources":
      return { needs: changes(kind), cautions: [...namespaced, ...template, ...stuck(kind)] }
    case "RollbackDeployment":
      return {
        needs: [...changes(kind), ...on("list", kind === "Deployment" ? "ReplicaSet" : "ControllerRevision")],
        cautions: [...namespaced, ...template, ...stuck(kind), ...aroundRolledBack]
      }
    case "ScaleWorkload":
      return {
        needs: [...changes(kind), ...on("list", "HorizontalPodAutoscaler")],
        cautions: [...namespaced, ...on("list", "ResourceQuota", "LimitRange")]
      }
    case "PatchHpa":
      return { needs: changes(kind), cautions: [...namespaced, ...on("get", "StatefulSet")] }
    case "EvictPod":
      return { needs: [...on("get", "Pod"), eviction], cautions: [...namespaced, ...replacement] }
    case "QuarantinePod":
      return {
        needs: [...changes("Pod"), ...on("list", "Service"), ...on("get", "ReplicaSet")],
        cautions: [...namespaced, ...on("list", "PodDisruptionBudget"), ...replacement]
      }
    case "CordonNode":
      return { needs: changes("Node"), cautions: on("list", "Node") }
    case "UncordonNode":
      return { needs: changes("Node"), cautions: [] }
    case "DrainNode":
      return {
        needs: [...changes("Node"), ...on("get", "Pod"), ...on("list", "Pod"), eviction],
        cautions: [...on("list", "Node"), ...replacement]
      }
    case "ExpandVolume":
      return { needs: [...changes(kind), ...on("get", "StorageClass")], cautions: namespaced }
    case "SuspendCronJob":
      return { needs: changes(kind), cautions: namespaced }
    case "RestoreObject":
      return {
        needs: (["modified", "deleted", "created"] as const).flatMap((operation) => takesBack(operation, kind)),
        cautions: [...namespaced, ...aroundRestored]
      }
    case "CollectDiagnostics":
      return { needs: on("list", "Event"), cautions: [log] }
    case "Notify":
      return { needs: [], cautions: [] }
  }
}

const distinct = (permissions: ReadonlyArray<Permission>): ReadonlyArray<Permission> => [
  ...new Map(permissions.map((permission) => [permissionText(permission), permission])).values()
]

/**
 * The kinds that the shipped role does not let a restoration write. RBAC never lets Kubernaut grant a right that it
 * does not have itself, so the right to write them would hardly ever be of use, and it is a dangerous one to have.
 */
const notGranted: ReadonlySet<string> = new Set(["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"])

const actionRequirement = (type: ActionType): Requirement => {
  const rights = (kindsOf[type] ?? [""]).filter((kind) => !notGranted.has(kind)).map((kind) => rightsOf(type, kind))
  return {
    feature: type,
    needs: distinct(rights.flatMap(({ needs }) => needs)),
    cautions: distinct(rights.flatMap(({ cautions }) => cautions))
  }
}

/**
 * The kinds whose changes are recorded. Secrets are missing: the right to watch them is a role of its own, because it
 * is the right to read them. Without it, changes of Secrets are unknown.
 */
export const recordedKinds = [
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "Job",
  "CronJob",
  "Service",
  "EndpointSlice",
  "Ingress",
  "IngressClass",
  "Gateway",
  "HTTPRoute",
  "GRPCRoute",
  "ConfigMap",
  "HorizontalPodAutoscaler",
  "ResourceQuota",
  "LimitRange",
  "NetworkPolicy",
  "PodDisruptionBudget",
  "PriorityClass",
  "ServiceAccount",
  "Role",
  "RoleBinding",
  "ClusterRole",
  "ClusterRoleBinding",
  "PersistentVolumeClaim",
  "StorageClass",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
  "Namespace",
  "Node"
] as const

/** What the service reads in every mode. */
export const observing: ReadonlyArray<Requirement> = [
  { feature: "identity", needs: on("get", "Namespace"), cautions: [] },
  // A few objects are read one by one; in a storm of alerts all of a kind and namespace are listed.
  { feature: "owners", needs: [...on("get", ...alertKinds), ...on("list", ...alertKinds)], cautions: [] },
  { feature: "state", needs: distinct(alertKinds.flatMap(stateOf)), cautions: [] },
  {
    feature: "evidence",
    needs: [...on("list", "Event"), log, ...on("get", "Pod", "HorizontalPodAutoscaler"), ...on("list", "ReplicaSet")],
    cautions: []
  }
]

/** What recording changes needs besides, in every mode. */
const recording: Requirement = {
  feature: "changes",
  needs: [...on("list", ...recordedKinds), ...on("watch", ...recordedKinds)],
  cautions: []
}

/** What each action of the catalog reads and writes. */
export const acting: ReadonlyArray<Requirement> = (
  [
    "RestartWorkload",
    "ScaleWorkload",
    "RollbackDeployment",
    "AdjustResources",
    "PatchHpa",
    "EvictPod",
    "CordonNode",
    "UncordonNode",
    "DrainNode",
    "ExpandVolume",
    "SuspendCronJob",
    "QuarantinePod",
    "RestoreObject",
    "CollectDiagnostics"
  ] as const satisfies ReadonlyArray<ActionType>
).map(actionRequirement)

const allOf = (requirements: ReadonlyArray<Requirement>): ReadonlyArray<Permission> =>
  distinct(requirements.flatMap(({ cautions, needs }) => [...needs, ...cautions]))

/** The permissions of `observe`: the ClusterRole `kubernaut-observe`. */
export const observePermissions: ReadonlyArray<Permission> = allOf(observing)

/** What recording changes needs: the ClusterRole `kubernaut-changes`. */
export const recordPermissions: ReadonlyArray<Permission> = allOf([recording])

/** What recording which keys of Secrets change needs: the optional ClusterRole `kubernaut-changes-secrets`. */
export const recordSecretPermissions: ReadonlyArray<Permission> = [...on("list", "Secret"), ...on("watch", "Secret")]

/** What acting needs besides: the ClusterRole `kubernaut-act`. */
export const actPermissions: ReadonlyArray<Permission> = allOf(acting).filter(
  (permission) => !observePermissions.some((each) => permissionText(each) === permissionText(permission))
)

/** Every permission that the service uses where changes are not recorded. */
export const allPermissions: ReadonlyArray<Permission> = [...observePermissions, ...actPermissions]

/** What an action needs on its target: to be planned and carried out, and to be verified and undone. */
export interface ActionAccess {
  readonly act: ReadonlyArray<Access>
  readonly verify: ReadonlyArray<Access>
}

const distinctAccess = (accesses: ReadonlyArray<Access>): ReadonlyArray<Access> => [
  ...new Map(accesses.map((access) => [keyOf(access), access])).values()
]

// Without the right to list them, the numbers of the revisions stay unknown.
const isNeededToVerify = ({ kind }: Permission): boolean => kind !== "ControllerRevision"

/**
 * What an action of a remediation of `target` needs. A `RestoreObject` needs what taking back a change of its operation
 * needs: `modified`, unless the operation is known. The permissions to be cautious are not among them, and a kind that
 * Kubernaut cannot reach needs none: its request is refused anyway.
 */
export const accessOf = (
  action: Action,
  target: ResourceRef,
  operation: ObjectChange["operation"] = "modified"
): ActionAccess => {
  const within = (permissions: ReadonlyArray<Permission>, namespace: string) =>
    distinctAccess(permissions.flatMap((each) => (find(each.kind) === undefined ? [] : [inNamespace(each, namespace)])))
  const { kind, namespace } = action.target
  const needs = action.type === "RestoreObject" ? takesBack(operation, kind) : rightsOf(action.type, kind).needs
  return {
    act: within(needs, namespace),
    verify: isReadOnly(action) ? [] : within(stateOf(target.kind).filter(isNeededToVerify), target.namespace)
  }
}
