/**
 * Reads back after a rollback until the target is as it was before, for a bounded time: first its spec, then its pods.
 */

import { Effect, Result } from "effect"
import type { Intent } from "../domain/Execution.ts"
import type { RollbackIntent, RollbackVerification } from "../domain/Rollback.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { find, KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { judgeRestoration } from "./Restoration.ts"
import { hasSurplus, judgePods } from "./RestoredPods.ts"
import { undoneBy } from "./Rollback.ts"

interface Watched {
  readonly intent: RollbackIntent
  readonly undone: Intent
  readonly target: Target
  readonly timeoutMs: number
}

/** The waits between two reads: each is 1.5 times the one before. */
const firstWaitMs = 250
const longestWaitMs = 2000

/** Longer than a controller needs to observe a spec. Pods take longer. */
const longestSpecMs = 60_000

/**
 * For how long surplus pods are waited for: the default grace period of a pod that is deleted. A controller may keep
 * them for other reasons, such as a rollout that was stuck before the action too.
 */
const surplusMs = 30_000

const unreadable = { restored: "unknown", reasons: ["unreadable: the cluster could not be read"] } as const

export const watch = Effect.fn("RollbackExecutor.verify")(function* (
  client: KubernetesClient["Service"],
  { intent, target, timeoutMs, undone }: Watched
): Effect.fn.Return<RollbackVerification> {
  const startedAtMs = yield* Monotonic.nowMs
  const readTarget = readWorkload(resourceRef(target)).pipe(
    Effect.provideService(KubernetesClient, client),
    Effect.orElseSucceed(() => null)
  )
  let waitMs = firstWaitMs
  while (true) {
    const read = yield* Effect.result(Effect.forEach(undoneBy(undone.inverse), ({ ref }) => find(client, ref)))
    const judged = Result.isFailure(read) ? unreadable : judgeRestoration(undone, intent, read.success)
    const leftMs = startedAtMs + timeoutMs - (yield* Monotonic.nowMs)
    const isRestored = judged.restored === "yes"
    if (isRestored || leftMs <= Math.max(0, timeoutMs - longestSpecMs)) {
      const observed = yield* readTarget
      const pods = isRestored ? judgePods(undone.baseline, observed) : undefined
      const waitsForSurplus = timeoutMs - leftMs < surplusMs && hasSurplus(undone.baseline, observed)
      const isSettled = pods === undefined || (pods.asBefore === "yes" && !waitsForSurplus)
      if (isSettled || leftMs <= 0)
        return { ...judged, ...(pods === undefined ? {} : { pods }), observed, verifiedAt: yield* Timestamp.now }
    }
    yield* Effect.sleep(Math.min(waitMs, longestWaitMs))
    waitMs *= 1.5
  }
})
