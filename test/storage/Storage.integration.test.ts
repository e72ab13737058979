/** Storage in a real file: restarts, crashes, tampering and concurrent processes. */

import { spawn } from "node:child_process"
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { targetKey } from "../../src/domain/Target.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { assertConsistent } from "./Consistency.ts"
import { deployment, minute, newAlert, pod, remediate, remediationId, started, take } from "./Incident.ts"
import { contract } from "./RemediationStore.contract.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-storage-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const filename = Effect.map(directory, (path) => join(path, "data", "kubernaut.db"))

const checkout = deployment("checkout")

/** Runs an effect on storage in the file, as one process would. */
const life = <A, E>(file: string, effect: Effect.Effect<A, E, Storage.Services>) =>
  Effect.provide(effect, Storage.layerSqlite({ filename: file }), { local: true })

/** Executes SQL on the file from outside the service. Fails with the error of the database. */
const shell = (file: string, sql: string) =>
  Effect.try({
    try: () => {
      const database = new DatabaseSync(file)
      try {
        database.exec(sql)
      } finally {
        database.close()
      }
    },
    catch: String
  })

const accept = (id: string, target = deployment(`d${id}`)) =>
  Effect.flatMap(RemediationStore, (store) => store.accept([newAlert(id, `f${id}`, target)], minute(0)))

contract("SQLite in a file", Layer.unwrap(Effect.map(filename, (file) => Storage.layerSqlite({ filename: file }))))

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe("storage in a file", () => {
  it.effect("only the owner can read a new database, its write-ahead log and its folder", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(
        file,
        Effect.gen(function* () {
          yield* accept("1")
          assert.deepStrictEqual([dirname(file), file, `${file}-wal`, `${file}-shm`].map(modeOf), [
            "700",
            "600",
            "600",
            "600"
          ])
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("a database that exists keeps the permissions that its operator gave it", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(file, accept("1"))
      chmodSync(file, 0o640)
      yield* life(file, accept("2"))
      assert.strictEqual(modeOf(file), "640")
    }).pipe(Effect.scoped)
  )

  it.effect("a restart restores remediations, open work, backlog, history and the end of the audit chain", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const before = yield* life(
        file,
        Effect.gen(function* () {
          const store = yield* RemediationStore
          yield* accept("1", checkout)
          const { claim, remediation } = yield* take(checkout)
          yield* remediate(claim, remediation, minute(1))
          yield* accept("2", pod("p"))
          yield* accept("3", deployment("cart"))
          const mine = yield* take(deployment("cart"))
          yield* store.append(mine.claim, mine.remediation, [started], minute(2))
          return yield* Effect.forEach(["1", "2", "3"], (id) => store.get(remediationId(id)))
        })
      )
      yield* life(
        file,
        Effect.gen(function* () {
          const store = yield* RemediationStore
          assert.strictEqual(yield* store.backlog, 2)
          assert.deepStrictEqual(yield* store.openTargets, [targetKey(pod("p")), targetKey(deployment("cart"))])
          assert.deepStrictEqual(yield* Effect.forEach(["1", "2", "3"], (id) => store.get(remediationId(id))), before)
          assert.strictEqual((yield* (yield* ActionHistory).ofTarget(targetKey(checkout), 1))[0]?.verdict, "fixed")
          yield* accept("4")
          yield* assertConsistent
        })
      )
    })
  )

  it.effect("closing leaves no file beside the database", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(file, accept("1"))
      assert.deepStrictEqual(readdirSync(join(file, "..")), ["kubernaut.db"])
    })
  )

  it.effect("the database refuses updates and deletes of journal and audit rows", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(file, accept("1"))
      for (const sql of [
        "update audit set actor = 'nobody'",
        "delete from audit",
        "update remediation_events set kind = 'Started'",
        "delete from remediation_events"
      ]) {
        assert.match(yield* Effect.flip(shell(file, sql)), /is append-only/)
      }
    })
  )

  const tampered = (change: string) =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(
        file,
        Effect.forEach(["1", "2", "3", "4"], (id) => accept(id))
      )
      yield* shell(file, `drop trigger audit_no_update; drop trigger audit_no_delete; ${change}`)
      return yield* life(
        file,
        Effect.gen(function* () {
          const audit = yield* AuditLog
          // It keeps working, and records the break in the audit log.
          yield* accept("5")
          const lines = yield* audit.read(4, 10)
          return { broken: yield* audit.verify, kinds: lines.map((line) => `${line.kind} ${line.subject}`) }
        })
      )
    })

  it.effect.each([
    { change: "update audit set actor = 'nobody' where sequence = 3", broken: 3, what: "a changed actor" },
    { change: "update audit set data = '{}' where sequence = 2", broken: 2, what: "changed data" },
    { change: "update audit set data = 'no JSON' where sequence = 2", broken: 2, what: "data that is not JSON" },
    {
      change: "update audit set at = '2020-01-01T00:00:00.000Z' where sequence = 1",
      broken: 1,
      what: "a changed time"
    },
    { change: "delete from audit where sequence = 2", broken: 2, what: "a removed line" },
    { change: "update audit set hash = 'f' where sequence = 4", broken: 4, what: "a changed hash" }
  ])("$what in the audit log is reported with its line, on opening and by verify", ({ broken, change }) =>
    Effect.gen(function* () {
      const found = yield* tampered(change)
      assert.strictEqual(found.broken, broken)
      assert.deepStrictEqual(
        found.kinds.filter((kind) => kind.startsWith("audit.")),
        [`audit.broken ${broken}`]
      )
      assert.isTrue(found.kinds.includes("remediation.Accepted rem-5"))
    })
  )

  it.effect("the error about a gap in a journal names the position of the gap", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(
        file,
        Effect.gen(function* () {
          yield* accept("1", checkout)
          const { claim, remediation } = yield* take(checkout)
          yield* remediate(claim, remediation, minute(1))
        })
      )
      yield* shell(file, "drop trigger remediation_events_no_delete; delete from remediation_events where sequence = 2")
      const error = yield* Effect.flip(
        life(
          file,
          Effect.flatMap(RemediationStore, (store) => store.get(remediationId("1")))
        )
      )
      assert.strictEqual(error.detail, "remediation rem-1, sequence 2")
    })
  )

  it.effect("a database of a newer version is refused as incompatible, with both versions", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(file, accept("1"))
      yield* shell(file, "insert into kubernaut_migrations (migration_id, name) values (99, 'later')")
      const error = yield* Effect.flip(life(file, accept("2")))
      assert.strictEqual(error.reason, "incompatible")
      assert.match(error.message, /schema version 99, .* versions up to \d+:/)
    })
  )

  it.effect.each([
    {
      what: "a file that is not a database",
      make: "not a database, but long enough to be taken for one".repeat(10),
      reason: "damaged"
    }
  ])("$what is refused as $reason", ({ make, reason }) =>
    Effect.gen(function* () {
      const path = join(yield* directory, "x.db")
      yield* Effect.promise(() => import("node:fs/promises").then((fs) => fs.writeFile(path, make)))
      const error = yield* Effect.flip(life(path, accept("1")))
      assert.strictEqual(error.reason, reason)
    })
  )

  it.effect("opening a path that cannot be created fails with unavailable, and names the path", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(life("/dev/null/data/kubernaut.db", accept("1")))
      assert.strictEqual(error.reason, "unavailable")
      assert.match(error.message, /\/dev\/null\/data\/kubernaut\.db/)
      assert.isFalse(error.retryable)
    })
  )

  it.effect("a folder that is missing because its volume is, may be there later", () =>
    Effect.gen(function* () {
      const volume = join(yield* directory, "volume")
      symlinkSync(`${volume}-that-is-mounted-later`, volume)
      const error = yield* Effect.flip(life(join(volume, "data", "kubernaut.db"), accept("1")))
      assert.deepStrictEqual([error.reason, error.retryable], ["unavailable", true])
    })
  )

  it.effect("a lock of another process that keeps a migration from beginning may be released later", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "x.db")
      const other = new DatabaseSync(file)
      other.exec("pragma journal_mode = wal; create table kubernaut_migrations (migration_id integer); begin immediate")
      const error = yield* Effect.flip(life(file, accept("1")))
      other.close()
      assert.deepStrictEqual([error.reason, error.retryable], ["busy", true])
    })
  )

  it.effect("a lock of another connection fails a write with busy, and leaves nothing half written", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* Effect.gen(function* () {
        const other = new DatabaseSync(file)
        other.exec("begin immediate")
        const error = yield* Effect.flip(accept("1"))
        assert.deepStrictEqual([error.reason, error.retryable, error.committed], ["busy", true, "no"])
        other.exec("rollback")
        other.close()
        yield* accept("2")
        yield* assertConsistent
      }).pipe(Effect.provide(Storage.layerSqlite({ filename: file, busyTimeoutMs: 10 })))
    })
  )

  it.effect("two stores on one file keep one audit chain and one count of open work", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(
        file,
        Effect.gen(function* () {
          yield* accept("1")
          yield* life(file, Effect.andThen(accept("2"), take(deployment("d1"))))
          yield* accept("3")
          yield* life(file, accept("4"))
          yield* accept("5")
          yield* assertConsistent
        })
      )
    })
  )
})

describe("the in-memory state of a store", () => {
  it.effect("is reloaded after another store has written to the same file", () =>
    Effect.gen(function* () {
      const file = yield* filename
      yield* life(
        file,
        Effect.gen(function* () {
          const store = yield* RemediationStore
          yield* accept("1", checkout)
          yield* life(
            file,
            Effect.flatMap(RemediationStore, (other) =>
              other.resolve([{ cluster: "test", fingerprint: "f1", startsAt: minute(0), endsAt: minute(3) }], minute(3))
            )
          )
          assert.strictEqual(Option.getOrThrow(yield* store.get(remediationId("1"))).alertResolvedAt, minute(3))
        })
      )
    })
  )
})

/** Starts the writer, kills it after the given number of acknowledged steps, and returns those. */
const killedAfter = (file: string, round: number, lines: number) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "CrashingWriter.ts"), file, String(round)], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      if (output.split("\n").length > lines) child.kill("SIGKILL")
    })
    // Text after the last line break is incomplete.
    child.on("close", () => resume(Effect.succeed(output.split("\n").slice(0, -1))))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

describe("a process that is killed while it writes", () => {
  it.live(
    "loses nothing that it acknowledged and leaves nothing half written, in five rounds",
    () =>
      Effect.gen(function* () {
        const file = yield* filename
        for (const round of [1, 2, 3, 4, 5]) {
          const acknowledged = yield* killedAfter(file, round, 40 * round)
          assert.isAtLeast(acknowledged.length, 40 * round)
          yield* life(
            file,
            Effect.gen(function* () {
              const store = yield* RemediationStore
              for (const line of acknowledged) {
                const [id = "", sequence = ""] = line.split(" ")
                const remediation = Option.getOrThrow(yield* store.get(remediationId(id)))
                assert.isAtLeast(remediation.sequence, Number(sequence), `${id} has every step that was acknowledged`)
              }
              yield* assertConsistent
            })
          )
        }
      }),
    180_000
  )
})
