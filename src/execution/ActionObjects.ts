/** Reads the objects that the plan of an action depends on. */

import { Effect } from "effect"
import type { Action } from "../domain/Action.ts"
import type { ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import {
  find,
  type KubernetesClient,
  type KubernetesError,
  type KubernetesObject
} from "../kubernetes/KubernetesClient.ts"
import { drainedPods } from "../kubernetes/NodePods.ts"
import type { Kind, Labels, Pod } from "../kubernetes/ObjectModel.ts"
import { controllerOfKind, isBuiltIn } from "../kubernetes/Ownership.ts"
import { templateOwnerOf } from "./actions/HeldBackTemplate.ts"
import { rollbackStates } from "./actions/Rollouts.ts"
import { blocksOnUnready } from "./actions/StuckPods.ts"
import { type Cautions, cautiously, eachOnce, found } from "./Cautions.ts"
import { type ChangesSince, readEarlierTemplate } from "./EarlierTemplateObjects.ts"
import { asKind, type PlanObjects } from "./Plan.ts"
import { readRestored, type RestoredOf } from "./RestorationObjects.ts"
import { replacesPods } from "./TemplateAdmission.ts"

type Client = KubernetesClient["Service"]

/**
 * The kinds that show whether an action is harmless, besides those that its writes are made from. Kubernaut may be
 * without the permission to read them: then the action asks a person.
 */
const cautionsOf = (action: Action): ReadonlyArray<Kind> => {
  switch (action.type) {
    case "RestartWorkload":
    case "RollbackDeployment":
    case "AdjustResources":
      return ["PodDisruptionBudget", "ResourceQuota"]
    // Without them, a quota is met by the controller, and verification finds that.
    case "ScaleWorkload":
      return ["ResourceQuota"]
    case "QuarantinePod":
      return ["PodDisruptionBudget"]
    case "CordonNode":
    case "DrainNode":
      return ["Node"]
    default:
      return []
  }
}

const readCautions = (client: Client, action: Action): Effect.Effect<ReadonlyArray<Cautions>, KubernetesError> => {
  const { namespace } = action.target
  return Effect.all(
    [
      ...(namespace === ""
        ? []
        : [cautiously("Namespace", found(client, { namespace: "", kind: "Namespace", name: namespace }))]),
      ...cautionsOf(action).map((kind) => cautiously(kind, client.list(kind, namespace === "" ? {} : { namespace })))
    ],
    { concurrency: "unbounded" }
  )
}

/** The LimitRanges of a namespace, which explain a refusal. Without them it is explained less precisely. */
export const limitRanges = (client: Client, namespace: string): Effect.Effect<ReadonlyArray<KubernetesObject>> =>
  Effect.orElseSucceed(client.list("LimitRange", { namespace }), (): ReadonlyArray<KubernetesObject> => [])

/** The labels by which a workload selects what it owns. */
const selectedBy = (subject: KubernetesObject): { readonly labelSelector?: Labels } => {
  const labels = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")?.spec.selector.matchLabels
  return labels === undefined ? {} : { labelSelector: labels }
}

const relatedOf = (
  client: Client,
  action: Action,
  subject: KubernetesObject
): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> => {
  const { namespace } = action.target
  switch (action.type) {
    case "ScaleWorkload":
      return client.list("HorizontalPodAutoscaler", { namespace })
    case "RollbackDeployment":
      return client.list(subject.kind === "Deployment" ? "ReplicaSet" : "ControllerRevision", {
        namespace,
        ...selectedBy(subject)
      })
    case "DrainNode":
      return client.list("Pod", {})
    case "ExpandVolume": {
      const name = asKind(subject, "PersistentVolumeClaim")?.spec.storageClassName
      return name === undefined || name === ""
        ? Effect.succeed([])
        : found(client, { namespace: "", kind: "StorageClass", name })
    }
    case "QuarantinePod": {
      const owner = controllerOfKind(subject, "ReplicaSet")
      return Effect.map(
        Effect.all([
          client.list("Service", { namespace }),
          owner === undefined ? Effect.succeed([]) : found(client, { namespace, kind: "ReplicaSet", name: owner.name })
        ]),
        ([services, owners]) => [...services, ...owners]
      )
    }
    default:
      return Effect.succeed([])
  }
}

/** The pods whose owners the action makes create replacements. */
const replacedPods = (
  action: Action,
  subject: KubernetesObject,
  related: ReadonlyArray<KubernetesObject>
): ReadonlyArray<Pod> => {
  switch (action.type) {
    case "EvictPod":
    case "QuarantinePod":
      return [subject].flatMap((object) => asKind(object, "Pod") ?? [])
    case "DrainNode":
      return drainedPods(
        subject.metadata.name,
        related.filter(({ kind }) => kind === "Pod")
      )
    default:
      return []
  }
}

/** The owners that say from which template a replacement is made. */
const readTemplates = (
  client: Client,
  pods: ReadonlyArray<Pod>
): Effect.Effect<ReadonlyArray<Cautions>, KubernetesError> => {
  const owners = pods.flatMap((pod) => {
    const owner = templateOwnerOf(pod)
    return owner === undefined ? [] : [{ ...owner, namespace: pod.metadata.namespace ?? "" }]
  })
  const distinct = [...new Map(owners.map((owner) => [owner.uid, owner])).values()]
  return Effect.forEach(
    distinct.flatMap(({ kind, name, namespace }) => [
      cautiously(kind, found(client, { namespace, kind, name })),
      // A DaemonSet does not name its newest revision.
      ...(kind === "DaemonSet"
        ? [cautiously("ControllerRevision", client.list("ControllerRevision", { namespace }))]
        : [])
    ]),
    (read) => read,
    { concurrency: 4 }
  )
}

/** The StatefulSet that an autoscaler scales: it may make new pods from a template that is held back. */
const readScaled = (
  client: Client,
  action: Action,
  subject: KubernetesObject
): Effect.Effect<ReadonlyArray<Cautions>, KubernetesError> => {
  const scaled =
    action.type === "PatchHpa" ? asKind(subject, "HorizontalPodAutoscaler")?.spec.scaleTargetRef : undefined
  if (scaled === undefined || scaled.kind !== "StatefulSet" || !isBuiltIn(scaled)) return Effect.succeed([])
  const ref = { namespace: action.target.namespace, kind: "StatefulSet", name: scaled.name }
  return Effect.map(cautiously("StatefulSet", found(client, ref)), (read) => [read])
}

/** The pods of a StatefulSet whose template changes: one that is not ready blocks the change. */
const readBlocking = (
  client: Client,
  action: Action,
  subject: KubernetesObject
): Effect.Effect<ReadonlyArray<Cautions>, KubernetesError> =>
  replacesPods(action) && blocksOnUnready(subject)
    ? Effect.map(
        cautiously("Pod", client.list("Pod", { namespace: action.target.namespace, ...selectedBy(subject) })),
        (read) => [read]
      )
    : Effect.succeed([])

/** What a plan is about. */
interface PlannedOf extends RestoredOf {
  /** Reads the journal. Default: what others have changed since a release is unknown. */
  readonly changesSince?: ChangesSince | undefined
  /** When the first object of the name of the change was created, as far as that is recorded. */
  readonly bornAt?: Timestamp | undefined
  /** The recorded changes of those that may have taken the place of the object. */
  readonly history?: ReadonlyArray<ObjectChange> | undefined
  /** The intervals of which that may have no record. Default: none. */
  readonly historyGaps?: ReadonlyArray<WatchGap> | undefined
}

/** What the earlier template of a rollback names. */
const readEarlier = (
  client: Client,
  action: Action,
  subject: KubernetesObject,
  related: ReadonlyArray<KubernetesObject>,
  { changesSince }: PlannedOf
) => {
  const states = action.type === "RollbackDeployment" ? rollbackStates(action, subject, related) : undefined
  return states === undefined
    ? Effect.succeed({ found: [], unread: [] })
    : readEarlierTemplate(client, states, changesSince)
}

/**
 * The current objects. An action that changes nothing, and a subject that does not exist, need no others. `of` is the
 * target of the alert, and the recorded change that a `RestoreObject` takes back.
 */
export const readObjects = Effect.fnUntraced(function* (
  client: Client,
  action: Action,
  of: PlannedOf = { target: action.target }
): Effect.fn.Return<PlanObjects, KubernetesError> {
  if (action.type === "Notify" || action.type === "CollectDiagnostics") return { subject: undefined, related: [] }
  if (action.type === "RestoreObject") {
    const restored = yield* readRestored(client, action, of)
    const { bornAt, history, historyGaps = [] } = of
    const known = history === undefined ? {} : { history, historyGaps }
    return { ...restored, ...(bornAt === undefined ? {} : { bornAt }), ...known }
  }
  const subject = yield* find(client, action.target)
  if (subject === undefined) return { subject, related: [] }
  const [related, cautions, blocking] = yield* Effect.all(
    [relatedOf(client, action, subject), readCautions(client, action), readBlocking(client, action, subject)],
    { concurrency: "unbounded" }
  )
  const templates = yield* readTemplates(client, replacedPods(action, subject, related))
  const scaled = yield* readScaled(client, action, subject)
  const { found: named, unread: hidden, ...later } = yield* readEarlier(client, action, subject, related, of)
  const around = [...cautions, ...blocking, ...templates, ...scaled, { found: named, unread: hidden }]
  return {
    subject,
    ...later,
    related: eachOnce([...related, ...around.flatMap(({ found }) => found)]),
    unread: around.flatMap(({ unread }) => unread)
  }
})
