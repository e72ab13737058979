/** An alert that is stored and taken back, to find out whether the next one could be stored. */

import { RemediationId } from "../../domain/Remediation.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { NewAlert } from "../RemediationStore.ts"
import type { Transactions } from "./BatchWriter.ts"
import type { RemediationTable } from "./RemediationTable.ts"

/** A cluster that no alert can name: intake replaces control characters in the names of clusters. */
const cluster = "kubernaut\u0001check"

const trialOf = (at: Timestamp): NewAlert => ({
  id: RemediationId.make("check"),
  alert: {
    fingerprint: "check",
    name: "check",
    severity: "info",
    labels: {},
    annotations: {},
    startsAt: at
  },
  target: { cluster, namespace: "", kind: "Alert", name: "check" },
  provisional: false
})

/** Returns a function that runs within a transaction, and leaves no trace in it. Throws what storing an alert throws. */
export const make =
  (transactions: Transactions, { accept }: Pick<RemediationTable, "accept">) =>
  (at: Timestamp): void => {
    transactions.savepoint()
    const restore = transactions.checkpoint()
    try {
      accept(trialOf(at), at)
    } finally {
      // After some errors the database has rolled back the whole transaction already.
      if (transactions.isOpen()) transactions.rollbackToSavepoint()
      restore()
    }
  }
