/**
 * A `RestoreObject` writes nothing but the fields of one earlier change, with the values from before that change. No
 * later edit of somebody else is lost, and the service never takes back its own change.
 *
 * The cluster's own record of states is compared before and after the write. What the service has recorded is never
 * read.
 */

import type { Action } from "../../domain/Action.ts"
import { differences, display, type FieldDifference, type FieldPath, valueAt } from "../../domain/FieldPath.ts"
import { displayName, sameRef } from "../../domain/Target.ts"
import { changedBy, type ObjectState } from "../farEnds/ObjectHistory.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

const same = (left: unknown, right: unknown): boolean => differences(left, right).length === 0

const isAlong = (left: FieldPath, right: FieldPath): boolean =>
  left.slice(0, right.length).every((token, index) => same(token, right[index]))

interface Transition {
  readonly before: unknown
  readonly after: unknown
  readonly by: ObjectState["by"]
}

/** How the value of a field has changed before the last write, the newest last. */
const transitionsOf = (states: ReadonlyArray<ObjectState>, path: FieldPath): ReadonlyArray<Transition> =>
  states.slice(0, -1).flatMap((state, index): ReadonlyArray<Transition> => {
    if (index === 0 || !changedBy(states, index).some((each) => isAlong(each.path, path))) return []
    return [{ before: valueAt(states[index - 1]?.fields, path), after: valueAt(state.fields, path), by: state.by }]
  })

/** What is wrong with a restored field; `undefined` if it has its value from before the change that is taken back. */
const faultOf = (states: ReadonlyArray<ObjectState>, { after: put, before: now, path }: FieldDifference) => {
  const name = display(path)
  const transitions = transitionsOf(states, path)
  // Somebody may have set the same value more than once.
  const undone = transitions.findLast(({ after, before }) => same(before, put) && same(after, now))
  if (undone?.by === "kubernaut") return { invariant: "undo", text: `${name}, which it had written itself` } as const
  if (undone !== undefined) return undefined
  if (transitions.some(({ before }) => same(before, put)))
    return { invariant: "edits", text: `${name}, and lost a later edit` } as const
  return transitions.length === 0
    ? ({ invariant: "fields", text: `${name}, which nobody had changed` } as const)
    : ({ invariant: "fields", text: `${name} with a value that it did not have before` } as const)
}

type Fault = NonNullable<ReturnType<typeof faultOf>>

const invariantOf = (about: Fault["invariant"], name: string, description: string): Invariant => ({
  name,
  description,
  make: withTruth((_setting, report, { farEnds }) => {
    const actions = new Map<string, Action>()
    let checked = 0
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind } of events)
            if (kind === "Intended" && event._tag === "Intended")
              actions.set(event.intent.executionId, event.intent.action)
        },
        ClusterWrite: ({ applied, change, executionId = "" }) => {
          const action = actions.get(executionId)
          if (applied !== "yes" || change._tag !== "Patch" || action?.type !== "RestoreObject") return
          // The workload that is restarted for its restored ConfigMap has its own checks.
          if (!sameRef(action.target, change.ref)) return
          const states = farEnds.cluster.objects.of(change.ref)
          checked++
          for (const field of changedBy(states, states.length - 1)) {
            const fault = faultOf(states, field)
            if (fault?.invariant === about) report(`${executionId} wrote to ${displayName(change.ref)}: ${fault.text}`)
          }
        }
      },
      figures: () => (about === "fields" ? { restoredChanges: checked } : {})
    }
  })
})

export const restoresRecordedFields: Invariant = invariantOf(
  "fields",
  "restores-recorded-fields",
  "A RestoreObject writes nothing but the fields of an earlier change, with the values from before it."
)

export const laterEditsKept: Invariant = invariantOf(
  "edits",
  "later-edits-kept",
  "A RestoreObject never overwrites an edit that somebody made after the change that it takes back."
)

export const noUndoOfUndo: Invariant = invariantOf(
  "undo",
  "no-undo-of-undo",
  "A RestoreObject never takes back what the service has written itself."
)
