/**
 * The service's database: SQLite in memory, held from outside, so that it survives a crash as it was last committed.
 *
 * After every commit the rows that it added to the journal are read and told (`Committed`). A batch is one step, so whatever a process does after a
 * commit, it does after the checkers have heard of it.
 *
 * Faults of storage belong to `intercept`: what it throws is what the driver throws.
 */
import { Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import type { RemediationEvent, RemediationEventKind } from "../../domain/Remediation.ts"
import type { ActionHistory } from "../../storage/ActionHistory.ts"
import type { AuditLog } from "../../storage/AuditLog.ts"
import type { RemediationStore } from "../../storage/RemediationStore.ts"
import * as Sqlite from "../../storage/Sqlite.ts"
import * as Storage from "../../storage/Storage.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import type { FarEnd, Setting } from "../FarEnd.ts"
import type { CommittedEvent } from "../Observation.ts"

type Connection = ReturnType<typeof Sqlite.openMemory>
type Statement = ReturnType<Connection["prepare"]>

/** What a statement does to the transaction. */
export type StatementKind = "begin" | "commit" | "other"

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
  get event(): RemediationEvent {
    return this.parsed ??= JSON.parse(this.row.data) as RemediationEvent
  }
}

/** A database with its tables made, for copies: making them anew costs more than all else about a small run. */
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
  /** Called before each statement of the service; throws what the driver would throw. Set by faults. */
  intercept: ((statement: StatementKind) => void) | undefined
  /** What the service gets. */
  readonly layer: Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError>
  private readonly connection: Connection
  private readonly setting: Setting
  private readonly hash = createHash("sha256")
  private lastRow = 0
  private added: ReturnType<Connection["prepare"]> | undefined

  constructor(setting: Setting) {
    this.setting = setting
    this.connection = Sqlite.openMemory(migrated ??= makeTables())
    this.layer = Storage.layerDatabase(this.observed())
  }

  /** Of all rows of the journal so far, in the order of their commits. */
  get journalHash(): string {
    return this.hash.copy().digest("hex")
  }

  get journalRows(): number {
    return this.lastRow
  }

  close(): void {
    this.connection.close()
  }

  /** The connection as the service gets it: all passes, commits are seen, and faults may throw. */
  private observed(): Connection {
    return new Proxy(this.connection, {
      get: (connection, property) => {
        if (property === "prepare") return (sql: string) => this.observedStatement(sql)
        if (property === "exec") {
          return (sql: string) => {
            this.intercept?.("other")
            connection.exec(sql)
          }
        }
        const value: unknown = Reflect.get(connection, property, connection)
        return typeof value === "function" ? value.bind(connection) : value
      }
    })
  }

  private observedStatement(sql: string): Statement {
    const statement = this.connection.prepare(sql)
    const kind: StatementKind = /^\s*begin/i.test(sql) ? "begin" : /^\s*commit/i.test(sql) ? "commit" : "other"
    const observe = (verb: "run" | "get" | "all") => (...params: ReadonlyArray<never>) => {
      this.intercept?.(kind)
      const result = statement[verb](...params)
      if (kind === "commit") this.committed()
      return result
    }
    const run = observe("run")
    const get = observe("get")
    const all = observe("all")
    return new Proxy(statement, {
      get: (_, property) => {
        if (property === "run") return run
        if (property === "get") return get
        if (property === "all") return all
        const value: unknown = Reflect.get(statement, property, statement)
        return typeof value === "function" ? value.bind(statement) : value
      }
    })
  }

  private committed(): void {
    this.added ??= this.connection.prepare("select rowid, remediation_id, sequence, epoch, kind, at, data from remediation_events where rowid > ? order by rowid")
    const rows = this.added.all(this.lastRow) as unknown as ReadonlyArray<JournalRow>
    if (rows.length === 0) return
    for (const row of rows) this.hash.update(`${row.remediation_id} ${row.sequence} ${row.epoch} ${row.at} ${row.data}\n`)
    this.lastRow = rows[rows.length - 1]!.rowid
    this.setting.observations.tell({ _tag: "Committed", events: rows.map((row) => new CommittedRow(row)) })
  }
}
