/** All invariants. One that is added here is checked in every run. */
import type { Invariant } from "./Invariant.ts"
import { intentBeforeWrite } from "./invariants/IntentBeforeWrite.ts"
import { noActionTwice } from "./invariants/NoActionTwice.ts"
import { noAlertLost } from "./invariants/NoAlertLost.ts"
import { rightTarget } from "./invariants/RightTarget.ts"

export const all: ReadonlyArray<Invariant> = [noAlertLost, intentBeforeWrite, noActionTwice, rightTarget]
