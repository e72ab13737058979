import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, type Scope } from "effect"
import * as BatchWriter from "../../../src/storage/sqlite/BatchWriter.ts"
import * as SqliteTransactions from "../../../src/storage/sqlite/SqliteTransactions.ts"
import { StorageError } from "../../../src/storage/StorageError.ts"

/** A table of numbers that records, for every commit, the numbers it made durable. */
const makeNumbers = (options: BatchWriter.BatchWriterOptions = {}, faults: Partial<BatchWriter.Transactions> = {}) =>
  Effect.gen(function* () {
    const database = yield* Effect.acquireRelease(
      Effect.sync(() => new DatabaseSync(":memory:")),
      (db) => Effect.sync(() => db.close())
    )
    database.exec("create table numbers (value integer primary key)")
    const commits: Array<ReadonlyArray<number>> = []
    let kept = 0
    const real = SqliteTransactions.make(database, [
      {
        checkpoint: () => {
          const before = kept
          return () => {
            kept = before
          }
        },
        reload: () => {}
      }
    ])
    const all = (): ReadonlyArray<number> =>
      database
        .prepare("select value from numbers order by value")
        .all()
        .map((row) => Number(row["value"]))
    const writer = yield* BatchWriter.make(
      {
        ...real,
        commit: () => {
          real.commit()
          commits.push(all())
        },
        ...faults
      },
      options
    )
    const insert = (value: number): number => {
      database.prepare("insert into numbers values (?)").run(value)
      kept++
      return value
    }
    const write = (value: number, priority: BatchWriter.WritePriority = "journal") =>
      writer.write("insert", priority, () => insert(value))
    return { all, commits, database, insert, kept: () => kept, write, writer }
  })

const failures = <A, E>(exits: ReadonlyArray<Exit.Exit<A, E>>) =>
  exits.map((exit) => (Exit.isSuccess(exit) ? "ok" : Cause.hasDies(exit.cause) ? "defect" : "error"))

const scoped = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.scoped(effect)

describe("BatchWriter", () => {
  it.effect("writes submitted together are committed together, and return after the commit", () =>
    scoped(
      Effect.gen(function* () {
        const { commits, write } = yield* makeNumbers()
        const seen = yield* Effect.forEach([1, 2, 3], (value) => Effect.map(write(value), () => commits.length), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(commits, [[1, 2, 3]])
        assert.deepStrictEqual(seen, [1, 1, 1])
      })
    )
  )

  it.effect("a failed rollback fails only its own batch, and the next batch begins with a clean transaction", () =>
    scoped(
      Effect.gen(function* () {
        let broken = true
        let database: DatabaseSync
        const { all, kept, write } = yield* makeNumbers(
          {},
          {
            commit: () => {
              if (broken) throw Object.assign(new Error("disk I/O error"), { errcode: 10 })
              database.exec("commit")
            },
            rollback: () => {
              if (broken) throw Object.assign(new Error("unable to open database file"), { errcode: 14 })
            }
          }
        ).pipe(
          Effect.tap((numbers) =>
            Effect.sync(() => {
              database = numbers.database
            })
          )
        )
        const failed = yield* Effect.exit(write(1))
        broken = false
        assert.strictEqual(yield* write(2), 2)
        assert.deepStrictEqual(
          { failed: failures([failed]), stored: all(), kept: kept() },
          { failed: ["error"], stored: [2], kept: 1 }
        )
      })
    )
  )

  it.effect("intake writes run before journal writes that have waited longer", () =>
    scoped(
      Effect.gen(function* () {
        const { writer } = yield* makeNumbers()
        const order: Array<string> = []
        const log = (name: string, priority: BatchWriter.WritePriority) =>
          writer.write(name, priority, () => order.push(name))
        yield* Effect.all([log("j1", "journal"), log("j2", "journal"), log("i1", "intake"), log("i2", "intake")], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(order, ["i1", "i2", "j1", "j2"])
      })
    )
  )

  it.effect("a flood of intake leaves half of each batch to the journal", () =>
    scoped(
      Effect.gen(function* () {
        const { commits, write } = yield* makeNumbers({ batchSize: 4 })
        yield* Effect.forEach(
          [1, 2, 3, 4, 5, 6, 101, 102, 103],
          (value) => write(value, value > 100 ? "journal" : "intake"),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(commits[0], [1, 2, 101, 102])
        assert.deepStrictEqual(commits.at(-1), [1, 2, 3, 4, 5, 6, 101, 102, 103])
      })
    )
  )

  it.effect("a batch ends after its time limit", () =>
    scoped(
      Effect.gen(function* () {
        let nowMs = 0
        const clock = { ...(yield* Clock.Clock), currentTimeMillisUnsafe: () => nowMs }
        const { commits, insert, writer } = yield* Effect.provideService(
          makeNumbers({ batchMillis: 10 }),
          Clock.Clock,
          clock
        )
        const slow = (value: number) =>
          writer.write("slow", "journal", () => {
            nowMs += 6
            return insert(value)
          })
        yield* Effect.forEach([1, 2, 3], slow, { concurrency: "unbounded" })
        assert.deepStrictEqual(commits, [
          [1, 2],
          [1, 2, 3]
        ])
      })
    )
  )

  it.effect("a write that throws fails only its own submitter, and leaves nothing in the tables or in memory", () =>
    scoped(
      Effect.gen(function* () {
        const { all, insert, kept, write, writer } = yield* makeNumbers()
        const throwing = (error: unknown) =>
          writer.write("throw", "journal", () => {
            insert(99)
            throw error
          })
        const refused = new StorageError({ reason: "corrupt", operation: "x", retryable: false, committed: "no" })
        const exits = yield* Effect.forEach(
          [write(1), throwing(refused), write(1), throwing(new TypeError("a bug")), write(2)],
          (effect) => Effect.exit(effect),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(failures(exits), ["ok", "error", "error", "defect", "ok"])
        assert.deepStrictEqual(all(), [1, 2])
        assert.strictEqual(kept(), 2)
      })
    )
  )

  it.effect("an interrupted caller withdraws its waiting write, and no other", () =>
    scoped(
      Effect.gen(function* () {
        const { all, write } = yield* makeNumbers()
        const waiting = yield* Effect.forkChild(write(1), { startImmediately: true })
        const other = yield* Effect.forkChild(write(2), { startImmediately: true })
        yield* Fiber.interrupt(waiting)
        yield* Fiber.join(other)
        assert.deepStrictEqual(all(), [2])
      })
    )
  )

  it.effect("a write to a full queue fails with busy, and is not made", () =>
    scoped(
      Effect.gen(function* () {
        const { all, write } = yield* makeNumbers({ capacity: 2 })
        const exits = yield* Effect.forEach([1, 2, 3], (value) => Effect.result(write(value)), {
          concurrency: "unbounded"
        })
        const refused = exits[2]
        assert.isTrue(refused?._tag === "Failure" && refused.failure.reason === "busy" && refused.failure.retryable)
        assert.deepStrictEqual(all(), [1, 2])
      })
    )
  )

  it.effect("closing the writer completes waiting writes and refuses later ones", () =>
    Effect.gen(function* () {
      const { late, written } = yield* scoped(
        Effect.gen(function* () {
          const { all, write } = yield* makeNumbers()
          const waiting = yield* Effect.forkDetach(write(1), { startImmediately: true })
          return { late: write(2), written: Effect.as(Fiber.join(waiting), all) }
        })
      )
      yield* written
      const error = yield* Effect.flip(late)
      assert.strictEqual(error.reason, "unavailable")
    })
  )

  it.effect("a full disk fails a write with full, and a write that fits succeeds afterwards", () =>
    scoped(
      Effect.gen(function* () {
        const { database, write, writer } = yield* makeNumbers()
        database.exec("create table texts (value text)")
        const pages = Number(database.prepare("pragma page_count").get()?.["page_count"])
        database.exec(`pragma max_page_count = ${pages + 2}`)
        const big = writer.write("insert", "journal", () =>
          database.prepare("insert into texts values (?)").run("x".repeat(100_000))
        )
        const error = yield* Effect.flip(big)
        assert.deepStrictEqual([error.reason, error.retryable, error.committed], ["full", true, "no"])
        assert.isFalse(database.isTransaction)
        assert.strictEqual(yield* write(7), 7)
      })
    )
  )

  const failing = (errcode: number) => () => {
    throw Object.assign(new Error("disk"), { code: "ERR_SQLITE_ERROR", errcode })
  }

  it.effect.each([
    { situation: "an I/O error at the commit", errcode: 10, reason: "failed", committed: "unknown" },
    { situation: "an I/O error when the commit is synced", errcode: 1034, reason: "failed", committed: "unknown" },
    { situation: "a disk that is full at the commit", errcode: 13, reason: "full", committed: "no" },
    { situation: "a lock at the commit", errcode: 5, reason: "busy", committed: "no" }
  ] as const)(
    "$situation fails the whole batch with $reason and committed $committed",
    ({ committed, errcode, reason }) =>
      scoped(
        Effect.gen(function* () {
          const { all, kept, write } = yield* makeNumbers({}, { commit: failing(errcode) })
          const errors = yield* Effect.forEach([1, 2], (value) => Effect.flip(write(value)), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(
            errors.map((error) => [error.reason, error.committed]),
            [
              [reason, committed],
              [reason, committed]
            ]
          )
          assert.deepStrictEqual(all(), [])
          assert.strictEqual(kept(), 0)
        })
      )
  )

  it.effect("an I/O error before the commit is reported as not committed", () =>
    scoped(
      Effect.gen(function* () {
        const { all, writer } = yield* makeNumbers()
        const error = yield* Effect.flip(writer.write("insert", "journal", failing(10)))
        assert.deepStrictEqual([error.reason, error.retryable, error.committed], ["failed", true, "no"])
        assert.deepStrictEqual(all(), [])
      })
    )
  )

  it.effect("a lock that is not released fails all waiting writes at once, with busy", () =>
    scoped(
      Effect.gen(function* () {
        let begun = 0
        const { write } = yield* makeNumbers(
          {},
          {
            begin: () => {
              begun++
              failing(5)()
            }
          }
        )
        const errors = yield* Effect.forEach([1, 2, 3], (value) => Effect.flip(write(value)), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          errors.map((error) => [error.reason, error.retryable, error.committed]),
          [1, 2, 3].map(() => ["busy", true, "no"])
        )
        assert.strictEqual(begun, 1)
      })
    )
  )
})
