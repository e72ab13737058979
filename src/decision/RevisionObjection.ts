/**
 * Why a rollback would not help, by what the pods of each revision show. Pure.
 *
 * It holds for every proposer. The rules never propose such a rollback; a model or a person may have reasons that the
 * pods do not show, so a person decides.
 */

import type { Action } from "../domain/Action.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { failingRevisions, isRollingOut, podsOfNewest } from "../domain/RevisionHealth.ts"
import type { Suspects } from "../domain/Suspects.ts"
import { displayName, sameRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

interface Objection {
  readonly effect: "ask"
  readonly rule: "rollout-under-way" | "failing-revision"
  readonly message: string
}

interface Missing {
  readonly effect: "block"
  readonly rule: "no-earlier-revision" | "no-such-revision"
  readonly message: string
}

/**
 * Why there is nothing to roll back to, by the revisions that the target's state lists; `undefined` if there is
 * something, or if it is not known. Nothing has to be tried to learn it.
 */
export const missingRevision = (action: Action, observed: WorkloadState | null): Missing | undefined => {
  const earlier = observed?.earlierRevisions
  if (action.type !== "RollbackDeployment" || earlier === undefined || earlier === null) return undefined
  const name = displayName(action.target)
  const { toRevision } = action
  if (earlier.length === 0 && toRevision === undefined)
    return { effect: "block", rule: "no-earlier-revision", message: `${name} has no earlier revision to roll back to.` }
  const isPresent =
    toRevision === observed?.revision
    || observed?.pods.some(({ current, revision }) => current === true && revision === toRevision) === true
  if (toRevision === undefined || isPresent || earlier.includes(toRevision)) return undefined
  return {
    effect: "block",
    rule: "no-such-revision",
    message: `${name} has no revision ${toRevision}; ${earlier.length === 0 ? "it has no earlier revision" : `the earlier ones are ${earlier.join(", ")}`}.`
  }
}

const underWay = (name: string): Objection => ({
  effect: "ask",
  rule: "rollout-under-way",
  message: `The rollout of ${name} is under way and none of its pods fails, so nothing shows that it must be undone.`
})

const isOfTemplate = ({ fields, ref }: ObjectChange, { ref: target }: WorkloadState): boolean =>
  sameRef(ref, target) && fields.some(({ path }) => path[0] === "spec" && path[1] === "template")

/**
 * Whether a rollout gets nowhere although no pod of it fails: the API server refuses its pods, or no node takes them.
 * More nodes may come, so only a recorded change of the template shows that it is the cause.
 */
const isStuck = (observed: WorkloadState): boolean =>
  typeof observed.failedCreate === "string" || podsOfNewest(observed).some(({ reason }) => reason === "Unschedulable")

/** The objection to taking back a change of the target's own template while its rollout is under way. */
export const restoredRolloutObjection = (
  change: ObjectChange | undefined,
  observed: WorkloadState | null
): Objection | undefined =>
  change !== undefined
  && observed !== null
  && isOfTemplate(change, observed)
  && isRollingOut(observed)
  && !isStuck(observed)
    ? underWay(displayName(change.ref))
    : undefined

/** Whether the likeliest cause of the alert is a recorded change of the template that is being rolled out. */
const isSuspected = (suspects: Suspects | undefined, observed: WorkloadState): boolean => {
  const [best] = suspects?.finding === "one" ? suspects.ranked : []
  return best !== undefined && isOfTemplate(best.change, observed)
}

/** The objection to an action; `undefined` for an action other than a rollback. */
export const revisionObjection = (
  action: Action,
  observed: WorkloadState | null,
  suspects?: Suspects
): Objection | undefined => {
  if (action.type !== "RollbackDeployment" || observed === null) return undefined
  const name = displayName(action.target)
  if (isRollingOut(observed) && !(isStuck(observed) && isSuspected(suspects, observed))) return underWay(name)
  const { toRevision } = action
  const own = new Set(observed.pods.flatMap((pod) => (pod.current === true ? [pod.revision] : [])))
  const failing = [...failingRevisions(observed)].filter(
    (revision) => !own.has(revision) && (toRevision === undefined || revision === toRevision)
  )
  return failing.length === 0
    ? undefined
    : {
        effect: "ask",
        rule: "failing-revision",
        message: `Pods of revision ${failing.join(" and ")} of ${name} fail too, or have not recovered from a restart, so a rollback to it may not help.`
      }
}
