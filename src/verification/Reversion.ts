/**
 * Whether the cluster still contains what an action wrote. Somebody may have reverted it: a person, a controller, or
 * GitOps.
 */

import type { Change, PatchOperation } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import * as FieldPath from "../domain/FieldPath.ts"
import type { FieldDifference } from "../domain/FieldPath.ts"
import { displayName, sameRef } from "../domain/Target.ts"
import type { Reversion } from "../domain/Verification.ts"
import { contains } from "../kubernetes/Contains.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { otherWriterOf } from "../kubernetes/Managers.ts"
import { type Problem, problem } from "./Problem.ts"
import { readBack, type Sample } from "./Sample.ts"

type Patch = Extract<Change, { _tag: "Patch" }>

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const valueAt = (object: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>((parent, token) => (isRecord(parent) ? parent[token] : undefined), object)

const stands = (operation: PatchOperation, object: KubernetesObject): boolean => {
  // The version changes with every write, and the next writer may replace the annotations.
  if (operation.path === "/metadata/resourceVersion" || operation.path.startsWith("/metadata/annotations")) return true
  const actual = valueAt(object, operation.path)
  return operation.op === "remove" ? actual === undefined : contains(actual, operation.value)
}

/** The fields of a restoration that no longer have what it wrote, by their names: a list may be in another order now. */
const lostFields = (fields: ReadonlyArray<FieldDifference>, object: KubernetesObject): ReadonlyArray<string> =>
  fields
    .filter(({ after, path }) => {
      const now = FieldPath.valueAt(object, path)
      return after === undefined ? now !== undefined : !contains(now, after)
    })
    .map(({ path }) => FieldPath.display(path))

/** A later restart has the same effect as ours. */
const isRestart = ({ path, ...operation }: PatchOperation): boolean =>
  path.startsWith("/spec/template/metadata") && JSON.stringify({ path, operation }).includes("restartedAt")

type Acted = Pick<Intent, "action" | "fields">

/** The fields of a patched object that no longer have what was written. */
const lostOf = ({ action, fields = [] }: Acted, change: Patch, object: KubernetesObject): ReadonlyArray<string> => {
  const named = fields.find(({ ref }) => sameRef(ref, change.ref))
  if (named !== undefined) return lostFields(named.fields, object)
  if (action.type === "RestartWorkload") return []
  return change.patch
    .filter((operation) => !stands(operation, object) && !(action.type === "RestoreObject" && isRestart(operation)))
    .map(({ path }) => path)
}

/** Whether an object still has the values that a patch wrote. `undefined` stands for an object that does not exist. */
export const changeStands = (intent: Acted, change: Patch, object: KubernetesObject | undefined): boolean =>
  object !== undefined && lostOf(intent, change, object).length === 0

/** Why a write no longer stands; `undefined` if it does. An object that is still being deleted is as good as gone. */
const lostWrite = (
  intent: Intent,
  change: ReturnType<typeof readBack>[number],
  object: KubernetesObject | undefined
): string | undefined => {
  const name = displayName(change.ref)
  switch (change._tag) {
    case "Patch":
      return changeStands(intent, change, object) ? undefined : `${name} no longer has the values that the action wrote`
    case "Create":
      return object === undefined ? `${name}, which the action created, does not exist` : undefined
    case "Delete":
      return object !== undefined && object.metadata.deletionTimestamp === undefined
        ? `${name}, which the action removed, exists`
        : undefined
  }
}

/** The writes of the intent that a sample no longer contains. */
export const revertedProblems = (intent: Intent, sample: Sample): ReadonlyArray<Problem> =>
  readBack(intent).flatMap((change, index) => {
    const lost = lostWrite(intent, change, sample.written[index])
    return lost === undefined ? [] : [problem("reverted", "lasting", lost)]
  })

/**
 * Who has put other values in the place of those that an action wrote, and in which fields; `undefined` if they stand.
 * An object that is gone was not reverted.
 */
export const reversionOf = (intent: Intent, sample: Sample): Reversion | undefined => {
  const reverted = readBack(intent).flatMap((change, index) => {
    const object = sample.written[index]
    if (object === undefined || lostWrite(intent, change, object) === undefined) return []
    const fields = change._tag === "Patch" ? lostOf(intent, change, object) : []
    const name = displayName(change.ref)
    return [
      { by: otherWriterOf(object), fields: fields.length === 0 ? [name] : fields.map((path) => `${name} ${path}`) }
    ]
  })
  if (reverted.length === 0) return undefined
  const by = reverted.map((each) => each.by).find((writer) => writer !== undefined)
  return { ...(by === undefined ? {} : { by }), fields: reverted.flatMap(({ fields }) => fields) }
}
