/**
 * In `observe` nothing is written to the cluster, and in `approve` only what a person has approved, even where a
 * process in another mode has intended the write.
 *
 * A second process on the same database is not checked: its mode is not observed.
 */

import type { Mode } from "../../domain/Mode.ts"
import type { Invariant } from "./Invariant.ts"

export const modeRespected: Invariant = {
  name: "mode-respected",
  description: "A process in observe writes nothing, and one in approve only what a person has approved.",
  make: (_, report) => {
    const modes = new Map<number, Mode>()
    const approved = new Set<string>()
    return {
      on: {
        ProcessBooted: ({ mode, number }) => {
          if (mode !== undefined) modes.set(number, mode)
        },
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Reviewed" && event._tag === "Reviewed" && event.review.answer === "approved")
              approved.add(remediationId)
            if (event._tag === "RollbackRequested" && event.request.trigger === "operator") approved.add(remediationId)
          }
        },
        ClusterWrite: ({ change, executionId, process = -1 }) => {
          const mode = modes.get(process)
          if (mode === undefined || mode === "auto") return
          // The id of an execution is that of its remediation and a number. Its approval covers its undo.
          const remediation = executionId?.replace(/-\d+(-rollback-\d+)?$/, "")
          if (mode === "approve" && (remediation === undefined || approved.has(remediation))) return
          report(
            `${change._tag} of ${change.ref.kind} ${change.ref.name} was sent in mode ${mode}${mode === "approve" ? " and nobody had approved it" : ""}`
          )
        }
      }
    }
  }
}
