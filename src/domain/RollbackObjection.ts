/** Why a person's request to roll back a remediation is refused, as far as its journal says so. */

import type { Execution } from "./Execution.ts"
import { isFinal, type Remediation } from "./Remediation.ts"
import { isUnderWay, isUndone, type RollbackStop, standing, withoutInverse } from "./Rollback.ts"

/**
 * The execution that a request would undo first, or the objection to it: the latest one that still stands and has an
 * inverse. The earlier ones follow.
 */
export const undoableOf = (
  self: Remediation
): { readonly execution: Execution } | { readonly objection: RollbackStop } => {
  const { executions, id, joinedTo, rollback, state, unreadable } = self
  const object = (code: string, message: string) => ({ objection: { code, message } })
  if (unreadable !== undefined)
    return object(
      "unreadable-journal",
      `Entry ${unreadable.join(", ")} of the journal of ${id} cannot be read, so it is not known what was done.`
    )
  if (joinedTo !== undefined)
    return object("joined", `${id} is a part of ${joinedTo}, which did the work. Roll back ${joinedTo}.`)
  if (isUnderWay(rollback) && !isFinal(state)) return object("rolling-back", `${id} is being rolled back already.`)
  const still = standing(executions, rollback)
  const [last] = still
  if (last === undefined)
    return rollback !== undefined && executions.some((each) => isUndone(rollback, each))
      ? object("already-rolled-back", `${id} was rolled back already.`)
      : object(
          "nothing-written",
          `${id} is ${state} and has written nothing to the cluster, so there is nothing to undo.`
        )
  const execution = still.find(({ intent }) => withoutInverse(intent) === undefined)
  const objection = withoutInverse(last.intent)
  if (execution !== undefined) return { execution }
  return objection === undefined ? { execution: last } : { objection }
}
