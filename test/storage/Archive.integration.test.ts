/** The archive of a database in a real file. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { gunzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Result } from "effect"
import { Archive } from "../../src/storage/Archive.ts"
import { newKey } from "../../src/storage/archive/Checkpoint.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { directory, life } from "./ArchiveFolder.ts"
import { concluded, deployment, minute, newAlert, remediate, remediationId, started, take } from "./Incident.ts"

const day = 24 * 60
const olderThan = Duration.days(30)

const remediated = (name: string, days: number) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const target = deployment(name)
    yield* store.accept([newAlert(name, `f${name}`, target)], minute(days * day))
    const { claim, remediation } = yield* take(target)
    yield* remediate(claim, remediation, minute(days * day + 1))
  })

const opened = (name: string, days: number) =>
  Effect.flatMap(RemediationStore, (store) =>
    store.accept([newAlert(name, `f${name}`, deployment(name))], minute(days * day))
  )

const exists = (name: string) =>
  Effect.flatMap(RemediationStore, (store) => Effect.map(store.get(remediationId(name)), Option.isSome))

const linesOf = (folder: string, name: string): ReadonlyArray<Record<string, unknown>> =>
  gunzipSync(readFileSync(join(folder, "archive", name)))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const isBeingWritten = (folder: string): boolean =>
  existsSync(join(folder, "archive"))
  && readdirSync(join(folder, "archive")).some((name) => name.startsWith("remediations-") && name.endsWith(".part"))

const run = Effect.flatMap(Archive, (archive) => archive.run(olderThan))
const check = Effect.flatMap(Archive, (archive) => archive.check)
const verify = Effect.flatMap(AuditLog, (audit) => audit.verify)

/** An old remediation, an old open one, and a recent one, 40 days after the first. */
const incident = (folder: string) =>
  life(
    folder,
    40,
    Effect.gen(function* () {
      yield* remediated("old", 0)
      yield* opened("open", 0)
      yield* remediated("recent", 39)
    })
  )

describe("the archive", () => {
  it.effect("moves what ended long ago with its whole journal, and leaves what is open or recent", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      const journal = yield* life(
        folder,
        40,
        Effect.flatMap(RemediationStore, (store) => store.journal(remediationId("old")))
      )
      const report = yield* life(folder, 40, run)
      assert.deepStrictEqual(report.remediations, 1)
      const line = linesOf(folder, "remediations-000001.jsonl.gz")[0] ?? {}
      assert.deepInclude(line["remediation"], { id: remediationId("old"), state: "Remediated" })
      assert.deepStrictEqual(
        (line["journal"] as ReadonlyArray<{ readonly data: string }>).map(({ data }) => JSON.parse(data) as unknown),
        journal.map(({ event }) => event)
      )
      assert.deepStrictEqual(yield* life(folder, 40, Effect.forEach(["old", "open", "recent"], exists)), [
        false,
        true,
        true
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("says which file has a remediation, and nothing for one that was never moved", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      yield* life(folder, 40, run)
      const files = yield* life(
        folder,
        40,
        Effect.flatMap(RemediationStore, (store) =>
          Effect.forEach(["old", "open", "recent", "unknown"], (name) => store.archivedIn(remediationId(name)))
        )
      )
      assert.deepStrictEqual(files.map(Option.getOrUndefined), [
        { file: "remediations-000001.jsonl.gz", state: "Remediated" },
        undefined,
        undefined,
        undefined
      ])
    }).pipe(Effect.scoped)
  )

  it.effect.each(["approved", "rejected"] as const)(
    "refuses an answer (%s) to one that was moved with how it has ended, and to one that never was as not found",
    (answer) =>
      Effect.gen(function* () {
        const folder = yield* directory
        yield* incident(folder)
        yield* life(folder, 40, run)
        const refusals = yield* life(
          folder,
          40,
          Effect.flatMap(RemediationStore, (store) =>
            Effect.forEach(["old", "unknown"], (name) =>
              Effect.flip(store.review(remediationId(name), { answer, by: "ada", at: minute(0) }, minute(0)))
            )
          )
        )
        assert.deepInclude(refusals[0], {
          why: "archived",
          state: "Remediated",
          file: "remediations-000001.jsonl.gz"
        })
        assert.deepInclude(refusals[1], { why: "not-found" })
      }).pipe(Effect.scoped)
  )

  it.effect("keeps an ended remediation whose alert still fires, so that its next repeat is not new work", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      const receive = (days: number) =>
        Effect.flatMap(RemediationStore, (store) =>
          store.accept([newAlert(`at-${days}`, "f", deployment("checkout"))], minute(days * day))
        )
      const escalate = Effect.gen(function* () {
        const { claim, remediation } = yield* take(deployment("checkout"))
        const store = yield* RemediationStore
        yield* store.append(claim, remediation, [started, concluded("Escalated")], minute(1))
      })
      yield* life(folder, 0, Effect.andThen(receive(0), escalate))
      const repeats = yield* Effect.forEach([20, 39], (days) => life(folder, days, receive(days)))
      yield* life(folder, 40, run)
      const [after] = yield* life(folder, 40, receive(40))
      assert.deepStrictEqual(
        [...repeats.flat(), after].map((result) => result?.status),
        ["duplicate", "duplicate", "duplicate"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("keeps the audit chain whole: archived lines, then those in the database, then new ones", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      const audit = Effect.flatMap(AuditLog, (log) => log.read(0, 1000))
      const all = yield* life(folder, 40, audit)
      yield* life(folder, 40, run)
      const left = yield* life(folder, 40, audit)
      const name = readdirSync(join(folder, "archive")).find((file) => file.startsWith("audit-")) ?? ""
      const archived = linesOf(folder, name)
      assert.isNotEmpty(archived)
      assert.deepStrictEqual(
        [...archived.map((line) => line["hash"]), ...left.map(({ hash }) => hash)],
        all.map(({ hash }) => hash)
      )
      assert.strictEqual(left[0]?.previousHash, archived.at(-1)?.["hash"])
      assert.isUndefined(yield* life(folder, 40, verify))
      // Everything is archived, and the next line still continues the chain.
      yield* life(folder, 200, run)
      assert.deepStrictEqual(yield* life(folder, 200, audit), [])
      yield* life(folder, 200, remediated("later", 200))
      assert.strictEqual((yield* life(folder, 200, audit))[0]?.previousHash, all.at(-1)?.hash)
      assert.isUndefined(yield* life(folder, 200, verify))
    }).pipe(Effect.scoped)
  )

  it.effect("a run after a crash replaces an incomplete file, and deletes what its checkpoint covers", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      yield* life(folder, 40, run)
      yield* life(folder, 40, remediated("second", 1))
      // The process died after the file was complete and before its checkpoint.
      writeFileSync(join(folder, "archive", "remediations-000003.jsonl.gz"), "half")
      const report = yield* life(folder, 40, run)
      assert.deepInclude(report.files, "remediations-000003.jsonl.gz")
      assert.deepStrictEqual(yield* life(folder, 40, check), [])
      assert.isFalse(yield* life(folder, 40, exists("second")))
    }).pipe(Effect.scoped)
  )

  it.effect("check finds a changed file, a missing file, and a checkpoint that another key signed", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      yield* life(folder, 40, run)
      assert.deepStrictEqual(yield* life(folder, 40, check), [])
      writeFileSync(join(folder, "archive", "remediations-000001.jsonl.gz"), "changed")
      rmSync(join(folder, "archive", "audit-000002.jsonl.gz"))
      const problems = yield* life(folder, 40, check)
      assert.deepStrictEqual(
        problems.map(({ file }) => file),
        ["remediations-000001.jsonl.gz", "audit-000002.jsonl.gz"]
      )
      writeFileSync(join(folder, "archive", "archive.key"), newKey())
      assert.lengthOf(yield* life(folder, 40, check), 4)
    }).pipe(Effect.scoped)
  )

  it.effect("nothing is moved, and no key is created, with another key than the one of the earlier files", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      const key = join(folder, "archive", "archive.key")
      yield* incident(folder)
      yield* life(folder, 40, run)
      yield* life(folder, 40, remediated("second", 1))
      rmSync(key)
      assert.match((yield* Effect.flip(life(folder, 40, run))).message, /is missing, and earlier files/)
      assert.match((yield* Effect.flip(life(folder, 40, check))).message, /is missing, and earlier files/)
      assert.isFalse(existsSync(key))
      writeFileSync(key, newKey())
      assert.match((yield* Effect.flip(life(folder, 40, run))).message, /is not the key/)
      assert.isTrue(yield* life(folder, 40, exists("second")))
    }).pipe(Effect.scoped)
  )

  it.effect("a remediation whose alert is received while it is archived stays", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      const receive = (days: number) =>
        Effect.flatMap(RemediationStore, (store) =>
          store.accept([newAlert(`at-${days}`, "f", deployment("checkout"))], minute(days * day))
        )
      yield* life(
        folder,
        0,
        Effect.gen(function* () {
          yield* receive(0)
          const { claim, remediation } = yield* take(deployment("checkout"))
          const store = yield* RemediationStore
          yield* store.append(claim, remediation, [started, concluded("Escalated")], minute(1))
        })
      )
      // Received once the file is being written, and before its checkpoint.
      const late = Effect.gen(function* () {
        while (!isBeingWritten(folder)) yield* Effect.yieldNow
        return yield* receive(40)
      })
      const [moved, [received]] = yield* life(
        folder,
        40,
        Effect.all([Effect.result(run), late], { concurrency: "unbounded" })
      )
      assert.strictEqual(received?.status, "duplicate")
      assert.match(Result.isFailure(moved) ? moved.failure.message : "moved", /changed while it was archived/)
      assert.isTrue(yield* life(folder, 40, exists("at-0")))
    }).pipe(Effect.scoped)
  )

  it.effect("two processes that archive at the same time lose nothing: one of them is refused", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      yield* life(
        folder,
        40,
        Effect.forEach([1, 2, 3, 20, 21, 22], (days) => remediated(`day-${days}`, days))
      )
      // Each has a connection and an age of its own, as the service and the command have.
      const process = (days: number) =>
        Effect.flatMap(Archive, (archive) => Effect.result(archive.run(Duration.days(days)))).pipe(
          Effect.provide(Storage.layerSqlite({ filename: join(folder, "kubernaut.db") }), { local: true })
        )
      const results = yield* Effect.all([process(30), process(10)], { concurrency: "unbounded" })
      assert.isTrue(results.some(Result.isSuccess))
      yield* life(folder, 40, Effect.ignore(run))
      assert.deepStrictEqual(yield* life(folder, 40, check), [])
      assert.isUndefined(yield* life(folder, 40, verify))
      const archived = readdirSync(join(folder, "archive"))
        .filter((name) => name.startsWith("remediations-") && name.endsWith(".gz"))
        .flatMap((name) => linesOf(folder, name))
        .map(({ remediation }) => (remediation as { readonly id: string }).id)
      assert.includeMembers(archived, ["old", "day-1", "day-2", "day-3"].map(remediationId))
    }).pipe(Effect.scoped)
  )

  it.effect("a part that a crash left is neither completed nor kept for ever", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      mkdirSync(join(folder, "archive"))
      const part = join(folder, "archive", "remediations-000001.jsonl.gz.1.part")
      writeFileSync(part, "half", { mode: 0o644 })
      utimesSync(part, 0, 0)
      yield* life(folder, 40, run)
      assert.isFalse(isBeingWritten(folder))
      assert.strictEqual(statSync(join(folder, "archive", "remediations-000001.jsonl.gz")).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* life(folder, 40, check), [])
    }).pipe(Effect.scoped)
  )

  it.effect("a part that another process removes meanwhile is no failure", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      mkdirSync(join(folder, "archive"))
      // Listed, and gone when it is looked at.
      symlinkSync("gone", join(folder, "archive", "remediations-000001.jsonl.gz.2.part"))
      assert.strictEqual((yield* life(folder, 40, run)).remediations, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("the database refuses to delete a journal or an audit line that no checkpoint covers", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      yield* life(folder, 40, run)
      const database = new DatabaseSync(join(folder, "kubernaut.db"))
      for (const table of ["remediation_events", "audit", "archives", "archived_remediations"])
        assert.throws(() => database.exec(`delete from ${table}`), /append-only/, table)
      database.close()
    }).pipe(Effect.scoped)
  )

  it.effect("audit lines from a broken link on are not archived, so that the evidence stays", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      const database = new DatabaseSync(join(folder, "kubernaut.db"))
      database.exec("drop trigger audit_no_update; update audit set actor = 'eve' where sequence = 2")
      database.close()
      const error = yield* Effect.flip(life(folder, 40, run))
      assert.match(error.message, /audit line 2 /)
      assert.deepStrictEqual(
        readdirSync(join(folder, "archive")).filter((name) => name.endsWith(".part")),
        []
      )
      assert.strictEqual(yield* life(folder, 40, verify), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("only the owner can read the files and the key", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* incident(folder)
      yield* life(folder, 40, run)
      const modes = readdirSync(join(folder, "archive")).map((file) =>
        (statSync(join(folder, "archive", file)).mode & 0o777).toString(8)
      )
      assert.deepStrictEqual([...new Set(modes)], ["600"])
      assert.isTrue(existsSync(join(folder, "archive", "archive.key")))
    }).pipe(Effect.scoped)
  )
})
