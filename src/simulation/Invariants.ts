/** All invariants. One that is added here is checked in every run. */

import type { Invariant } from "./Invariant.ts"
import { amplification } from "./invariants/Amplification.ts"
import { answeredOnce } from "./invariants/AnsweredOnce.ts"
import { auditComplete } from "./invariants/AuditComplete.ts"
import { bulkheadRespected } from "./invariants/BulkheadRespected.ts"
import { guardrailsHold } from "./invariants/GuardrailsHold.ts"
import { healedAtEnd } from "./invariants/HealedAtEnd.ts"
import { intentBeforeWrite } from "./invariants/IntentBeforeWrite.ts"
import { legalTransitions } from "./invariants/LegalTransitions.ts"
import { levelFollows } from "./invariants/LevelFollows.ts"
import { modeRespected } from "./invariants/ModeRespected.ts"
import { neverFalselyFixed } from "./invariants/NeverFalselyFixed.ts"
import { noActionTwice } from "./invariants/NoActionTwice.ts"
import { noAlertLost } from "./invariants/NoAlertLost.ts"
import { noRequestAfterDeadline } from "./invariants/NoRequestAfterDeadline.ts"
import { noSecretLeaks } from "./invariants/NoSecretLeaks.ts"
import { nothingAfterDeadline } from "./invariants/NothingAfterDeadline.ts"
import { nothingLeaked } from "./invariants/NothingLeaked.ts"
import { oneActionAtATime } from "./invariants/OneActionAtATime.ts"
import { restartIntensity } from "./invariants/RestartIntensity.ts"
import { rightTarget } from "./invariants/RightTarget.ts"
import { startedActionsEnd } from "./invariants/StartedActionsEnd.ts"

export const all: ReadonlyArray<Invariant> = [
  noAlertLost,
  intentBeforeWrite,
  noActionTwice,
  rightTarget,
  answeredOnce,
  amplification,
  bulkheadRespected,
  nothingAfterDeadline,
  noRequestAfterDeadline,
  legalTransitions,
  levelFollows,
  noSecretLeaks,
  healedAtEnd,
  oneActionAtATime,
  startedActionsEnd,
  guardrailsHold,
  auditComplete,
  neverFalselyFixed,
  modeRespected,
  restartIntensity,
  nothingLeaked
]
