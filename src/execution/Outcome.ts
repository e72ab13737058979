/** The outcome of an execution, as it is journaled. */

import { Effect } from "effect"
import type { Applied, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { type Failure, recordOf } from "./FailureClassifier.ts"

/** Whether two changes together have changed the cluster. */
export const either = (one: Applied, other: Applied): Applied =>
  one === "yes" || other === "yes" ? "yes" : one === "unknown" || other === "unknown" ? "unknown" : "no"

const failureOf = (failure: Failure) => {
  const { code, ...rest } = recordOf(failure)
  return { failure: code, ...rest }
}

export const outcomeOf = (
  { executionId }: Pick<Intent, "executionId">,
  applied: Applied,
  failure?: Failure,
  message = failure?.message
): Effect.Effect<ExecutionOutcome> =>
  Effect.map(Timestamp.now, (finishedAt): ExecutionOutcome => ({
    executionId,
    applied,
    ...(failure === undefined ? {} : failureOf(failure)),
    ...(message === undefined ? {} : { message }),
    finishedAt
  }))
