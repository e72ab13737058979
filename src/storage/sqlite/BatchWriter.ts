/**
 * The only writer of a SQLite database. It commits all waiting writes together.
 *
 * A commit with `synchronous=FULL` waits for the disk, so as many writes as possible share it. Writes are synchronous
 * closures. A batch is `BEGIN IMMEDIATE`, its closures in order, and `COMMIT`, in one step of the event loop, so no
 * other fiber can observe or interrupt half of it. Each `write` returns after the commit.
 *
 * - **Order.** Writes of one priority run in the order of submission. Intake runs first, because an alert that is lost
 *   before it is accepted cannot be recovered. When both wait, intake leaves half of the batch to the journal, so that
 *   a flood of alerts does not stop the work on them.
 * - **A write that throws** fails only its own caller: the batch is rolled back and retried with a savepoint per write.
 * - **Interruption** of a caller removes its write from the queue. Once its batch has begun, the write is still made.
 * - **Bounds.** A batch ends after `batchMillis` or `batchSize` writes, so that it does not block the event loop for
 *   long; the rest follows after other fibers have run. A full queue fails with `busy`.
 */

import { Clock, Effect, Exit, Latch, MutableList, type Scope } from "effect"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { StorageError } from "../StorageError.ts"
import { classify } from "./Sqlite.ts"

export type WritePriority = "intake" | "journal"

export interface BatchWriter {
  /**
   * Runs `body` within a transaction. It may run twice; the first run is then rolled back. If it throws, nothing is
   * written: `write` fails with a `StorageError` if `body` threw one or the driver failed, and dies with any other
   * exception.
   */
  readonly write: <A>(operation: string, priority: WritePriority, body: () => A) => Effect.Effect<A, StorageError>
  /** The number of waiting writes. */
  readonly waiting: Effect.Effect<number>
}

/** The transaction control that the writer needs from a database. Every function throws the errors of the driver. */
export interface Transactions {
  /** Begins a transaction, after rolling back an open one, and reloads in-memory state that other processes changed. */
  readonly begin: () => void
  readonly commit: () => void
  /** Does nothing if the database has already rolled back by itself. */
  readonly rollback: () => void
  /** Begins a part that `release` keeps and `rollbackToSavepoint` undoes. */
  readonly savepoint: () => void
  readonly release: () => void
  readonly rollbackToSavepoint: () => void
  /** False when the database has rolled back the whole transaction, as it does when the disk is full. */
  readonly isOpen: () => boolean
  /** Saves the in-memory state of the tables. The returned function restores it after a rollback. */
  readonly checkpoint: () => () => void
}

export interface BatchWriterOptions {
  /** The maximum number of waiting writes. Default 16,384: about five seconds of full load. */
  readonly capacity?: number
  /** The maximum number of writes in a batch. Default 512. */
  readonly batchSize?: number
  /** How long the closures of a batch may run before the commit, in milliseconds. Default 10. One closure may exceed it. */
  readonly batchMillis?: number
  /** Called after every batch, before its callers continue. It must not throw. */
  readonly onBatch?: (batch: WrittenBatch) => void
}

/** How a batch ended. */
export interface WrittenBatch {
  /** What was thrown, and by which operation. Empty when everything was committed. */
  readonly failures: ReadonlyArray<readonly [cause: unknown, operation: string]>
  /** Whether new alerts were stored. */
  readonly stored: boolean
  /** By the monotonic clock. */
  readonly startedAtMs: number
  readonly endedAtMs: number
}

interface Job {
  readonly operation: string
  readonly body: () => unknown
  readonly resume: (exit: Exit.Exit<unknown, StorageError>) => void
  cancelled: boolean
}

/** `cause`: what was thrown, for a write that failed. */
type Outcome = readonly [job: Job, exit: Exit.Exit<unknown, StorageError>, cause?: unknown]

const failed = (job: Job, cause: unknown, atCommit = false): Outcome => {
  const error = classify(cause, job.operation, atCommit)
  return [job, error === undefined ? Exit.die(cause) : Exit.fail(error), cause]
}

const refused = (operation: string, reason: "busy" | "unavailable", detail: string) =>
  new StorageError({ reason, operation, detail, retryable: true, committed: "no" })

/** Rolls back. If that fails, the next `begin` rolls back again, so the writer continues. */
const rollBack = (transactions: Transactions, restore: () => void): void => {
  try {
    transactions.rollback()
  } catch {
    // The callers get the error that caused the rollback.
  }
  restore()
}

/** Runs jobs in one transaction, each in its own savepoint. Used after one of the jobs has failed. */
const runApart = (transactions: Transactions, jobs: ReadonlyArray<Job>): ReadonlyArray<Outcome> => {
  const allFail = (cause: unknown, atCommit: boolean): ReadonlyArray<Outcome> =>
    jobs.map((job) => failed(job, cause, atCommit))
  try {
    transactions.begin()
  } catch (cause) {
    return allFail(cause, false)
  }
  const restore = transactions.checkpoint()
  const outcomes: Array<Outcome> = []
  let committing = false
  try {
    for (const job of jobs) outcomes.push(runInSavepoint(transactions, job))
    committing = true
    transactions.commit()
    return outcomes
  } catch (cause) {
    rollBack(transactions, restore)
    return allFail(cause, committing)
  }
}

/** Throws only when the whole transaction was rolled back. */
const runInSavepoint = (transactions: Transactions, job: Job): Outcome => {
  transactions.savepoint()
  const restore = transactions.checkpoint()
  try {
    const exit = Exit.succeed(job.body())
    transactions.release()
    return [job, exit]
  } catch (cause) {
    if (!transactions.isOpen()) throw cause
    transactions.rollbackToSavepoint()
    restore()
    return failed(job, cause)
  }
}

/** Runs jobs in one transaction. Returns `undefined` when one of them threw and everything was rolled back. */
const runTogether = (
  transactions: Transactions,
  take: () => Job | undefined,
  taken: Array<Job>
): ReadonlyArray<Outcome> | undefined => {
  try {
    transactions.begin()
  } catch (cause) {
    // Fail all waiting jobs; otherwise each of them would wait for the same lock in turn.
    for (let job = take(); job !== undefined; job = take()) taken.push(job)
    return taken.map((job) => failed(job, cause))
  }
  const restore = transactions.checkpoint()
  const outcomes: Array<Outcome> = []
  try {
    for (let job = take(); job !== undefined; job = take()) {
      taken.push(job)
      outcomes.push([job, Exit.succeed(job.body())])
    }
  } catch {
    rollBack(transactions, restore)
    return undefined
  }
  try {
    transactions.commit()
    return outcomes
  } catch (cause) {
    rollBack(transactions, restore)
    return taken.map((job) => failed(job, cause, true))
  }
}

type Queues = Readonly<Record<WritePriority, MutableList.MutableList<Job>>>

/** Returns a function that takes the next job of a batch, or `undefined` when the batch is complete. */
const makeTaker = (
  { intake, journal }: Queues,
  { batchMillis, batchSize }: Required<Pick<BatchWriterOptions, "batchSize" | "batchMillis">>,
  nowMs: () => number
): (() => Job | undefined) => {
  const startedAtMs = nowMs()
  let count = 0
  let fromIntake = 0
  return () => {
    for (;;) {
      const elapsedMs = nowMs() - startedAtMs
      if (count >= batchSize || (count > 0 && elapsedMs >= batchMillis)) return undefined
      const mayTakeIntake = journal.length === 0 || (fromIntake < batchSize / 2 && elapsedMs < batchMillis / 2)
      const queue = mayTakeIntake && intake.length > 0 ? intake : journal
      const job = MutableList.take(queue)
      if (job === MutableList.Empty) return undefined
      if (job.cancelled) continue
      count++
      if (queue === intake) fromIntake++
      return job
    }
  }
}

const batchOf = (outcomes: ReadonlyArray<Outcome>, startedAtMs: number, endedAtMs: number): WrittenBatch => ({
  failures: outcomes.flatMap(([job, exit, cause]) => (Exit.isFailure(exit) ? [[cause, job.operation] as const] : [])),
  stored: outcomes.some(
    ([{ operation }, exit]) => (operation === "accept" || operation === "replay") && Exit.isSuccess(exit)
  ),
  startedAtMs,
  endedAtMs
})

/** Starts the writer. When the scope closes, waiting writes are still made, and later ones fail. */
export const make = (
  transactions: Transactions,
  options: BatchWriterOptions = {}
): Effect.Effect<BatchWriter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { capacity = 16_384, batchSize = 512, batchMillis = 10 } = options
    const limits = { batchSize, batchMillis }
    const clock = yield* Clock.Clock
    const queues: Queues = { intake: MutableList.make<Job>(), journal: MutableList.make<Job>() }
    const work = yield* Latch.make(false)
    let closed = false

    const waiting = (): number => queues.intake.length + queues.journal.length

    const commitBatch = (): void => {
      const startedAtMs = Monotonic.nowMsUnsafe(clock)
      const taken: Array<Job> = []
      const outcomes =
        runTogether(
          transactions,
          makeTaker(queues, limits, () => clock.currentTimeMillisUnsafe()),
          taken
        ) ?? runApart(transactions, taken)
      options.onBatch?.(batchOf(outcomes, startedAtMs, Monotonic.nowMsUnsafe(clock)))
      for (const [job, exit] of outcomes) job.resume(exit)
      if (waiting() === 0) work.closeUnsafe()
    }

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        while (waiting() > 0) commitBatch()
      })
    )
    yield* work.await.pipe(
      // Runs after every fiber that is ready now, so that their writes share this commit.
      Effect.andThen(Effect.yieldNowWith(1)),
      Effect.andThen(Effect.sync(commitBatch)),
      Effect.forever({ disableYield: true }),
      Effect.forkScoped({ startImmediately: true })
    )

    const write = <A>(operation: string, priority: WritePriority, body: () => A): Effect.Effect<A, StorageError> =>
      Effect.callback<A, StorageError>((resume) => {
        if (closed) return resume(Effect.fail(refused(operation, "unavailable", "the database is closing")))
        if (waiting() >= capacity)
          return resume(Effect.fail(refused(operation, "busy", `${capacity} writes are already waiting`)))
        const job: Job = {
          operation,
          body,
          // `body` returned the value, so it is an `A`.
          resume: (exit) => resume(exit as Exit.Exit<A, StorageError>),
          cancelled: false
        }
        MutableList.append(queues[priority], job)
        work.openUnsafe()
        return Effect.sync(() => {
          job.cancelled = true
        })
      })

    return { write, waiting: Effect.sync(waiting) }
  })
