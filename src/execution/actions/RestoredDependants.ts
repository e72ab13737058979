/**
 * Which other workloads depend on the present state of an object that is put back or removed. The alert is about one
 * workload, and a ConfigMap, a Service or an account may belong to many.
 *
 * | another object                                                          | then             |
 * | ----------------------------------------------------------------------- | ---------------- |
 * | does not start without a key of the ConfigMap that would go             | refused          |
 * | names the object that would be removed, and cannot do without           | refused          |
 * | relies on the object, and was created after the change                  | asks `relied-on` |
 * | relies on the object by fields that somebody has changed after it       | asks `relied-on` |
 * | relies on the object as it did before the change, also in a new release | no objection     |
 *
 * The last one ran with the earlier state, as the target of the alert did. Fields rely on an object if they name it, if
 * they give a pod the labels that a policy selects, or if they have a port that the change gave a policy or a Service.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, selects, templateOf, textOf } from "../../changes/ObjectFields.ts"
import { hostsOf } from "../../changes/TemplateReferences.ts"
import * as FieldPath from "../../domain/FieldPath.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName, type ResourceRef, sameRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { controllerOf, type PodTemplate } from "../../kubernetes/ObjectModel.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, type PlanObjects, type PlanRefusal, refuse } from "../Plan.ts"
import { keysNeeded } from "./ConfigRestart.ts"
import { namedBy, reliesOn } from "./NamedObjects.ts"
import type { States } from "./RestoredEndpoints.ts"

/** The kinds that may depend on an object of their namespace. */
export const dependantKinds: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Ingress",
  "HTTPRoute",
  "GRPCRoute",
  "HorizontalPodAutoscaler",
  "RoleBinding"
])

const othersThan = (ref: ResourceRef, { related, target }: PlanObjects): ReadonlyArray<KubernetesObject> => [
  ...(target === undefined ? [] : [target]),
  ...related.filter((each) => dependantKinds.has(each.kind) && !sameRef(refOf(each), ref))
]

const keysIn = (object: KubernetesObject): ReadonlyArray<string> =>
  Object.keys({ ...fieldsOf(object["data"]), ...fieldsOf(object["binaryData"]) })

/** A workload that does not start without a key that goes. */
export const keyRefusal = ({ now, earlier }: States, objects: PlanObjects): PlanRefusal | undefined => {
  if (now.kind !== "ConfigMap") return undefined
  const gone = keysIn(now).filter((key) => !keysIn(earlier).includes(key))
  if (gone.length === 0) return undefined
  for (const workload of othersThan(refOf(now), objects)) {
    const template = templateOf(workload)
    const needed = template === undefined ? new Set() : keysNeeded(template as PodTemplate, now.metadata.name)
    const key = gone.find((each) => needed.has(each))
    if (key !== undefined)
      return refuse(
        "not-restorable",
        `Containers of ${displayName(refOf(workload))} do not start without key ${key} of ${displayName(refOf(now))}, which the change added.`
      )
  }
  return undefined
}

/** An object that cannot do without the one that would be removed. */
export const removalRefusal = (object: KubernetesObject, objects: PlanObjects): PlanRefusal | undefined => {
  const ref = refOf(object)
  const dependant = othersThan(ref, objects).find((each) => namedBy(each).some((named) => sameRef(named, ref)))
  return dependant === undefined
    ? undefined
    : refuse(
        "not-restorable",
        `${displayName(refOf(dependant))} names ${displayName(ref)} and cannot do without it, so it is not removed.`
      )
}

const leavesIn = (value: unknown): ReadonlyArray<unknown> =>
  typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesIn) : [value]

/** The numbers of ports that a change has given a policy or a Service. */
const portsGiven = ({ fields, ref: { kind } }: ObjectChange): ReadonlySet<string> =>
  new Set(
    kind === "NetworkPolicy" || kind === "Service"
      ? fields.flatMap(({ after, before }) => {
          const old = leavesIn(before)
          return leavesIn(after).flatMap((leaf) =>
            typeof leaf === "number" && !old.includes(leaf) ? [String(leaf)] : []
          )
        })
      : []
  )

/** A part of an object that names another one. */
const naming = /(Ref|^configMap|^service)$/

/** Whether a field that somebody has changed may make its object rely on the object of a change. */
const beginsToRely = (
  workload: KubernetesObject,
  { after, path }: FieldPath.FieldDifference,
  change: ObjectChange
): boolean => {
  const [parent, last] = [path.at(-2), path.at(-1)]
  const { kind, name } = change.ref
  if (path[0] === "metadata" || last === "image") return false
  if (kind === "NetworkPolicy" && (parent === "labels" || last === "labels")) return true
  if (typeof parent === "string" && naming.test(parent))
    return textOf(FieldPath.valueAt(workload, path.slice(0, -1)), "name") === name
  const given = portsGiven(change)
  const leaves = leavesIn(after)
  const texts = leaves.filter((leaf): leaf is string => typeof leaf === "string")
  return (
    leaves.some((leaf) => leaf === name || given.has(String(leaf)))
    || (kind === "Service"
      && hostsOf({ containers: [{ args: texts }] }, change.ref.namespace).some((host) => sameRef(host, change.ref)))
  )
}

const isRestricted = (object: KubernetesObject, by: KubernetesObject | undefined): boolean => {
  const labels = podLabelsOf(object)
  return by?.kind === "NetworkPolicy" && labels !== undefined && selects(labels, by, "spec", "podSelector")
}

/** What somebody has made to rely on the object since the change, perhaps because of it. */
export const dependantAsks = (
  restored: ObjectChange,
  now: KubernetesObject | undefined,
  objects: PlanObjects
): ReadonlyArray<Ask> => {
  const { ref } = restored
  const { later = [], target } = objects
  const others = othersThan(ref, objects).filter(
    (each) => controllerOf(each) === undefined && !(target !== undefined && sameRef(refOf(each), refOf(target)))
  )
  const found = others.flatMap((each) => {
    const own = refOf(each)
    const change = later.find(
      ({ fields, operation, ref }) =>
        sameRef(ref, own) && (operation === "created" || fields.some((field) => beginsToRely(each, field, restored)))
    )
    const relies = reliesOn(each).some((named) => sameRef(named, ref)) || isRestricted(each, now)
    return change === undefined || !relies ? [] : [{ name: displayName(own), change }]
  })
  return found.length === 0
    ? []
    : [
        ask(
          "relied-on",
          `${found.map((each) => `${each.name} (${each.change.operation} at ${each.change.at})`).join(", ")} relies on ${displayName(ref)} as it is since the change, so taking the change back needs an approval.`,
          { others: found.map((each) => each.name).join(", ") }
        )
      ]
}
