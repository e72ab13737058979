/**
 * No secret leaves the service: not to a model, not into the journal, not in a span, not in a log line.
 *
 * Secrets are planted where real ones turn up (`Secrets`). Prompts and the journal are looked at in every run, spans and log lines in those of scenarios that ask for
 * it (`watchesText`), because making them costs more than all the rest.
 *
 * An alert is kept as its sender wrote it, annotations included: whoever may read the alert in Alertmanager may read it here. What is made of it is judged.
 */
import type { Invariant } from "../Invariant.ts"
import { secretsIn } from "../Secrets.ts"

export const noSecretLeaks: Invariant = {
  name: "no-secret-leaks",
  description: "No planted secret is in a prompt, the journal, a span or a log line.",
  make: (_, report) => ({
    on: {
      TextLeft: ({ about, channel, text }) => {
        for (const name of secretsIn(text)) report(`${name} is in a ${channel} (${about})`)
      },
      Committed: ({ events }) => {
        for (const { event, kind, remediationId } of events) {
          if (kind === "Accepted" || kind === "Started") continue
          for (const name of secretsIn(JSON.stringify(event))) report(`${name} is in the journal of ${remediationId} (${kind})`)
        }
      }
    }
  })
}
