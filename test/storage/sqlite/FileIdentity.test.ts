import { copyFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { StorageHealth } from "../../../src/storage/StorageHealth.ts"
import { deployment, minute, newAlert } from "../Incident.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

let alerts = 0

const accept = (store: RemediationStore["Service"]) =>
  Effect.suspend(() => {
    const id = `${++alerts}`
    const alert = newAlert(id, `f${id}`, deployment(`d${id}`), { annotations: { text: "x".repeat(4000) } })
    return store.accept([alert], minute(0))
  })

/** A store on a file with fifty alerts that were stored before it was opened. */
const reopened = Effect.gen(function* () {
  const file = join(yield* temporary, "kubernaut.db")
  const open = Effect.map(Layer.build(Storage.layerSqlite({ filename: file })), (context) => ({
    store: Context.get(context, RemediationStore),
    status: Context.get(context, StorageHealth).status
  }))
  yield* Effect.scoped(
    Effect.flatMap(open, ({ store }) =>
      Effect.forEach(Array.from({ length: 50 }), () => accept(store), { discard: true })
    )
  )
  return { file, ...(yield* open) }
})

const cutShort: ReadonlyArray<readonly [string, (file: string) => void]> = [
  ["emptied", (file) => truncateSync(file)],
  [
    "overwritten by another database",
    (file) => {
      const other = new DatabaseSync(`${file}.other`)
      other.exec("create table other (id)")
      other.close()
      copyFileSync(`${file}.other`, file)
    }
  ]
]

describe("the file of a database that is open", () => {
  for (const [how, act] of cutShort) {
    it.live(`stores no alert after it was ${how} in place`, () =>
      Effect.gen(function* () {
        const { file, store } = yield* reopened
        yield* accept(store)
        act(file)
        const refused = yield* Effect.flip(accept(store))
        assert.match(refused.message, /was deleted, replaced or overwritten/)
      })
    )
  }

  it.live.each(["", "-wal", "-shm"])(
    "refuses alerts while the file system can't look at %j, and is down at once",
    (part) =>
      Effect.gen(function* () {
        const { file, status, store } = yield* reopened
        yield* accept(store)
        // A loop of links stands for a network file system that does not respond.
        renameSync(`${file}${part}`, `${file}.away`)
        symlinkSync(`${file}${part}`, `${file}${part}`)
        const refused = yield* Effect.flip(accept(store))
        assert.include(refused.message, `${file}${part} cannot be looked at: ELOOP`)
        assert.isTrue(refused.retryable)
        assert.strictEqual((yield* status)._tag, "Down")
        rmSync(`${file}${part}`)
        renameSync(`${file}.away`, `${file}${part}`)
        yield* accept(store)
      })
  )

  it.live.each(["-wal", "-shm"])("that a link leads to: stores no alert after its %s was deleted", (part) =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const real = join(folder, "volume.db")
      const link = join(folder, "kubernaut.db")
      yield* Effect.scoped(Layer.build(Storage.layerSqlite({ filename: real })))
      symlinkSync(real, link)
      const store = Context.get(yield* Layer.build(Storage.layerSqlite({ filename: link })), RemediationStore)
      yield* accept(store)
      rmSync(`${real}${part}`)
      assert.match((yield* Effect.flip(accept(store))).message, /was deleted, replaced or overwritten/)
    })
  )

  it.live("stores alerts after another process has compacted it", () =>
    Effect.gen(function* () {
      const { file, store } = yield* reopened
      yield* accept(store)
      const other = new DatabaseSync(file)
      other.exec("pragma wal_checkpoint(truncate)")
      other.exec("create table large (text); insert into large values (zeroblob(1000000)); drop table large")
      other.exec("pragma wal_checkpoint(truncate)")
      yield* accept(store)
      other.exec("vacuum")
      other.exec("pragma wal_checkpoint(truncate)")
      yield* accept(store)
      other.close()
      yield* accept(store)
    })
  )
})
