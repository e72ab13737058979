/**
 * The rows of the tables `remediations` and `targets`: one current row per remediation, and the newest epoch of each
 * target.
 *
 * The number of open remediations is kept in memory, because admission reads it for every request; `checkpoint` and
 * `reload` keep it in step with the table.
 */

import type { DatabaseSync } from "node:sqlite"
import { Severity } from "../../domain/Alert.ts"
import {
  isFinal,
  type Remediation,
  type RemediationEvent,
  type RemediationId,
  type RemediationState
} from "../../domain/Remediation.ts"
import { type Target, type TargetKey, targetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { startOf } from "./Episode.ts"
import { countsFrom } from "./NewestRows.ts"
import { makeHasParts, partOfTree, rankOf } from "./RemediationTree.ts"
import { prepare } from "./Sqlite.ts"
import type { KeptInMemory } from "./SqliteTransactions.ts"

/** The columns that decisions are made from. */
export interface CurrentRow {
  readonly id: RemediationId
  readonly starts_at: Timestamp
  readonly newest_start: Timestamp | null
  readonly fired_at: Timestamp | null
  readonly ended_at: Timestamp | null
  readonly episode: number
  readonly target_key: TargetKey
  readonly alert_name: string
  /** The severity of its alert, or of a more severe one that joined it. */
  readonly urgency: Severity
  readonly state: RemediationState
  readonly open: number
  readonly joined_to: RemediationId | null
  readonly handed_over_to: RemediationId | null
  readonly resolved: number
  readonly received_at: Timestamp
  readonly updated_at: Timestamp
  readonly sequence: number
}

/** The previous remediation of the same alert, and whether the new one continues its work. */
export interface Previously {
  readonly row: CurrentRow
  readonly continued: boolean
}

export interface RemediationRows extends KeptInMemory {
  /** The newest remediation of this alert. */
  readonly byAlert: (cluster: string, fingerprint: string) => CurrentRow | undefined
  readonly byId: (id: RemediationId) => CurrentRow | undefined
  /** A remediation, with the newest epoch of a target that the caller claims to own. */
  readonly fenced: (
    claimed: TargetKey,
    id: RemediationId
  ) => (CurrentRow & { readonly epoch: number | null }) | undefined
  /** What the row knows of the first event, to stand in for one that cannot be read. */
  readonly acceptedAs: (id: RemediationId) => Extract<RemediationEvent, { _tag: "Accepted" }>
  /** The open remediation of a target. */
  readonly openOf: (target: TargetKey) => CurrentRow | undefined
  /** The remediation that last acted on a target. */
  readonly lastActor: (target: TargetKey) => CurrentRow | undefined
  /** The joined alert that would take over from a remediation that has ended, if any. See `Handover`. */
  readonly successorOf: (
    id: RemediationId,
    wanted: "any" | "better",
    /** The earliest time at which it was received. Default: any. */
    since?: Timestamp
  ) => CurrentRow | undefined
  /** Whether an emergency or the emergency stop kept a remediation from acting, and neither lasts any more. */
  readonly wasHeldBack: (id: RemediationId) => boolean
  /** Whether a remediation that ended as `Observed` ended in the commit that accepted it: there was no work about it. */
  readonly wasOnlyRecorded: (id: RemediationId) => boolean
  /** When a remediation that is not open has ended. */
  readonly endedAt: (id: RemediationId) => Timestamp | undefined
  /** Whether nobody answered the last question of a remediation in time. */
  readonly hasTimedOut: (id: RemediationId) => boolean
  readonly openCount: () => number
  readonly insert: (self: Remediation, at: Timestamp, previously: Previously | undefined) => void
  /** A firing post of the alert was received. */
  readonly fired: (id: RemediationId, newestStart: Timestamp, at: Timestamp) => void
  /** An alert of this severity joined the remediation. */
  readonly raise: (row: CurrentRow, severity: Severity) => void
  readonly handedOver: (id: RemediationId, to: RemediationId) => void
  /** The alert was resolved, as the resolution with this `endsAt` says. */
  readonly resolved: (id: RemediationId, endsAt: Timestamp) => void
  /** Writes what changed from `before` to `after`. The target changes through `move` only. */
  readonly update: (before: Remediation, after: Remediation, at: Timestamp) => void
  readonly move: (id: RemediationId, target: Target) => void
  readonly epochOf: (target: TargetKey) => number | undefined
  /** Increments the epoch of a target and returns it. */
  readonly claim: (target: TargetKey, owner: string, at: Timestamp) => number
}

const columns = `id, starts_at, newest_start, fired_at, ended_at, episode, target_key, alert_name, state, open, joined_to,
  handed_over_to, resolved, received_at, updated_at, sequence, coalesce(urgency, severity) as urgency`

interface AcceptedRow extends Target {
  readonly fingerprint: string
  readonly starts_at: Timestamp
  readonly alert_name: string
  readonly severity: Severity
}

const makeReads = (database: DatabaseSync) => ({
  accepted: prepare<AcceptedRow, [string]>(
    database,
    "select fingerprint, starts_at, alert_name, severity, cluster, namespace, kind, name from remediations where id = ?"
  ),
  // Rows from before episodes were counted are all of episode 0: their start times tell them apart.
  byAlert: prepare<CurrentRow, [string, string]>(
    database,
    `select ${columns} from remediations where cluster = ? and fingerprint = ? order by episode desc, starts_at desc limit 1`
  ),
  byId: prepare<CurrentRow, [string]>(database, `select ${columns} from remediations where id = ?`),
  fenced: prepare<CurrentRow & { readonly epoch: number | null }, [TargetKey, string]>(
    database,
    `select ${columns}, (select epoch from targets where key = ?) as epoch from remediations where id = ?`
  ),
  openOf: prepare<CurrentRow, [TargetKey]>(
    database,
    `select ${columns} from remediations where target_key = ? and open = 1`
  ),
  // An event that cannot be read says nothing. In an emergency is what a process says that is there (`SqliteLevels`):
  // the level beside the processes is that of an earlier version, which does not say what they are in.
  heldBack: prepare<{ readonly found: number }, [string]>(
    database,
    `select 1 as found from remediation_events where remediation_id = ? and kind in ('Decided', 'Executed')
       and case when json_valid(data)
         then coalesce(json_extract(data, '$.decision.reasons[0].rule'), json_extract(data, '$.outcome.failure')) end in ('emergency-stop', 'emergency-level', 'level')
       and not exists (select 1 from standing_orders)
       and not exists (select 1 from levels l where case when json_valid(l.data) then coalesce(
         (select max(json_extract(p.value, '$.level')) from json_each(l.data, '$.processes') p),
         json_extract(l.data, '$.level')) end = 3)
       limit 1`
  ),
  workedOn: prepare<{ readonly found: number }, [string]>(
    database,
    `select 1 as found from remediation_events where remediation_id = ?
       and kind not in ('Accepted', 'Concluded', 'AlertResolved') limit 1`
  ),
  endedAt: prepare<{ readonly at: Timestamp }, [string]>(
    database,
    `select at from remediation_events where remediation_id = ? and kind in ('Concluded', 'Joined')
       order by sequence desc limit 1`
  ),
  timedOut: prepare<{ readonly timed_out: number }, [string]>(
    database,
    "select timed_out from reviews where remediation_id = ?"
  ),
  countOpen: prepare<{ readonly count: number }>(database, "select count(*) as count from remediations where open = 1"),
  lastActor: prepare<CurrentRow, [TargetKey]>(
    database,
    `select ${columns} from remediations where id =
       (select remediation_id from action_history where target_key = ? order by ${countsFrom} desc limit 1)`
  ),
  // Recursive, because remediations join those that joined, and take over from those that took over. The leads are the
  // given one and those before it: `handed_over_to` leads from one to the next.
  successorOf: prepare<CurrentRow, [RemediationId, "any" | "better", string]>(
    database,
    `${partOfTree},
     lead (name, rank) as (
       select r.alert_name, ${rankOf("r.severity")} from remediations r where r.id in (select e.id from part e) and r.state <> 'Joined'
     )
     select ${columns} from remediations
     where id in (select e.id from part e) and state = 'Joined' and resolved = 0 and severity in ('critical', 'warning')
       and (? = 'any' or alert_name not in (select name from lead) or ${rankOf("severity")} < (select min(rank) from lead))
       and received_at >= ?
     order by ${rankOf("severity")}, id limit 1`
  ),
  epochOf: prepare<{ readonly epoch: number }, [TargetKey]>(database, "select epoch from targets where key = ?")
})

type NewRow = [
  id: string,
  fingerprint: string,
  startsAt: Timestamp,
  targetKey: TargetKey,
  cluster: string,
  namespace: string,
  kind: string,
  name: string,
  alertName: string,
  severity: string,
  state: string,
  open: number,
  joinedTo: string | null,
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  sequence: number,
  newestStart: Timestamp,
  firedAt: Timestamp,
  endedAt: Timestamp | null,
  episode: number
]

const makeWrites = (database: DatabaseSync) => ({
  insert: prepare<never, NewRow>(
    database,
    `insert into remediations (id, fingerprint, starts_at, target_key, cluster, namespace, kind, name, alert_name, severity, state, open,
       joined_to, received_at, updated_at, sequence, newest_start, fired_at, ended_at, episode, resolved)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`
  ),
  fired: prepare<never, [Timestamp, Timestamp, string]>(
    database,
    "update remediations set newest_start = ?, fired_at = ? where id = ?"
  ),
  raise: prepare<never, [Severity, string]>(database, "update remediations set urgency = ? where id = ?"),
  handedOver: prepare<never, [RemediationId, string]>(
    database,
    "update remediations set handed_over_to = ? where id = ?"
  ),
  supersede: prepare<never, [string]>(database, "update remediations set resolved = 1 where id = ?"),
  resolved: prepare<never, [Timestamp, string]>(
    database,
    "update remediations set ended_at = ?, resolved = 1 where id = ?"
  ),
  // Several updates instead of one, because naming an indexed column in an update rewrites its index. An alert that was
  // resolved after the end of its remediation stays resolved: the journal does not say so.
  touch: prepare<never, [Timestamp, number, number, string]>(
    database,
    "update remediations set updated_at = ?, sequence = ?, resolved = case when resolved = 1 then 1 else ? end where id = ?"
  ),
  enter: prepare<never, [RemediationState, Timestamp, number, number, string]>(
    database,
    "update remediations set state = ?, updated_at = ?, sequence = ?, resolved = case when resolved = 1 then 1 else ? end where id = ?"
  ),
  reopen: prepare<never, [RemediationState, Timestamp, number, number, string]>(
    database,
    "update remediations set state = ?, updated_at = ?, sequence = ?, resolved = case when resolved = 1 then 1 else ? end, open = 1 where id = ?"
  ),
  end: prepare<never, [RemediationState, Timestamp, number, number, string | null, string]>(
    database,
    "update remediations set state = ?, updated_at = ?, sequence = ?, resolved = case when resolved = 1 then 1 else ? end, joined_to = ?, open = 0 where id = ?"
  ),
  move: prepare<never, [TargetKey, string, string, string, string, string]>(
    database,
    "update remediations set target_key = ?, cluster = ?, namespace = ?, kind = ?, name = ? where id = ?"
  ),
  claim: prepare<{ readonly epoch: number }, [TargetKey, string, Timestamp]>(
    database,
    `insert into targets (key, epoch, owner, claimed_at) values (?, 1, ?, ?)
     on conflict (key) do update set epoch = targets.epoch + 1, owner = excluded.owner, claimed_at = excluded.claimed_at
     returning epoch`
  )
})

const newRow = (
  { alert, id, joinedTo, sequence, state, target }: Remediation,
  at: Timestamp,
  previously: Previously | undefined
): NewRow => [
  id,
  alert.fingerprint,
  previously?.continued === true ? (previously.row.newest_start ?? alert.startsAt) : alert.startsAt,
  targetKey(target),
  target.cluster,
  target.namespace,
  target.kind,
  target.name,
  alert.name,
  alert.severity,
  state,
  isFinal(state) ? 0 : 1,
  joinedTo ?? null,
  at,
  at,
  sequence,
  ...(previously?.continued === true
    ? ([previously.row.newest_start ?? alert.startsAt, previously.row.fired_at ?? previously.row.received_at] as const)
    : ([startOf(alert.startsAt, at), at] as const)),
  previously?.row.ended_at ?? null,
  previously === undefined ? 0 : previously.row.episode + 1
]

/** The event that began a remediation, as far as its row knows it. */
const acceptedAs = (row: AcceptedRow | undefined): ReturnType<RemediationRows["acceptedAs"]> => {
  if (row === undefined) throw new Error("the row of a loaded remediation is missing")
  const { alert_name: name, fingerprint, severity, starts_at: startsAt, ...target } = row
  const alert = { fingerprint, name, severity, labels: {}, annotations: {}, startsAt }
  return { _tag: "Accepted", alert, target, provisional: false }
}

export const make = (database: DatabaseSync): RemediationRows => {
  const reads = makeReads(database)
  const writes = makeWrites(database)
  const hasParts = makeHasParts(database)
  const countOpen = (): number => reads.countOpen.get()?.count ?? 0
  let openCount = countOpen()

  return {
    byAlert: reads.byAlert.get,
    byId: reads.byId.get,
    acceptedAs: (id) => acceptedAs(reads.accepted.get(id)),
    fenced: reads.fenced.get,
    openOf: reads.openOf.get,
    lastActor: reads.lastActor.get,
    wasHeldBack: (id) => reads.heldBack.get(id) !== undefined,
    wasOnlyRecorded: (id) => reads.workedOn.get(id) === undefined,
    endedAt: (id) => reads.endedAt.get(id)?.at,
    hasTimedOut: (id) => reads.timedOut.get(id)?.timed_out === 1,
    openCount: () => openCount,
    insert: (self, at, previously) => {
      writes.insert.run(...newRow(self, at, previously))
      // The new row speaks for the alert from now on.
      if (previously?.row.resolved === 0) writes.supersede.run(previously.row.id)
      if (!isFinal(self.state)) openCount++
    },
    successorOf: (id, wanted, since = "") => (hasParts(id) ? reads.successorOf.get(id, wanted, since) : undefined),
    raise: ({ id, urgency }, severity) => {
      if (Severity.literals.indexOf(severity) < Severity.literals.indexOf(urgency)) writes.raise.run(severity, id)
    },
    handedOver: (id, to) => {
      writes.handedOver.run(to, id)
    },
    fired: (id, newestStart, at) => {
      writes.fired.run(newestStart, at, id)
    },
    resolved: (id, endsAt) => {
      writes.resolved.run(endsAt, id)
    },
    update: (before, { alertResolvedAt, id, joinedTo, sequence, state }, at) => {
      const resolved = alertResolvedAt === undefined ? 0 : 1
      if (state === before.state) writes.touch.run(at, sequence, resolved, id)
      else if (isFinal(state)) writes.end.run(state, at, sequence, resolved, joinedTo ?? null, id)
      else if (isFinal(before.state)) writes.reopen.run(state, at, sequence, resolved, id)
      else writes.enter.run(state, at, sequence, resolved, id)
      openCount += Number(isFinal(before.state)) - Number(isFinal(state))
    },
    move: (id, target) => {
      writes.move.run(targetKey(target), target.cluster, target.namespace, target.kind, target.name, id)
    },
    epochOf: (target) => reads.epochOf.get(target)?.epoch,
    claim: (target, owner, at) => {
      const epoch = writes.claim.get(target, owner, at)?.epoch
      if (epoch === undefined) throw new Error("an upsert with `returning` returned no row")
      return epoch
    },
    checkpoint: () => {
      const before = openCount
      return () => {
        openCount = before
      }
    },
    reload: () => {
      openCount = countOpen()
    }
  }
}
