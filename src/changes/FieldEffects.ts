/**
 * What the change of a field can break. Pure: a table, and how to look a change up in it.
 *
 * **Details**
 *
 * A field is found by its kind and path. Paths in pod templates are the same for all kinds that have one: they begin
 * with `pod:`, whether the template is that of a Deployment, of a CronJob, or the pod itself. The first row that
 * matches counts. `likely` is what the field breaks directly, and `possible` what may follow from that.
 *
 * A field that no row lists is inert: a label, an annotation, a description. It breaks nothing that is known.
 */

import * as FieldPath from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { SymptomKind } from "./SymptomKinds.ts"

/** What a change can break. */
export interface Effects {
  readonly likely: ReadonlyArray<SymptomKind>
  readonly possible: ReadonlyArray<SymptomKind>
}

interface Row extends Effects {
  /** Absent: any kind. */
  readonly kinds?: RegExp
  /** The path, or `created` and `deleted` for a whole object. */
  readonly path: RegExp
}

const row = (
  kinds: RegExp | undefined,
  path: RegExp,
  likely: ReadonlyArray<SymptomKind>,
  possible: ReadonlyArray<SymptomKind> = []
): Row => ({ ...(kinds === undefined ? {} : { kinds }), path, likely, possible })

const deleted = /^deleted$/
const starting = ["crashing", "not-ready", "job-failed", "rollout"] as const
const serving = ["errors", "unreachable"] as const

const podRows: ReadonlyArray<Row> = [
  row(
    undefined,
    /^pod:.*\.image$/,
    ["image", "errors", ...starting],
    ["unreachable", "overload", "absent", "not-created"]
  ),
  row(
    undefined,
    /^pod:.*\.(command|args|workingDir|env|envFrom)\b/,
    ["errors", ...starting],
    ["unreachable", "overload", "absent"]
  ),
  row(
    undefined,
    /^pod:.*\.(readinessProbe|livenessProbe|startupProbe|lifecycle)\b/,
    [...starting, "unreachable"],
    ["errors", "absent", "disruption"]
  ),
  row(
    undefined,
    /^pod:.*\.resources\b/,
    ["pending", "not-created", "crashing", "overload", "quota", "rollout"],
    ["not-ready", "errors", "job-failed", "absent"]
  ),
  row(
    undefined,
    /^pod:spec\.(nodeSelector|affinity|tolerations|topologySpreadConstraints|schedulerName|schedulingGates|nodeName)\b/,
    ["pending", "absent", "rollout"],
    ["not-ready", "unreachable", "errors", "not-run"]
  ),
  row(
    undefined,
    /^pod:spec\.(priorityClassName|priority|preemptionPolicy|runtimeClassName|overhead)\b/,
    ["pending", "not-created", "rollout"],
    ["absent", "not-ready"]
  ),
  row(
    undefined,
    /^pod:spec\.(serviceAccount|serviceAccountName|automountServiceAccountToken)\b/,
    ["forbidden", "not-created", "errors", ...starting],
    ["absent"]
  ),
  row(
    undefined,
    /^pod:spec\.imagePullSecrets\b|^pod:.*\.imagePullPolicy$/,
    ["image", "rollout"],
    ["not-ready", "absent"]
  ),
  row(
    undefined,
    /^pod:spec\.(dnsPolicy|dnsConfig|hostAliases|hostNetwork|hostname|subdomain|enableServiceLinks)\b/,
    [...serving, ...starting],
    ["pending", "absent"]
  ),
  row(
    undefined,
    /^pod:.*\b(volumes|volumeMounts|volumeDevices)\b/,
    ["volume", ...starting],
    ["pending", "errors", "image", "absent"]
  ),
  row(
    undefined,
    /^pod:.*\bsecurityContext\b|^pod:spec\.(hostPID|hostIPC|hostUsers|shareProcessNamespace|os)\b/,
    ["not-created", "volume", ...starting],
    ["errors", "absent", "pending"]
  ),
  row(undefined, /^pod:.*\.ports\b/, ["unreachable", "not-ready", "pending"], ["errors", "crashing"]),
  row(undefined, /^pod:metadata\.labels\b/, ["unreachable", "errors"], ["absent", "disruption"]),
  row(undefined, /^pod:metadata\.annotations\["kubectl\.kubernetes\.io\/restartedAt"\]/, [], []),
  row(
    undefined,
    /^pod:metadata\.annotations\b.*(inject|sidecar|istio|linkerd|apparmor|seccomp|iam|vault|bandwidth)/,
    [],
    [...starting, ...serving]
  ),
  row(undefined, /^pod:metadata\.annotations\b/, [], []),
  row(
    undefined,
    /^pod:spec\.(restartPolicy|activeDeadlineSeconds|terminationGracePeriodSeconds)\b/,
    ["job-failed", "crashing"],
    ["errors"]
  ),
  // A whole container or template.
  row(
    undefined,
    /^pod:/,
    ["image", "errors", ...starting],
    ["pending", "not-created", "unreachable", "overload", "absent"]
  )
]

const workloadRows: ReadonlyArray<Row> = [
  row(
    /^(Deployment|StatefulSet|ReplicaSet)$/,
    /^spec\.replicas$/,
    ["absent", "unreachable", "errors", "overload", "pending", "not-created", "quota", "disruption"],
    ["not-ready"]
  ),
  row(
    /^(Deployment|StatefulSet|DaemonSet|ReplicaSet)$/,
    /^spec\.selector\b/,
    ["absent", "unreachable"],
    ["errors", "not-created"]
  ),
  row(
    /^(Deployment|StatefulSet|DaemonSet)$/,
    /^spec\.(paused|strategy|updateStrategy|minReadySeconds|progressDeadlineSeconds|podManagementPolicy|serviceName|revisionHistoryLimit)\b/,
    ["rollout"],
    ["absent", "not-ready", "errors"]
  ),
  row(/^StatefulSet$/, /^spec\.volumeClaimTemplates\b/, ["volume", "pending"], ["not-ready"]),
  row(
    /^(Job|CronJob)$/,
    /^spec\.(jobTemplate\.spec\.)?(suspend|schedule|timeZone|startingDeadlineSeconds|concurrencyPolicy|parallelism|completions)\b/,
    ["not-run", "absent"],
    ["job-failed", "errors"]
  ),
  row(
    /^(Job|CronJob)$/,
    /^spec\.(jobTemplate\.spec\.)?(backoffLimit|activeDeadlineSeconds|podFailurePolicy|completionMode|ttlSecondsAfterFinished)\b/,
    ["job-failed"],
    ["not-run"]
  ),
  row(
    /^(Deployment|StatefulSet|DaemonSet|ReplicaSet|Job|CronJob|Pod)$/,
    deleted,
    ["absent", "unreachable", "errors", "not-run"],
    ["overload", "crashing", "not-ready"]
  ),
  row(
    /^(Deployment|StatefulSet|DaemonSet|ReplicaSet|Job|CronJob|Pod)$/,
    /^created$/,
    ["image", "errors", "pending", "not-created", ...starting],
    ["quota", "unreachable"]
  ),
  row(
    /^HorizontalPodAutoscaler$/,
    /^spec\b|^created$|^deleted$/,
    ["overload", "errors", "absent"],
    ["unreachable", "pending", "not-created", "quota", "crashing"]
  )
]

const pathsOfTraffic: ReadonlyArray<Row> = [
  row(
    /^(Service|EndpointSlice|Endpoints)$/,
    /^(spec|endpoints|ports|subsets|addressType)\b|^deleted$|^created$/,
    [...serving],
    ["crashing", "not-ready", "job-failed", "absent"]
  ),
  row(
    /^(Service|Ingress|Gateway|HTTPRoute|GRPCRoute|TLSRoute|TCPRoute|UDPRoute)$/,
    /^metadata\.annotations\b/,
    [],
    [...serving]
  ),
  row(
    /^(Ingress|IngressClass|Gateway|HTTPRoute|GRPCRoute|TLSRoute|TCPRoute|UDPRoute)$/,
    /^spec\b|^deleted$|^created$/,
    [...serving],
    ["absent"]
  ),
  row(
    /^NetworkPolicy$/,
    /^spec\b|^deleted$|^created$/,
    [...serving, "forbidden"],
    ["crashing", "not-ready", "job-failed", "absent"]
  )
]

const configuration: ReadonlyArray<Row> = [
  row(
    /^ConfigMap$/,
    /^(data|binaryData)\b|^deleted$/,
    ["errors", "volume", ...starting],
    ["unreachable", "overload", "forbidden", "absent", "pending", "node"]
  ),
  row(
    /^Secret$/,
    /^(data|stringData|type)\b|^deleted$/,
    ["errors", "image", "forbidden", "volume", ...starting],
    ["unreachable", "absent", "pending"]
  ),
  row(/^(ConfigMap|Secret)$/, /^created$/, [], ["errors", ...starting]),
  row(
    /^ServiceAccount$/,
    /^(imagePullSecrets|secrets|automountServiceAccountToken)\b/,
    ["image", "forbidden", ...starting],
    ["errors"]
  ),
  row(
    /^ServiceAccount$/,
    /^metadata\.annotations\b.*(iam|role|workload|azure)/i,
    [],
    ["errors", "forbidden", ...starting]
  ),
  row(/^ServiceAccount$/, deleted, ["not-created", "forbidden", "absent", "errors"], [...starting]),
  row(
    /^(Role|ClusterRole|RoleBinding|ClusterRoleBinding)$/,
    /^(rules|aggregationRule|roleRef|subjects)\b|^deleted$/,
    ["forbidden", "errors", ...starting],
    ["not-created", "absent"]
  )
]

const limits: ReadonlyArray<Row> = [
  row(
    /^ResourceQuota$/,
    /^spec\b|^created$|^deleted$/,
    ["not-created", "quota", "absent"],
    ["rollout", "not-ready", "errors", "overload"]
  ),
  row(
    /^LimitRange$/,
    /^spec\b|^created$|^deleted$/,
    ["not-created", "quota", "absent", "crashing"],
    ["rollout", "pending", "overload", "not-ready"]
  ),
  row(/^PodDisruptionBudget$/, /^spec\b|^created$|^deleted$/, ["disruption"], ["rollout", "absent"]),
  row(
    /^PriorityClass$/,
    /^(value|globalDefault|preemptionPolicy)\b|^deleted$|^created$/,
    ["not-created", "pending"],
    ["absent", "not-ready"]
  ),
  row(
    /^(Mutating|Validating)(WebhookConfiguration|AdmissionPolicy|AdmissionPolicyBinding)$/,
    /^(webhooks|spec)\b|^created$|^deleted$/,
    ["not-created", "absent", "rollout"],
    ["crashing", "not-ready", "image", "pending"]
  ),
  row(/^Namespace$/, /^metadata\.labels\b/, ["not-created", "absent"], [...serving, "crashing", "not-ready"]),
  row(/^Namespace$/, /^metadata\.annotations\b/, [], ["pending", "not-created"]),
  row(/^Namespace$/, deleted, ["absent", "not-created", ...serving], [])
]

const machines: ReadonlyArray<Row> = [
  row(
    /^Node$/,
    /^spec\.(unschedulable|taints)\b|^metadata\.labels\b|^deleted$/,
    ["pending", "absent", "node", "disruption"],
    ["not-ready", "errors", "overload", "unreachable", "crashing", "not-run"]
  ),
  row(
    /^(PersistentVolumeClaim|PersistentVolume|StorageClass|VolumeAttributesClass|CSIDriver)$/,
    /^(spec|provisioner|parameters|reclaimPolicy|volumeBindingMode|allowVolumeExpansion|allowedTopologies|mountOptions)\b|^deleted$|^created$/,
    ["volume", "pending"],
    ["crashing", "not-ready", "absent", "errors", "not-created"]
  ),
  row(/^StorageClass$/, /^metadata\.annotations\b.*is-default-class/, ["volume", "pending"], [])
]

const known: ReadonlyArray<Row> = [...workloadRows, ...pathsOfTraffic, ...configuration, ...limits, ...machines]

const kindsKnown: ReadonlySet<string> = new Set(
  [
    "Deployment StatefulSet DaemonSet ReplicaSet Job CronJob Pod HorizontalPodAutoscaler Service EndpointSlice Endpoints",
    "Ingress IngressClass Gateway HTTPRoute GRPCRoute TLSRoute TCPRoute UDPRoute NetworkPolicy ConfigMap Secret",
    "ServiceAccount Role ClusterRole RoleBinding ClusterRoleBinding ResourceQuota LimitRange PodDisruptionBudget",
    "PriorityClass Namespace Node PersistentVolumeClaim PersistentVolume StorageClass"
  ].flatMap((names) => names.split(" "))
)

/** Kinds that only an operator of the cluster knows, such as a policy of a service mesh. */
const custom: Row = row(undefined, /^(?!metadata\b|status\b)/, [...serving, "forbidden"], ["absent", ...starting])

const templated: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])

/** The path for the table: `pod:` in front of what is within a pod template. */
export const effectPath = (kind: string, path: FieldPath.FieldPath): string => {
  const text = FieldPath.display(path)
  if (kind === "Pod") return /^spec\b|^metadata\.labels\b/.test(text) ? `pod:${text}` : text
  const prefix =
    kind === "CronJob" ? "spec.jobTemplate.spec.template" : templated.has(kind) ? "spec.template" : undefined
  if (prefix === undefined || !text.startsWith(prefix)) return text
  return `pod:${text.slice(prefix.length).replace(/^\./, "")}`
}

const none: Effects = { likely: [], possible: [] }

/** The network, the storage or the agent of a node may be a DaemonSet, and the node is not ready without it. */
const ofNodes = (effects: Effects): Effects =>
  effects.likely.length === 0 ? effects : { ...effects, possible: [...effects.possible, "node"] }

/** What a field of a kind can break, by its path for the table. */
export const effectsOf = (kind: string, path: string): Effects => {
  if (path === "metadata.deletionTimestamp") return effectsOf(kind, "deleted")
  if (path.startsWith("pod:")) {
    const ofPod = podRows.find((each) => each.path.test(path)) ?? none
    return kind === "DaemonSet" ? ofNodes(ofPod) : ofPod
  }
  const rows = kindsKnown.has(kind) ? known : [...known, custom]
  return rows.find((each) => each.kinds?.test(kind) !== false && each.path.test(path)) ?? none
}

/**
 * The fields of a change that can break something; all of them if none can. The others, such as a label, or the time of
 * a restart, say nothing about what a change is for.
 */
export const breakingFields = ({
  fields,
  ref
}: Pick<ObjectChange, "fields" | "ref">): ReadonlyArray<FieldPath.FieldDifference> => {
  const breaking = fields.filter(({ path }) => {
    const { likely, possible } = effectsOf(ref.kind, effectPath(ref.kind, path))
    return likely.length + possible.length > 0
  })
  return breaking.length === 0 ? fields : breaking
}

/**
 * The fields that say whether a change has been taken back: those that can break something, or of these only the ones
 * of the pod template, where there are any. A rollback writes nothing else.
 */
export const decisiveFields = (
  change: Pick<ObjectChange, "fields" | "ref">
): ReadonlyArray<FieldPath.FieldDifference> => {
  const fields = breakingFields(change)
  const ofTemplate = fields.filter(({ path }) => path[0] === "spec" && path[1] === "template")
  return ofTemplate.length > 0 ? ofTemplate : fields
}

/** What each part of a change can break: of its fields, or of the whole object. */
export const effectsOfChange = ({
  fields,
  operation,
  ref
}: ObjectChange): ReadonlyArray<{ readonly path: string; readonly effects: Effects }> =>
  operation === "modified"
    ? fields.map(({ path }) => ({
        path: FieldPath.display(path),
        effects: effectsOf(ref.kind, effectPath(ref.kind, path))
      }))
    : [{ path: operation, effects: effectsOf(ref.kind, operation) }]
