/** The content of an audit line, and the hash that chains it to the previous line. */

import { hash } from "node:crypto"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import type { Intent } from "../domain/Execution.ts"
import type { RemediationEvent } from "../domain/Remediation.ts"
import type { ReviewAnswer } from "../domain/Review.ts"
import type { TargetKey } from "../domain/Target.ts"

/** The `previousHash` of the first line. */
export const genesis = "0".repeat(64)

/** The end of a chain: the sequence number and the hash of its last line. */
export interface ChainHead {
  readonly sequence: number
  readonly hash: string
}

export const emptyChain: ChainHead = { sequence: 0, hash: genesis }

/**
 * SHA-256, in hex, over the JSON array `[sequence, at, actor, kind, subject, data, previousHash]`, where `data` is the
 * text of the line's JSON object. It can be recomputed from an exported line.
 */
export const lineHash = (
  line: Pick<AuditEvent, "sequence" | "at" | "actor" | "kind" | "subject" | "previousHash">,
  dataText: string
): string =>
  hash(
    "sha256",
    JSON.stringify([line.sequence, line.at, line.actor, line.kind, line.subject, dataText, line.previousHash])
  )

/** Whether a line follows `head` and is unchanged. */
export const follows = (head: ChainHead, line: AuditEvent, dataText: string): boolean =>
  line.sequence === head.sequence + 1 && line.previousHash === head.hash && line.hash === lineHash(line, dataText)

export interface AuditContent {
  readonly actor: string
  readonly kind: string
  readonly data: AuditEvent["data"]
}

/**
 * Who did what to which target, with what result. Text from models, alerts and logs stays in the journal, because the
 * audit log is kept longer and read by more people.
 */
export const auditOf = (event: RemediationEvent, target: TargetKey): AuditContent => {
  const kind = `remediation.${event._tag}`
  const line = (data: AuditEvent["data"], actor = "kubernaut"): AuditContent => ({
    actor,
    kind,
    data: { target, ...data }
  })
  switch (event._tag) {
    case "Accepted":
      return line({
        alert: event.alert.name,
        severity: event.alert.severity,
        fingerprint: event.alert.fingerprint,
        ...(event.continues === undefined ? {} : { continues: event.continues })
      })
    case "Started":
      return line({ traceId: event.traceId, epoch: event.epoch })
    case "Retargeted":
      return line({})
    case "Joined":
      return line({ joinedTo: event.joinedTo })
    case "Investigated":
      return line({
        level: event.level,
        hops: event.hops.map((hop) => `${hop.investigator}:${hop.outcome}`),
        action: event.investigation?.action.type ?? null
      })
    case "Decided":
      return line({
        level: event.level,
        outcome: event.decision.outcome,
        action: event.decision.action.type,
        risk: event.decision.risk,
        rules: event.decision.reasons.map((reason) => reason.rule)
      })
    case "Reviewed":
      return line(answerLine(event.review), event.review.by)
    case "ReviewTimedOut":
      return line({ ...event.timeout })
    case "ApprovalExpired":
      return line({ by: event.by, expiredAt: event.expiredAt })
    case "Intended":
      return line(intentLine(event.intent))
    case "Executed":
      return line({
        executionId: event.outcome.executionId,
        applied: event.outcome.applied,
        failure: event.outcome.failure ?? null
      })
    case "Verified":
      return line({ verdict: event.verification.verdict })
    case "RollbackRequested":
    case "RollbackStopped":
    case "RollbackIntended":
    case "RollbackExecuted":
    case "RollbackVerified": {
      const { actor, data } = rollbackLine(event)
      return line(data, actor)
    }
    case "AlertResolved":
      return line({ endsAt: event.endsAt })
    case "Concluded":
      return line({ state: event.state })
    case "HandedOver":
      return line({ to: event.to, ...(event.because === undefined ? {} : { because: event.because }) })
  }
}

const intentLine = ({ action, changes, executionId, inverse }: Intent): AuditEvent["data"] => ({
  executionId,
  action: action.type,
  changes: changes.length,
  inverse: inverse._tag
})

const answerLine = ({ answer, expiresAt, reason }: ReviewAnswer): AuditEvent["data"] => ({
  answer,
  reason: reason ?? null,
  ...(expiresAt === undefined ? {} : { expiresAt })
})

type RollbackEvent = Extract<RemediationEvent, { readonly _tag: `Rollback${string}` }>

const rollbackLine = (event: RollbackEvent): { readonly data: AuditEvent["data"]; readonly actor?: string } => {
  switch (event._tag) {
    case "RollbackRequested": {
      const { by, reason, trigger, undoes } = event.request
      // The reason of a person is theirs to be kept; that of a trigger is in the journal.
      return by === undefined
        ? { data: { trigger, executionId: undoes } }
        : { data: { trigger, executionId: undoes, reason: reason ?? null }, actor: by }
    }
    case "RollbackStopped":
      return { data: { code: event.stop.code } }
    case "RollbackIntended": {
      const { attempt, changes, executionId, trigger } = event.intent
      return { data: { executionId, attempt, trigger, changes: changes.length } }
    }
    case "RollbackExecuted": {
      const { applied, executionId, failure } = event.outcome
      return { data: { executionId, applied, failure: failure ?? null } }
    }
    case "RollbackVerified":
      return { data: { restored: event.verification.restored } }
  }
}
