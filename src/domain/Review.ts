/**
 * The answer of a person to a remediation in state `AwaitingReview`, and what an approval covers.
 *
 * Three different things end a review without an action:
 *
 * | word      | what happened                                                                    | event             |
 * | --------- | -------------------------------------------------------------------------------- | ----------------- |
 * | rejection | a person said no                                                                 | `Reviewed`        |
 * | timeout   | nobody answered the question in time                                             | `ReviewTimedOut`  |
 * | expiry    | a person said yes, and the action did not start before the approval's time ended | `ApprovalExpired` |
 */

import { Equal, Schema } from "effect"
import { Action } from "./Action.ts"
import { type Decision, DecisionReason, Figures, sameFinding } from "./Decision.ts"
import { Timestamp, toMillis } from "./Timestamp.ts"

/** The approval or rejection of a proposed action. */
export const ReviewAnswer = Schema.Struct({
  answer: Schema.Literals(["approved", "rejected"]),
  /** The authenticated principal, or `anonymous` when the service runs on loopback without tokens. */
  by: Schema.NonEmptyString,
  reason: Schema.optionalKey(Schema.String),
  /** The number of the question that the person answers. An approval without it is of the first question. */
  question: Schema.optionalKey(Schema.Int),
  /** When an approval expires. Absent for a rejection, and in journals of earlier versions: then it does not. */
  expiresAt: Schema.optionalKey(Timestamp),
  at: Timestamp
})
export type ReviewAnswer = typeof ReviewAnswer.Type

/** What a person has approved: the action, what it changes, and the findings that were shown. Nothing else. */
export const Approval = Schema.Struct({
  by: Schema.NonEmptyString,
  at: Timestamp,
  /** Nothing is done by it after that. Absent in journals of earlier versions: then it does not expire. */
  expiresAt: Schema.optionalKey(Timestamp),
  action: Action,
  /** Absent if the plan was not known when the person was asked. */
  figures: Schema.optionalKey(Figures),
  findings: Schema.Array(DecisionReason)
})
export type Approval = typeof Approval.Type

/** Whether an approval must not be used any more. */
export const isExpired = ({ expiresAt }: Approval, nowMs: number): boolean =>
  expiresAt !== undefined && toMillis(expiresAt) <= nowMs

/** A question that nobody answered in time. */
export const ReviewTimeout = Schema.Struct({
  question: Schema.Int,
  /** The end of the time for an answer. */
  answerBy: Timestamp
})
export type ReviewTimeout = typeof ReviewTimeout.Type

const Value = Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))

/** How what a person was shown differs from what holds now. */
export const ReviewDifference = Schema.Struct({
  /** The action that was shown and the one that is proposed now, if they differ. */
  action: Schema.optionalKey(Schema.Struct({ shown: Action, now: Action })),
  /** Values that differ; `null` where there is none. */
  figures: Schema.Array(Schema.Struct({ name: Schema.String, shown: Value, now: Value })),
  /** Findings that were not shown, or that had other figures. */
  added: Schema.Array(DecisionReason),
  /** Findings that were shown and hold no more. */
  gone: Schema.Array(DecisionReason)
})
export type ReviewDifference = typeof ReviewDifference.Type

/** Rules that say why a person is asked or what became of an answer, and nothing about the action. */
const remarks: ReadonlySet<string> = new Set([
  "approve-mode",
  "approved",
  "approval-expired",
  "changed-since-approval",
  "clear"
])

/** What differs between the decision that a person was shown and the one that was made after the answer. */
export const differenceOf = (shown: Decision, now: Decision): ReviewDifference => {
  const names = new Set([...Object.keys(shown.figures ?? {}), ...Object.keys(now.figures ?? {})])
  const findings = ({ reasons }: Decision) => reasons.filter(({ rule }) => !remarks.has(rule))
  const without = (some: Decision, others: Decision) =>
    findings(some).filter((finding) => !findings(others).some((other) => sameFinding(finding, other)))
  return {
    ...(Equal.equals(shown.action, now.action) ? {} : { action: { shown: shown.action, now: now.action } }),
    figures: [...names].flatMap((name) => {
      const [before, after] = [shown.figures?.[name] ?? null, now.figures?.[name] ?? null]
      // A decision that made no plan says nothing about figures.
      return before === after || now.figures === undefined ? [] : [{ name, shown: before, now: after }]
    }),
    added: without(now, shown),
    gone: without(shown, now)
  }
}

/** Each difference as a clause for people. */
export const differenceLines = ({ action, added, figures, gone }: ReviewDifference): ReadonlyArray<string> => [
  ...(action === undefined
    ? []
    : [`the action was ${action.shown.type} and is ${action.now.type} now, or has other values`]),
  ...figures.map(({ name, now, shown }) => `${name} was ${shown ?? "not known"} and is ${now ?? "not known"} now`),
  ...added.map(({ message, rule }) => `new: ${rule}: ${message}`),
  ...gone.map(({ rule }) => `no longer: ${rule}`)
]
