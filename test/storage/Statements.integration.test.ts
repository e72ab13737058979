/** How SQLite executes the statements of storage. */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import * as Storage from "../../src/storage/Storage.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-statements-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

describe("the statements of storage", () => {
  it.effect("search by an index, so that a year of history does not slow them down", () =>
    Effect.gen(function* () {
      const prepared = vi.spyOn(DatabaseSync.prototype, "prepare")
      yield* Effect.addFinalizer(() => Effect.sync(() => prepared.mockRestore()))
      const file = join(yield* directory, "kubernaut.db")
      yield* Effect.provide(Effect.void, Storage.layerSqlite({ filename: file }), { local: true })
      const texts = prepared.mock.calls
        .map(([sql]) => sql.trim())
        .filter((sql) => /^(select|insert|update|with)/.test(sql))
      assert.isAbove(texts.length, 25)
      prepared.mockRestore()
      const database = new DatabaseSync(file)
      const scans = texts
        // Migrations run once. One of them fills a table under another name.
        .filter((sql) => !/kubernaut_migrations|archived_content|sqlite_schema|insert into figures select/.test(sql))
        .flatMap((sql) =>
          database
            .prepare(`explain query plan ${sql}`)
            .all()
            .map((row) => String(row["detail"]))
            // Open rows and pending reviews have small partial indices of their own. `e` and `(subquery)` are results of
            // a search. `archives` has a row for each file. The journal of changes has a cursor for each kind and few gaps,
            // reads its snapshots once at start, and counts by an index when it drops the oldest. `json_each` is a list in
            // a parameter. `r` and `l` (the level) are one row, and `there` has a
            // row for each kind. At most two orders stand. The figures are counters, `newest` has 100 rows, a level has one,
            // few accounts are suspended, and broken lines are few; a sink has one position, and few conditions last.
            .filter(
              (step) =>
                step.startsWith("SCAN")
                && !/remediations_open|reviews_waiting|change_gaps|change_cursors|change_snapshots|changes_object|sqlite_autoindex_changes_1|json_each|standing_orders|audit_breaks|audit_acknowledgements|account_suspensions|levels|newest|figures|notification_positions|conditions|^SCAN (e|l|r|there|\(subquery-\d+\))$|^SCAN archives$|CONSTANT ROW/.test(
                  step
                )
            )
            .map((step) => `${step}: ${sql}`)
        )
      database.close()
      // Each of these reads a few rows from one end.
      assert.deepStrictEqual(
        scans.map((scan) => scan.slice(0, scan.indexOf(":"))),
        [
          "SCAN audit",
          // Where the newest 5000 end, by id.
          "SCAN remediations USING COVERING INDEX sqlite_autoindex_remediations_1",
          "SCAN remediations USING INDEX sqlite_autoindex_remediations_1",
          "SCAN action_history"
        ]
      )
    })
  )
})
