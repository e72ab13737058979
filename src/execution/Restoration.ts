/**
 * Whether an object is as it was before the action, as a pure function of what is read back.
 *
 * | the object                                                     | is restored |
 * | -------------------------------------------------------------- | ----------- |
 * | has the values of before, and its controller has observed them | yes         |
 * | has them, and its controller has not observed them yet         | unknown     |
 * | is older than what the rollback wrote: the read is out of date | unknown     |
 * | has another value, another spec, or does not exist             | no          |
 * | was created by the action, and is gone                         | yes         |
 * | was removed by the action, and exists with its content         | yes         |
 */

import type { Change } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import type { Restored, RollbackIntent } from "../domain/Rollback.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import { contains } from "../kubernetes/Contains.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { isNotNewer } from "../kubernetes/ResourceVersion.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import { plannedVersion } from "./ObjectPatch.ts"
import { notRestored, type Undone, undoneBy } from "./Rollback.ts"

/** One object, and why it is judged so: a code and its figures. */
export interface Judged {
  readonly restored: Restored
  readonly reason: string
}

/** The kinds whose controller says which generation it has observed. */
const observing: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])

const isObserved = ({ kind, metadata, status }: KubernetesObject): boolean => {
  if (!observing.has(kind)) return true
  const { observedGeneration = 0 } = (status ?? {}) as { readonly observedGeneration?: number }
  return observedGeneration >= (metadata.generation ?? 0)
}

/** What the action has created is restored once it is gone. */
const judgeRemoval = (rollback: RollbackIntent, ref: ResourceRef, object: KubernetesObject | undefined): Judged => {
  const name = displayName(ref)
  const removal = rollback.changes.find((change) => change._tag === "Delete" && sameRef(change.ref, ref))
  const uid = removal?._tag === "Delete" ? removal.uid : undefined
  if (object === undefined || (uid !== undefined && object.metadata.uid !== uid))
    return { restored: "yes", reason: `restored: ${name} is gone, as it was before` }
  return object.metadata.deletionTimestamp === undefined
    ? { restored: "no", reason: `not-restored: ${name} still exists` }
    : { restored: "unknown", reason: `terminating: ${name} is being deleted` }
}

/** What the action has removed is restored once an object with its content exists. */
const judgeCreation = (
  { manifest, ref }: Extract<Change, { readonly _tag: "Create" }>,
  object: KubernetesObject | undefined
): Judged => {
  const name = displayName(ref)
  if (object === undefined) return { restored: "no", reason: `gone: ${name} does not exist` }
  return contains(object, manifest)
    ? { restored: "yes", reason: `restored: ${name} has the content of before` }
    : { restored: "no", reason: `not-restored: ${name} has another content than before` }
}

const judgeOne = (
  undone: Intent,
  rollback: RollbackIntent,
  back: Undone,
  object: KubernetesObject | undefined
): Judged => {
  if (back._tag === "RemoveCreated") return judgeRemoval(rollback, back.ref, object)
  if (back._tag === "Create") return judgeCreation(back, object)
  const name = displayName(back.ref)
  if (object === undefined) return { restored: "no", reason: `gone: ${name} does not exist` }
  const expected = rollback.restores.find(({ ref }) => sameRef(ref, back.ref))
  const now = seenObject(back.ref, object, undone.baseline.autoscaler !== null)
  if (expected !== undefined && expected.uid !== now.uid)
    return { restored: "no", reason: `replaced: ${name} was deleted and created again` }
  const isOlder =
    undone.changes.some(
      (change) => sameRef(change.ref, back.ref) && isNotNewer(object.metadata.resourceVersion, plannedVersion(change))
    )
    || (typeof expected?.generation === "number" && now.generation !== null && now.generation < expected.generation)
  if (isOlder) return { restored: "unknown", reason: `out-of-date: the API server returns an older ${name}` }
  const fields = notRestored(undone, back, object)
  if (fields.length > 0)
    return { restored: "no", reason: `not-restored: ${name} has other values than before: ${fields.join(", ")}` }
  if (typeof expected?.spec === "string" && now.spec !== null && expected.spec !== now.spec)
    return { restored: "no", reason: `spec-differs: the spec of ${name} is not what it was before` }
  return isObserved(object)
    ? { restored: "yes", reason: `restored: ${name} is as it was before` }
    : { restored: "unknown", reason: `not-observed: the controller of ${name} has not seen the restored spec yet` }
}

/**
 * The judgement of all objects that a rollback restores. `objects` are those of `undoneBy`, in their order. A single
 * one that is not restored decides, then one that is unknown.
 */
export const judgeRestoration = (
  undone: Intent,
  rollback: RollbackIntent,
  objects: ReadonlyArray<KubernetesObject | undefined>
): { readonly restored: Restored; readonly reasons: ReadonlyArray<string> } => {
  const judged = undoneBy(undone.inverse).map((back, index) => judgeOne(undone, rollback, back, objects[index]))
  const worst = (["no", "unknown", "yes"] as const).find((each) => judged.some(({ restored }) => restored === each))
  return {
    restored: worst ?? "yes",
    reasons: judged.filter(({ restored }) => restored === worst).map(({ reason }) => reason)
  }
}
