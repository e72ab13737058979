import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { claim, folderOf } from "../../../src/storage/spool/SpoolPlace.ts"
import { append, as, directory, drain, life } from "./Lives.ts"
import { firing, named } from "./Posts.ts"

describe("two databases in one directory", () => {
  it.effect("have spools of their own, so that no service replays what the other has accepted", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const root = join(data, "spool")
      const [one, other] = ["one.db", "other.db"].map((name) => ({ cluster: "prod", database: join(data, name) }))
      yield* life(root, one, append("a", "b"))
      yield* life(root, other, (spool) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* as("2")(spool), [])
          yield* append("c")(spool)
          // Both at the same time.
          assert.deepStrictEqual(yield* life(root, one, as("1")), ["a", "b"])
        })
      )
      assert.deepStrictEqual(yield* life(root, other, as("2")), ["c"])
    })
  )

  it("and two clusters have folders whose names say whose they are", () => {
    const folders = [
      { cluster: "prod", database: "/data/kubernaut.db" },
      { cluster: "staging", database: "/data/kubernaut.db" },
      { cluster: "prod", database: "/data/other.db" },
      { cluster: "prod", database: "/elsewhere/kubernaut.db" },
      { cluster: "../../etc", database: "/data/kubernaut.db" }
    ].map((owner) => folderOf("/data/spool", owner))
    assert.strictEqual(new Set(folders).size, folders.length)
    assert.match(folders[0]!, /^\/data\/spool\/prod-kubernaut\.db-[0-9a-f]{8}$/)
    assert.match(folders[4]!, /^\/data\/spool\/\.\._\.\._etc-kubernaut\.db-[0-9a-f]{8}$/)
  })
})

describe("the spool of a database", () => {
  it.effect("is found again by the next process, and when both are moved together", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const before = { cluster: "prod", database: join(data, "a", "kubernaut.db") }
      yield* life(join(data, "a", "spool"), before, (spool) => Effect.andThen(spool.belongTo("1"), append("a")(spool)))
      renameSync(join(data, "a"), join(data, "b"))
      const after = { cluster: "prod", database: join(data, "b", "kubernaut.db") }
      assert.deepStrictEqual(yield* life(join(data, "b", "spool"), after, as("1")), ["a"])
    })
  )

  it.effect("is left alone by another database in its place, until an operator gives it to that one", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const root = join(data, "spool")
      const owner = { cluster: "prod", database: join(data, "kubernaut.db") }
      yield* life(root, owner, (spool) => Effect.andThen(spool.belongTo("1"), append("a")(spool)))
      yield* life(root, owner, (spool) =>
        Effect.gen(function* () {
          yield* spool.belongTo("2")
          assert.isFalse(spool.isInUse())
          assert.include((yield* spool.status).fault, "belongs to another database of the cluster prod")
          assert.strictEqual((yield* Effect.flip(spool.append(firing("b")))).reason, "foreign")
          assert.strictEqual((yield* Effect.flip(spool.oldest)).reason, "foreign")
          rmSync(join(folderOf(root, owner), "owner.json"))
          assert.strictEqual(named((yield* spool.oldest).entry), "a")
          assert.deepStrictEqual(yield* drain(spool), ["a"])
          assert.isUndefined((yield* spool.status).fault)
        })
      )
    })
  )

  it.effect.each([
    { what: "is cut short", content: '{"identity":"1"' },
    { what: "is empty", content: "" },
    { what: "is of another form", content: '{"version":2}' }
  ])("is left alone by every database where owner.json $what: what is not understood is not absent", ({ content }) =>
    Effect.gen(function* () {
      const root = join(yield* directory, "spool")
      const owner = { cluster: "prod", database: "/data/kubernaut.db" }
      yield* life(root, owner, (spool) => Effect.andThen(spool.belongTo("1"), append("a")(spool)))
      const file = join(folderOf(root, owner), "owner.json")
      writeFileSync(file, content)
      yield* life(root, owner, (spool) =>
        Effect.gen(function* () {
          yield* spool.belongTo("2")
          assert.include((yield* spool.status).fault, `${file} cannot be read`)
          assert.strictEqual((yield* Effect.flip(spool.append(firing("b")))).reason, "foreign")
          assert.strictEqual((yield* Effect.flip(spool.oldest)).reason, "foreign")
          assert.strictEqual(readFileSync(file, "utf8"), content)
          // An operator has looked, and gives it to this database.
          rmSync(file)
          assert.strictEqual(named((yield* spool.oldest).entry), "a")
        })
      )
    })
  )

  it.effect("is not held up by another folder whose owner cannot be read", () =>
    Effect.gen(function* () {
      const root = join(yield* directory, "spool")
      const other = folderOf(root, { cluster: "prod", database: "/data/other.db" })
      mkdirSync(other, { recursive: true })
      writeFileSync(join(other, "owner.json"), "")
      const owner = { cluster: "prod", database: "/data/kubernaut.db" }
      assert.deepStrictEqual(yield* life(root, owner, (spool) => Effect.andThen(append("a")(spool), as("1")(spool))), [
        "a"
      ])
    })
  )

  it.effect("is used before the database is open, and is that of the database when it opens", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const owner = { cluster: "prod", database: join(data, "kubernaut.db") }
      const waited = yield* life(join(data, "spool"), owner, (spool) =>
        Effect.andThen(append("a")(spool), as("1")(spool))
      )
      assert.deepStrictEqual(waited, ["a"])
    })
  )

  describe("that belongs to another database than the one that opens", () => {
    const owner = { cluster: "prod", database: "/data/kubernaut.db" }
    /** Database 1 has left one alert; then its place has 2, for which two are accepted before it is open. */
    const replaced = Effect.gen(function* () {
      const root = join(yield* directory, "spool")
      yield* life(root, owner, (spool) => Effect.andThen(spool.belongTo("1"), append("of 1")(spool)))
      const { fault, posts } = yield* life(root, owner, (spool) =>
        Effect.gen(function* () {
          yield* append("of 2", "also of 2")(spool)
          yield* spool.belongTo("2")
          assert.isFalse(spool.isInUse())
          return yield* spool.status
        })
      )
      assert.strictEqual(posts, 0)
      assert.include(fault, "belongs to another database of the cluster prod. 3 alerts wait there")
      return { root, ownerFile: join(folderOf(root, owner), "owner.json") }
    })

    it.effect("keeps what was accepted for that one from the database to which it belongs", () =>
      Effect.gen(function* () {
        const { root } = yield* replaced
        const drained = yield* life(root, owner, (spool) =>
          Effect.andThen(spool.belongTo("1"), Effect.andThen(append("later")(spool), drain(spool)))
        )
        assert.deepStrictEqual(drained, ["of 1", "later"])
      })
    )

    it.effect("gives it to that one, in order, when an operator gives it the folder", () =>
      Effect.gen(function* () {
        const { ownerFile, root } = yield* replaced
        yield* TestClock.adjust("1 minute")
        yield* life(root, owner, (spool) =>
          Effect.gen(function* () {
            yield* append("another of 2")(spool)
            yield* spool.belongTo("2")
            assert.include((yield* spool.status).fault, "4 alerts wait there")
            rmSync(ownerFile)
            assert.strictEqual(named((yield* spool.oldest).entry), "of 1")
            assert.deepStrictEqual(yield* drain(spool), ["of 1", "of 2", "also of 2", "another of 2"])
          })
        )
        assert.deepStrictEqual(yield* life(root, owner, as("2")), [])
      })
    )

    it.effect("gives it to that one also if the folder is given before it opens", () =>
      Effect.gen(function* () {
        const { ownerFile, root } = yield* replaced
        rmSync(ownerFile)
        assert.deepStrictEqual(yield* life(root, owner, as("2")), ["of 1", "of 2", "also of 2"])
      })
    )

    it.effect("begins a use of its own for it, so that its database misses no entry before it", () =>
      Effect.gen(function* () {
        const { ownerFile, root } = yield* replaced
        rmSync(ownerFile)
        const uses = yield* life(root, owner, (spool) =>
          Effect.gen(function* () {
            yield* spool.belongTo("2")
            const found: Array<readonly [string, number]> = []
            while ((yield* spool.status).posts > 0) {
              const { entry } = yield* spool.oldest
              found.push([entry.spool, entry.sequence])
              yield* spool.replayed(entry)
            }
            return found
          })
        )
        assert.deepStrictEqual(
          uses.map(([, sequence]) => sequence),
          [1, 1, 2]
        )
        assert.strictEqual(new Set(uses.map(([use]) => use)).size, 2)
      })
    )
  })

  it.effect("names other folders in which alerts of the same database wait", () =>
    Effect.gen(function* () {
      const root = join(yield* directory, "spool")
      const before = { cluster: "prod", database: "/data/kubernaut.db" }
      const after = { cluster: "prod", database: "/moved/kubernaut.db" }
      yield* life(root, before, (spool) => Effect.andThen(spool.belongTo("1"), append("a")(spool)))
      yield* life(root, { ...before, cluster: "empty" }, (spool) => spool.belongTo("1"))
      mkdirSync(folderOf(root, after))
      assert.deepStrictEqual(yield* Effect.promise(() => claim(folderOf(root, after), "1", after)), [
        folderOf(root, before)
      ])
    })
  )
})
