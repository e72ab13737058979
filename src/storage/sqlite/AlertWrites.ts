/**
 * What an incoming alert changes: a firing one begins a remediation, joins one, or is a duplicate; a resolved one ends
 * an alert. The decisions are pure functions over rows.
 *
 * Functions that write must be called within a transaction.
 */

import type { Alert } from "../../domain/Alert.ts"
import { begin, evolve, type Remediation, type RemediationEvent, type RemediationId } from "../../domain/Remediation.ts"
import { targetKey } from "../../domain/Target.ts"
import { type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import type { AcceptResult, AlertResolution, NewAlert, ResolveResult } from "../RemediationStore.ts"
import { load, type Tables, writeEvents } from "./EventWriter.ts"
import type { CurrentRow } from "./RemediationRows.ts"

/** Whether this alert has a remediation already. `previous` is the newest one with the same fingerprint. */
const isDuplicate = (alert: Alert, previous: CurrentRow | undefined): previous is CurrentRow =>
  previous?.starts_at === alert.startsAt

/**
 * The remediation of a new alert after each of its first events: it ends as `Observed` if there is a reason to do
 * nothing about it, or else joins the open one of its target, if any.
 */
const beginnings = (
  { alert, id, observed, provisional, target }: NewAlert,
  open: CurrentRow | undefined,
  at: Timestamp
): ReadonlyArray<readonly [self: Remediation, event: RemediationEvent]> => {
  const accepted: RemediationEvent = { _tag: "Accepted", alert, target, provisional }
  const received = begin(id, accepted, at)
  const end: RemediationEvent | undefined =
    observed !== undefined
      ? { _tag: "Concluded", state: "Observed", reason: observed }
      : open && { _tag: "Joined", joinedTo: open.id }
  return end === undefined
    ? [[received, accepted]]
    : [
        [received, accepted],
        [evolve(received, end, at), end]
      ]
}

const isRecentFix = (row: CurrentRow, at: Timestamp, withinMs: number): boolean =>
  row.state === "Remediated" && toMillis(at) - toMillis(row.updated_at) <= withinMs

/**
 * The remediation whose fix a new alert refutes, if any:
 *
 * - the one that handled the same alert before (`sameAlert`), or
 * - the one that last acted on the target (`lastActor`), if the same alerting rule fires for the target again, for
 *   example from another pod. An alert that started before the fix does not count: it is part of the incident that was
 *   fixed.
 */
const refutedBy = (
  alert: Pick<Alert, "name" | "startsAt">,
  found: { readonly sameAlert: CurrentRow | undefined; readonly lastActor: CurrentRow | undefined },
  at: Timestamp,
  withinMs: number
): CurrentRow | undefined => {
  const { lastActor, sameAlert } = found
  if (sameAlert !== undefined && isRecentFix(sameAlert, at, withinMs)) return sameAlert
  return lastActor !== undefined
    && lastActor.alert_name === alert.name
    && isRecentFix(lastActor, at, withinMs)
    && alert.startsAt > lastActor.updated_at
    ? lastActor
    : undefined
}

/** The remediation that does the work for a row: the row itself, or the end of its chain of joins. */
const workOf = ({ rows }: Tables, row: CurrentRow): CurrentRow => {
  let found = row
  while (found.state === "Joined" && found.joined_to !== null) {
    const next = rows.byId(found.joined_to)
    if (next === undefined) return found
    found = next
  }
  return found
}

/** Marks the last action of the remediation whose fix the alert of `self` refutes, if any. */
export const refute = (
  tables: Tables,
  self: Remediation,
  previous: CurrentRow | undefined,
  at: Timestamp,
  withinMs: number
): void => {
  const refuted = refutedBy(
    self.alert,
    {
      sameAlert: previous && workOf(tables, previous),
      lastActor: tables.rows.lastActor(targetKey(self.target))
    },
    at,
    withinMs
  )
  if (refuted !== undefined) tables.journal.cameBack(load(tables, refuted), self.id, at)
}

export const accept = (tables: Tables, incoming: NewAlert, at: Timestamp, cameBackWithinMs: number): AcceptResult => {
  const { alert, id } = incoming
  const { journal, rows } = tables
  const previous = rows.byAlert(alert.fingerprint, alert.startsAt)
  if (isDuplicate(alert, previous))
    return { status: "duplicate", remediationId: previous.id, target: previous.target_key }
  const key = targetKey(incoming.target)
  const open = rows.openOf(key)
  const begun = beginnings(incoming, open, at)
  const self = begun[begun.length - 1]![0]
  rows.insert(self, at)
  for (const [next, event] of begun) journal.write(next, event, at, key)
  if (incoming.observed !== undefined) return { status: "observed", remediationId: id, target: key }
  refute(tables, self, previous, at, cameBackWithinMs)
  return { status: open === undefined ? "accepted" : "joined", remediationId: id, target: key }
}

/** The row of exactly this alert. */
const rowOf = ({ rows }: Tables, fingerprint: string, startsAt: Timestamp): CurrentRow | undefined => {
  const row = rows.byAlert(fingerprint, startsAt)
  return row?.starts_at === startsAt ? row : undefined
}

export const find = (tables: Tables, fingerprint: string, startsAt: Timestamp): RemediationId | undefined =>
  rowOf(tables, fingerprint, startsAt)?.id

export const resolve = (
  tables: Tables,
  { endsAt, fingerprint, startsAt }: AlertResolution,
  at: Timestamp
): ResolveResult => {
  const row = rowOf(tables, fingerprint, startsAt)
  if (row === undefined) return { open: false }
  // A joined remediation is final, but its alert counts as evidence until it is resolved. Of an observed alert, the
  // journal says how long it fired.
  if (row.resolved === 0 && (row.open === 1 || row.state === "Joined" || row.state === "Observed"))
    writeEvents(tables, load(tables, row), [{ _tag: "AlertResolved", endsAt }], at, row.target_key)
  const work = workOf(tables, row)
  return { remediationId: row.id, target: work.target_key, open: work.open === 1 }
}
