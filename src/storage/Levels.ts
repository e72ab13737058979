/** The last degradation level. It is durable, so that a restarted process knows where it was. */

import { Context, type Effect, type Option } from "effect"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Beginning, LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import type { StorageError } from "./StorageError.ts"

/** A line that the database has not taken. */
export interface UnrecordedLine {
  readonly line: LevelLine
  /** The key of what is told of it from memory. It is in the line when that is recorded. */
  readonly key: string
  /** The sinks that were told of it from memory. They are in the line, if there are any. */
  readonly told: ReadonlyArray<string>
  /** Since when, by the monotonic clock. */
  readonly sinceMs: number
}

/** What a process is in. */
export interface InForce {
  readonly level: DegradationLevel
  readonly isCutOff: boolean
}

/** The level as the database has it. */
export interface RecordedLevel {
  /** Where a process that starts now begins. */
  readonly record: LevelRecord
  /**
   * The keys of the last lines that were recorded with a level, by all processes that say what they are in. Absent: an
   * earlier version has recorded it.
   */
  readonly lines?: ReadonlyArray<string>
  /**
   * What processes are in, beside a level of 0: this one, and others that are there. One that has ended counts as there
   * until it was seen to say nothing for 25 seconds. Absent: an earlier version has recorded the level. `isInDoubt`:
   * one of the others has ended in order, or was never seen to say anything. That is known 25 seconds later. `sure`:
   * what is in force without doubt, in this process or in others. This one is not among them where another one has
   * taken it for gone, until it says something again.
   */
  readonly processes?: {
    readonly own?: InForce
    readonly others: ReadonlyArray<InForce>
    readonly isInDoubt?: boolean
    readonly sure?: ReadonlyArray<InForce>
  }
}

/** Records and reads the level. Provided by the layers of `Storage`. */
export class Levels extends Context.Service<
  Levels,
  {
    /**
     * Where a process that starts now begins: at the worst level of the processes that are there, or that have ended
     * less than 25 seconds ago, with what each of them remembers, also what the database has not taken of it. One that
     * was alone begins where it has ended, however long ago that was. `None`: no level was recorded, or it cannot be
     * read by this version.
     */
    readonly latest: Effect.Effect<Option.Option<Beginning>, StorageError>
    /** What the database has, whichever process has recorded it. `None` as above. */
    readonly recorded: Effect.Effect<Option.Option<RecordedLevel>, StorageError>
    /**
     * Records the level, and what has happened to it since the last call, in one transaction. Returns after the commit.
     * A line names in its data when it happened (`at`), and the key of what is told of it (`key`). It is recorded once,
     * however often it is given: a commit may have succeeded and be reported as failed. It gets what other processes
     * are in (`others`, absent: nothing), because what it ends may last there. One that has ended in order has no say.
     *
     * A process whose level is not 0, that is cut off, or that remembers what is out or was dismissed, says so again
     * every five seconds, without lines.
     */
    readonly record: (record: LevelRecord, lines: ReadonlyArray<LevelLine>) => Effect.Effect<void, StorageError>
    /**
     * Looks what other processes say, and forgets those that have said nothing for 25 seconds. Call it every five
     * seconds: a process is known to be gone only by one that looks.
     */
    readonly tidy: Effect.Effect<void, StorageError>
    /** The lines of `record` that the database has not taken, from the first on. It costs nothing. */
    readonly unrecorded: Effect.Effect<ReadonlyArray<UnrecordedLine>>
    /** A sink was told of a line from memory: the outbox need not tell it again. */
    readonly told: (key: string, sink: string) => Effect.Effect<void>
  }
>()("kubernaut/storage/Levels") {}
