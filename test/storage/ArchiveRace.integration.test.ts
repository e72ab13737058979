/** Posts that arrive between the checkpoint of an archive's file and the deletion of its content. */

import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { gunzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option } from "effect"
import { Archive } from "../../src/storage/Archive.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { directory, life } from "./ArchiveFolder.ts"
import { concluded, deployment, minute, newAlert, remediationId, started, take } from "./Incident.ts"

const day = 24 * 60
const olderThan = Duration.days(30)
/** More than one step of the deletion. */
const names = Array.from({ length: 120 }, (_, index) => `app-${String(index).padStart(3, "0")}`)
const last = names[names.length - 1]!

const run = Effect.flatMap(Archive, (archive) => archive.run(olderThan))

/** Escalated remediations of the first day, whose alerts nobody has resolved. */
const escalated = Effect.forEach(names, (name) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    yield* store.accept([newAlert(name, `f${name}`, deployment(name))], minute(0))
    const { claim, remediation } = yield* take(deployment(name))
    yield* store.append(claim, remediation, [started, concluded("Escalated")], minute(1))
  })
)

const filesOf = (folder: string): ReadonlyArray<string> =>
  existsSync(join(folder, "archive"))
    ? readdirSync(join(folder, "archive")).filter((name) => /^remediations-\d+\.jsonl\.gz$/.test(name))
    : []

/** The archived lines of a remediation, the oldest first. */
const archived = (folder: string, id: string) =>
  filesOf(folder)
    .toSorted()
    .flatMap((name) =>
      gunzipSync(readFileSync(join(folder, "archive", name)))
        .toString()
        .trimEnd()
        .split("\n")
    )
    .map((line) => JSON.parse(line) as { readonly remediation: Record<string, unknown> })
    .filter(({ remediation }) => remediation["id"] === id)
    .map(({ remediation }) => remediation)

/** Runs the archive, and `meanwhile` as soon as the first file has its name. Returns what `meanwhile` returns. */
const whileDeleting = <A, E, R>(folder: string, meanwhile: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const late = Effect.gen(function* () {
      while (filesOf(folder).length === 0) yield* Effect.yieldNow
      return yield* meanwhile
    })
    const [, result] = yield* Effect.all([run, late], { concurrency: "unbounded" })
    return result
  })

const receive = Effect.flatMap(RemediationStore, (store) =>
  store.accept([newAlert(`${last}-again`, `f${last}`, deployment(last))], minute(40 * day))
)
const resolve = Effect.flatMap(RemediationStore, (store) =>
  store.resolve(
    [{ cluster: "test", fingerprint: `f${last}`, startsAt: minute(0), endsAt: minute(40 * day) }],
    minute(40 * day)
  )
)
const found = Effect.flatMap(RemediationStore, (store) => Effect.map(store.get(remediationId(last)), Option.isSome))

describe("between the checkpoint of a file and the deletion of its content", () => {
  it.effect("an alert that fires keeps its remediation, which is archived again once it is old", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* life(folder, 0, escalated)
      const [received] = yield* life(folder, 40, whileDeleting(folder, receive))
      assert.deepInclude(received, { status: "duplicate", remediationId: remediationId(last) })
      assert.isTrue(yield* life(folder, 40, found))
      // The post is known: another one is still a repeat.
      assert.deepInclude((yield* life(folder, 40, receive))[0], { status: "duplicate" })
      yield* life(folder, 40, run)
      assert.isTrue(yield* life(folder, 40, found))
      yield* life(folder, 80, run)
      assert.isFalse(yield* life(folder, 80, found))
      assert.deepStrictEqual(
        archived(folder, remediationId(last)).map((row) => row["fired_at"]),
        [minute(0), minute(40 * day)]
      )
      assert.deepStrictEqual(
        yield* life(
          folder,
          80,
          Effect.flatMap(Archive, (archive) => archive.check)
        ),
        []
      )
    }).pipe(Effect.scoped)
  )

  it.effect("an alert that is resolved is archived again with its end", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* life(folder, 0, escalated)
      yield* life(folder, 40, whileDeleting(folder, resolve))
      // Its journal has grown, so it is kept as long as any other.
      assert.isTrue(yield* life(folder, 40, found))
      yield* life(folder, 80, run)
      assert.deepStrictEqual(
        archived(folder, remediationId(last)).map((row) => row["resolved"]),
        [0, 1]
      )
      assert.isFalse(yield* life(folder, 80, found))
    }).pipe(Effect.scoped)
  )

  it.effect("the others are deleted, and each is archived once", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* life(folder, 0, escalated)
      yield* life(folder, 40, whileDeleting(folder, receive))
      const left = yield* life(
        folder,
        40,
        Effect.flatMap(RemediationStore, (store) =>
          Effect.filter(names, (name) => Effect.map(store.get(remediationId(name)), Option.isSome))
        )
      )
      assert.deepStrictEqual(left, [last])
      for (const name of names) assert.lengthOf(archived(folder, remediationId(name)), 1)
    }).pipe(Effect.scoped)
  )
})

describe("a database whose archive was made by an earlier version", () => {
  it.effect("archives again what a crash left, because nobody recorded what the file has of it", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* life(folder, 0, escalated)
      yield* life(folder, 40, whileDeleting(folder, receive))
      const database = new DatabaseSync(join(folder, "kubernaut.db"))
      database.exec(`
        drop index audit_breaks;
        drop index audit_acknowledgements;
        drop index audit_breaks_over;
        drop trigger figures_remediation;
        drop trigger figures_remediation_state;
        drop trigger figures_action;
        drop trigger figures_action_outcome;
        drop trigger figures_verdict;
        drop table figures;
        drop table notification_positions;
        drop table outbox;
        drop table conditions;
        drop table database_identity;
        drop table spool_replays;
        drop table early_ends;
        drop table notification_sends;
        drop table condition_position;
        drop table levels;
        drop table account_suspensions;
        drop table model_calls;
        drop index action_history_ended;
        drop index action_history_object;
        alter table action_history drop column object_key;
        alter table action_history drop column writing;
        alter table action_history drop column writes;
        alter table action_history drop column places;
        alter table action_history drop column symptoms;
        alter table action_history drop column reversion;
        alter table action_history drop column ended_at;
        alter table action_history drop column rolled_back_at;
        drop index action_history_target;
        drop index action_history_counted;
        alter table action_history drop column executed_at;
        create index action_history_target on action_history (target_key, at, execution_id);
        create index action_history_cluster on action_history (cluster, at);
        alter table reviews drop column answer_by;
        alter table reviews drop column timed_out;
        alter table archived_remediations rename to newer;
        create table archived_remediations (id text primary key, archive integer not null references archives (sequence));
        drop index archived_remediations_archive;
        create index archived_remediations_archive on archived_remediations (archive);
        insert into archived_remediations (id, archive) select id, archive from newer;
        drop table newer;
        drop table doubts;
        drop table standing_orders;
        drop table changes;
        drop table change_snapshots;
        drop table change_cursors;
        drop table change_gaps;
        delete from kubernaut_migrations where migration_id >= 7;
      `)
      database.close()
      assert.isTrue(yield* life(folder, 80, found))
      yield* life(folder, 80, run)
      assert.isFalse(yield* life(folder, 80, found))
      assert.lengthOf(archived(folder, remediationId(last)), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("keeps the journal of a remediation beyond what a file has", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      yield* life(folder, 0, escalated)
      yield* life(folder, 40, whileDeleting(folder, receive))
      const database = new DatabaseSync(join(folder, "kubernaut.db"))
      database.exec(
        `insert into remediation_events select remediation_id, 99, epoch, kind, at, data from remediation_events where sequence = 1`
      )
      assert.throws(() => database.exec("delete from remediation_events where sequence = 99"), /append-only/)
      database.close()
    }).pipe(Effect.scoped)
  )
})
