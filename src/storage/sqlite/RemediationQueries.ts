/** Reads over all remediations: pages, pending reviews, targets with work, and joined alerts. */

import type { DatabaseSync } from "node:sqlite"
import { Option, Schema } from "effect"
import type { Alert, Severity } from "../../domain/Alert.ts"
import { Decision } from "../../domain/Decision.ts"
import { isFinal, type RemediationId, type RemediationState } from "../../domain/Remediation.ts"
import type { TargetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type {
  InArchive,
  LastFiring,
  OpenWork,
  PendingReview,
  RemediationPage,
  RemediationSummary
} from "../RemediationStore.ts"
import * as EarlierFirings from "./EarlierFirings.ts"
import { eventOf } from "./JournalTable.ts"
import { makeHasParts, partOfTree, rankOf } from "./RemediationTree.ts"
import { prepare } from "./Sqlite.ts"

interface SummaryRow {
  readonly id: RemediationId
  readonly cluster: string
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly alert_name: string
  readonly severity: string
  readonly state: RemediationState
  readonly joined_to: RemediationId | null
  readonly received_at: string
  readonly updated_at: string
}

type ReviewRow = Pick<SummaryRow, "id" | "cluster" | "namespace" | "kind" | "name" | "alert_name" | "severity"> & {
  readonly since: string
  readonly answer_by: string | null
  readonly data: string
}

interface FiringRow {
  /** Whether it is about the alert itself. */
  readonly own: number
  readonly resolved: number
  readonly at: string
  /** Whether the episode is later than that of the remediation. */
  readonly again: number
  readonly begunAt: string
  readonly endedAt: string | null
  /** When its resolution was journaled; only of the alert itself. */
  readonly endHeardAt: string | null
  /** Whether one of them is more severe than the alert itself. */
  readonly graver: number
}

const target = "cluster, namespace, kind, name"
const summary = `id, ${target}, alert_name, severity, state, joined_to, received_at, updated_at`

/** When the resolution of a remediation was journaled, under a condition. */
const endHeardAt = (id: string, condition: string): string =>
  `iif(${condition},
       (select j.at from remediation_events j where j.remediation_id = ${id} and j.kind = 'AlertResolved'
        order by j.sequence desc limit 1), null)`

/** The newest posts of a remediation and of those that belong to it. */
const firing = `${partOfTree}
   select r.fingerprint = self.fingerprint as own, r.resolved, max(coalesce(r.fired_at, r.received_at)) as at,
     r.episode > self.episode as again, r.received_at as begunAt, r.ended_at as endedAt,
     ${endHeardAt("r.id", "r.fingerprint = self.fingerprint and r.resolved = 1")} as endHeardAt,
     max(${rankOf("r.severity")} < ${rankOf("self.severity")}) as graver
     from remediations r join remediations self on self.id = ?1
     where r.id in (select e.id from part e)
     group by own, r.resolved, iif(r.fingerprint = self.fingerprint, r.episode, 0) order by r.episode desc, at desc`

const makeStatements = (database: DatabaseSync) => ({
  list: prepare<SummaryRow, [string, number]>(
    database,
    `select ${summary} from remediations where id < ? order by id desc limit ?`
  ),
  // Two statements, so that each uses an index: a partial index needs a literal `open`. The expression `id || ''` keeps
  // SQLite from using the primary key, so that it reads and sorts the few open rows instead of scanning the whole table
  // in the order of ids.
  listOpen: prepare<SummaryRow, [string, string, number]>(
    database,
    `select ${summary} from remediations where open = 1 and state = ? and id || '' < ? order by id || '' desc limit ?`
  ),
  listEnded: prepare<SummaryRow, [string, string, number]>(
    database,
    `select ${summary} from remediations where open = 0 and state = ? and id < ? order by id desc limit ?`
  ),
  openWork: prepare<{ readonly target: TargetKey; readonly severity: Severity; readonly answered: 0 | 1 }>(
    database,
    `select target_key as target, coalesce(urgency, severity) as severity, state in ('Investigating', 'Executing') and exists
       (select 1 from reviews where remediation_id = id and closed_at is not null and timed_out = 0) as answered
     from remediations
     where open = 1 and (state <> 'AwaitingReview' or resolved = 1)
     order by ${rankOf("coalesce(urgency, severity)")}, id || ''`
  ),
  reviews: prepare<ReviewRow, [number]>(
    database,
    `select r.id, r.cluster, r.namespace, r.kind, r.name, r.alert_name, r.severity, v.since, v.answer_by, v.data
     from reviews v join remediations r on r.id = v.remediation_id where v.closed_at is null order by v.since, r.id limit ?`
  ),
  due: prepare<{ readonly id: RemediationId }, [string, string]>(
    database,
    `select remediation_id as id from reviews
     where closed_at is null and (answer_by <= ? or (answer_by is null and since <= ?)) order by since limit 100`
  ),
  // One row for each episode of the alert itself, and one for the others that are resolved or not.
  firing: prepare<FiringRow, [RemediationId]>(database, firing),
  // The same of a remediation to which no other belongs.
  firingAlone: prepare<FiringRow, [RemediationId]>(
    database,
    `select 1 as own, resolved, coalesce(fired_at, received_at) as at, 0 as again, received_at as begunAt,
       ended_at as endedAt, ${endHeardAt("id", "resolved = 1")} as endHeardAt, 0 as graver
     from remediations where id = ?`
  ),
  // Its last line counts, and that is in the newest file.
  archived: prepare<{ readonly file: string; readonly state: RemediationState | null }, [RemediationId]>(
    database,
    `select a.file, r.state from archived_remediations r join archives a on a.sequence = r.archive where r.id = ?
     order by r.archive desc limit 1`
  ),
  // A remediation that handed over is evidence as well, together with what had joined it.
  joined: prepare<{ readonly id: RemediationId; readonly data: string }, [RemediationId, RemediationId, number]>(
    database,
    `${partOfTree}
     select r.id, (select data from remediation_events j where j.remediation_id = r.id and j.sequence = 0) as data
     from remediations r where r.id in (select e.id from part e) and r.resolved = 0 and r.id <> ?
     order by ${rankOf("r.severity")}, r.id limit ?`
  )
})

const summaryOf = (row: SummaryRow): RemediationSummary => ({
  id: row.id,
  state: row.state,
  alertName: row.alert_name,
  severity: row.severity,
  target: { cluster: row.cluster, namespace: row.namespace, kind: row.kind, name: row.name },
  ...(row.joined_to === null ? {} : { joinedTo: row.joined_to }),
  receivedAt: row.received_at,
  updatedAt: row.updated_at
})

const decodeDecision = Schema.decodeUnknownOption(Schema.fromJsonString(Decision))

/** A review whose decision cannot be read does not hide the others: its remediation shows the damage. */
const reviewOf = (row: ReviewRow): ReadonlyArray<PendingReview> =>
  Option.match(decodeDecision(row.data), { onNone: () => [], onSome: (decision) => [pendingReview(row, decision)] })

const pendingReview = (
  row: ReviewRow,
  { action, confidence, figures, question, reasons, risk }: Decision
): PendingReview => ({
  id: row.id,
  alertName: row.alert_name,
  severity: row.severity,
  target: { cluster: row.cluster, namespace: row.namespace, kind: row.kind, name: row.name },
  action,
  risk,
  confidence,
  reasons,
  ...(figures === undefined ? {} : { figures }),
  ...(question === undefined ? {} : { question }),
  since: row.since,
  ...(row.answer_by === null ? {} : { expiresAt: row.answer_by })
})

/** A joined alert is evidence. One that cannot be read is left out. */
const alertOf = (row: { readonly data: string }): ReadonlyArray<Alert> => {
  const event = eventOf(row.data)
  return event?._tag === "Accepted" ? [event.alert] : []
}

/**
 * The newest firing post of the alert itself, and of the others that are not resolved. The newest episode is the first
 * row of the alert itself.
 */
const lastFiringOf = (rows: ReadonlyArray<FiringRow>): LastFiring | undefined => {
  const own = rows.filter((row) => row.own === 1)
  const firing = own.find(({ resolved }) => resolved === 0)
  const newest = firing ?? own[0]
  const joined = rows.find((row) => row.own === 0 && row.resolved === 0)
  if (newest === undefined) return undefined
  return {
    at: newest.at,
    resolved: firing === undefined,
    ...(firing !== undefined || newest.endedAt === null ? {} : { endedAt: newest.endedAt }),
    ...(firing !== undefined || newest.endHeardAt === null ? {} : { endHeardAt: newest.endHeardAt }),
    ...(newest.again === 0 ? {} : { againAt: newest.begunAt }),
    ...(joined === undefined ? {} : { joinedAt: joined.at }),
    ...(joined?.graver === 1 ? { graverJoined: true } : {})
  }
}

/** Sorts after every id: text compares by its UTF-8 bytes. */
const afterAllIds = "\u{10FFFF}"

export interface RemediationQueries {
  /** Newest first. `cursor` is the last id of the previous page. */
  readonly list: (query: {
    readonly state?: RemediationState
    readonly limit: number
    readonly cursor?: string
  }) => RemediationPage
  readonly reviews: (limit: number) => ReadonlyArray<PendingReview>
  /** At most 100 remediations whose question is to time out. */
  readonly dueReviews: (at: Timestamp, askedBefore: string) => ReadonlyArray<RemediationId>
  readonly openWork: () => ReadonlyArray<OpenWork>
  readonly joinedAlerts: (id: RemediationId, limit: number) => ReadonlyArray<Alert>
  readonly lastFiring: (id: RemediationId) => LastFiring | undefined
  readonly earlierFirings: ReturnType<typeof EarlierFirings.make>
  /** The newest file of the archive that has the remediation. */
  readonly archivedIn: (id: RemediationId) => InArchive | undefined
}

export const make = (database: DatabaseSync): RemediationQueries => {
  const statements = makeStatements(database)
  const hasParts = makeHasParts(database)
  const earlierFirings = EarlierFirings.make(database)
  return {
    list: ({ cursor = afterAllIds, limit, state }) => {
      const rows =
        state === undefined
          ? statements.list.all(cursor, limit + 1)
          : (isFinal(state) ? statements.listEnded : statements.listOpen).all(state, cursor, limit + 1)
      const items = rows.slice(0, limit).map(summaryOf)
      const last = items.at(-1)
      return { items, ...(rows.length > limit && last !== undefined ? { nextCursor: last.id } : {}) }
    },
    reviews: (limit) => statements.reviews.all(limit).flatMap(reviewOf),
    dueReviews: (at, askedBefore) => statements.due.all(at, askedBefore).map(({ id }) => id),
    openWork: () =>
      statements.openWork
        .all()
        .map(({ answered, ...work }) => ({ ...work, ...(answered === 1 ? { answered: true } : {}) })),
    archivedIn: (id) => {
      const [row] = statements.archived.all(id)
      return row && { file: row.file, ...(row.state === null ? {} : { state: row.state }) }
    },
    earlierFirings,
    lastFiring: (id) => lastFiringOf((hasParts(id) ? statements.firing : statements.firingAlone).all(id)),
    joinedAlerts: (id, limit) => (hasParts(id) ? statements.joined.all(id, id, limit).flatMap(alertOf) : [])
  }
}
