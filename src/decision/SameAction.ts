/** Whether an earlier action was the same as a proposed one, for its cooldown. Pure. */

import type { Action } from "../domain/Action.ts"
import type { PastAction } from "../domain/PastAction.ts"
import { displayName } from "../domain/Target.ts"

/** To take back a change of another object is another action. Where it is not known what was written, it is the same. */
export const isSameAction = (past: PastAction, { target, type }: Action): boolean =>
  past.action === type
  && (type !== "RestoreObject"
    || past.writes === undefined
    || past.writes.fields.some((field) => field.startsWith(`${displayName(target)} `)))
