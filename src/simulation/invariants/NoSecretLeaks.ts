/**
 * No secret leaves the service: not to a model, not into the journal or the audit log, not in a response or an error,
 * not in a span or a log line.
 *
 * Secrets are planted where real ones occur (`Secrets`). Prompts, the journal, the audit log, responses and crash
 * messages are searched in every run; spans and log lines only in scenarios with `watchesText`, because producing them
 * costs more than the rest of a run.
 *
 * An alert is stored as its sender wrote it, annotations included: everybody who may read it here may read it in
 * Alertmanager. An intent must store exactly what it writes and what it would restore. Both are exempt; texts derived
 * from them are not.
 */

import type { RemediationEvent } from "../../domain/Remediation.ts"
import { secretsIn } from "../observation/Secrets.ts"
import type { Invariant } from "./Invariant.ts"

/** An event without the exempt parts. */
const judged = (event: RemediationEvent): string => {
  if (event._tag === "RollbackIntended") {
    const { changes: _changes, ...intent } = event.intent
    return JSON.stringify(intent)
  }
  if (event._tag !== "Intended") return JSON.stringify(event)
  // `fields` are what a restoration writes, by the names of the fields.
  const { changes: _changes, fields: _fields, inverse: _inverse, ...intent } = event.intent
  return JSON.stringify(intent)
}

export const noSecretLeaks: Invariant = {
  name: "no-secret-leaks",
  description:
    "No planted secret is in a prompt, the journal, the audit log, an answer, an error, a span or a log line.",
  make: (_, report, truth) => ({
    on: {
      TextLeft: ({ about, channel, text }) => {
        for (const name of secretsIn(text)) report(`${name} left by ${channel} (${about})`)
      },
      Committed: ({ events }) => {
        for (const row of events) {
          const { kind, remediationId, text } = row
          // The stored text first: nearly all are clean and need no parsing.
          if (kind === "Accepted" || kind === "Started" || (text !== undefined && secretsIn(text).length === 0))
            continue
          for (const name of secretsIn(judged(row.event)))
            report(`${name} is in the journal of ${remediationId} (${kind})`)
        }
      }
    },
    atEnd: () => {
      for (const { actor, data, kind, sequence, subject } of truth?.farEnds.database.auditRows() ?? []) {
        for (const name of secretsIn(`${actor} ${kind} ${subject} ${data}`))
          report(`${name} is in line ${sequence} of the audit log (${kind})`)
      }
    }
  })
}
