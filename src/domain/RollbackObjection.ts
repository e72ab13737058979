/** Why a person's request to roll back a remediation is refused, as far as its journal says so. */

import type { Execution } from "./Execution.ts"
import { isFinal, type Remediation } from "./Remediation.ts"
import { lastWritten, type RollbackStop, withoutInverse } from "./Rollback.ts"

/** The execution that a request would undo, or the objection to it. */
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
  if (rollback !== undefined && !isFinal(state)) return object("rolling-back", `${id} is being rolled back already.`)
  const execution = lastWritten(executions)
  if (execution === undefined)
    return object(
      "nothing-written",
      `${id} is ${state} and has written nothing to the cluster, so there is nothing to undo.`
    )
  if (rollback?.outcome === "restored" && rollback.undoes === execution.intent.executionId)
    return object("already-rolled-back", `${id} was rolled back already.`)
  const objection = withoutInverse(execution.intent)
  return objection === undefined ? { execution } : { objection }
}
