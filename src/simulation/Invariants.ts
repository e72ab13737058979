/** All invariants. One that is added here is checked in every run. */
import type { Invariant } from "./Invariant.ts"
import { amplification } from "./invariants/Amplification.ts"
import { bulkheadRespected } from "./invariants/BulkheadRespected.ts"
import { healedAtEnd } from "./invariants/HealedAtEnd.ts"
import { intentBeforeWrite } from "./invariants/IntentBeforeWrite.ts"
import { legalTransitions } from "./invariants/LegalTransitions.ts"
import { levelFollows } from "./invariants/LevelFollows.ts"
import { noActionTwice } from "./invariants/NoActionTwice.ts"
import { noAlertLost } from "./invariants/NoAlertLost.ts"
import { noSecretLeaks } from "./invariants/NoSecretLeaks.ts"
import { nothingAfterDeadline } from "./invariants/NothingAfterDeadline.ts"
import { rightTarget } from "./invariants/RightTarget.ts"

export const all: ReadonlyArray<Invariant> = [noAlertLost, intentBeforeWrite, noActionTwice, rightTarget, amplification, bulkheadRespected, nothingAfterDeadline, legalTransitions, levelFollows, noSecretLeaks, healedAtEnd]
