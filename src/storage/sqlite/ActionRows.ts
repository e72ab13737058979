/** The rows of the action history, as they follow from the events of the journal. */

import type { DatabaseSync } from "node:sqlite"
import type { Action } from "../../domain/Action.ts"
import type { ExecutionOutcome, Intent } from "../../domain/Execution.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { symptomsOf } from "../../domain/Symptoms.ts"
import { type TargetKey, targetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { Verification } from "../../domain/Verification.ts"
import { writesOf } from "../../domain/Writes.ts"
import type { ActionChanges } from "./NewestRows.ts"
import { prepare } from "./Sqlite.ts"
import * as StartedActions from "./StartedActions.ts"

/** Actions that write nothing. They take no part of a budget. */
const readOnly: ReadonlySet<Action["type"]> = new Set(["CollectDiagnostics", "Notify"])

/**
 * Failures that say nothing about the cluster or the target: somebody else was faster, or a limit of our own turned the
 * write away.
 */
const ownFailures: ReadonlySet<string> = new Set([
  "conflict",
  "already-exists",
  "not-found",
  "own-limit",
  "fenced",
  "stale",
  "mode",
  "emergency-stop",
  "level",
  "approval-expired",
  "nodes-out",
  "defect",
  "wrong-cluster"
])

export interface ActionRows {
  readonly started: StartedActions.StartedActions
  readonly intended: (self: Remediation, intent: Intent, at: Timestamp, key: TargetKey) => void
  readonly executed: (outcome: ExecutionOutcome, at: Timestamp) => void
  readonly verified: (executionId: string, verification: Verification, at: Timestamp) => void
  /** The action was undone, so it counts as `not-fixed`. */
  readonly undone: (executionId: string, at: Timestamp) => void
  /** Marks an action as `not-fixed`. Returns the number of rows that it changes. */
  readonly refute: (executionId: string) => number | bigint
}

/** The object of an action, where it is another one than the target. */
const objectKey = ({ target }: Remediation, { action }: Intent, key: TargetKey): TargetKey | null => {
  const object = targetKey({ cluster: target.cluster, ...action.target })
  return object === key ? null : object
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))

export const make = (database: DatabaseSync, changes: Omit<ActionChanges, "deleted">): ActionRows => {
  const insert = prepare<
    never,
    [string, string, string, TargetKey, TargetKey | null, string, string, string, number, string | null, string | null]
  >(
    database,
    `insert into action_history
       (execution_id, remediation_id, cluster, target_key, object_key, alert_name, action, at, applied, writing, writes, places)
     values (?, ?, ?, ?, ?, ?, ?, ?, 'unknown', ?, ?, ?)`
  )
  const executed = prepare<never, [string, string | null, string | null, string, string, string]>(
    database,
    `update action_history set applied = ?, symptoms = ?, ended_at = ?, executed_at = case when at < ? then ? else at end
       where execution_id = ?`
  )
  const verified = prepare<never, [string, string | null, string | null, string, string]>(
    database,
    "update action_history set verdict = ?, symptoms = ?, reversion = ?, ended_at = ? where execution_id = ?"
  )
  const refute = prepare<never, [string]>(
    database,
    "update action_history set verdict = 'not-fixed' where execution_id = ? and verdict is not 'not-fixed'"
  )
  const undone = prepare<never, [string, string]>(
    database,
    "update action_history set verdict = 'not-fixed', rolled_back_at = ? where execution_id = ?"
  )
  const started = StartedActions.make(database)
  return {
    started,
    intended: (self, intent, at, key) => {
      started.add(
        () =>
          void insert.run(
            intent.executionId,
            self.id,
            self.target.cluster,
            key,
            objectKey(self, intent, key),
            self.alert.name,
            intent.action.type,
            at,
            readOnly.has(intent.action.type) ? 0 : 1,
            json(writesOf(intent)),
            json(intent.places)
          )
      )
      changes.added(intent.executionId)
    },
    executed: ({ applied, executionId, failure }, at) => {
      const failed = failure !== undefined && !ownFailures.has(failure)
      executed.run(applied, failed ? json([`refused:${failure}`]) : null, failed ? at : null, at, at, executionId)
      changes.executed(executionId)
    },
    verified: (executionId, { observed, reversion, verdict }, at) => {
      const symptoms = verdict === "not-fixed" && observed !== null ? symptomsOf(observed) : []
      verified.run(verdict, symptoms.length === 0 ? null : json(symptoms), json(reversion), at, executionId)
      changes.judged(executionId)
    },
    undone: (executionId, at) => {
      undone.run(at, executionId)
      changes.judged(executionId)
    },
    refute: (executionId) => {
      changes.judged(executionId)
      return refute.run(executionId)
    }
  }
}
