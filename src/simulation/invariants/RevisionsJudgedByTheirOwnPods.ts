/**
 * A rollback is right by the pods of the two revisions that it concerns, as they truly are in the cluster: those of the
 * restored revision do not fail, and those of the undone one do.
 *
 * The service is not blamed for what it could not have seen: for a pod that failed, or a version that somebody rolled
 * out, after it began to work on the alert. Nor for what a person has approved.
 */

import { displayName } from "../../domain/Target.ts"
import type { RevisionTruth } from "../farEnds/WorkloadObjects.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/**
 * A rollout has not failed for so long after its last pod was created. The scenario's Deployments have this deadline,
 * and sets have a longer one.
 */
const deadlineMs = 10_000

interface Rollback {
  readonly remediationId: string
  readonly startedMs: number
}

export const revisionsJudgedByTheirOwnPods: Invariant = {
  name: "revisions-judged-by-their-own-pods",
  description:
    "A rollback never restores a revision whose own pods fail, and never undoes a rollout that has not failed.",
  make: withTruth(({ world }, report, { farEnds: { cluster } }) => {
    const startedMs = new Map<string, number>()
    const approved = new Set<string>()
    const rollbacks = new Map<string, Rollback>()
    let judged = 0

    const failedBefore = ({ pods }: RevisionTruth, ms: number): boolean =>
      pods.some(({ failedBeforeMs, ready }) => !ready && failedBeforeMs !== undefined && failedBeforeMs <= ms)
    const hasBegun = ({ pods }: RevisionTruth, nowMs: number): boolean =>
      pods.length > 0
      && pods.every(({ failedBeforeMs }) => failedBeforeMs === undefined)
      // A pod from the future was created before the wall clock was set back: how old it is, nobody knows.
      && pods.some(({ createdMs, ready }) => !ready && createdMs <= nowMs && nowMs - createdMs < deadlineMs)

    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Started" && !startedMs.has(remediationId)) startedMs.set(remediationId, atMs)
            else if (kind === "Reviewed") approved.add(remediationId)
            else if (
              kind === "Intended"
              && event._tag === "Intended"
              && event.intent.action.type === "RollbackDeployment"
            )
              rollbacks.set(event.intent.executionId, {
                remediationId,
                startedMs: startedMs.get(remediationId) ?? -Infinity
              })
          }
        },
        ClusterWrite: ({ applied, change, executionId }) => {
          const rollback = rollbacks.get(executionId ?? "")
          if (rollback === undefined || applied !== "yes" || change._tag !== "Patch") return
          if (approved.has(rollback.remediationId) || cluster.disturbedAtMs(change.ref) >= rollback.startedMs) return
          const restoredImage = cluster.imageOf(change.ref)
          const revisions = cluster.revisionsOf(change.ref)
          const restored = revisions.find(({ image }) => image === restoredImage)
          const undone = revisions.find(({ image }) => image !== restoredImage)
          judged++
          const { remediationId } = rollback
          if (restored !== undefined && failedBefore(restored, world.wallStartMs + rollback.startedMs))
            report(
              `remediation ${remediationId} restored ${restored.image} of ${displayName(change.ref)}, whose own pods fail`
            )
          if (undone !== undefined && hasBegun(undone, world.wallStartMs + world.nowMs))
            report(
              `remediation ${remediationId} undid ${undone.image} of ${displayName(change.ref)}, whose own pods have only begun to start`
            )
        }
      },
      figures: () => ({ rollbacksJudged: judged })
    }
  })
}
