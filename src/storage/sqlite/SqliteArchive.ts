/** `Archive` on SQLite. It shares the connection with the service, so it reads, writes and deletes in small steps. */

import type { KeyObject } from "node:crypto"
import { Clock, Duration, Effect, type Scope } from "effect"
import { fromMillis, type Timestamp } from "../../domain/Timestamp.ts"
import { type Archive, ArchiveError, type ArchiveProblem } from "../Archive.ts"
import * as ArchiveFile from "../archive/ArchiveFile.ts"
import { type ArchiveKind, isAuthentic, signed, type Statement } from "../archive/Checkpoint.ts"
import { type ChainHead, follows } from "../AuditChain.ts"
import { StorageError } from "../StorageError.ts"
import type { Archived, ArchiveTable } from "./ArchiveTable.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt } from "./Sqlite.ts"

/** Where the archive is. */
export interface ArchiveOptions {
  readonly directory: string
  /** A PEM file with the Ed25519 key that signs the checkpoints. Created when missing. */
  readonly keyFile: string
}

/** Each takes a few milliseconds, so that other fibers wait no longer. */
const atOnce = { candidates: 500, remediations: 25, auditLines: 500, deletes: 50 }

/** A file of this size has a few megabytes. */
const perFile = { remediations: 1000, auditLines: 50_000 }

interface Parts {
  readonly writer: BatchWriter
  readonly table: ArchiveTable
  readonly audit: AuditTable
  readonly options: ArchiveOptions
}

type Failure = StorageError | ArchiveError

const nameOf = (kind: ArchiveKind, sequence: number): string => `${kind}-${String(sequence).padStart(6, "0")}.jsonl.gz`

/**
 * Deletes the remediations of the newest file. Posts arrive meanwhile, so each step deletes only those of which the
 * file has everything, in the same transaction. The others stay, and are archived again.
 */
const deleteRemediations = Effect.fnUntraced(function* ({ table, writer }: Parts, cutoff: Timestamp) {
  let after: string | undefined = ""
  while (after !== undefined) {
    const from: string = after
    after = yield* writer.write("archive", "journal", () => table.deleteRemediations(from, cutoff, atOnce.deletes))
    yield* Effect.yieldNow
  }
})

const deleteAuditLines = ({ table, writer }: Parts): Effect.Effect<void, StorageError> =>
  writer
    .write("archive", "journal", () => table.deleteAuditLines(atOnce.deletes))
    .pipe(Effect.tap(Effect.yieldNow), Effect.repeat({ until: (deleted) => deleted === 0 }), Effect.asVoid)

/**
 * Gives a completed file its name and journals it, which permits the deletion of its content. Fails if a remediation in
 * it has changed since it was read, because the file has not everything about it, or if another process was faster: the
 * transaction admits one process at a time, so that no file is replaced after its checkpoint.
 */
const checkpoint = (
  { table, writer }: Parts,
  key: KeyObject,
  statement: Omit<Statement, "at">,
  remediations: ReadonlyArray<Archived>,
  cutoff: Timestamp,
  publish: () => void
) =>
  Effect.flatMap(Clock.currentTimeMillis, (millis) =>
    writer.write("archive", "journal", () => {
      const last = table.last()
      if ((last?.sequence ?? 0) + 1 !== statement.sequence) throw overtaken
      if (
        table.countOld(
          remediations.map(({ id }) => id),
          cutoff
        ) < remediations.length
      )
        throw changed
      try {
        publish()
      } catch (cause) {
        throw unnamed(statement.file, cause)
      }
      table.add(signed({ ...statement, at: fromMillis(millis) }, last?.signature ?? "", key), remediations)
    })
  )

const overtaken = new StorageError({
  reason: "busy",
  operation: "archive",
  retryable: true,
  committed: "no",
  detail: "another process archives at the same time"
})

const unnamed = (file: string, cause: unknown) =>
  new StorageError({
    reason: "failed",
    operation: "archive",
    retryable: false,
    committed: "no",
    detail: `${file} cannot be created: ${cause instanceof Error ? cause.message : String(cause)}`
  })

const changed = new StorageError({
  reason: "busy",
  operation: "archive",
  retryable: true,
  committed: "no",
  detail: "an old remediation changed while it was archived, so nothing was moved; run it again"
})

/** The ids of the oldest remediations that may be moved, at most one file of them. */
const oldRemediations = Effect.fnUntraced(function* ({ table }: Parts, cutoff: Timestamp) {
  const ids: Array<string> = []
  let after = ""
  while (ids.length < perFile.remediations) {
    const found = yield* attempt("archive", () => table.candidates(after, cutoff, atOnce.candidates))
    ids.push(...found.filter(({ old }) => old === 1).map(({ id }) => id))
    const last = found.at(-1)
    // Ids sort by creation, so everything after a recent remediation is recent too.
    if (last === undefined || last.received_at >= cutoff) break
    after = last.id
    yield* Effect.yieldNow
  }
  return ids.slice(0, perFile.remediations)
})

/** Moves one file of remediations. Returns its name and size; `undefined` if nothing is old enough. */
const moveRemediations = Effect.fnUntraced(function* (parts: Parts, key: KeyObject, cutoff: Timestamp) {
  const { options, table } = parts
  yield* deleteRemediations(parts, cutoff)
  const ids = yield* oldRemediations(parts, cutoff)
  if (ids.length === 0) return undefined
  const sequence = ((yield* attempt("archive", table.last))?.sequence ?? 0) + 1
  const name = nameOf("remediations", sequence)
  const file = yield* ArchiveFile.begin(options.directory, name)
  const archived: Array<Archived> = []
  for (let from = 0; from < ids.length; from += atOnce.remediations) {
    const lines = yield* attempt("archive", () => ids.slice(from, from + atOnce.remediations).map(table.read))
    yield* file.append(lines.map(({ line }) => line))
    archived.push(...lines.map(({ archived }) => archived))
    yield* Effect.yieldNow
  }
  const sha256 = yield* file.complete
  yield* checkpoint(
    parts,
    key,
    { sequence, kind: "remediations", file: name, sha256, records: ids.length },
    archived,
    cutoff,
    file.publish
  )
  yield* deleteRemediations(parts, cutoff)
  return { name, count: ids.length }
})

const brokenChain = (sequence: number) =>
  new StorageError({
    reason: "corrupt",
    operation: "archive",
    retryable: false,
    committed: "no",
    detail: `audit line ${sequence} does not follow its predecessor, so it is not archived`
  })

/** Moves one file of audit lines. Returns its name and size; `undefined` if nothing is old enough. */
const moveAuditLines = Effect.fnUntraced(function* (parts: Parts, key: KeyObject, cutoff: Timestamp) {
  const { audit, options, table } = parts
  yield* deleteAuditLines(parts)
  let head: ChainHead = yield* attempt("archive", audit.start)
  const next = () =>
    attempt("archive", () => {
      const lines = audit.texts(head, atOnce.auditLines)
      const end = lines.findIndex((line) => line.at >= cutoff)
      return end === -1 ? lines : lines.slice(0, end)
    })
  let lines = yield* next()
  if (lines.length === 0) return undefined
  const sequence = ((yield* attempt("archive", table.last))?.sequence ?? 0) + 1
  const name = nameOf("audit", sequence)
  const file = yield* ArchiveFile.begin(options.directory, name)
  let count = 0
  while (lines.length > 0 && count < perFile.auditLines) {
    for (const { data, ...line } of lines) {
      if (!follows(head, { ...line, data: {} }, data)) return yield* brokenChain(line.sequence)
      head = { sequence: line.sequence, hash: line.hash }
    }
    // `data` stays text, because the hash covers its bytes.
    yield* file.append(lines.map((line) => JSON.stringify(line)))
    count += lines.length
    yield* Effect.yieldNow
    lines = yield* next()
  }
  const sha256 = yield* file.complete
  yield* checkpoint(
    parts,
    key,
    { sequence, kind: "audit", file: name, sha256, records: count, through: head },
    [],
    cutoff,
    file.publish
  )
  yield* deleteAuditLines(parts)
  return { name, count }
})

type Move = (
  parts: Parts,
  key: KeyObject,
  cutoff: Timestamp
) => Effect.Effect<{ readonly name: string; readonly count: number } | undefined, Failure, Scope.Scope>

/** Moves file after file, until nothing is old enough. */
const moveAll = Effect.fnUntraced(function* (move: Move, parts: Parts, key: KeyObject, cutoff: Timestamp) {
  const files: Array<string> = []
  let total = 0
  for (;;) {
    const moved = yield* Effect.scoped(move(parts, key, cutoff))
    if (moved === undefined) return { files, total }
    files.push(moved.name)
    total += moved.count
  }
})

const missingKey = (path: string) =>
  new ArchiveError({ path, detail: "is missing, and earlier files of the archive are signed with it" })

/**
 * The key that signed what is archived already. Another one would make everything before look forged. It is created
 * only for a new archive.
 */
const signingKey = Effect.fnUntraced(function* ({ options, table }: Parts) {
  const path = options.keyFile
  const checkpoints = yield* attempt("archive", table.checkpoints)
  const last = checkpoints.at(-1)
  const key = yield* ArchiveFile.keyOf(path)
  if (last === undefined) return key ?? (yield* ArchiveFile.newKeyIn(path))
  if (key === undefined) return yield* missingKey(path)
  return isAuthentic(last, checkpoints.at(-2)?.signature ?? "", key)
    ? key
    : yield* new ArchiveError({ path, detail: "is not the key that signed the earlier files of the archive" })
})

const check = ({ options, table }: Parts) =>
  Effect.gen(function* () {
    const checkpoints = yield* attempt("archive", table.checkpoints)
    if (checkpoints.length === 0) return []
    const key = yield* ArchiveFile.keyOf(options.keyFile)
    if (key === undefined) return yield* missingKey(options.keyFile)
    const problems: Array<ArchiveProblem> = []
    let previousSignature = ""
    for (const checkpoint of checkpoints) {
      const { file } = checkpoint
      if (!isAuthentic(checkpoint, previousSignature, key))
        problems.push({ file, problem: `the checkpoint's signature does not match the key ${options.keyFile}` })
      const found = yield* ArchiveFile.sha256Of(options.directory, file)
      if (found === undefined) problems.push({ file, problem: `is missing from ${options.directory}` })
      else if (found !== checkpoint.sha256) problems.push({ file, problem: "has changed since it was written" })
      previousSignature = checkpoint.signature
      yield* Effect.yieldNow
    }
    return problems
  })

/** The archive of a database in memory: there is no folder beside it, and the working directory is not ours. */
export const nowhere: Archive["Service"] = {
  run: () =>
    Effect.fail(
      new ArchiveError({
        path: ":memory:",
        detail: "a database in memory has no folder for an archive: set the option archive.directory"
      })
    ),
  check: Effect.succeed([])
}

export const make = (
  writer: BatchWriter,
  table: ArchiveTable,
  audit: AuditTable,
  options: ArchiveOptions
): Archive["Service"] => {
  const parts: Parts = { writer, table, audit, options }
  return {
    run: Effect.fn("Archive.run")(function* (olderThan) {
      const key = yield* signingKey(parts)
      const cutoff = fromMillis((yield* Clock.currentTimeMillis) - Duration.toMillis(olderThan))
      const remediations = yield* moveAll(moveRemediations, parts, key, cutoff)
      const audited = yield* moveAll(moveAuditLines, parts, key, cutoff)
      return {
        remediations: remediations.total,
        auditLines: audited.total,
        files: [...remediations.files, ...audited.files]
      }
    }),
    check: check(parts)
  }
}
