/** The changes of an incident as its record shows them: the suspects, and the change that was undone. Pure. */

import { Schema } from "effect"
import { intervalsOf, whyOf } from "../changes/GapText.ts"
import { suspectCount, summary } from "../changes/SuspectText.ts"
import type { Change } from "../domain/Change.ts"
import type { Execution } from "../domain/Execution.ts"
import { valueAt } from "../domain/FieldPath.ts"
import { ChangeId, type ObjectChange } from "../domain/ObjectChange.ts"
import type { Remediation } from "../domain/Remediation.ts"
import { isUndone } from "../domain/Rollback.ts"
import { Suspect, Suspects } from "../domain/Suspects.ts"
import { sameRef } from "../domain/Target.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import { hiddenDifference } from "../investigation/evidence/HiddenFields.ts"
import { redact } from "../investigation/evidence/Redaction.ts"
import { suspectsForPeople } from "../investigation/evidence/SuspectEvidence.ts"
import { changeView, RecordedChange, UnwatchedInterval } from "./ChangeView.ts"

export const RankedChange = Schema.Struct({
  ...Suspect.fields,
  /** Whether it is a suspect: the best of the list, or of a similar score. */
  suspected: Schema.Boolean,
  change: RecordedChange
}).annotate({ identifier: "RankedChange" })

export const SuspectList = Schema.Struct({
  finding: Suspects.fields.finding,
  /** The finding in one line. */
  summary: Schema.String,
  /** A later change cannot be the cause. */
  symptomAt: Timestamp,
  since: Timestamp,
  /** Whether every change between `since` and `symptomAt` was seen. */
  watched: Schema.Literals(["throughout", "partly"]),
  /** The best first. */
  ranked: Schema.Array(RankedChange),
  gaps: Schema.Array(UnwatchedInterval),
  /** What could not be read. */
  unread: Schema.Array(Schema.String)
}).annotate({ identifier: "SuspectList" })
export type SuspectList = typeof SuspectList.Type

export const UndoneChange = Schema.Struct({
  executionId: Schema.String,
  /** The recorded change that the execution took back. */
  changeId: ChangeId,
  /** What was undone: `before` is what was put back. Absent if the journal does not know it any more. */
  change: Schema.optionalKey(RecordedChange),
  /**
   * `undone`: the change is taken back. `put-back`: it did not help, or a person wanted it, so the change is in force
   * again. `unknown`: it is not known whether the write arrived. `not-undone`: nothing was written.
   */
  state: Schema.Literals(["in-progress", "undone", "put-back", "not-undone", "unknown"]),
  at: Timestamp
}).annotate({ identifier: "UndoneChange" })
export type UndoneChange = typeof UndoneChange.Type

/** The suspects as the record shows them; `undefined` where nothing is known of changes. */
export const suspectList = ({ alert, suspects: found }: Remediation): SuspectList | undefined => {
  if (found === undefined) return undefined
  const suspects = suspectsForPeople(found)
  const { finding, ranked, since, symptomAt, unread } = suspects
  const gaps = intervalsOf(suspects.gaps, since, symptomAt)
  const count = suspectCount(suspects)
  return {
    finding,
    summary: summary(suspects, alert.startsAt),
    symptomAt,
    since,
    watched: gaps.length === 0 ? "throughout" : "partly",
    ranked: ranked.map(({ change, ...suspect }, index) => ({
      ...suspect,
      reasons: suspect.reasons.slice(0, 20).map((reason) => redact(reason.slice(0, 500))),
      suspected: index < count,
      change: changeView(change)
    })),
    gaps: gaps.map((gap) => ({ ...gap, why: whyOf(gap.reason) })),
    unread: unread.map((each) => each.slice(0, 200))
  }
}

const templatePath = "/spec/template"

/** Whether a write gives the fields of a change their earlier values again, within the template that it puts back. */
const takesBack = (write: Change, { fields, operation, ref }: ObjectChange): boolean => {
  if (write._tag !== "Patch" || operation !== "modified" || !sameRef(write.ref, ref)) return false
  const template = write.patch.find((each) => each.op !== "remove" && each.path === templatePath)
  if (template === undefined || template.op === "remove" || fields.length === 0) return false
  const after = { spec: { template: template.value } }
  return fields.every(({ path, before }) => {
    const value = valueAt(after, path) as Schema.Json | undefined
    const shown = value === undefined ? undefined : hiddenDifference(ref.kind, { path, before: value }).before
    return JSON.stringify(shown) === JSON.stringify(before)
  })
}

/** The recorded change that an execution takes back, and its id. */
const undoneBy = ({ intent }: Execution, ranked: ReadonlyArray<Suspect>) => {
  const { action, changes } = intent
  if (action.type === "RestoreObject")
    return { id: action.change, change: ranked.find(({ change }) => change.id === action.change)?.change }
  if (action.type !== "RollbackDeployment") return undefined
  const change = ranked.find((each) => changes.some((write) => takesBack(write, each.change)))?.change
  return change === undefined ? undefined : { id: change.id, change }
}

/** What was undone, in order. */
export const undoneChanges = (self: Remediation): ReadonlyArray<UndoneChange> => {
  const ranked = self.suspects === undefined ? [] : suspectsForPeople(self.suspects).ranked
  return self.executions.flatMap((execution): ReadonlyArray<UndoneChange> => {
    const undone = undoneBy(execution, ranked)
    if (undone === undefined) return []
    const { intent, outcome } = execution
    const applied = { yes: "undone", no: "not-undone", unknown: "unknown" } as const
    return [
      {
        executionId: intent.executionId,
        changeId: undone.id,
        ...(undone.change === undefined ? {} : { change: changeView(undone.change) }),
        state: isUndone(self.rollback, execution)
          ? "put-back"
          : outcome === undefined
            ? "in-progress"
            : applied[outcome.applied],
        at: outcome?.finishedAt ?? intent.plannedAt
      }
    ]
  })
}
