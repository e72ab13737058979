/**
 * `RestoreObject`: takes one recorded change back.
 *
 * | the change | writes                                        | inverse                                                |
 * | ---------- | --------------------------------------------- | ------------------------------------------------------ |
 * | `modified` | the fields of the change, each by its name    | the same fields                                        |
 * | `deleted`  | the object, without what the cluster assigned | its removal, if it is still ours and nobody touched it |
 * | `created`  | its removal, by uid                           | the object from its manifest, with another uid         |
 *
 * Where the target of the alert keeps values of a restored ConfigMap from its start, it is restarted (`ConfigRestart`).
 *
 * | refused                | because                                                                                |
 * | ---------------------- | -------------------------------------------------------------------------------------- |
 * | `no-such-change`       | the journal has no change of that id                                                   |
 * | `other-object`         | the change is one of another object                                                    |
 * | `wrong-kind`           | the kind is never restored, such as a Secret                                           |
 * | `own-change`           | Kubernaut made the change: the undo of an undo                                         |
 * | `gitops-owned`         | GitOps owns the object, so the change has to be reverted in its source                 |
 * | `not-restorable`       | a Namespace, Node or claim was created or deleted: nobody can create its content again |
 * | `not-restorable`       | the change is one of the owners of an object: one that is gone takes the object along  |
 * | `not-restorable`       | a workload does not start without what would go: see `RestoredDependants`              |
 * | `not-restorable`       | the earlier state names something that is gone: see `RestoredReferences`               |
 * | `not-restorable`       | nothing serves behind the earlier state any more: see `RestoredEndpoints`              |
 * | `not-restorable`       | a route that was deleted led to what is gone as well: see `CreatedRoutes`              |
 * | `irreversible`         | a volume cannot shrink                                                                 |
 * | `immutable-field`      | the API server never changes the field                                                 |
 * | `no-manifest`          | the object was deleted or created, and was not recorded                                |
 * | `not-found`            | the object does not exist any more                                                     |
 * | `exists-already`       | another object has the name                                                            |
 * | `changed-since-change` | somebody has changed the field, or the object, since: see `LaterChanges` too           |
 * | `made-again`           | the change reverts an earlier write of Kubernaut (`LaterChanges`)                      |
 * | `autoscaler-owned`     | an autoscaler sets the replica count, or another one has replaced a deleted one        |
 *
 * What a person may allow is an ask: see `RestorationAsks`, and `Successors` for what has replaced the object.
 */

import { appliesToItsTarget } from "../../domain/Action.ts"
import * as FieldPath from "../../domain/FieldPath.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName, sameRef } from "../../domain/Target.ts"
import { gitOpsSourceOf } from "../../kubernetes/GitOpsSource.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { managersOf } from "../../kubernetes/Managers.ts"
import { foreignOwnerOf, refersTo } from "../../kubernetes/Ownership.ts"
import { mostLater } from "../LaterChanges.ts"
import { edited, patch, removal } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  nothingToDo,
  type Plan,
  type PlanContext,
  planned,
  type PlanObjects,
  type PlanRefusal,
  refuse,
  relatedOf,
  wrongKind
} from "../Plan.ts"
import { restartFor } from "./ConfigRestartPlan.ts"
import { createdObjections } from "./CreatedRoutes.ts"
import { creationAsks, fieldAsks, removalAsks, type Step } from "./RestorationAsks.ts"
import { dependantAsks, keyRefusal, removalRefusal } from "./RestoredDependants.ts"
import { endpointObjections } from "./RestoredEndpoints.ts"
import { editsOf, type FieldState, fieldStates, shown, written } from "./RestoredFields.ts"
import { changedSince, creatable, keptManifest } from "./RestoredManifest.ts"
import { referenceObjections, statesOf } from "./RestoredReferences.ts"
import { templateEffects } from "./RestoredTemplate.ts"
import { successorObjections } from "./Successors.ts"

type Restore = Extract<Parameters<typeof wrongKind>[0], { readonly type: "RestoreObject" }>

/** Objects whose content cannot be created again, or that hold everything else. */
const neverCreatedOrRemoved: ReadonlySet<string> = new Set(["Namespace", "Node", "PersistentVolumeClaim"])

/** The fields that the API server never changes, beneath `spec` unless they begin at the root. */
const immutable: Readonly<Record<string, ReadonlyArray<string>>> = {
  Deployment: ["spec.selector"],
  DaemonSet: ["spec.selector"],
  StatefulSet: ["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
  Service: ["spec.clusterIP", "spec.clusterIPs"],
  PriorityClass: ["value", "preemptionPolicy"],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"]
}

const isBeneath = (path: string, above: string): boolean =>
  path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)

/** Who must not be overruled, whatever the object is like now. */
const whoRefusal = ({ by, ref }: ObjectChange): PlanRefusal | undefined => {
  const name = displayName(ref)
  if (by.kind === "kubernaut")
    return refuse("own-change", `Kubernaut itself made this change of ${name}. An undo is never undone by another one.`)
  return by.kind === "gitops"
    ? refuse(
        "gitops-owned",
        `${by.name ?? "GitOps"} made this change of ${name} and would make it again. Revert it in the source that it applies.`
      )
    : undefined
}

/** Whose object it is: a GitOps controller puts back what anybody else writes. */
const ownerRefusal = (object: KubernetesObject, name: string): PlanRefusal | undefined => {
  const owner = gitOpsSourceOf(object)
  if (owner === undefined) return undefined
  const commit = owner.commit === undefined ? "" : ` It has applied ${owner.commit}.`
  return refuse(
    "gitops-owned",
    `${name} is declared by ${owner.source}, which would put the change back. Revert it there.${commit}`
  )
}

const ownerAsks = (change: ObjectChange, object: KubernetesObject): ReadonlyArray<Ask> => {
  const name = displayName(change.ref)
  const owner = foreignOwnerOf(object)
  const manager = managersOf(object).find((each) => each !== "helm" && each !== "terraform" && each !== "pulumi")
  const isRelease = change.by.name !== undefined && /^(helm|terraform|hashicorp|opentofu|pulumi)/i.test(change.by.name)
  const by =
    owner !== undefined
      ? `${owner.kind} ${owner.name}`
      : (manager
        ?? (isRelease || change.by.kind === "controller" || change.by.kind === "unknown" ? change.by.name : undefined))
  return by === undefined
    ? []
    : [
        ask(
          "managed-object",
          `${name} is managed by ${by}, which may make the change again, so taking it back needs an approval.`,
          { manager: by }
        )
      ]
}

const differenceText = (kind: string, states: ReadonlyArray<FieldState>): string =>
  states
    .map(
      ({ field: { after, path }, now }) =>
        `${FieldPath.display(path)} is ${shown(kind, path, now)} now, and the change made it ${shown(kind, path, after)}`
    )
    .join("; ")

const fixedRefusal = (change: ObjectChange, object: KubernetesObject): PlanRefusal | undefined => {
  const name = displayName(change.ref)
  const paths = change.fields.map(({ path }) => FieldPath.display(path))
  if (change.ref.kind === "PersistentVolumeClaim" && paths.some((path) => path.startsWith("spec")))
    return refuse("irreversible", `A volume cannot shrink, so ${paths.join(", ")} of ${name} is never put back.`)
  if (paths.includes("metadata.deletionTimestamp"))
    return refuse("irreversible", `The deletion of ${name} has begun, and nobody can take that back.`)
  const owners = change.fields.find(({ path: [first, second] }) => first === "metadata" && second === "ownerReferences")
  if (owners !== undefined)
    return refuse(
      "not-restorable",
      `The change is one of ${FieldPath.display(owners.path)} of ${name}, and an owner is never put back: one that does not exist any more would take the object with it.`
    )
  const fixed = immutable[change.ref.kind] ?? []
  const field = paths.find((path) => fixed.some((each) => isBeneath(path, each)))
  if (field !== undefined)
    return refuse("immutable-field", `The API server never changes ${field} of ${name}, so it cannot be put back.`)
  return change.ref.kind === "ConfigMap"
    && object["immutable"] === true
    && paths.some((path) => !path.startsWith("metadata"))
    ? refuse("immutable-field", `${name} is immutable, so its content cannot be put back.`)
    : undefined
}

/** An autoscaler sets the count, unless it is at zero: then the autoscaler is off. */
const scaledRefusal = (states: ReadonlyArray<FieldState>, object: KubernetesObject, objects: PlanObjects) => {
  const replicas = states.find(({ field }) => FieldPath.display(field.path) === "spec.replicas")
  if (replicas === undefined || replicas.now === 0) return undefined
  const autoscaler = relatedOf(objects, "HorizontalPodAutoscaler").find(({ spec: { scaleTargetRef } }) =>
    refersTo(scaleTargetRef, object)
  )
  return autoscaler === undefined
    ? undefined
    : refuse(
        "autoscaler-owned",
        `HorizontalPodAutoscaler ${autoscaler.metadata.name} controls the replica count and would revert the change.`
      )
}

/** Why what the fields would lead to, or what has come to depend on them, speaks against putting them back. */
const surroundings = (
  change: ObjectChange,
  now: KubernetesObject,
  earlier: KubernetesObject,
  objects: PlanObjects
): PlanRefusal | ReadonlyArray<Ask> => {
  const refusal = keyRefusal({ now, earlier }, objects)
  if (refusal !== undefined) return refusal
  const asks: Array<Ask> = []
  for (const objections of [
    referenceObjections({ now, earlier }, objects),
    endpointObjections({ now, earlier }, objects),
    successorObjections(change, now, earlier, objects),
    dependantAsks(change, now, objects)
  ]) {
    if ("_tag" in objections) return objections
    asks.push(...objections)
  }
  return asks
}

const restoreFields = (
  change: ObjectChange,
  object: KubernetesObject,
  objects: PlanObjects,
  context: PlanContext
): Plan | PlanRefusal => {
  const name = displayName(change.ref)
  if (object.metadata.uid !== change.uid)
    return refuse("changed-since-change", `${name} was deleted and created again after the change.`)
  const fixed = fixedRefusal(change, object)
  if (fixed !== undefined) return fixed
  const states = fieldStates(object, change.fields)
  if (states.every(({ state }) => state === "back")) return nothingToDo
  const others = states.filter(({ state }) => state !== "changed")
  if (others.length > 0)
    return refuse(
      "changed-since-change",
      `${name} was changed again after the change: ${differenceText(object.kind, others)}.`
    )
  const refusal = scaledRefusal(states, object, objects)
  if (refusal !== undefined) return refusal
  const fields = states.map(({ field }) => field)
  const edits = editsOf(object, fields)
  if (edits === undefined)
    return refuse(
      "changed-since-change",
      `${name} has no place any more for ${fields.map(({ path }) => FieldPath.display(path)).join(", ")}.`
    )
  const around = surroundings(change, object, edits.reduce<unknown>(edited, object) as KubernetesObject, objects)
  if ("_tag" in around) return around
  const { change: write, inverse } = patch(object, edits, context)
  const template = templateEffects(change, object, write, objects)
  if ("_tag" in template) return template
  const steps = fields.map(({ after, before, path }): Step => ({ path, from: after, to: before }))
  const figures = Object.fromEntries(
    steps.map(({ from, path, to }) => [
      FieldPath.display(path),
      `${shown(object.kind, path, from)} -> ${shown(object.kind, path, to)}`
    ])
  )
  return {
    ...planned(
      [write, ...template.evictions],
      { _tag: "Exact", changes: [inverse] },
      {
        asks: [...ownerAsks(change, object), ...fieldAsks(object, steps), ...around, ...template.asks],
        figures: { ...figures, ...template.figures }
      }
    ),
    fields: [{ ref: change.ref, fields: written(object, fields) }]
  }
}

const createAgain = (change: ObjectChange, objects: PlanObjects, context: PlanContext): Plan | PlanRefusal => {
  const name = displayName(change.ref)
  if (objects.subject !== undefined)
    return refuse("exists-already", `${name} exists again, and what it is now is somebody else's.`)
  const { manifest } = change
  if (manifest === undefined)
    return refuse("no-manifest", `What ${name} was is not recorded, so it cannot be created again.`)
  const object = manifest as unknown as KubernetesObject
  const refusal = ownerRefusal(object, name)
  if (refusal !== undefined) return refusal
  const states = statesOf(change, undefined)
  const references = states === undefined ? [] : referenceObjections(states, objects)
  if ("_tag" in references) return references
  const endpoints = createdObjections(change, objects)
  if ("_tag" in endpoints) return endpoints
  const successors = successorObjections(change, undefined, object, objects)
  if ("_tag" in successors) return successors
  return planned(
    [{ _tag: "Create", ref: change.ref, manifest: creatable(manifest, objects, context) }],
    { _tag: "Exact", changes: [], removesCreated: [change.ref] },
    {
      asks: [...ownerAsks(change, object), ...creationAsks(object), ...references, ...endpoints, ...successors],
      figures: { creates: name }
    }
  )
}

const remove = (
  change: ObjectChange,
  object: KubernetesObject,
  objects: PlanObjects,
  context: PlanContext
): Plan | PlanRefusal => {
  const name = displayName(change.ref)
  if (object.metadata.uid !== change.uid)
    return refuse("changed-since-change", `${name} was deleted and created again after the change.`)
  const { manifest } = change
  if (manifest === undefined) return refuse("no-manifest", `What ${name} was is not recorded, so it is not removed.`)
  const since = changedSince(manifest, object)
  if (since.length > 0)
    return refuse(
      "changed-since-change",
      `${name} was changed after it was created: ${since.map(({ path }) => FieldPath.display(path)).join(", ")}.`
    )
  const needed = removalRefusal(object, objects)
  if (needed !== undefined) return needed
  return planned(
    [removal(object)],
    {
      _tag: "Partial",
      changes: [{ _tag: "Create", ref: change.ref, manifest: keptManifest(object) }],
      remains: `${name} has another uid than before.`
    },
    {
      asks: [
        ...ownerAsks(change, object),
        ...removalAsks(object, context.removableKinds ?? []),
        ...dependantAsks(change, object, objects)
      ],
      figures: { removes: name }
    }
  )
}

const takeBack = (change: ObjectChange, objects: PlanObjects, context: PlanContext): Plan | PlanRefusal => {
  const { subject } = objects
  const name = displayName(change.ref)
  if (change.operation === "deleted") return createAgain(change, objects, context)
  if (subject === undefined)
    return change.operation === "created" ? nothingToDo : refuse("not-found", `${name} does not exist any more.`)
  return (
    ownerRefusal(subject, name)
    ?? (change.operation === "created"
      ? remove(change, subject, objects, context)
      : restoreFields(change, subject, objects, context))
  )
}

/** What the later changes would have said that are too many to be read. */
const cutAsks = (change: ObjectChange, { laterCut = false }: PlanObjects): ReadonlyArray<Ask> =>
  laterCut
    ? [
        ask(
          "overtaken",
          `More changes followed in namespace ${change.ref.namespace} than the ${mostLater} that are read, so whether one of them speaks against it is unknown.`,
          { changes: mostLater }
        )
      ]
    : []

/** The writes that take a recorded change back. */
export const restore = (action: Restore, objects: PlanObjects, context: PlanContext): Plan | PlanRefusal => {
  const { change } = objects
  if (!appliesToItsTarget(action)) return wrongKind(action)
  if (change === undefined) return refuse("no-such-change", `No change ${action.change} is recorded.`)
  if (!sameRef(change.ref, action.target))
    return refuse("other-object", `Change ${change.id} is one of ${displayName(change.ref)}.`)
  const who = whoRefusal(change)
  if (who !== undefined) return who
  if (change.operation !== "modified" && neverCreatedOrRemoved.has(change.ref.kind))
    return refuse(
      "not-restorable",
      `${displayName(change.ref)} was ${change.operation}, and a ${change.ref.kind} is never created or removed: its content could not be.`
    )
  const plan = takeBack(change, objects, context)
  if (plan._tag === "PlanRefusal" || plan.changes.length === 0) return plan
  const asks = [...plan.asks, ...cutAsks(change, objects)]
  return restartFor(change, { ...plan, asks }, objects, context)
}
