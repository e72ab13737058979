/**
 * The one writer of a SQLite database: whatever waits is committed together.
 *
 * A commit on `synchronous=FULL` waits for the disk, so its cost is shared by as many writes as there are. Writes are
 * synchronous closures; a batch is `BEGIN IMMEDIATE`, its closures in order, `COMMIT`, in one step of the event loop,
 * so nothing of this process can see or interrupt half of it. Whoever submitted a write is answered after the commit.
 *
 * - **Order.** Within a priority, the order of submission. Intake goes first, because an alert that is not accepted is
 *   the only thing that cannot be done again, but it leaves half of a batch to the journal when both wait: alerts that
 *   nobody works on help nobody.
 * - **A write that throws** fails only its own submitter: the batch is rolled back and done again with a savepoint for
 *   each.
 * - **Interruption** of a submitter takes its write out of the queue; once its batch has begun, the write happens.
 * - **Bounds.** A batch ends after `batchMillis` or `batchSize` writes, so that the event loop is never held for long;
 *   the rest follows after other fibers had their turn. A full queue refuses with `busy`.
 */

import { Clock, Effect, Exit, Latch, MutableList, type Scope } from "effect"
import { StorageError } from "../StorageError.ts"
import { classify } from "./Sqlite.ts"

export type WritePriority = "intake" | "journal"

export interface BatchWriter {
  /**
   * `body` runs within a transaction, perhaps twice (the first time rolled back). It throws to write nothing: a
   * `StorageError` or an error of the driver fails the submitter, anything else is a defect of the submitter.
   */
  readonly write: <A>(operation: string, priority: WritePriority, body: () => A) => Effect.Effect<A, StorageError>
  /** Writes that wait. */
  readonly waiting: Effect.Effect<number>
}

/** What the writer needs of a database; all throw what the driver throws. */
export interface Transactions {
  /**
   * Begins, whatever was left open before, and brings what is kept in memory up to date with what other processes
   * committed.
   */
  readonly begin: () => void
  readonly commit: () => void
  /** Also when the database has rolled back by itself already. */
  readonly rollback: () => void
  /** Begins a part that `release` keeps and `rollbackToSavepoint` takes back. */
  readonly savepoint: () => void
  readonly release: () => void
  readonly rollbackToSavepoint: () => void
  /** False when the database gave the whole transaction up, as it does when the disk is full. */
  readonly isOpen: () => boolean
  /** Remembers what is kept in memory beside the tables; the answer puts it back after a rollback. */
  readonly checkpoint: () => () => void
}

export interface BatchWriterOptions {
  /** Writes that may wait. Default 16,384: some five seconds of a full load. */
  readonly capacity?: number
  /** Default 512. */
  readonly batchSize?: number
  /**
   * Time that the closures of a batch may take, before the commit, in milliseconds. Default 10. One closure may exceed
   * it.
   */
  readonly batchMillis?: number
}

interface Job {
  readonly operation: string
  readonly body: () => unknown
  readonly resume: (exit: Exit.Exit<unknown, StorageError>) => void
  cancelled: boolean
}

type Outcome = readonly [job: Job, exit: Exit.Exit<unknown, StorageError>]

const failure = (cause: unknown, operation: string, atCommit = false): Exit.Exit<never, StorageError> => {
  const error = classify(cause, operation, atCommit)
  return error === undefined ? Exit.die(cause) : Exit.fail(error)
}

const refused = (operation: string, reason: "busy" | "unavailable", detail: string) =>
  new StorageError({ reason, operation, detail, retryable: true, committed: "no" })

/**
 * A rollback that fails is made up for at the next `begin`: the writer goes on, or nothing would ever be written again.
 */
const takeBack = (transactions: Transactions, restore: () => void): void => {
  try {
    transactions.rollback()
  } catch {
    // The submitters are told of what made the rollback necessary.
  }
  restore()
}

/**
 * Runs jobs in one transaction, each for itself, and answers how each came out. Used once a job of theirs has failed.
 */
const runApart = (transactions: Transactions, jobs: ReadonlyArray<Job>): ReadonlyArray<Outcome> => {
  const allFail = (cause: unknown, atCommit: boolean): ReadonlyArray<Outcome> =>
    jobs.map((job) => [job, failure(cause, job.operation, atCommit)])
  try {
    transactions.begin()
  } catch (cause) {
    return allFail(cause, false)
  }
  const restore = transactions.checkpoint()
  const outcomes: Array<Outcome> = []
  let committing = false
  try {
    for (const job of jobs) outcomes.push([job, runInSavepoint(transactions, job)])
    committing = true
    transactions.commit()
    return outcomes
  } catch (cause) {
    takeBack(transactions, restore)
    return allFail(cause, committing)
  }
}

/** Throws only when the whole transaction is lost. */
const runInSavepoint = (transactions: Transactions, job: Job): Outcome[1] => {
  transactions.savepoint()
  const restore = transactions.checkpoint()
  try {
    const exit = Exit.succeed(job.body())
    transactions.release()
    return exit
  } catch (cause) {
    if (!transactions.isOpen()) throw cause
    transactions.rollbackToSavepoint()
    restore()
    return failure(cause, job.operation)
  }
}

/** Runs jobs in one transaction. `undefined`: one of them threw, and everything was rolled back. */
const runTogether = (
  transactions: Transactions,
  take: () => Job | undefined,
  taken: Array<Job>
): ReadonlyArray<Outcome> | undefined => {
  try {
    transactions.begin()
  } catch (cause) {
    // All of them, or each would wait for the same lock in turn.
    for (let job = take(); job !== undefined; job = take()) taken.push(job)
    return taken.map((job) => [job, failure(cause, job.operation)])
  }
  const restore = transactions.checkpoint()
  const outcomes: Array<Outcome> = []
  try {
    for (let job = take(); job !== undefined; job = take()) {
      taken.push(job)
      outcomes.push([job, Exit.succeed(job.body())])
    }
  } catch {
    takeBack(transactions, restore)
    return undefined
  }
  try {
    transactions.commit()
    return outcomes
  } catch (cause) {
    takeBack(transactions, restore)
    return taken.map((job) => [job, failure(cause, job.operation, true)])
  }
}

/**
 * The writer runs for as long as the scope lasts. What waits when it closes is still written; what comes later is
 * refused.
 */
export const make = (
  transactions: Transactions,
  options: BatchWriterOptions = {}
): Effect.Effect<BatchWriter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { capacity = 16_384, batchSize = 512, batchMillis = 10 } = options
    const clock = yield* Clock.Clock
    const intake = MutableList.make<Job>()
    const journal = MutableList.make<Job>()
    const work = yield* Latch.make(false)
    let closed = false

    const waiting = (): number => intake.length + journal.length

    /** The next job of this batch, or `undefined` when the batch is to be committed. */
    const taker = (): (() => Job | undefined) => {
      const startedAtMs = clock.currentTimeMillisUnsafe()
      let count = 0
      let fromIntake = 0
      return () => {
        for (;;) {
          const elapsedMs = clock.currentTimeMillisUnsafe() - startedAtMs
          if (count >= batchSize || (count > 0 && elapsedMs >= batchMillis)) return undefined
          const share = journal.length === 0 || (fromIntake < batchSize / 2 && elapsedMs < batchMillis / 2)
          const queue = share && intake.length > 0 ? intake : journal
          const job = MutableList.take(queue)
          if (job === MutableList.Empty) return undefined
          if (job.cancelled) continue
          count++
          if (queue === intake) fromIntake++
          return job
        }
      }
    }

    const commitBatch = (): void => {
      const taken: Array<Job> = []
      const outcomes = runTogether(transactions, taker(), taken) ?? runApart(transactions, taken)
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
      // After every fiber that is ready now: what they submit shares this commit.
      Effect.andThen(Effect.yieldNowWith(1)),
      Effect.andThen(Effect.sync(commitBatch)),
      Effect.forever({ disableYield: true }),
      Effect.forkScoped({ startImmediately: true })
    )

    const write = <A>(operation: string, priority: WritePriority, body: () => A): Effect.Effect<A, StorageError> =>
      Effect.callback<A, StorageError>((resume) => {
        if (closed) return resume(Effect.fail(refused(operation, "unavailable", "the database is closing")))
        if (waiting() >= capacity)
          return resume(Effect.fail(refused(operation, "busy", `${capacity} writes wait already`)))
        const job: Job = {
          operation,
          body,
          // `body` made the value, so it is an `A`.
          resume: (exit) => resume(exit as Exit.Exit<A, StorageError>),
          cancelled: false
        }
        MutableList.append(priority === "intake" ? intake : journal, job)
        work.openUnsafe()
        return Effect.sync(() => {
          job.cancelled = true
        })
      })

    return { write, waiting: Effect.sync(waiting) }
  })
