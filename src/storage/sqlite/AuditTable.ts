/**
 * The audit log in SQLite. The end of the chain is kept in memory, because every line needs it. `checkpoint` restores
 * it after a rollback, and `reload` reads it again after another process has written.
 */

import { hash } from "node:crypto"
import type { DatabaseSync } from "node:sqlite"
import { Option, Schema } from "effect"
import { AuditEvent } from "../../domain/AuditEvent.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { type AuditContent, type ChainHead, emptyChain, follows, lineHash } from "../AuditChain.ts"
import { prepare } from "./Sqlite.ts"

/** A line with `data` as the text that the hash covers. */
export interface AuditText extends Omit<AuditEvent, "data"> {
  readonly data: string
}

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

/** What breaks look like, by their lines. */
export type Breaks = ReadonlyMap<number, ReadonlySet<string>>

/** The breaks that are on record. A line that was found intact again is as if it had never been broken. */
export interface RecordedBreaks {
  readonly reported: Breaks
  /** By an operator. */
  readonly acknowledged: Breaks
  /** Every line that was ever reported: it is worth a look. */
  readonly lines: ReadonlySet<number>
}

export interface AuditTable {
  /** Must be called within a transaction. */
  readonly append: (content: AuditContent, subject: string, at: Timestamp) => AuditEvent
  /** The end of the chain. */
  readonly head: () => ChainHead
  readonly read: (after: number, limit: number) => ReadonlyArray<AuditEvent>
  /** Checks at most `limit` lines after a head that is known to be valid. */
  readonly check: (after: ChainHead, limit: number) => ChainCheck
  /** Lines after a head with the text of their data, in order. */
  readonly texts: (after: ChainHead, limit: number) => ReadonlyArray<AuditText>
  /** Where the lines in this table begin: the last archived line, or the beginning of the chain. */
  readonly start: () => ChainHead
  /** The line before the newest `lines` lines, where a check of the end begins. It is not checked itself. */
  readonly trustedHead: (lines: number) => ChainHead
  readonly recordedBreaks: () => RecordedBreaks
  /**
   * What a line that does not fit the one before it looks like: a digest, which changes when the line is changed again.
   * `undefined`: it fits. A line that was archived has fitted.
   */
  readonly breakAt: (sequence: number) => string | undefined
  /** The line with this number, or the next one that is there, taken as valid. `undefined`: there is none. */
  readonly from: (sequence: number) => ChainHead | undefined
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

/** A line that does not fit, as it was when that was found. */
const Break = Schema.Struct({ line: Schema.Int, digest: Schema.optionalKey(Schema.String) })
type Break = typeof Break.Type

const reportOf = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ digest: Break.fields.digest })))
const breaksOf = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ breaks: Schema.Array(Break) })))

interface BreakRow {
  readonly sequence: number
  readonly kind: string
  readonly subject: string
  readonly data: string
}

/** An earlier version has recorded no digest. */
const breaksIn = ({ data, kind, subject }: BreakRow): ReadonlyArray<Break> =>
  kind === "audit.broken"
    ? [{ ...Option.getOrElse(reportOf(data), () => ({})), line: Number(subject) }]
    : Option.match(breaksOf(data), { onNone: () => [], onSome: ({ breaks }) => breaks })

/** The breaks of rows in the order of the log. */
const recordedIn = (rows: ReadonlyArray<BreakRow>): RecordedBreaks => {
  const found = { reported: new Map<number, Set<string>>(), acknowledged: new Map<number, Set<string>>() }
  const lines = new Set<number>()
  for (const row of rows)
    for (const { digest, line } of breaksIn(row)) {
      if (row.kind === "audit.intact") {
        found.reported.delete(line)
        found.acknowledged.delete(line)
        continue
      }
      const breaks = row.kind === "audit.broken" ? found.reported : found.acknowledged
      if (breaks === found.reported) lines.add(line)
      const digests = breaks.get(line) ?? new Set()
      breaks.set(line, digest === undefined ? digests : digests.add(digest))
    }
  return { ...found, lines }
}

/** What is known of lines that do not fit. */
const makeBreaks = (
  database: DatabaseSync,
  start: () => ChainHead,
  at: (sequence: number) => ChainHead | undefined,
  linesAfter: (from: ChainHead, limit: number) => ReadonlyArray<Line>
): Pick<AuditTable, "recordedBreaks" | "breakAt" | "from"> => {
  const next = prepare<ChainHead, [number]>(
    database,
    "select sequence, hash from audit where sequence >= ? order by sequence limit 1"
  )
  // Three queries, because each of them has an index.
  const recorded = ["audit.broken", "audit.acknowledged", "audit.intact"].map((kind) =>
    prepare<BreakRow>(database, `select sequence, kind, subject, data from audit where kind = '${kind}'`)
  )
  return {
    from: (sequence) => next.get(sequence),
    recordedBreaks: () =>
      recordedIn(recorded.flatMap((each) => each.all()).toSorted((left, right) => left.sequence - right.sequence)),
    breakAt: (sequence) => {
      const first = start()
      if (sequence <= first.sequence) return undefined
      const before = sequence === first.sequence + 1 ? first : at(sequence - 1)
      const [line] = linesAfter(before ?? { sequence: sequence - 1, hash: "" }, 1)
      if (before !== undefined && checkLines(before, line === undefined ? [] : [line], 1).broken === undefined)
        return undefined
      return hash("sha256", JSON.stringify([before?.hash, line?.[0].sequence === sequence ? line[0] : "missing"]))
    }
  }
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

  const archived = prepare<ChainHead>(
    database,
    `select audit_sequence as sequence, audit_hash as hash from archives
     where audit_sequence is not null order by audit_sequence desc limit 1`
  )
  const start = (): ChainHead => archived.get() ?? emptyChain

  let head = last.get() ?? start()

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
      const own = lineHash(line, data)
      insert.run(line.sequence, line.at, line.actor, line.kind, subject, data, own)
      head = { sequence: line.sequence, hash: own }
      return { ...line, data: content.data, hash: own }
    },
    head: () => head,
    read: (sequence, limit) => {
      const first = start()
      const from = sequence <= first.sequence ? first : (at.get(sequence) ?? { sequence, hash: "" })
      return linesAfter(from, limit).map(([row, previous]) => eventOf(row, previous))
    },
    texts: (from, limit) => linesAfter(from, limit).map(([row, previousHash]) => ({ ...row, previousHash })),
    start,
    check: (from, limit) => checkLines(from, linesAfter(from, limit), limit),
    trustedHead: (lines) => (head.sequence > lines ? at.get(head.sequence - lines) : undefined) ?? start(),
    ...makeBreaks(database, start, (sequence) => at.get(sequence), linesAfter),
    checkpoint: () => {
      const before = head
      return () => {
        head = before
      }
    },
    reload: () => {
      head = last.get() ?? start()
    }
  }
}
