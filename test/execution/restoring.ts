/** Recorded changes of objects, and the plans that take them back. */

import { JsonPatch } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import * as FieldPath from "../../src/domain/FieldPath.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { plan } from "../../src/execution/ActionPlan.ts"
import type { Plan, PlanContext, PlanObjects, PlanRefusal, RefusalRule } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { context } from "./objects.ts"

/**
 * The rules of a restoration, some of which a rollback has as well. The tests of Restoration, of what is around it, and
 * RestorationRoundTrip are about them, and EarlierTemplateObjects about those of a rollback.
 */
export const ofRestorations: ReadonlyArray<RefusalRule> = [
  "no-such-change",
  "change-unreadable",
  "other-object",
  "own-change",
  "gitops-owned",
  "managed-object",
  "not-restorable",
  "no-manifest",
  "irreversible",
  "immutable-field",
  "changed-since-change",
  "made-again",
  "exists-already",
  "removes-object",
  "widens-rights",
  "opens-network",
  "lowers-pod-security",
  "cluster-wide",
  "evicts-pods",
  "fewer-endpoints",
  "fits-no-node",
  "overtaken",
  "relied-on",
  "replaced"
]

export const changeId = "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV"

/** An object with a uid and a version. An empty namespace stands for none. */
export const made = (kind: string, rest: object, metadata: object = {}, namespace = "shop"): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: {
    name: "x",
    ...(namespace === "" ? {} : { namespace }),
    uid: "uid-x",
    resourceVersion: "41",
    ...metadata
  },
  ...rest
})

/** The record of a change from one state of an object to another. */
export const recorded = (
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
  change: Partial<ObjectChange> = {}
): ObjectChange => {
  const object = (after ?? before)!
  const { kind, metadata } = object
  return {
    id: changeId,
    ref: { namespace: metadata.namespace ?? "", kind, name: metadata.name },
    uid: metadata.uid,
    operation: before === undefined ? "created" : after === undefined ? "deleted" : "modified",
    fields: before === undefined || after === undefined ? [] : FieldPath.differences(before, after),
    ...(before !== undefined && after !== undefined ? {} : { manifest: object as never }),
    at: "2026-11-24T10:00:00.000Z",
    seenAt: "2026-11-24T10:00:00.000Z",
    by: { kind: "person", name: "kubectl-edit" },
    resourceVersion: "41",
    ...change
  }
}

/** A change that somebody made after that, perhaps of another object. */
export const followed = (
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
  change: Partial<ObjectChange> = {}
): ObjectChange =>
  recorded(before, after, { id: "chg-01BRZ3NDEKTSV4RRFFQ69G5FAV", at: "2026-11-24T10:05:00.000Z", ...change })

/** A pod with labels, which is ready. */
export const podOf = (name: string, labels: object, pod: object = {}, ready = "True"): KubernetesObject =>
  made(
    "Pod",
    { spec: { containers: [{ name: "app" }], ...pod }, status: { conditions: [{ type: "Ready", status: ready }] } },
    { name, uid: `uid-${name}`, labels }
  )

/** The plan that takes a change back, with the object as it is now. */
export const planBack = (
  change: ObjectChange | undefined,
  subject: KubernetesObject | undefined,
  objects: Partial<PlanObjects> = {},
  given: Partial<PlanContext> = {}
): Plan | PlanRefusal =>
  plan(
    {
      type: "RestoreObject",
      target: change?.ref ?? { namespace: "shop", kind: "ConfigMap", name: "x" },
      change: changeId
    },
    { subject, related: [], change, ...objects },
    context(given)
  )

/** The plan, which must not be a refusal. */
export const accepted = (...given: Parameters<typeof planBack>): Plan => {
  const result = planBack(...given)
  if (result._tag === "PlanRefusal") throw new Error(`${result.rule}: ${result.message}`)
  return result
}

/** The rule by which a plan is refused, or its asks. */
export const rulesOf = (...given: Parameters<typeof planBack>): ReadonlyArray<string> => {
  const result = planBack(...given)
  return result._tag === "PlanRefusal" ? [`refused ${result.rule}`] : result.asks.map(({ rule }) => rule)
}

/** The object after the patches of a change of it, without the signature. */
export const after = (object: KubernetesObject, changes: ReadonlyArray<Change>): KubernetesObject => {
  const patched = changes.reduce(
    (current, change) =>
      change._tag === "Patch"
        ? (JsonPatch.apply(change.patch, current as never) as unknown as KubernetesObject)
        : current,
    object
  )
  const { annotations = {}, ...metadata } = patched.metadata
  const others = Object.entries(annotations).filter(([name]) => !name.startsWith("kubernaut.dev/"))
  return {
    ...patched,
    metadata: { ...metadata, ...(others.length === 0 ? {} : { annotations: Object.fromEntries(others) }) }
  }
}
