/**
 * Moves what is finished and old out of the database, into compressed JSON lines that nothing is ever removed from.
 *
 * | file                      | one line for each                                            |
 * | ------------------------- | ------------------------------------------------------------ |
 * | `remediations-N.jsonl.gz` | finished remediation, with its journal, actions and review   |
 * | `audit-N.jsonl.gz`        | line of the audit log, from its oldest line on, without gaps |
 *
 * A remediation is moved when it ended, and its alert was last received, before the given time. Each file is on disk,
 * and described by a signed checkpoint in the database, before anything is deleted. After a crash the next run
 * continues. Posts arrive meanwhile: a remediation of which the file has not everything is not deleted, and a later
 * file has it again. Its last line counts.
 *
 * The audit chain continues from its checkpoint: `AuditLog.verify` checks the lines that are left, and `check` compares
 * every file with its checkpoint.
 */

import { Context, Duration, type Effect, Schema } from "effect"
import { DurationText } from "../domain/DurationText.ts"
import type { StorageError } from "./StorageError.ts"

/** A file of the archive, or its key, cannot be read or written. Nothing was deleted from the database. */
export class ArchiveError extends Schema.TaggedError<ArchiveError>()("ArchiveError", {
  path: Schema.String,
  /** What failed, for the operator. */
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** What a run moved. */
export interface ArchiveReport {
  readonly remediations: number
  readonly auditLines: number
  /** The files that were written, in order. */
  readonly files: ReadonlyArray<string>
}

/** A file that does not match its checkpoint, or a checkpoint that does not match its signature. */
export interface ArchiveProblem {
  readonly file: string
  readonly problem: string
}

/** How old data must be to be archived: 7 days or more, because rules weigh the actions of the last week. */
export const ArchiveAge = DurationText.check(
  Schema.makeFilter((age) =>
    Duration.toMillis(age) >= Duration.toMillis(Duration.days(7))
      ? undefined
      : "Expected 7 days or more, because rules weigh the actions of the last week"
  )
)

/** Moves old data to the archive, and checks the archive. Provided by the layers of `Storage`. */
export class Archive extends Context.Service<
  Archive,
  {
    /** Moves what is older. It yields often, so that a service can run it while it works. */
    readonly run: (olderThan: Duration.Duration) => Effect.Effect<ArchiveReport, StorageError | ArchiveError>
    /** Compares every file with its checkpoint and signature. Empty: the archive is complete and unchanged. */
    readonly check: Effect.Effect<ReadonlyArray<ArchiveProblem>, StorageError | ArchiveError>
  }
>()("kubernaut/storage/Archive") {}
