/**
 * Whether the cluster still contains what an action wrote. Somebody may have reverted it: a person, a controller, or
 * GitOps.
 */

import type { Action } from "../domain/Action.ts"
import type { Change, PatchOperation } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import { displayName } from "../domain/Target.ts"
import type { Reversion } from "../domain/Verification.ts"
import { contains } from "../kubernetes/Contains.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { otherWriterOf } from "../kubernetes/Managers.ts"
import { type Problem, problem } from "./Problem.ts"
import type { Sample } from "./Sample.ts"

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

/** Whether an object still has the values that a patch wrote. `undefined` stands for an object that does not exist. */
export const changeStands = (action: Action, change: Patch, object: KubernetesObject | undefined): boolean => {
  if (object === undefined) return false
  // A later restart has the same effect as ours.
  if (action.type === "RestartWorkload") return true
  return change.patch.every((operation) => stands(operation, object))
}

/** The writes of the intent that a sample no longer contains. */
export const revertedProblems = (intent: Intent, sample: Sample): ReadonlyArray<Problem> =>
  intent.changes
    .filter((change): change is Patch => change._tag === "Patch")
    .flatMap((change, index) =>
      changeStands(intent.action, change, sample.written[index])
        ? []
        : [problem("reverted", "lasting", `${displayName(change.ref)} no longer has the values that the action wrote`)]
    )

/**
 * Who has put other values in the place of those that an action wrote, and in which fields; `undefined` if they stand.
 * An object that is gone was not reverted.
 */
export const reversionOf = (intent: Intent, sample: Sample): Reversion | undefined => {
  const patches = intent.changes.filter((change): change is Patch => change._tag === "Patch")
  const reverted = patches.flatMap((change, index) => {
    const object = sample.written[index]
    if (object === undefined || changeStands(intent.action, change, object)) return []
    const fields = change.patch
      .filter((operation) => !stands(operation, object))
      .map(({ path }) => `${displayName(change.ref)} ${path}`)
    return [{ by: otherWriterOf(object), fields }]
  })
  if (reverted.length === 0) return undefined
  const by = reverted.map((each) => each.by).find((writer) => writer !== undefined)
  return { ...(by === undefined ? {} : { by }), fields: reverted.flatMap(({ fields }) => fields) }
}
