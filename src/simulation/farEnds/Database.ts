/**
 * The service's database: SQLite in memory, held outside of the service's process, so a crash leaves it as it was last
 * committed.
 *
 * After every commit the rows that it added to the journal are read and published as `Committed`. A batch is one step,
 * so checkers see a commit before the process acts on it.
 */

import { createHash } from "node:crypto"
import { Effect, Layer } from "effect"
import type { ModelCall } from "../../domain/ModelCall.ts"
import type { RemediationEvent, RemediationEventKind } from "../../domain/Remediation.ts"
import * as Sqlite from "../../storage/sqlite/Sqlite.ts"
import * as Storage from "../../storage/Storage.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import type { CommittedEvent } from "../observation/Observation.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

type Connection = ReturnType<typeof Sqlite.openMemory>
type Statement = ReturnType<Connection["prepare"]>
/** The methods of a statement that this project uses. */
type Used = Pick<Statement, "run" | "get" | "all" | "setReadBigInts" | "setReturnArrays">

/** What a statement does. */
export type StatementKind = "begin" | "commit" | "read" | "write" | "other"

/** A storage fault: what it throws, the driver throws. */
export interface Disturbance {
  /** Before each statement. */
  readonly before?: (statement: StatementKind, sql: string) => void
  /** After a commit has taken effect, before the service knows of it. */
  readonly afterCommit?: () => void
}

/** Errors made by faults: a process that ends with one of them has no bug. */
const simulated = new WeakSet<object>()

const made = <E extends Error>(error: E): E => {
  simulated.add(error)
  return error
}

/** An error of the driver with an SQLite result code, as `node:sqlite` throws it. */
export const driverError = (errcode: number, message: string): Error =>
  made(Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode }))

/** An error of a broken driver. */
export const brokenDriver = (): Error => made(new TypeError("the driver broke"))

/** Whether a fault made this error or its cause. */
export const isSimulated = (error: unknown): boolean =>
  typeof error === "object"
  && error !== null
  && (simulated.has(error) || ["cause", "reason"].some((key) => key in error && isSimulated(Reflect.get(error, key))))

/** A line of the audit log, as committed. */
export interface AuditRow {
  readonly sequence: number
  readonly at: string
  readonly actor: string
  readonly kind: string
  readonly subject: string
  /** JSON, exactly as stored. */
  readonly data: string
  readonly hash: string
}

/** A line of the ledger of model calls, as committed. `row` grows with each new line. */
export interface LedgerRow {
  readonly row: number
  readonly call: ModelCall
}

/** One count of the business figures, as committed. */
export interface FigureRow {
  readonly subject: string
  readonly outcome: string
  readonly count: number
}

interface ConnectionOfService {
  readonly number: number
  /** The number of the process that has it. */
  readonly process: number
  commits: number
}

/** The queries of the sweep: for reviews that have timed out, and for open work. */
const sweeps =
  /^select (target_key as target, .* from remediations\s+where open = 1|remediation_id as id from reviews\s+where closed_at is null and \(answer_by)/

const addedRows =
  "select rowid, remediation_id, sequence, epoch, kind, at, data from remediation_events where rowid > ? order by rowid"

interface JournalRow {
  readonly rowid: number
  readonly remediation_id: string
  readonly sequence: number
  readonly epoch: number | null
  readonly kind: RemediationEventKind
  readonly at: string
  readonly data: string
}

class CommittedRow implements CommittedEvent {
  private readonly row: JournalRow
  private parsed: RemediationEvent | undefined

  constructor(row: JournalRow) {
    this.row = row
  }

  get remediationId(): string {
    return this.row.remediation_id
  }
  get sequence(): number {
    return this.row.sequence
  }
  get epoch(): number | null {
    return this.row.epoch
  }
  get kind(): RemediationEventKind {
    return this.row.kind
  }
  get at(): string {
    return this.row.at
  }
  get text(): string {
    return this.row.data
  }
  get event(): RemediationEvent {
    return (this.parsed ??= JSON.parse(this.row.data) as RemediationEvent)
  }
}

const kindOf = (sql: string): StatementKind => {
  const [, verb = ""] = /^\s*(\w+)/.exec(sql) ?? []
  switch (verb.toLowerCase()) {
    case "begin":
      return "begin"
    case "commit":
      return "commit"
    case "select":
    case "with":
      return "read"
    case "insert":
    case "update":
    case "delete":
      return "write"
    default:
      return "other"
  }
}

/** A migrated database, to copy: migrating takes longer than the rest of a small run. */
let migrated: Uint8Array | undefined

const makeTables = (): Uint8Array => {
  const database = Sqlite.openMemory()
  Effect.runSync(Effect.scoped(Layer.build(Storage.layerDatabase(database))))
  const content = database.serialize()
  database.close()
  return content
}

export class Database implements FarEnd {
  readonly name = "database"
  /** A new connection for each boot of the service. */
  readonly layer: Layer.Layer<Storage.Services, StorageError>
  private readonly connection: Connection
  private readonly setting: Setting
  private readonly hash = createHash("sha256")
  private readonly disturbances = new ActiveFaults<Disturbance>()
  /** Text that is not hashed yet: hashing many small pieces costs more than one large one. */
  private unhashed = ""
  private lastRow = 0
  /** The entries of the spool that the open transaction takes. */
  private replaying: Array<{ readonly spool: string; readonly sequence: number }> = []
  private connections = 0
  private commits = 0
  private lastDisturbedMs = -Infinity
  /** Statements by their text. All boots of a run share one connection, so each is prepared once. */
  private readonly statements = new Map<string, Statement>()

  constructor(setting: Setting) {
    this.setting = setting
    this.connection = Sqlite.openMemory((migrated ??= makeTables()))
    this.layer = Layer.unwrap(
      Effect.clockWith((clock) => {
        const process = setting.world.processes.findLast((each) => each.clock === clock)
        return Effect.sync(() => Storage.layerDatabase(this.connect(process?.number ?? -1)))
      })
    )
    // As when the file of a dead process is opened again. Only a migration has a transaction longer than one step.
    setting.observations.subscribe({ ProcessEnded: () => this.giveUp() })
  }

  /** Activates a fault until the returned function is called. */
  disturb(disturbance: Disturbance): () => void {
    const undo = this.disturbances.add(disturbance)
    return () => {
      this.lastDisturbedMs = this.setting.world.nowMs
      undo()
    }
  }

  /** Rolls back the open transaction, as SQLite does by itself after some errors. */
  giveUp(): void {
    if (this.connection.isTransaction) this.connection.exec("rollback")
  }

  /** The committed audit log, in the order of its sequence. */
  auditRows(): ReadonlyArray<AuditRow> {
    return this.connection
      .prepare("select sequence, at, actor, kind, subject, data, hash from audit order by sequence")
      .all() as unknown as ReadonlyArray<AuditRow>
  }

  /** The counts behind the business figures, as committed. */
  figureRows(): ReadonlyArray<FigureRow> {
    return this.connection
      .prepare("select subject, outcome, count from figures where count <> 0")
      .all() as unknown as ReadonlyArray<FigureRow>
  }

  /** The newest lines of the ledger of model calls, newest first, as committed: of all, or those that name a span. */
  ledgerRows(most: number, spanId = ""): ReadonlyArray<LedgerRow> {
    const rows = this.statement(
      `select row, data from (select rowid as row, data from model_calls order by rowid desc limit ?)
       where instr(data, ?) > 0`
    ).all(most, spanId) as unknown as ReadonlyArray<{ readonly row: number; readonly data: string }>
    return rows.map(({ data, row }) => ({ row, call: JSON.parse(data) as ModelCall }))
  }

  /** What the lines of the ledger sum up to whose column begins with a text, up to and with a row, from a time on. */
  ledgerSum(
    column: "at" | "remediation_id",
    prefix: string,
    row: number,
    since: string
  ): { readonly tokens: number; readonly cost: number } {
    return this.statement(
      `select coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0) as tokens,
         coalesce(sum(cost), 0) as cost
       from model_calls where ${column} >= ? and ${column} < ? and rowid <= ? and at >= ?`
    ).get(prefix, `${prefix}~`, row, since) as unknown as { readonly tokens: number; readonly cost: number }
  }

  /** Until when a fault has disturbed it; `Infinity` while one does. */
  get disturbedUntilMs(): number {
    return this.disturbances.size > 0 ? Infinity : this.lastDisturbedMs
  }

  /** A hash over all rows of the journal so far, in the order of their commits. */
  get journalHash(): string {
    this.digest()
    return this.hash.copy().digest("hex")
  }

  private digest(): void {
    this.hash.update(this.unhashed)
    this.unhashed = ""
  }

  get journalRows(): number {
    return this.lastRow
  }

  close(): void {
    this.connection.close()
  }

  /** A connection for the service: commits are observed, and faults may throw. */
  private connect(process: number): Connection {
    const own: ConnectionOfService = { number: ++this.connections, process, commits: 0 }
    return new Proxy(this.connection, {
      get: (connection, property) => {
        if (property === "prepare") return (sql: string) => this.observed(sql, own)
        if (property === "exec") {
          return (sql: string) => {
            this.before("other", sql)
            connection.exec(sql)
          }
        }
        const value: unknown = Reflect.get(connection, property, connection)
        return typeof value === "function" ? value.bind(connection) : value
      }
    })
  }

  private before(statement: StatementKind, sql: string): void {
    for (const { before } of this.disturbances) before?.(statement, sql)
  }

  private statement(sql: string): Statement {
    const made = this.statements.get(sql) ?? this.connection.prepare(sql)
    this.statements.set(sql, made)
    return made
  }

  private observed(sql: string, own: ConnectionOfService): Used {
    const statement = this.statement(sql)
    const kind = kindOf(sql)
    const isSweep = sweeps.test(sql)
    const isReplay = sql.startsWith("insert into spool_replays")
    const observe =
      (verb: "run" | "get" | "all") =>
      (...params: ReadonlyArray<never>) => {
        if (this.disturbances.size > 0) this.disturbed(kind, sql, isSweep, own.number)
        const result = statement[verb](...params)
        if (isReplay) this.replaying.push({ spool: String(params[0]), sequence: Number(params[1]) })
        if (kind === "begin") this.replaying = []
        if (kind === "commit") {
          this.commits++
          own.commits++
          this.committed(own.process)
          if (this.disturbances.size > 0) for (const { afterCommit } of this.disturbances) afterCommit?.()
        }
        return result
      }
    // All connections of a run are in fact one, so the version that shows commits of others is computed here.
    const version = () => ({ data_version: this.commits - own.commits })
    /** A statement with other settings must not be shared. */
    const set = (how: "setReadBigInts" | "setReturnArrays") => (on: boolean) => {
      this.statements.delete(sql)
      statement[how](on)
    }
    const used = {
      run: observe("run"),
      get: sql === "pragma data_version" ? version : observe("get"),
      all: observe("all"),
      setReadBigInts: set("setReadBigInts"),
      setReturnArrays: set("setReturnArrays")
    }
    return used as Used
  }

  private disturbed(kind: StatementKind, sql: string, isSweep: boolean, connection: number): void {
    try {
      this.before(kind, sql)
    } catch (error) {
      if (isSweep && !(error instanceof Error && "errcode" in error))
        this.setting.observations.publish({ _tag: "SweepBroke", connection })
      throw error
    }
  }

  private committed(process: number): void {
    // Some of what was written may have been taken back.
    const reached = this.statement("select 1 from spool_replays where spool = ? and sequence >= ?")
    for (const { sequence, spool } of this.replaying)
      if (reached.get(spool, sequence) !== undefined)
        this.setting.observations.publish({ _tag: "SpoolReplayed", spool, sequence })
    this.replaying = []
    const rows = this.statement(addedRows).all(this.lastRow) as unknown as ReadonlyArray<JournalRow>
    if (rows.length === 0) return
    for (const row of rows)
      this.unhashed += `${row.remediation_id} ${row.sequence} ${row.epoch} ${row.at} ${row.data}\n`
    if (this.unhashed.length > 100_000) this.digest()
    this.lastRow = rows[rows.length - 1]!.rowid
    this.setting.observations.publish({ _tag: "Committed", process, events: rows.map((row) => new CommittedRow(row)) })
  }
}
