/** Writes events of a remediation to the journal and to its current row, within one transaction. */

import { evolve, type Remediation, type RemediationEvent } from "../../domain/Remediation.ts"
import type { TargetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { JournalTable, LoadedRow } from "./JournalTable.ts"
import type { RemediationRows } from "./RemediationRows.ts"

/** The two tables that hold a remediation. They always change together. */
export interface Tables {
  readonly rows: RemediationRows
  readonly journal: JournalTable
}

/** Loads the remediation of a row. */
export const load = ({ journal, rows }: Tables, row: LoadedRow): Remediation =>
  journal.load(row, () => rows.acceptedAs(row.id))

/** Journals events in order, updates the row, and returns the remediation after them. */
export const writeEvents = (
  { journal, rows }: Tables,
  self: Remediation,
  events: ReadonlyArray<RemediationEvent>,
  at: Timestamp,
  key: TargetKey,
  epoch?: number
): Remediation => {
  let next = self
  for (const event of events) {
    next = evolve(next, event, at)
    journal.write(next, event, at, key, epoch)
  }
  rows.update(self, next, at)
  return next
}
