/**
 * The audit log in SQLite. The end of the chain is kept in memory, because every line needs it. `checkpoint` restores
 * it after a rollback, and `reload` reads it again after another process has written.
 */

import type { DatabaseSync } from "node:sqlite"
import { Option, Schema } from "effect"
import { AuditEvent } from "../../domain/AuditEvent.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { type AuditContent, type ChainHead, emptyChain, follows, lineHash } from "../AuditChain.ts"
import { prepare } from "./Sqlite.ts"

interface AuditRow {
  readonly sequence: number
  readonly at: string
  readonly actor: string
  readonly kind: string
  readonly subject: string
  readonly data: string
  readonly hash: string
}

/** How far a chain is valid: up to `head`. `broken` is the first invalid line. `done`: there are no more lines. */
export interface ChainCheck {
  readonly head: ChainHead
  readonly broken?: number
  readonly done: boolean
}

export interface AuditTable {
  /** Must be called within a transaction. */
  readonly append: (content: AuditContent, subject: string, at: Timestamp) => AuditEvent
  readonly read: (after: number, limit: number) => ReadonlyArray<AuditEvent>
  /** Checks at most `limit` lines after a head that is known to be valid. */
  readonly check: (after: ChainHead, limit: number) => ChainCheck
  /** The line before the newest `lines` lines, where a check of the end begins. It is not checked itself. */
  readonly trustedHead: (lines: number) => ChainHead
  readonly checkpoint: () => () => void
  readonly reload: () => void
}

const columns = "sequence, at, actor, kind, subject, data, hash"
const decode = Schema.decodeUnknownOption(
  Schema.Struct({ ...AuditEvent.fields, data: Schema.fromJsonString(Schema.JsonObject) })
)

/** A line whose text cannot be read does not hide those after it. Its hash still shows whether it was changed. */
const eventOf = (row: AuditRow, previousHash: string): AuditEvent =>
  Option.getOrElse(decode({ ...row, previousHash }), (): AuditEvent => ({
    ...row,
    previousHash,
    data: { unreadable: true }
  }))

/** A row with the hash that the table has for the previous line. */
type Line = readonly [row: AuditRow, previousHash: string]

const checkLines = (from: ChainHead, lines: ReadonlyArray<Line>, limit: number): ChainCheck => {
  let head = from
  for (const [row, previousHash] of lines) {
    // The hash covers the text of `data`, so a line is checked even if its text is not JSON.
    if (!follows(head, { ...row, data: {}, previousHash }, row.data))
      return { head, broken: head.sequence + 1, done: true }
    head = { sequence: row.sequence, hash: row.hash }
  }
  return { head, done: lines.length < limit }
}

export const make = (database: DatabaseSync): AuditTable => {
  const insert = prepare<never, [number, string, string, string, string, string, string]>(
    database,
    `insert into audit (${columns}) values (?, ?, ?, ?, ?, ?, ?)`
  )
  const last = prepare<ChainHead>(database, "select sequence, hash from audit order by sequence desc limit 1")
  const at = prepare<ChainHead, [number]>(database, "select sequence, hash from audit where sequence = ?")
  const after = prepare<AuditRow, [number, number]>(
    database,
    `select ${columns} from audit where sequence > ? order by sequence limit ?`
  )

  let head = last.get() ?? emptyChain

  /** Lines after a head, each with the hash that the table has for the previous line. */
  const linesAfter = (from: ChainHead, limit: number): ReadonlyArray<Line> => {
    let previousHash = from.hash
    return after.all(from.sequence, limit).map((row) => {
      const line = [row, previousHash] as const
      previousHash = row.hash
      return line
    })
  }

  return {
    append: (content, subject, moment) => {
      const data = JSON.stringify(content.data)
      const line = {
        sequence: head.sequence + 1,
        at: moment,
        actor: content.actor,
        kind: content.kind,
        subject,
        previousHash: head.hash
      }
      const hash = lineHash(line, data)
      insert.run(line.sequence, line.at, line.actor, line.kind, subject, data, hash)
      head = { sequence: line.sequence, hash }
      return { ...line, data: content.data, hash }
    },
    read: (sequence, limit) =>
      linesAfter(sequence <= 0 ? emptyChain : (at.get(sequence) ?? { sequence, hash: "" }), limit).map(
        ([row, previous]) => eventOf(row, previous)
      ),
    check: (from, limit) => checkLines(from, linesAfter(from, limit), limit),
    trustedHead: (lines) => (head.sequence > lines ? at.get(head.sequence - lines) : undefined) ?? emptyChain,
    checkpoint: () => {
      const before = head
      return () => {
        head = before
      }
    },
    reload: () => {
      head = last.get() ?? emptyChain
    }
  }
}
