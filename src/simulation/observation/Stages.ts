/**
 * The stage of each remediation, derived from the journal's rows as they are committed. For figures and the report;
 * checkers build their own view.
 */

import type { CommittedEvent } from "./Observation.ts"

/** `queued`: accepted, but not started by an actor. */
export type Stage =
  | "queued"
  | "investigation"
  | "decision"
  | "review"
  | "execution"
  | "verification"
  | "rollback"
  | "conclusion"

export const stages: ReadonlyArray<Stage> = [
  "queued",
  "investigation",
  "decision",
  "review",
  "execution",
  "verification",
  "rollback",
  "conclusion"
]

export interface Open {
  readonly stage: Stage
  readonly lastEvent: CommittedEvent["kind"]
  readonly sinceMs: number
}

/** The stage after an event: `undefined` at the end, and `stage` itself where the event does not change it. */
const stageAfter = (row: CommittedEvent, stage: Stage): Stage | undefined => {
  switch (row.kind) {
    case "Accepted":
      return "queued"
    case "Started":
      return stage === "queued" ? "investigation" : stage
    case "Investigated":
      return "decision"
    case "Decided":
      return row.event._tag === "Decided"
        ? (({ execute: "execution", review: "review" } as Readonly<Record<string, Stage>>)[row.event.decision.outcome]
            ?? "conclusion")
        : stage
    case "Reviewed":
    case "ReviewTimedOut":
      return "decision"
    case "Intended":
      return "execution"
    case "Executed":
      return "verification"
    case "Verified":
      return stage === "rollback" ? stage : "conclusion"
    case "RollbackRequested":
      // What is being executed is completed first.
      return stage === "execution" ? stage : "rollback"
    case "Joined":
    case "Concluded":
      return undefined
    default:
      return stage
  }
}

export class Stages {
  readonly open = new Map<string, Open>()

  /** Applies a row and returns the previous state of the remediation. */
  take(row: CommittedEvent, atMs: number): Open | undefined {
    const before = this.open.get(row.remediationId)
    // An alert that is resolved after the end opens nothing.
    // The request of a person to roll back opens a remediation that has ended.
    if (before === undefined && row.kind !== "Accepted" && row.kind !== "RollbackRequested") return undefined
    const stage = stageAfter(row, before?.stage ?? "queued")
    if (stage === undefined) this.open.delete(row.remediationId)
    else
      this.open.set(row.remediationId, {
        stage,
        lastEvent: row.kind,
        sinceMs: before?.stage === stage ? before.sinceMs : atMs
      })
    return before
  }

  /** The stages in which some remediation is now. */
  get current(): ReadonlySet<Stage> {
    return new Set([...this.open.values()].map(({ stage }) => stage))
  }
}
