/**
 * The tables, with one migration for each released version. A released migration is never edited.
 *
 * The statements use only features that SQLite and PostgreSQL share (text, integer, partial indices, `on conflict`).
 * Triggers are the exception: `refuseChanges` needs one branch per dialect.
 *
 * | table                 | holds                                                                                     |
 * | --------------------- | ----------------------------------------------------------------------------------------- |
 * | targets               | the newest epoch of each target: the fence                                                |
 * | remediations          | one current row per alert: the parts of the journal's state that lists and the fence need |
 * | remediation_events    | the journal, append-only                                                                  |
 * | audit                 | the hash chain, append-only                                                               |
 * | action_history        | one row per intended action                                                               |
 * | database_identity     | what tells this database from others                                                      |
 * | cluster_identity      | the uid of the cluster that the database belongs to                                       |
 * | reviews               | one row per decision that needed a review                                                 |
 * | archives              | the signed checkpoint of each file of the archive, append-only                            |
 * | archived_remediations | what each file has of a remediation, append-only                                          |
 * | doubts                | when our own view of each cluster was last in doubt                                       |
 * | storage_check         | one row, which is written when nothing else is                                            |
 * | levels                | one row: the last degradation level, for the next process                                 |
 * | figures               | counts of everything that the database has ever held                                      |
 * | model_calls           | the ledger: one row per call to a model, of the last month                                |
 * | early_ends            | ends of alerts whose beginning may still be in the spool                                  |
 *
 * Timestamps are text: ISO strings sort by time and are readable in a shell.
 */

import { Effect } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"
import { StorageError } from "../StorageError.ts"
import { accountSuspensions } from "./AccountSuspensionsMigration.ts"
import { actionObjects } from "./ActionObjectsMigration.ts"
import { refuseChanges } from "./AppendOnly.ts"
import { archivedStates } from "./ArchivedStatesMigration.ts"
import { archive, archivedContent } from "./ArchiveMigrations.ts"
import { auditAcknowledgements, auditBreaks, auditIntact } from "./AuditBreaksMigration.ts"
import { changeJournal } from "./ChangesMigration.ts"
import { databaseIdentity } from "./DatabaseIdentityMigration.ts"
import { earlyEnds } from "./EarlyEndsMigration.ts"
import { executionTimes } from "./ExecutionTimesMigration.ts"
import { figures } from "./FiguresMigration.ts"
import { handovers } from "./HandoversMigration.ts"
import { levels } from "./LevelsMigration.ts"
import { modelCalls } from "./ModelCallsMigration.ts"
import { notificationSends } from "./NotificationSendsMigration.ts"
import { outboxClaims } from "./OutboxClaimsMigration.ts"
import { outbox } from "./OutboxMigration.ts"
import { outboxPositions } from "./OutboxPositionsMigration.ts"
import { reviewTimes } from "./ReviewTimesMigration.ts"
import { spoolReplays } from "./SpoolMigration.ts"
import { reasonOf } from "./Sqlite.ts"

/** The table with the migrations that a database has. */
export const migrationsTable = "kubernaut_migrations"

const tables: ReadonlyArray<string> = [
  `create table targets (
    key text primary key,
    epoch integer not null,
    owner text not null,
    claimed_at text not null
  )`,
  `create table remediations (
    id text primary key,
    fingerprint text not null,
    starts_at text not null,
    target_key text not null,
    cluster text not null,
    namespace text not null,
    kind text not null,
    name text not null,
    alert_name text not null,
    severity text not null,
    state text not null,
    open integer not null,
    joined_to text,
    resolved integer not null,
    received_at text not null,
    updated_at text not null,
    sequence integer not null
  )`,
  // Finds the alerts of a fingerprint by start time: an alert with the same start is a duplicate, and one with a later
  // start may mean that the alert came back.
  `create unique index remediations_alert on remediations (fingerprint, starts_at)`,
  // The database itself allows at most one open remediation per target.
  `create unique index remediations_open on remediations (target_key) where open = 1`,
  // Written once, when a remediation ends. Open remediations are few, and the index above finds them.
  `create index remediations_ended on remediations (state, id) where open = 0`,
  `create index remediations_joined on remediations (joined_to) where joined_to is not null`,
  `create table remediation_events (
    remediation_id text not null references remediations (id),
    sequence integer not null,
    epoch integer,
    kind text not null,
    at text not null,
    data text not null,
    primary key (remediation_id, sequence)
  )`,
  `create table audit (
    sequence integer primary key,
    at text not null,
    actor text not null,
    kind text not null,
    subject text not null,
    data text not null,
    hash text not null
  )`,
  `create table action_history (
    execution_id text primary key,
    remediation_id text not null references remediations (id),
    cluster text not null,
    target_key text not null,
    alert_name text not null,
    action text not null,
    at text not null,
    applied text not null,
    verdict text
  )`,
  // In the order in which the history of a target is read, so that SQLite does not need to sort.
  `create index action_history_target on action_history (target_key, at, execution_id)`,
  `create index action_history_cluster on action_history (cluster, at)`,
  `create index action_history_remediation on action_history (remediation_id, at)`,
  `create index action_history_verdict on action_history (alert_name, action, at) where verdict is not null`,
  `create table reviews (
    remediation_id text primary key references remediations (id),
    since text not null,
    data text not null,
    closed_at text
  )`,
  `create index reviews_waiting on reviews (since) where closed_at is null`
]

const initial = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(tables, (statement) => sql.unsafe(statement), { discard: true })
  yield* refuseChanges(sql, "remediation_events")
  yield* refuseChanges(sql, "audit")
})

/**
 * Episodes: the same alert may have several remediations with one `startsAt`, and posts with several of them.
 *
 * | column       | holds                                                                            |
 * | ------------ | -------------------------------------------------------------------------------- |
 * | episode      | counts the remediations of the alert                                             |
 * | newest_start | the latest `startsAt` of its posts                                               |
 * | fired_at     | when a firing post of it was last received                                       |
 * | ended_at     | the `endsAt` of the last resolution, also of an earlier remediation of the alert |
 */
const episodes = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      "alter table remediations add column episode integer not null default 0",
      "alter table remediations add column newest_start text",
      "alter table remediations add column fired_at text",
      "alter table remediations add column ended_at text",
      "drop index remediations_alert",
      "create index remediations_alert on remediations (cluster, fingerprint, episode, starts_at)"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
})

/** The cluster that the database belongs to: at most one row. */
const clusterIdentity = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe(
    "create table cluster_identity (id integer primary key check (id = 1), uid text not null, bound_at text not null)"
  )
)

/** `SqliteHealth` finds out with this table whether rows can be stored. */
const storageCheck = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create table storage_check (id integer primary key, at text not null, room text not null)")
)

/**
 * What actions have in common: budgets, peers that failed, and changes that another controller undoes.
 *
 * | column    | holds                                                                        |
 * | --------- | ---------------------------------------------------------------------------- |
 * | writing   | whether the action writes to the cluster; 1 for the rows of earlier versions |
 * | writes    | what it writes (`domain/Writes`)                                             |
 * | places    | what its target shares with others (`domain/Places`)                         |
 * | symptoms  | how the target failed after it (`domain/Symptoms`), or `refused:CODE`        |
 * | reversion | that somebody else undid it (`domain/Verification`)                          |
 * | ended_at  | when its failure or its verdict was recorded                                 |
 */
const actionFacts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      "alter table action_history add column writing integer not null default 1",
      "alter table action_history add column writes text",
      "alter table action_history add column places text",
      "alter table action_history add column symptoms text",
      "alter table action_history add column reversion text",
      "alter table action_history add column ended_at text",
      "create index action_history_ended on action_history (cluster, ended_at) where ended_at is not null"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
})

/**
 * Rollbacks of actions.
 *
 * | column         | holds                                                              |
 * | -------------- | ------------------------------------------------------------------ |
 * | rolled_back_at | when the action was undone; null: it was not, or nobody knows that |
 */
const rollbacks = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("alter table action_history add column rolled_back_at text")
)

/** When our own view of each cluster was last in doubt. */
const doubts = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create table doubts (cluster text primary key, at text not null)")
)

/** The orders of operators that stand. */
const standingOrders = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe(
    "create table standing_orders (name text primary key, given_by text not null, reason text, since text not null)"
  )
)

const migrations = {
  "1_initial": initial,
  "2_episodes": episodes,
  "3_cluster_identity": clusterIdentity,
  "4_handovers": handovers,
  "5_archive": archive,
  "6_storage_check": storageCheck,
  "7_archived_content": archivedContent,
  "8_action_facts": actionFacts,
  "9_rollbacks": rollbacks,
  "10_review_times": reviewTimes,
  "11_doubts": doubts,
  "12_change_journal": changeJournal,
  "13_execution_times": executionTimes,
  "14_standing_orders": standingOrders,
  "15_archived_states": archivedStates,
  "16_action_objects": actionObjects,
  "17_figures": figures,
  "18_outbox": outbox,
  "19_spool_replays": spoolReplays,
  "20_levels": levels,
  "21_audit_breaks": auditBreaks,
  "22_audit_acknowledgements": auditAcknowledgements,
  "23_account_suspensions": accountSuspensions,
  "24_model_calls": modelCalls,
  "25_outbox_claims": outboxClaims,
  "26_database_identity": databaseIdentity,
  "27_outbox_positions": outboxPositions,
  "28_audit_intact": auditIntact,
  "29_notification_sends": notificationSends,
  "30_early_ends": earlyEnds
}

/** The schema version that this program reads and writes. */
export const schemaVersion = Object.keys(migrations).length

/** The error of a database whose schema this program does not know. */
export const newerVersion = (found: number): StorageError =>
  new StorageError({
    reason: "incompatible",
    operation: "migrate",
    retryable: false,
    committed: "no",
    detail: `the database has schema version ${found}, but this program supports versions up to ${schemaVersion}: start the newer program`
  })

const refuseNewer = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [newest] = yield* sql<{
    readonly version: number | null
  }>`select max(migration_id) as version from ${sql(migrationsTable)}`
  const found = newest?.version ?? 0
  if (found > schemaVersion) return yield* newerVersion(found)
})

/** The names of all tables. */
const tableNames = (sql: SqlClient.SqlClient) =>
  sql.onDialectOrElse({
    sqlite: () => sql<{ readonly name: string }>`select name from sqlite_schema where type = ${"table"}`,
    orElse: () => Effect.die(new Error("no list of tables in this SQL dialect"))
  })

/** A mistyped path must not add tables to the database of another program. */
const refuseForeign = Effect.gen(function* () {
  const names = (yield* tableNames(yield* SqlClient.SqlClient)).map(({ name }) => name)
  if (names.length === 0 || names.includes(migrationsTable)) return
  return yield* new StorageError({
    reason: "incompatible",
    operation: "migrate",
    retryable: false,
    committed: "no",
    detail: `the database belongs to another program: it has the tables ${names.slice(0, 3).join(", ")} and none of Kubernaut's. Name another database`
  })
})

/** The result code of SQLite, where it has failed. */
const codeOf = ({ reason }: SqlError.SqlError): number | undefined => {
  const { cause } = reason
  return typeof cause === "object" && cause !== null && "errno" in cause && typeof cause.errno === "number"
    ? cause.errno
    : undefined
}

/**
 * Migrates a database to `schemaVersion`. Fails if the database is newer or belongs to another program, and leaves it
 * unchanged.
 */
export const migrate: Effect.Effect<void, StorageError, SqlClient.SqlClient> = refuseForeign.pipe(
  Effect.andThen(
    Migrator.make({})({
      table: migrationsTable,
      loader: Migrator.fromRecord(migrations)
    })
  ),
  Effect.andThen(refuseNewer),
  // The migrator dies when a migration fails or its transaction cannot be rolled back. For the operator, that is a
  // database failure and not a defect.
  Effect.catchDefect((defect) =>
    SqlError.isSqlError(defect) || defect instanceof Migrator.MigrationError ? Effect.fail(defect) : Effect.die(defect)
  ),
  Effect.catchTags({
    SqlError: (error) => {
      const code = codeOf(error)
      const [reason, retryable] = code === undefined ? (["failed", error.isRetryable] as const) : reasonOf(code & 0xff)
      return Effect.fail(
        new StorageError({ reason, operation: "migrate", retryable, committed: "no", detail: error.reason._tag })
      )
    },
    MigrationError: (error) =>
      Effect.fail(
        new StorageError({
          reason: "failed",
          operation: "migrate",
          retryable: false,
          committed: "no",
          detail: error.message
        })
      )
  })
)
