/** Reads back after a rollback until the target is as it was before, for a bounded time. */

import { Effect, Result } from "effect"
import type { Intent } from "../domain/Execution.ts"
import type { RollbackIntent, RollbackVerification } from "../domain/Rollback.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { find, KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { judgeRestoration } from "./Restoration.ts"
import { undonePatches } from "./Rollback.ts"

interface Watched {
  readonly intent: RollbackIntent
  readonly undone: Intent
  readonly target: Target
  readonly timeoutMs: number
}

/** The waits between two reads: each is 1.5 times the one before. */
const firstWaitMs = 250
const longestWaitMs = 2000

const unreadable = { restored: "unknown", reasons: ["unreadable: the cluster could not be read"] } as const

export const watch = Effect.fn("RollbackExecutor.verify")(function* (
  client: KubernetesClient["Service"],
  { intent, target, timeoutMs, undone }: Watched
): Effect.fn.Return<RollbackVerification> {
  const untilMs = (yield* Monotonic.nowMs) + timeoutMs
  let waitMs = firstWaitMs
  while (true) {
    const read = yield* Effect.result(Effect.forEach(undonePatches(undone.inverse), ({ ref }) => find(client, ref)))
    const judged = Result.isFailure(read) ? unreadable : judgeRestoration(undone, intent, read.success)
    if (judged.restored === "yes" || (yield* Monotonic.nowMs) >= untilMs) {
      const observed = yield* readWorkload(resourceRef(target)).pipe(
        Effect.provideService(KubernetesClient, client),
        Effect.orElseSucceed(() => null)
      )
      return { ...judged, observed, verifiedAt: yield* Timestamp.now }
    }
    yield* Effect.sleep(Math.min(waitMs, longestWaitMs))
    waitMs *= 1.5
  }
})
