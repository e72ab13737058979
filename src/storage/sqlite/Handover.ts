/**
 * What happens to the alerts that joined a remediation when it ends. Those that still fire may need work of their own:
 *
 * | how it ended                                | which alert takes over, the most severe first                 |
 * | ------------------------------------------- | ------------------------------------------------------------- |
 * | Cancelled, because its alert resolved       | any                                                           |
 * | Observed or Escalated, with nothing written | one more severe, or of another name, than all that led so far |
 * | RolledBack, because the action did not help | one more severe, or of another name, than all that led so far |
 * | Cancelled, because a person rejected it     | none: a person has decided                                    |
 * | in any way, after a person's rollback       | any that joined after the request: it was decided without it  |
 * | any other way, after a write to the cluster | none: the fix shows in their resolution, or a person knows    |
 *
 * Alerts of severity info and none are only monitored, so they take over from nobody. Ten thousand alerts of one name
 * still cost one investigation, because equals of a remediation that was escalated would be escalated as well.
 *
 * The alert gets a new remediation in the commit that ends the other one. Its joined remediation stays `Joined`. From
 * there the work is found by `joinedTo`, then `handedOverTo`.
 */

import { begin, isFinal, type Remediation, type RemediationEvent, RemediationId } from "../../domain/Remediation.ts"
import type { TargetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { Claim } from "../RemediationStore.ts"
import { load, type Tables, writeEvents } from "./EventWriter.ts"
import type { CurrentRow } from "./RemediationRows.ts"

const hasWritten = ({ executions }: Remediation): boolean =>
  executions.some(({ intent, outcome }) => intent.changes.length > 0 && outcome?.applied !== "no")

/** Which joined alerts may take over from a remediation that has ended: see the table above. */
export const takesOver = (ended: Remediation): "any" | "better" | "later" | "none" => {
  // A person has decided about the alerts until then. A later one would be new work if it came a moment later still.
  if (ended.rollback?.trigger === "operator") return "later"
  // Nothing of the action is left.
  if (ended.state === "RolledBack") return "better"
  if (hasWritten(ended)) return "none"
  if (ended.state === "Cancelled") return ended.alertResolvedAt === undefined ? "none" : "any"
  const isRejected = ended.review?.answer === "rejected"
  return !isRejected && (ended.state === "Observed" || ended.state === "Escalated") ? "better" : "none"
}

/** The id of the remediation that continues the work of a joined one. It sorts right after it. */
const idAfter = (id: RemediationId): RemediationId => {
  const [, base = id, count = "1"] = /^(.*)\.(\d+)$/.exec(id) ?? []
  return RemediationId.make(`${base}.${Number(count) + 1}`)
}

/** If the remediation has ended, begins one for the joined alert that takes over. Returns the ended one after that. */
export const handOver = (tables: Tables, ended: Remediation, at: Timestamp, { epoch, target }: Claim): Remediation => {
  const wanted = isFinal(ended.state) ? takesOver(ended) : "none"
  const since = wanted === "later" ? ended.rollback?.requestedAt : undefined
  const joined =
    wanted === "none" ? undefined : tables.rows.successorOf(ended.id, wanted === "later" ? "any" : wanted, since)
  if (joined === undefined) return ended
  return continueWith(tables, ended, joined, at, { epoch, target })
}

/**
 * Begins a remediation that continues the work of the one that has ended, for the alert of a row: one that had joined
 * it, or its own. `because`: why it is continued, if not for the end itself. Returns the ended one after that.
 */
export const continueWith = (
  tables: Tables,
  ended: Remediation,
  row: CurrentRow,
  at: Timestamp,
  { because, epoch, target }: { readonly target: TargetKey; readonly epoch?: number; readonly because?: "level" }
): Remediation => {
  const { alert } = load(tables, row)
  const id = idAfter(row.id)
  const accepted: RemediationEvent = {
    _tag: "Accepted",
    alert,
    target: ended.target,
    provisional: ended.provisional,
    continues: row.id
  }
  const next = begin(id, accepted, at)
  tables.rows.insert(next, at, { row, continued: true })
  tables.journal.write(next, accepted, at, target)
  const handedOver: RemediationEvent = { _tag: "HandedOver", to: id, ...(because === undefined ? {} : { because }) }
  const after = writeEvents(tables, ended, [handedOver], at, target, epoch)
  tables.rows.handedOver(ended.id, id)
  return after
}
