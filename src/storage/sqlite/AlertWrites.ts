/**
 * What an incoming alert changes: a firing one begins a remediation, joins one, or is a duplicate; a resolved one ends
 * an alert. `Episode` decides which; the decisions are pure functions over rows.
 *
 * Functions that write must be called within a transaction.
 */

import type { Alert } from "../../domain/Alert.ts"
import { begin, evolve, type Remediation, type RemediationEvent, type RemediationId } from "../../domain/Remediation.ts"
import { targetKey } from "../../domain/Target.ts"
import { type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import type { AcceptResult, AlertResolution, AlertStart, NewAlert, ResolveResult } from "../RemediationStore.ts"
import type { EarlyEnd } from "./EarlyEnds.ts"
import { type FiringRow, firingRow, type KnownAlert, resolutionIs, startOf } from "./Episode.ts"
import { load, type Tables, writeEvents } from "./EventWriter.ts"
import type { CurrentRow } from "./RemediationRows.ts"

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

/** What `Episode` has to know of an alert. */
const knownAlert = (tables: Tables, row: CurrentRow): KnownAlert => {
  const work = workOf(tables, row)
  const isUndecided = work.state === "Escalated" || work.state === "RolledBack"
  return {
    startsAt: row.starts_at,
    receivedAt: row.received_at,
    newestStart: row.newest_start ?? row.starts_at,
    resolved: row.resolved === 1,
    endedAt: row.ended_at ?? undefined,
    work: {
      open: work.open === 1,
      joined: work.id !== row.id,
      state: work.state,
      resolved: work.resolved === 1,
      onlyRecorded: work.state === "Observed" && tables.rows.wasOnlyRecorded(work.id),
      // An action may have been undone before the question about an alternative to it timed out, or was held back.
      timedOut: isUndecided && tables.rows.hasTimedOut(work.id),
      heldBack: isUndecided && tables.rows.wasHeldBack(work.id),
      // A resolution after the end changes the row too.
      updatedAt: (work.open === 0 && work.resolved === 1 ? tables.rows.endedAt(work.id) : undefined) ?? work.updated_at
    }
  }
}

const isRecentFix = (row: CurrentRow, at: Timestamp, withinMs: number): boolean =>
  row.state === "Remediated" && toMillis(at) - toMillis(row.updated_at) <= withinMs

/**
 * The remediation whose fix a new alert refutes, if any:
 *
 * - the one that handled the same alert before (`sameAlert`), if the alert has begun to fire again, or
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

/** The remediation that does the work for a row: the row itself, or the end of its chain of joins and handovers. */
const workOf = ({ rows }: Tables, row: CurrentRow): CurrentRow => {
  let found = row
  while (true) {
    const id = found.state === "Joined" ? found.joined_to : found.handed_over_to
    const next = id === null ? undefined : rows.byId(id)
    if (next === undefined) return found
    found = next
  }
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

/** The fix that the firing alert of `self` refutes: the previous remediation of this alert, or of this target. */
const refuteBy = (
  tables: Tables,
  self: Remediation,
  known: CurrentRow | undefined,
  means: FiringRow | undefined,
  at: Timestamp,
  withinMs: number
): void => {
  const beganAgain = known !== undefined && self.alert.startsAt > (known.newest_start ?? known.starts_at)
  if (known !== undefined && means?.refutes === true) {
    const work = workOf(tables, known)
    // Another alert about the target may have another cause than the one that was fixed.
    if (work.alert_name === self.alert.name) tables.journal.cameBack(load(tables, work), self.id, at)
    return
  }
  refute(tables, self, beganAgain ? known : undefined, at, withinMs)
}

export const accept = (tables: Tables, incoming: NewAlert, at: Timestamp, cameBackWithinMs: number): AcceptResult => {
  const { alert, id, target } = incoming
  const { journal, rows } = tables
  const known = rows.byAlert(target.cluster, alert.fingerprint)
  const post = { startsAt: alert.startsAt, at, lagMs: cameBackWithinMs, onlyRecorded: incoming.observed !== undefined }
  const means = known && firingRow(knownAlert(tables, known), post)
  if (known !== undefined && means?.means === "repeat") {
    const start = startOf(alert.startsAt, at)
    const newest = known.newest_start ?? known.starts_at
    rows.fired(known.id, start > newest ? start : newest, at)
    return { status: "duplicate", remediationId: known.id, target: known.target_key }
  }
  const key = targetKey(target)
  const open = rows.openOf(key)
  const begun = beginnings(incoming, open, at)
  const self = begun[begun.length - 1]![0]
  rows.insert(self, at, known && { row: known, continued: false })
  if (self.state === "Joined" && open !== undefined) rows.raise(open, alert.severity)
  for (const [next, event] of begun) journal.write(next, event, at, key)
  if (incoming.observed !== undefined) return { status: "observed", remediationId: id, target: key }
  refuteBy(tables, self, known, means, at, cameBackWithinMs)
  return { status: open === undefined ? "accepted" : "joined", remediationId: id, target: key }
}

/** The remediation of which a firing post of this alert would be a repeat. */
export const find = (
  tables: Tables,
  { cluster, fingerprint, startsAt }: AlertStart,
  at: Timestamp,
  lagMs: number
): RemediationId | undefined => {
  const row = tables.rows.byAlert(cluster, fingerprint)
  if (row === undefined) return undefined
  return firingRow(knownAlert(tables, row), { startsAt, at, lagMs }).means === "repeat" ? row.id : undefined
}

/** The final states in which the resolution of the alert is still news. */
const firesOn: ReadonlySet<CurrentRow["state"]> = new Set(["Joined", "Observed", "Escalated"])

export const resolve = (tables: Tables, resolution: AlertResolution, at: Timestamp): ResolveResult => {
  const { cluster, fingerprint } = resolution
  const row = tables.rows.byAlert(cluster, fingerprint)
  if (row === undefined) return { open: false }
  const work = workOf(tables, row)
  const isOpen = work.open === 1
  const is = resolutionIs(knownAlert(tables, row), resolution, at)
  // An alert that fires again keeps its open remediation. If that has ended, the next firing post is new work.
  if (is === "old" || (is === "overtaken" && isOpen))
    return { remediationId: row.id, target: work.target_key, open: isOpen && row.resolved === 1 }
  end(tables, row, resolution, at)
  return { remediationId: row.id, target: work.target_key, open: isOpen }
}

/** The alert of the row is resolved. */
const end = (tables: Tables, row: CurrentRow, { endsAt }: Pick<AlertResolution, "endsAt">, at: Timestamp): void => {
  // A joined remediation is final, but its alert counts as evidence until it is resolved. Of an observed alert, the
  // journal says how long it fired, and of an escalated one, until when a person was needed.
  if (row.resolved === 0 && (row.open === 1 || firesOn.has(row.state)))
    writeEvents(tables, load(tables, row), [{ _tag: "AlertResolved", endsAt }], at, row.target_key)
  tables.rows.resolved(row.id, endsAt)
}

/** Ends the newest remediation of an alert by an end that had overtaken its beginning. It was received before. */
export const endLate = (tables: Tables, { cluster, endsAt, fingerprint, receivedAt }: EarlyEnd): void => {
  const row = tables.rows.byAlert(cluster, fingerprint)
  if (row !== undefined) end(tables, row, { endsAt }, receivedAt)
}
