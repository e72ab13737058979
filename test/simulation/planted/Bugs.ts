/** All planted bugs. */
import type { PlantedBug } from "./PlantedBug.ts"
import { acknowledgedBeforeCommit } from "./bugs/AcknowledgedBeforeCommit.ts"
import { breakerStaysOpen } from "./bugs/BreakerStaysOpen.ts"
import { bulkheadOffByOne } from "./bugs/BulkheadOffByOne.ts"
import { doubleAction } from "./bugs/DoubleAction.ts"
import { fingerprintOnly } from "./bugs/FingerprintOnly.ts"
import { lostWakeUp } from "./bugs/LostWakeUp.ts"
import { ownerByNamePrefix } from "./bugs/OwnerByNamePrefix.ts"
import { resolvedIgnored } from "./bugs/ResolvedIgnored.ts"
import { retryWithoutBudget } from "./bugs/RetryWithoutBudget.ts"
import { reviewForgotten } from "./bugs/ReviewForgotten.ts"
import { secretsInPrompts } from "./bugs/SecretsInPrompts.ts"
import { sweepNeverRuns } from "./bugs/SweepNeverRuns.ts"
import { writeBeforeIntent } from "./bugs/WriteBeforeIntent.ts"

export const all: ReadonlyArray<PlantedBug> = [
  acknowledgedBeforeCommit,
  breakerStaysOpen,
  bulkheadOffByOne,
  doubleAction,
  fingerprintOnly,
  lostWakeUp,
  ownerByNamePrefix,
  resolvedIgnored,
  retryWithoutBudget,
  reviewForgotten,
  secretsInPrompts,
  sweepNeverRuns,
  writeBeforeIntent
]
