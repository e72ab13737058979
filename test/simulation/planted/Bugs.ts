/** All planted bugs. */
import type { PlantedBug } from "./PlantedBug.ts"
import { acknowledgedBeforeCommit } from "./bugs/AcknowledgedBeforeCommit.ts"
import { auditLineMissing } from "./bugs/AuditLineMissing.ts"
import { breakerStaysOpen } from "./bugs/BreakerStaysOpen.ts"
import { bulkheadOffByOne } from "./bugs/BulkheadOffByOne.ts"
import { cooldownDropped } from "./bugs/CooldownDropped.ts"
import { doubleAction } from "./bugs/DoubleAction.ts"
import { fenceNotChecked } from "./bugs/FenceNotChecked.ts"
import { fingerprintOnly } from "./bugs/FingerprintOnly.ts"
import { lateOutcomeCounts } from "./bugs/LateOutcomeCounts.ts"
import { lostWakeUp } from "./bugs/LostWakeUp.ts"
import { noStabilisation } from "./bugs/NoStabilisation.ts"
import { ownerByNamePrefix } from "./bugs/OwnerByNamePrefix.ts"
import { probePlaceLeaks } from "./bugs/ProbePlaceLeaks.ts"
import { protectedNamespaceDropped } from "./bugs/ProtectedNamespaceDropped.ts"
import { resolvedIgnored } from "./bugs/ResolvedIgnored.ts"
import { restartsWithoutEnd } from "./bugs/RestartsWithoutEnd.ts"
import { retryWithoutBudget } from "./bugs/RetryWithoutBudget.ts"
import { reviewForgotten } from "./bugs/ReviewForgotten.ts"
import { secretsInPrompts } from "./bugs/SecretsInPrompts.ts"
import { sweepNeverRuns } from "./bugs/SweepNeverRuns.ts"
import { unknownCalledFixed } from "./bugs/UnknownCalledFixed.ts"
import { writeBeforeIntent } from "./bugs/WriteBeforeIntent.ts"

export const all: ReadonlyArray<PlantedBug> = [
  acknowledgedBeforeCommit,
  auditLineMissing,
  breakerStaysOpen,
  bulkheadOffByOne,
  cooldownDropped,
  doubleAction,
  fenceNotChecked,
  fingerprintOnly,
  lateOutcomeCounts,
  lostWakeUp,
  noStabilisation,
  ownerByNamePrefix,
  probePlaceLeaks,
  protectedNamespaceDropped,
  resolvedIgnored,
  restartsWithoutEnd,
  retryWithoutBudget,
  reviewForgotten,
  secretsInPrompts,
  sweepNeverRuns,
  unknownCalledFixed,
  writeBeforeIntent
]
