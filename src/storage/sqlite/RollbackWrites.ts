/**
 * The request of a person to undo the action of a remediation. It needs no claim, as a review.
 *
 * The functions write, so they must be called within a transaction.
 */

import { Result } from "effect"
import { isFinal, type Remediation, type RemediationId } from "../../domain/Remediation.ts"
import { undoableOf } from "../../domain/RollbackObjection.ts"
import { displayName } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { NotRollbackable, type RollbackAsk } from "../RemediationStore.ts"
import { load, type Tables, writeEvents } from "./EventWriter.ts"

export const requestRollback = (
  tables: Tables,
  id: RemediationId,
  { by, reason }: RollbackAsk,
  at: Timestamp
): Result.Result<Remediation, NotRollbackable> => {
  const refuse = (code: string, detail: string) => Result.fail(new NotRollbackable({ remediationId: id, code, detail }))
  const row = tables.rows.byId(id)
  if (row === undefined) return refuse("not-found", `There is no remediation ${id}.`)
  const self = load(tables, row)
  const found = undoableOf(self)
  if ("objection" in found) return refuse(found.objection.code, found.objection.message)
  const open = isFinal(self.state) ? tables.rows.openOf(row.target_key) : undefined
  if (open !== undefined)
    return refuse(
      "target-busy",
      `Remediation ${open.id} works on ${displayName(self.target)} now (${open.state}). Wait until it has ended.`
    )
  const request = {
    trigger: "operator",
    undoes: found.execution.intent.executionId,
    by,
    ...(reason === undefined ? {} : { reason }),
    at
  } as const
  return Result.succeed(writeEvents(tables, self, [{ _tag: "RollbackRequested", request }], at, row.target_key))
}
