/**
 * The audit log, as it lies in the database at the end, has no gap and no changed line, tells of every event of the
 * journal once, and agrees with what happened to the cluster.
 *
 * The chain is computed here once more, from what its documentation says, and not by the code that wrote it.
 */

import { createHash } from "node:crypto"
import type { Applied } from "../../domain/Execution.ts"
import type { AuditRow } from "../farEnds/Database.ts"
import { Senders } from "../observation/Senders.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** SHA-256 over the JSON array of the line's parts and the hash before. */
const hashOf = ({ actor, at, data, kind, sequence, subject }: AuditRow, previousHash: string): string =>
  createHash("sha256")
    .update(JSON.stringify([sequence, at, actor, kind, subject, data, previousHash]))
    .digest("hex")

const checkChain = (rows: ReadonlyArray<AuditRow>, report: (message: string) => void): void => {
  let previousHash = "0".repeat(64)
  rows.forEach((row, index) => {
    if (row.sequence !== index + 1) report(`audit line ${index + 1} is missing: ${row.sequence} stands in its place`)
    if (row.hash !== hashOf(row, previousHash))
      report(`audit line ${row.sequence} does not carry the hash of its content and of the line before`)
    previousHash = row.hash
  })
}

interface Said {
  readonly executionId?: string
  readonly applied?: Applied
  readonly changes?: number
}

export const auditComplete: Invariant = {
  name: "audit-complete",
  description:
    "The audit log has no gaps, tells of every journal event once and in order, and agrees with what happened to the cluster.",
  make: withTruth((_, report, { farEnds }) => {
    /** The journal in the order of its commits, as audit lines ought to say it. */
    const journal: Array<string> = []
    /** Executions whose write took effect, and those that sent a write at all. */
    const wrote = new Set<string>()
    const sent = new Set<string>()
    const executions = new Set<string>()
    const senders = new Senders()
    const ended = new Set<string>()

    const checkExecutions = (rows: ReadonlyArray<AuditRow>) => {
      const intended = new Set<string>()
      const executed = new Map<string, Applied>()
      for (const { data, kind, sequence } of rows) {
        if (kind !== "remediation.Intended" && kind !== "remediation.Executed") continue
        const said = JSON.parse(data) as Said
        if (said.executionId === undefined) report(`audit line ${sequence} names no execution`)
        else if (kind === "remediation.Intended") intended.add(said.executionId)
        else if (said.applied !== undefined) executed.set(said.executionId, said.applied)
      }
      for (const execution of wrote) {
        if (!intended.has(execution))
          report(`${execution} wrote to the cluster, and no audit line says that it was intended`)
        const applied = executed.get(execution)
        if (applied === "no")
          report(`${execution} wrote to the cluster, and the audit log says that nothing was applied`)
        if (applied === undefined && ended.has(execution))
          report(`${execution} wrote to the cluster, and no audit line says how that came out`)
      }
      for (const [execution, applied] of executed) {
        if (applied === "yes" && !wrote.has(execution) && !sent.has(execution))
          report(`the audit log says that ${execution} was applied, and no write of it arrived`)
      }
    }

    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            journal.push(`remediation.${kind} ${remediationId}`)
            if (kind === "Intended" && event._tag === "Intended") {
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
          // An eviction finds its pod gone: that is what it wanted, though it has changed nothing.
          if (write.change._tag !== "Patch") sent.add(executionId)
          if (write.applied === "yes") wrote.add(executionId)
        }
      },
      atEnd: () => {
        const rows = farEnds.database.auditRows()
        checkChain(rows, report)
        const told = rows
          .filter(({ kind }) => kind.startsWith("remediation."))
          .map(({ kind, subject }) => `${kind} ${subject}`)
        const missing = journal.findIndex((line, index) => told[index] !== line)
        if (missing !== -1)
          report(`the journal says "${journal[missing]}" where the audit log says "${told[missing] ?? "nothing"}"`)
        else if (told.length > journal.length)
          report(`the audit log says "${told[journal.length]}", and the journal nothing`)
        checkExecutions(rows)
      }
    }
  })
}
