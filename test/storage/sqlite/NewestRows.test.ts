import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll, assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as NewestRows from "../../../src/storage/sqlite/NewestRows.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { minute } from "../Incident.ts"

const directory = mkdtempSync(join(tmpdir(), "kubernaut-newest-rows-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const file = join(directory, "kubernaut.db")
Effect.runSync(Effect.scoped(Layer.build(Storage.layerSqlite({ filename: file }))))

const columns = "verdict"
const where = "writing = 1 and applied <> 'no'"

/** The reads of all rows, of one row, and of the version. */
interface Reads {
  all: number
  one: number
}

/** A process that writes to the file and reads from it. */
const connect = (at: typeof NewestRows.countsFrom | "ended_at") => {
  const database = new DatabaseSync(file)
  database.exec("pragma foreign_keys = off; pragma synchronous = off")
  const reads: Reads = { all: 0, one: 0 }
  const counted = new Proxy(database, {
    get: (target, property) => {
      if (property !== "prepare") return Reflect.get(target, property, target) as unknown
      return (sql: string) => {
        const statement = target.prepare(sql)
        return {
          all: (...params: ReadonlyArray<never>) => (reads.all++, statement.all(...params)),
          get: (...params: ReadonlyArray<never>) => {
            if (sql.includes("execution_id = ?")) reads.one++
            return statement.get(...params)
          }
        }
      }
    }
  })
  const rows = NewestRows.make(counted, { at, columns, where, decode: (row) => ({ ...row }) })
  const plain = database.prepare(
    `select rowid, execution_id, ${at} as placed_at, ${columns} from action_history
       where cluster = ? and ${at} >= ? and ${where} order by ${at} desc, rowid desc limit ?`
  )
  const run = (sql: string, ...params: ReadonlyArray<string | number | null>) =>
    void database.prepare(sql).run(...params)
  return {
    database,
    reads,
    rows,
    intend: (id: string, time: string, cluster = "test") => {
      run(
        `insert or replace into action_history
           (execution_id, remediation_id, cluster, target_key, alert_name, action, at, ended_at, applied)
         values (?, 'r', ?, 't', 'a', 'RestartWorkload', ?, ?, 'unknown')`,
        id,
        cluster,
        time,
        time
      )
      rows.changed(id)
    },
    execute: (id: string, applied: string, time: string) => {
      run("update action_history set applied = ?, executed_at = ? where execution_id = ?", applied, time, id)
      rows.changed(id)
    },
    verify: (id: string, verdict: string, time: string) => {
      run("update action_history set verdict = ?, ended_at = ? where execution_id = ?", verdict, time, id)
      rows.changed(id)
    },
    remove: (id: string) => {
      run("delete from action_history where execution_id = ?", id)
      rows.deleted()
    },
    plainly: (cluster: string, since: string, limit: number) =>
      plain.all(cluster, since, limit).map((row) => ({ ...row }) as unknown)
  }
}
type Process = ReturnType<typeof connect>

const Few = Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
const Applied = Schema.Literals(["yes", "no", "unknown"])
const Verdict = Schema.Literals(["fixed", "not-fixed"])
const cluster = Schema.Literals(["test", "test", "test", "other"])
const Write = Schema.Union([
  // A time may lie before those that are known: the clock may be set back.
  Schema.TaggedStruct("intend", { id: Few, time: Few, cluster }),
  Schema.TaggedStruct("execute", { id: Few, applied: Applied, time: Few }),
  Schema.TaggedStruct("verify", { id: Few, verdict: Verdict, time: Few }),
  Schema.TaggedStruct("remove", { id: Few })
])
const Step = Schema.Union([
  Schema.TaggedStruct("write", { by: Schema.Literals([0, 0, 0, 1]), write: Write }),
  Schema.TaggedStruct("batch", { writes: Schema.Array(Write), end: Schema.Literals(["commit", "rollback"]) }),
  Schema.TaggedStruct("read", { since: Few, limit: Schema.Literals([1, 2, 3, 8]), cluster }),
  Schema.TaggedStruct("readWithin", { write: Write, since: Few, limit: Schema.Literals([1, 2, 3, 8]) })
])

const write = (process: Process, step: typeof Write.Type): void => {
  const id = `e${step.id}`
  switch (step._tag) {
    case "intend":
      return process.intend(id, minute(step.time), step.cluster)
    case "execute":
      return process.execute(id, step.applied, minute(step.time))
    case "verify":
      return process.verify(id, step.verdict, minute(step.time))
    case "remove":
      return process.remove(id)
  }
}

const same = ({ plainly, rows }: Process, ...question: readonly [string, string, number]): void =>
  assert.deepStrictEqual(
    rows.since(...question).map((row) => ({ ...row }) as unknown),
    plainly(...question)
  )

it.effect.prop(
  "rows from memory are those of the query, no matter who wrote, in whatever order, and whatever was rolled back",
  [Schema.Array(Step).check(Schema.isMaxLength(40)), Schema.Literals([NewestRows.countsFrom, "ended_at"])],
  ([steps, at]) =>
    Effect.sync(() => {
      const processes = [connect(at), connect(at)] as const
      const [mine] = processes
      mine.database.exec("delete from action_history")
      for (const step of steps) {
        if (step._tag === "write") write(processes[step.by], step.write)
        else if (step._tag === "read") {
          for (const process of processes) same(process, step.cluster, minute(step.since), step.limit)
        } else if (step._tag === "batch") {
          mine.database.exec("begin immediate")
          for (const each of step.writes) write(mine, each)
          mine.database.exec(step.end)
        } else {
          // A transaction that a failed rollback has left open.
          mine.database.exec("begin immediate")
          write(mine, step.write)
          same(mine, "test", minute(step.since), step.limit)
          mine.database.exec("rollback")
        }
        same(mine, "test", minute(2), 3)
      }
      for (const { database } of processes) database.close()
    }),
  { arbitrary: { runs: 300 } }
)

it("a process that alone writes reads each row that changed once, however many are kept", () => {
  const process = connect(NewestRows.countsFrom)
  process.database.exec("delete from action_history")
  for (let index = 0; index < 100; index++) process.intend(`e${index}`, minute(index))
  same(process, "test", minute(0), 50)
  const { all } = process.reads
  for (let index = 100; index < 300; index++) {
    process.intend(`e${index}`, minute(index))
    process.rows.since("test", minute(0), 50)
  }
  assert.deepStrictEqual({ ...process.reads, all: process.reads.all - all }, { all: 0, one: 200 })
  same(process, "test", minute(0), 50)
  process.database.close()
})

it.each([
  { claim: "after the clock was set back behind what is kept", first: [5, 6, 7], later: [3], limits: [2, 3] },
  { claim: "after most of what was kept was dropped", first: [1], later: [2, 3, 4, 5], limits: [2, 2, 4] }
])("rows from memory are those of the query $claim", ({ first, later, limits }) => {
  const process = connect(NewestRows.countsFrom)
  process.database.exec("delete from action_history")
  for (const time of first) process.intend(`e${time}`, minute(time))
  const [before, ...after] = limits
  same(process, "test", minute(0), before!)
  for (const time of later) {
    process.intend(`e${time}`, minute(time))
    process.rows.since("test", minute(2), before!)
  }
  for (const limit of after) same(process, "test", minute(0), limit)
  process.database.close()
})
