import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type SpoolDisturbance, SpoolFiles } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import { type AlertSpool, make } from "../../../src/storage/spool/AlertSpool.ts"
import { type SpoolDisk, SpoolFault } from "../../../src/storage/spool/SpoolDisk.ts"
import { alertsIn } from "../../../src/storage/spool/SpooledPost.ts"
import type { SpoolLimits } from "../../../src/storage/spool/SpoolFiles.ts"
import { minute } from "../Incident.ts"
import { ended, firing, named } from "./Posts.ts"

type Spool = AlertSpool["Service"]

const limits: SpoolLimits = { maxBytes: 64 * 1024, reservedBytes: 8 * 1024 }

/** A folder, and the processes that use it one after the other. */
const machine = () => {
  const faults: Array<SpoolDisturbance> = []
  const files = new SpoolFiles(faults)
  let process = 0
  return {
    faults,
    files,
    /** Runs a process until the effect ends; then it is killed. */
    life: <A, E>(use: (spool: Spool, disk: SpoolDisk) => Effect.Effect<A, E, Scope.Scope>, given = limits) =>
      Effect.gen(function* () {
        const number = ++process
        const scope = yield* Scope.make()
        const disk = files.diskOf(number)
        const result = yield* Effect.exit(
          Effect.flatMap(make(disk, given), (spool) => use(spool, disk)).pipe(Scope.provide(scope))
        )
        files.end(number)
        yield* Scope.close(scope, Exit.void)
        return yield* result
      })
  }
}

const fault = (detail: string) => new SpoolFault({ reason: "failed", detail })

/** Replays everything that waits, and returns it in order. */
const replayAll = (spool: Spool) =>
  Effect.gen(function* () {
    const replayed: Array<string> = []
    while ((yield* spool.status).posts > 0) {
      const { entry } = yield* spool.oldest
      replayed.push(named(entry))
      yield* spool.replayed(entry)
    }
    return replayed
  })

describe("AlertSpool", () => {
  it.effect("returns posts in the order in which they were appended, and is not in use when all are replayed", () =>
    machine().life((spool) =>
      Effect.gen(function* () {
        assert.isFalse(spool.isInUse())
        yield* spool.append(firing("a", 1))
        yield* spool.append(ended("a", 2))
        yield* spool.append(firing("b", 3))
        assert.isTrue(spool.isInUse())
        assert.deepInclude(yield* spool.status, { posts: 3, alerts: 3, since: minute(1) })
        assert.deepStrictEqual(yield* replayAll(spool), ["a", "a ended", "b"])
        assert.isFalse(spool.isInUse())
        assert.deepStrictEqual(yield* spool.status, { posts: 0, alerts: 0, bytes: 0 })
      })
    )
  )

  it.effect("keeps the moment and the source of receipt", () =>
    machine().life((spool) =>
      Effect.gen(function* () {
        yield* spool.append(firing("a", 7))
        const { entry } = yield* spool.oldest
        assert.deepInclude(entry, { at: minute(7), source: "am", sequence: 1 })
      })
    )
  )

  it.effect("has what was appended after a kill and after a loss of power", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool) => Effect.andThen(spool.append(firing("a")), spool.append(firing("b"))))
      faults.push({ kept: () => 0 })
      yield* life((spool) => spool.append(firing("c")))
      assert.deepStrictEqual(yield* life(replayAll), ["a", "b", "c"])
      assert.deepStrictEqual(yield* life(replayAll), [])
    })
  )

  it.effect("drops an entry that a loss of power has torn, and appends behind the last whole one", () =>
    Effect.gen(function* () {
      for (const share of [0, 0.3, 0.99]) {
        const { faults, life } = machine()
        yield* life((spool) => spool.append(firing("a")))
        faults.push({
          kept: () => share,
          before: (operation) => (operation === "sync" ? fault("no sync before the power went") : undefined)
        })
        assert.isTrue(Exit.isFailure(yield* Effect.exit(life((spool) => spool.append(firing("torn"))))))
        faults.length = 0
        yield* life((spool) => spool.append(firing("b")))
        assert.deepStrictEqual(yield* life(replayAll), ["a", "b"])
      }
    })
  )

  it.effect("replays an entry once more if the process ends before it is marked, and no other one", () =>
    Effect.gen(function* () {
      const { life } = machine()
      yield* life((spool) =>
        Effect.gen(function* () {
          yield* spool.append(firing("a"))
          yield* spool.append(firing("b"))
          const { entry } = yield* spool.oldest
          assert.strictEqual(named(entry), "a")
        })
      )
      const numbers = yield* life((spool) =>
        Effect.gen(function* () {
          const { entry } = yield* spool.oldest
          yield* spool.replayed(entry)
          const next = yield* spool.oldest
          return [`${entry.spool} ${entry.sequence}`, `${next.entry.spool} ${next.entry.sequence}`, next.isLast]
        })
      )
      assert.deepStrictEqual(numbers, [numbers[0], String(numbers[0]).replace(/1$/, "2"), true])
    })
  )

  it.effect("reports a damaged entry and returns those behind it, and keeps the file for a person", () =>
    Effect.gen(function* () {
      const { files, life } = machine()
      yield* life((spool) =>
        Effect.forEach(["a", "b", "c"], (name) => spool.append(firing(name, 0, "text")), { discard: true })
      )
      // Damage in the middle, while no process runs.
      const disk = files.diskOf(99)
      const content = Buffer.from(yield* disk.read("alerts-000001.spool"))
      yield* disk.write("alerts-000001.spool", content.indexOf('"fingerprint":"b"') + 5, Buffer.from("X"))
      files.end(99)
      assert.deepStrictEqual(yield* life(replayAll), ["a", "c"])
      const names = yield* files.diskOf(99).files
      assert.isTrue(names.some((name) => name.startsWith("damaged-")))
    })
  )

  it.effect("never acknowledges after a failed sync, and goes on in another file", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool, disk) =>
        Effect.gen(function* () {
          yield* spool.append(firing("a"))
          faults.push({ before: (operation) => (operation === "sync" ? fault("EIO") : undefined) })
          assert.include((yield* Effect.flip(spool.append(firing("b")))).message, "EIO")
          assert.include((yield* spool.status).fault, "EIO")
          // The next sync of the same file would succeed, and mean nothing.
          faults.length = 0
          yield* spool.append(firing("c"))
          assert.deepStrictEqual((yield* disk.files).toSorted(), ["alerts-000001.spool", "alerts-000002.spool"])
          assert.isUndefined((yield* spool.status).fault)
        })
      )
      assert.deepStrictEqual(yield* life(replayAll), ["a", "c"])
    })
  )

  it.effect("leaves nothing of posts that could not be synced, where the disk fails to take them back, too", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool) =>
        Effect.gen(function* () {
          yield* spool.append(firing("a"))
          faults.push({
            before: (operation) => (operation === "sync" || operation === "cut" ? fault("EIO") : undefined)
          })
          // The third one is beyond the reserved space.
          const posts = ["b", "c", "d"].map((name) => firing(name, 1, "x".repeat(limits.reservedBytes / 2)))
          yield* Effect.forEach(posts, (post) => Effect.flip(spool.append(post)), { concurrency: "unbounded" })
        })
      )
      faults.length = 0
      assert.deepStrictEqual(yield* life(replayAll), ["a"])
    })
  )

  it.effect("leaves nothing of a post behind that could not be written, and keeps its space reserved", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool, disk) =>
        Effect.gen(function* () {
          yield* spool.append(firing("a"))
          let writes = 0
          faults.push({
            before: (operation) => (operation === "write" && ++writes === 1 ? fault("ENOSPC") : undefined)
          })
          yield* Effect.flip(spool.append(firing("b")))
          assert.strictEqual((yield* disk.read("alerts-000001.spool")).length, limits.reservedBytes)
          yield* spool.append(firing("c"))
        })
      )
      faults.length = 0
      assert.deepStrictEqual(yield* life(replayAll), ["a", "c"])
    })
  )

  it.effect("says why it cannot store posts until it can, although what waits in it can be read", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool) =>
        Effect.gen(function* () {
          for (const name of ["a", "b", "c"]) yield* spool.append(firing(name))
          faults.push({ before: (operation) => (operation === "write" ? fault("ENOSPC") : undefined) })
          yield* Effect.flip(spool.append(firing("d")))
          for (const name of ["a", "b"]) {
            const { entry } = yield* spool.oldest
            assert.strictEqual(named(entry), name)
            yield* spool.replayed(entry)
            assert.include((yield* spool.status).fault, "ENOSPC")
          }
          faults.length = 0
          assert.deepStrictEqual(yield* replayAll(spool), ["c"])
          assert.isUndefined((yield* spool.status).fault)
        })
      )
    })
  )

  it.effect("says why what waits cannot be read until it can", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool) =>
        Effect.gen(function* () {
          yield* spool.append(firing("a"))
          faults.push({ before: (operation) => (operation === "read" ? fault("EIO") : undefined) })
          yield* Effect.flip(spool.oldest)
          assert.include((yield* spool.status).fault, "EIO")
          faults.length = 0
          yield* spool.oldest
          assert.isUndefined((yield* spool.status).fault)
        })
      )
    })
  )

  it.effect("refuses a post beyond its greatest size, and takes it when there is room again", () =>
    machine().life(
      (spool) =>
        Effect.gen(function* () {
          const big = "x".repeat(3000)
          yield* spool.append(firing("a", 0, big))
          const refused = yield* Effect.flip(spool.append(firing("b", 0, big)))
          assert.strictEqual(refused.reason, "full")
          assert.include((yield* spool.check).fault, "full")
          assert.deepStrictEqual(yield* replayAll(spool), ["a"])
          yield* spool.append(firing("b", 0, big))
          assert.deepStrictEqual(yield* replayAll(spool), ["b"])
        }),
      { maxBytes: 6000, reservedBytes: 1024 }
    )
  )

  it.effect("has space on a full disk, which it has reserved before", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool, disk) =>
        Effect.gen(function* () {
          yield* spool.append(firing("a"))
          const size = (yield* disk.read("alerts-000001.spool")).length
          assert.strictEqual(size, limits.reservedBytes)
          yield* replayAll(spool)
          // Zeros again, so that nothing of it is left, and its space is.
          const content = yield* disk.read("alerts-000001.spool")
          assert.strictEqual(content.length, limits.reservedBytes)
          assert.isTrue(content.every((byte) => byte === 0))
        })
      )
      faults.length = 0
    })
  )

  it.effect("starts without reserved space where the disk has not enough", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      let creations = 0
      faults.push({
        before: (operation) =>
          operation === "create" && ++creations === 1 ? new SpoolFault({ reason: "full", detail: "ENOSPC" }) : undefined
      })
      yield* life((spool) => spool.append(firing("a")))
      assert.deepStrictEqual(yield* life(replayAll), ["a"])
    })
  )

  it.effect("says that another process has the folder, and takes it when that one has ended", () =>
    Effect.gen(function* () {
      const files = new SpoolFiles()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* make(files.diskOf(1), limits)
          const spool = yield* make(files.diskOf(2), limits)
          assert.include((yield* spool.status).fault, "locked")
          assert.strictEqual((yield* Effect.flip(spool.append(firing("a")))).reason, "locked")
          assert.isFalse(spool.isInUse())
          files.end(1)
          yield* spool.append(firing("b"))
          assert.deepStrictEqual(yield* replayAll(spool), ["b"])
        })
      )
    })
  )

  it.effect("says so at once on a read-only file system, and acknowledges nothing", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      faults.push({
        before: (operation) =>
          operation === "read" || operation === "files"
            ? undefined
            : new SpoolFault({ reason: "read-only", detail: "EROFS" })
      })
      yield* life((spool) =>
        Effect.gen(function* () {
          assert.include((yield* spool.status).fault, "read-only")
          assert.strictEqual((yield* Effect.flip(spool.append(firing("a")))).reason, "read-only")
        })
      )
    })
  )

  it.effect("wakes who waits for the oldest entry when one is appended", () =>
    machine().life((spool) =>
      Effect.gen(function* () {
        const waiting = yield* Effect.forkScoped(spool.oldest, { startImmediately: true })
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(waiting.pollUnsafe())
        yield* spool.append(firing("a"))
        assert.strictEqual(named((yield* Fiber.join(waiting)).entry), "a")
      })
    )
  )

  it.effect("writes posts that arrive together with one sync, in order", () =>
    Effect.gen(function* () {
      const { faults, life } = machine()
      yield* life((spool) =>
        Effect.gen(function* () {
          let syncs = 0
          faults.push({
            before: (operation) => {
              if (operation === "sync") syncs++
              return undefined
            }
          })
          const names = Array.from({ length: 50 }, (_, index) => `f${index}`)
          yield* Effect.forEach(names, (name) => spool.append(firing(name)), {
            concurrency: "unbounded",
            discard: true
          })
          assert.isAtMost(syncs, 3)
          assert.deepStrictEqual(yield* replayAll(spool), names)
        })
      )
    })
  )

  it.effect("publishes how many alerts wait", () =>
    machine().life((spool) =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        yield* spool.changes.listen(({ alerts }) => void seen.push(alerts))
        const post = { ...firing("a"), resolved: ended("b", 1).resolved }
        yield* spool.append(post)
        yield* replayAll(spool)
        assert.deepStrictEqual([seen[0], seen.at(-1)], [alertsIn(post), 0])
      })
    )
  )
})
