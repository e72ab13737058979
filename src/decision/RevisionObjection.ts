/**
 * Why a rollback would not help, by what the pods of each revision show. Pure.
 *
 * It holds for every proposer. The rules never propose such a rollback; a model or a person may have reasons that the
 * pods do not show, so a person decides.
 */

import type { Action } from "../domain/Action.ts"
import { failingRevisions, isRollingOut } from "../domain/RevisionHealth.ts"
import { displayName } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

interface Objection {
  readonly rule: "rollout-under-way" | "failing-revision"
  readonly message: string
}

/** The objection to an action; `undefined` for an action other than a rollback. */
export const revisionObjection = (action: Action, observed: WorkloadState | null): Objection | undefined => {
  if (action.type !== "RollbackDeployment" || observed === null) return undefined
  const name = displayName(action.target)
  if (isRollingOut(observed))
    return {
      rule: "rollout-under-way",
      message: `The rollout of ${name} is under way and none of its pods fails, so nothing shows that it must be undone.`
    }
  const { toRevision } = action
  const own = new Set(observed.pods.flatMap((pod) => (pod.current === true ? [pod.revision] : [])))
  const failing = [...failingRevisions(observed)].filter(
    (revision) => !own.has(revision) && (toRevision === undefined || revision === toRevision)
  )
  return failing.length === 0
    ? undefined
    : {
        rule: "failing-revision",
        message: `Pods of revision ${failing.join(" and ")} of ${name} fail too, or have not recovered from a restart, so a rollback to it may not help.`
      }
}
