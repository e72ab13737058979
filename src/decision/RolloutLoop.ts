/**
 * A loop between Kubernaut and another controller: we change an object, it puts the object back, we change it again. It
 * ends after the second turn, with a person who is told who reverts, and what.
 *
 * That a change was reverted is known in two ways:
 *
 * - the verification of the action saw that what it wrote was gone again;
 * - later, the spec is what it was before the action, and no longer what the action left. That holds across remediations:
 *   it is seen at the next action on the object, or at the next decision about it.
 *
 * An action that Kubernaut has undone itself is no turn.
 */

import { Duration } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { PastAction } from "../domain/PastAction.ts"
import { displayName } from "../domain/Target.ts"
import { fromMillis, type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

/** How many turns make a loop. */
const turns = 2

/** A change that somebody keeps undoing. */
export interface RolloutLoop {
  readonly turns: number
  /** Who reverts, if the API server says so. */
  readonly by?: string
  readonly fields: ReadonlyArray<string>
  /** Until when the action is over. */
  readonly until: Timestamp
}

/** What is proposed: an action, or once it is planned, the fields that it would write. */
export type Proposed = { readonly action: ActionType } | { readonly fields: ReadonlyArray<string> }

const overlap = (left: string, right: string): boolean =>
  left === right || left.startsWith(`${right}/`) || right.startsWith(`${left}/`)

const isAbout = (past: PastAction, proposed: Proposed): boolean =>
  "action" in proposed
    ? past.action === proposed.action
    : (past.writes?.fields ?? []).some((field) => proposed.fields.some((other) => overlap(field, other)))

/** The object that a field belongs to. */
const objectOf = (field: string | undefined): string | undefined => field?.slice(0, field.lastIndexOf(" "))

/** The spec of an object after an action, as far as a later record shows it: of the next action, or of now. */
const laterSpec = (
  index: number,
  object: string | undefined,
  history: ReadonlyArray<PastAction>,
  observed: WorkloadState | null
): string | null => {
  for (let newer = index - 1; newer >= 0; newer--) {
    const writes = history[newer]?.writes
    if (writes !== undefined && objectOf(writes.fields[0]) === object) return writes.before
  }
  if (observed === null) return null
  if (displayName(observed.ref) === object) return observed.spec ?? null
  const { autoscalerSeen } = observed
  return autoscalerSeen !== undefined
    && autoscalerSeen !== null
    && displayName({ ...observed.ref, kind: "HorizontalPodAutoscaler", name: autoscalerSeen.name }) === object
    ? autoscalerSeen.spec
    : null
}

const isReverted = (
  past: PastAction,
  index: number,
  history: ReadonlyArray<PastAction>,
  observed: WorkloadState | null
): boolean => {
  if (past.reversion !== undefined) return true
  const { rolledBackAt, writes } = past
  if (rolledBackAt !== undefined) return false
  if (writes === undefined || writes.before === null || writes.after === null || writes.before === writes.after)
    return false
  return laterSpec(index, objectOf(writes.fields[0]), history, observed) === writes.before
}

/** The loop that a proposal would go on with; `undefined` if there is none. `history` is of the target, newest first. */
export const loopOf = (
  history: ReadonlyArray<PastAction>,
  proposed: Proposed,
  observed: WorkloadState | null,
  loopFor: Duration.Duration,
  nowMs: number
): RolloutLoop | undefined => {
  const forMs = Duration.toMillis(loopFor)
  const reverted = history.filter(
    (past, index) =>
      past.applied !== "no"
      && nowMs - toMillis(past.at) < forMs
      && isAbout(past, proposed)
      && isReverted(past, index, history, observed)
  )
  const second = reverted[turns - 1]
  if (second === undefined) return undefined
  const by = reverted.map(({ reversion }) => reversion?.by).find((each) => each !== undefined) ?? observed?.otherWriter
  const fields = reverted[0]?.reversion?.fields ?? reverted[0]?.writes?.fields ?? []
  return {
    turns: reverted.length,
    ...(by === undefined ? {} : { by }),
    fields,
    // Then the loop has a turn less.
    until: fromMillis(toMillis(second.at) + forMs)
  }
}

/** Says who reverts, and what. */
export const describeLoop = (action: ActionType, { by, fields, turns, until }: RolloutLoop): string => {
  const shown = fields.slice(0, 5).join(", ") + (fields.length > 5 ? ` and ${fields.length - 5} more` : "")
  return `${by ?? "Somebody else"} has reverted this change ${turns} times${shown === "" ? "" : ` (${shown})`}, so ${action} does not run on this target until ${until}. Make the change where ${by ?? "the other controller"} takes it from.`
}
