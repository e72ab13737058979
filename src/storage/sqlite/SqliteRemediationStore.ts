/**
 * `RemediationStore` on SQLite. Each write is one closure in a batch of `BatchWriter`, so what it reads and what it
 * writes is one moment: no lock, no retry, no state between. Reads run on the same connection between batches and see
 * committed data only.
 */

import type { DatabaseSync } from "node:sqlite"
import { Clock, Effect, Option, Schema } from "effect"
import type { Alert } from "../../domain/Alert.ts"
import { Decision } from "../../domain/Decision.ts"
import { isFinal, type RemediationId, type RemediationState } from "../../domain/Remediation.ts"
import type { TargetKey } from "../../domain/Target.ts"
import { fromMillis } from "../../domain/Timestamp.ts"
import type { PendingReview, RemediationStore, RemediationSummary } from "../RemediationStore.ts"
import { StorageError } from "../StorageError.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { eventOf, type JournalTable } from "./JournalTable.ts"
import type { RemediationTable } from "./RemediationTable.ts"
import { attempt, prepare } from "./Sqlite.ts"

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
  readonly data: string
}

const target = "cluster, namespace, kind, name"
const summary = `id, ${target}, alert_name, severity, state, joined_to, received_at, updated_at`

const makeQueries = (database: DatabaseSync) => ({
  list: prepare<SummaryRow, [string, number]>(
    database,
    `select ${summary} from remediations where id < ? order by id desc limit ?`
  ),
  // Two statements, so that each fits an index: `open` has to be written out for a partial one. And an id behind `||
  // ''` is no key, so the few that are open are read and sorted; otherwise the whole table would be walked in the order
  // of its ids.
  listOpen: prepare<SummaryRow, [string, string, number]>(
    database,
    `select ${summary} from remediations where open = 1 and state = ? and id || '' < ? order by id || '' desc limit ?`
  ),
  listEnded: prepare<SummaryRow, [string, string, number]>(
    database,
    `select ${summary} from remediations where open = 0 and state = ? and id < ? order by id desc limit ?`
  ),
  openTargets: prepare<{ readonly target_key: TargetKey }>(
    database,
    "select target_key from remediations where open = 1 and (state <> 'AwaitingReview' or resolved = 1) order by id || ''"
  ),
  reviews: prepare<ReviewRow, [number]>(
    database,
    `select r.id, r.cluster, r.namespace, r.kind, r.name, r.alert_name, r.severity, v.since, v.data
     from reviews v join remediations r on r.id = v.remediation_id where v.closed_at is null order by v.since, r.id limit ?`
  ),
  isJoined: prepare<{ readonly found: 1 }, [RemediationId]>(
    database,
    "select 1 as found from remediations where joined_to = ? limit 1"
  ),
  // A remediation that joined another may have been joined itself before.
  joined: prepare<{ readonly id: RemediationId; readonly data: string }, [RemediationId, number]>(
    database,
    `with recursive evidence (id, resolved) as (
       select id, resolved from remediations where joined_to = ?
       union all
       select r.id, r.resolved from remediations r join evidence e on r.joined_to = e.id
     )
     select e.id, (select data from remediation_events j where j.remediation_id = e.id and j.sequence = 0) as data
     from evidence e where e.resolved = 0 limit ?`
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

const decodeDecision = Schema.decodeUnknownSync(Schema.fromJsonString(Decision))

const reviewOf = (row: ReviewRow): PendingReview => {
  const { action, confidence, reasons, risk } = decisionOf(row)
  return {
    id: row.id,
    alertName: row.alert_name,
    severity: row.severity,
    target: { cluster: row.cluster, namespace: row.namespace, kind: row.kind, name: row.name },
    action,
    risk,
    confidence,
    reasons,
    since: row.since
  }
}

const decisionOf = (row: ReviewRow): Decision => {
  try {
    return decodeDecision(row.data)
  } catch {
    throw new StorageError({
      reason: "corrupt",
      operation: "reviews",
      retryable: false,
      committed: "no",
      detail: `review of remediation ${row.id}`
    })
  }
}

const alertOf = (row: { readonly id: RemediationId; readonly data: string }): Alert => {
  const event = eventOf(row.id, 0, row.data)
  if (event._tag === "Accepted") return event.alert
  throw new StorageError({
    reason: "corrupt",
    operation: "joinedAlerts",
    retryable: false,
    committed: "no",
    detail: `remediation ${row.id}, sequence 0`
  })
}

/** Sorts after every id, as texts compare by their bytes in UTF-8. */
const afterAllIds = "\u{10FFFF}"

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  remediations: RemediationTable,
  journal: JournalTable
): RemediationStore["Service"] => {
  const queries = makeQueries(database)
  return {
    accept: (alerts, at) =>
      writer.write("accept", "intake", () => alerts.map((alert) => remediations.accept(alert, at))),
    known: (alerts) =>
      attempt("known", () => alerts.map((alert) => remediations.find(alert.fingerprint, alert.startsAt))),
    resolve: (alerts, at) =>
      writer.write("resolve", "intake", () => alerts.map((alert) => remediations.resolve(alert, at))),
    claim: (key, begin) =>
      Effect.flatMap(Clock.currentTimeMillis, (millis) =>
        Effect.map(
          writer.write("claim", "journal", () => remediations.claim(key, fromMillis(millis), begin)),
          ({ claim, open }) => ({ claim, open: Option.fromUndefinedOr(open) })
        )
      ),
    append: (claim, self, events, at) =>
      Effect.flatMap(
        writer.write("append", "journal", () => remediations.append(claim, self, events, at)),
        Effect.fromResult
      ),
    holds: (claim) => attempt("holds", () => remediations.holds(claim)),
    retarget: (claim, self, owner, at) =>
      Effect.flatMap(
        writer.write("retarget", "journal", () => remediations.retarget(claim, self, owner, at)),
        Effect.fromResult
      ),
    review: (id, answer, at) =>
      Effect.flatMap(
        writer.write("review", "journal", () => remediations.review(id, answer, at)),
        Effect.fromResult
      ),
    reviews: (limit) => attempt("reviews", () => queries.reviews.all(limit).map(reviewOf)),
    get: (id) => attempt("get", () => Option.fromUndefinedOr(remediations.get(id))),
    journal: (id) => attempt("journal", () => journal.entries(id, 0)),
    list: ({ cursor = afterAllIds, limit, state }) =>
      attempt("list", () => {
        const rows =
          state === undefined
            ? queries.list.all(cursor, limit + 1)
            : (isFinal(state) ? queries.listEnded : queries.listOpen).all(state, cursor, limit + 1)
        const items = rows.slice(0, limit).map(summaryOf)
        const last = items.at(-1)
        return { items, ...(rows.length > limit && last !== undefined ? { nextCursor: last.id } : {}) }
      }),
    openTargets: attempt("openTargets", () => queries.openTargets.all().map((row) => row.target_key)),
    backlog: Effect.sync(remediations.backlog),
    joinedAlerts: (id, limit) =>
      // Nearly always nobody has joined, and the recursive query builds its tables before it finds that out.
      attempt("joinedAlerts", () =>
        queries.isJoined.get(id) === undefined ? [] : queries.joined.all(id, limit).map(alertOf)
      )
  }
}
