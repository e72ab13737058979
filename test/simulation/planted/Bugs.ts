/** All planted bugs. */
import type { PlantedBug } from "./PlantedBug.ts"
import { acknowledgedBeforeCommit } from "./bugs/AcknowledgedBeforeCommit.ts"
import { doubleAction } from "./bugs/DoubleAction.ts"
import { fingerprintOnly } from "./bugs/FingerprintOnly.ts"
import { lostWakeUp } from "./bugs/LostWakeUp.ts"
import { ownerByNamePrefix } from "./bugs/OwnerByNamePrefix.ts"
import { resolvedIgnored } from "./bugs/ResolvedIgnored.ts"
import { sweepNeverRuns } from "./bugs/SweepNeverRuns.ts"
import { writeBeforeIntent } from "./bugs/WriteBeforeIntent.ts"

export const all: ReadonlyArray<PlantedBug> = [
  acknowledgedBeforeCommit,
  doubleAction,
  fingerprintOnly,
  lostWakeUp,
  ownerByNamePrefix,
  resolvedIgnored,
  sweepNeverRuns,
  writeBeforeIntent
]
