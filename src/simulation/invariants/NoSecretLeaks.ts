/**
 * No secret leaves the service: not to a model, not into the journal or the audit log, not in an answer or an error,
 * not in a span, not in a log line.
 *
 * Secrets are planted where real ones turn up (`Secrets`). Prompts, the journal, the audit log, answers and the last
 * words of a process are looked at in every run, spans and log lines in those of scenarios that ask for it
 * (`watchesText`), because making them costs more than all the rest.
 *
 * An alert is kept as its sender wrote it, annotations included: whoever may read the alert in Alertmanager may read it
 * here. And what an intent writes, or would put back, has to be in the journal to the letter. What is made of both is
 * judged.
 */

import type { RemediationEvent } from "../../domain/Remediation.ts"
import { secretsIn } from "../observation/Secrets.ts"
import type { Invariant } from "./Invariant.ts"

/** An event without what must be kept as it is. */
const judged = (event: RemediationEvent): string => {
  if (event._tag !== "Intended") return JSON.stringify(event)
  const { changes: _changes, inverse: _inverse, ...intent } = event.intent
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
          // As it is stored first: nearly all are clean, and are not parsed for it.
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
