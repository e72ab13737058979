/**
 * At the end of a run the audit log has no gap and no changed line, records every journal event once, and agrees with
 * the writes to the cluster.
 *
 * The hash chain is computed here again from its documentation, not by the code that wrote it.
 */

import { hash } from "node:crypto"
import type { Applied } from "../../domain/Execution.ts"
import type { AuditRow } from "../farEnds/Database.ts"
import { Senders } from "../observation/Senders.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** SHA-256 over the JSON array of the line's parts and the previous hash. */
const hashOf = ({ actor, at, data, kind, sequence, subject }: AuditRow, previousHash: string): string =>
  hash("sha256", JSON.stringify([sequence, at, actor, kind, subject, data, previousHash]))

const checkChain = (rows: ReadonlyArray<AuditRow>, report: (message: string) => void): void => {
  let previousHash = "0".repeat(64)
  rows.forEach((row, index) => {
    if (row.sequence !== index + 1) report(`audit line ${index + 1} is missing: ${row.sequence} stands in its place`)
    if (row.hash !== hashOf(row, previousHash))
      report(`audit line ${row.sequence} does not carry the hash of its content and of the line before`)
    previousHash = row.hash
  })
}

/** The part of an audit line about an execution. */
interface Said {
  readonly executionId?: string
  readonly applied?: Applied
  readonly changes?: number
}

/** What happened to the executions of a run, by the cluster and the journal. */
interface Executions {
  /** Their write took effect. */
  readonly wrote: ReadonlySet<string>
  /** They sent a write. */
  readonly sent: ReadonlySet<string>
  /** Their remediation has ended. */
  readonly ended: ReadonlySet<string>
}

const checkExecutions = (
  rows: ReadonlyArray<AuditRow>,
  { ended, sent, wrote }: Executions,
  report: (message: string) => void
): void => {
  const intended = new Set<string>()
  const executed = new Map<string, Applied>()
  for (const { data, kind, sequence } of rows) {
    const isIntent = kind === "remediation.Intended" || kind === "remediation.RollbackIntended"
    if (!isIntent && kind !== "remediation.Executed" && kind !== "remediation.RollbackExecuted") continue
    const said = JSON.parse(data) as Said
    if (said.executionId === undefined) report(`audit line ${sequence} names no execution`)
    else if (isIntent) intended.add(said.executionId)
    else if (said.applied !== undefined) executed.set(said.executionId, said.applied)
  }
  for (const execution of wrote) {
    if (!intended.has(execution))
      report(`${execution} wrote to the cluster, and no audit line says that it was intended`)
    const applied = executed.get(execution)
    if (applied === "no") report(`${execution} wrote to the cluster, and the audit log says that nothing was applied`)
    if (applied === undefined && ended.has(execution))
      report(`${execution} wrote to the cluster, and no audit line says how that came out`)
  }
  for (const [execution, applied] of executed) {
    if (applied === "yes" && !wrote.has(execution) && !sent.has(execution))
      report(`the audit log says that ${execution} was applied, and no write of it arrived`)
  }
}

export const auditComplete: Invariant = {
  name: "audit-complete",
  description:
    "The audit log has no gaps, records every journal event once and in order, and agrees with the writes to the cluster.",
  make: withTruth((_, report, { farEnds }) => {
    /** The audit lines that the journal requires, in the order of its commits. */
    const journal: Array<string> = []
    /** Executions whose write took effect. */
    const wrote = new Set<string>()
    /** Executions that sent a write. */
    const sent = new Set<string>()
    const executions = new Set<string>()
    const senders = new Senders()
    const ended = new Set<string>()

    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            journal.push(`remediation.${kind} ${remediationId}`)
            if (kind === "Intended" && event._tag === "Intended") {
              executions.add(event.intent.executionId)
              senders.intended(event.intent)
            } else if (kind === "RollbackIntended" && event._tag === "RollbackIntended") {
              executions.add(event.intent.executionId)
              senders.intended(event.intent)
            } else if (kind === "Concluded") {
              for (const execution of executions) if (execution.startsWith(`${remediationId}-`)) ended.add(execution)
            }
          }
        },
        ClusterWrite: (write) => {
          const executionId = senders.of(write)
          if (executionId === undefined) return
          // An eviction whose pod is gone has reached its goal without changing anything.
          if (write.change._tag !== "Patch") sent.add(executionId)
          if (write.applied === "yes") wrote.add(executionId)
        }
      },
      atEnd: () => {
        const rows = farEnds.database.auditRows()
        checkChain(rows, report)
        const recorded = rows
          .filter(({ kind }) => kind.startsWith("remediation."))
          .map(({ kind, subject }) => `${kind} ${subject}`)
        const missing = journal.findIndex((line, index) => recorded[index] !== line)
        if (missing !== -1)
          report(`the journal says "${journal[missing]}" where the audit log says "${recorded[missing] ?? "nothing"}"`)
        else if (recorded.length > journal.length)
          report(`the audit log says "${recorded[journal.length]}", and the journal nothing`)
        checkExecutions(rows, { wrote, sent, ended }, report)
      }
    }
  })
}
