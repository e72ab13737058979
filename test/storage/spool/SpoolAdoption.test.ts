import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { make } from "../../../src/storage/spool/AlertSpool.ts"
import * as NodeSpoolDisk from "../../../src/storage/spool/NodeSpoolDisk.ts"
import type { SpooledPost } from "../../../src/storage/spool/SpooledPost.ts"
import { folderOf } from "../../../src/storage/spool/SpoolPlace.ts"
import { append, as, database, directory, drain, life, limits } from "./Lives.ts"
import { ended, firing } from "./Posts.ts"

/** A service whose database lies beside the spool. The posts of the tests are about its cluster. */
const service = Effect.gen(function* () {
  const data = yield* directory
  const owner = { cluster: "test", database: join(data, "kubernaut.db") }
  database(owner.database)
  const root = join(data, "spool")
  return { data, root, owner, folder: folderOf(root, owner) }
})

/** A post that a service of another cluster has received, or that ours has only recorded. */
const about = (cluster: string, observed?: string): SpooledPost => {
  const post = firing("elsewhere")
  const only = observed === undefined ? {} : { observed }
  return { ...post, firing: post.firing.map((each) => ({ ...each, target: { ...each.target, cluster }, ...only })) }
}

const spoolsIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".spool"))

describe("alerts that an earlier version has left", () => {
  it.effect("are taken over once, in order, by the only service that they can belong to", () =>
    Effect.gen(function* () {
      const { owner, root } = yield* service
      yield* life(root, undefined, append("a", "b"))
      assert.deepStrictEqual(yield* life(root, owner, (spool) => Effect.andThen(append("c")(spool), as("1")(spool))), [
        "a",
        "b",
        "c"
      ])
      assert.deepStrictEqual(yield* life(root, owner, as("1")), [])
    })
  )

  it.effect("are taken over although the folder of the service exists: the files decide", () =>
    Effect.gen(function* () {
      const { folder, owner, root } = yield* service
      yield* life(root, undefined, append("a"))
      mkdirSync(folder)
      assert.deepStrictEqual(yield* life(root, owner, as("1")), ["a"])
    })
  )

  it.effect("are taken over when the process that left them is gone, whatever was written meanwhile", () =>
    Effect.gen(function* () {
      const { folder, owner, root } = yield* service
      const disk = yield* NodeSpoolDisk.make(root, owner)
      // The new process begins while the old one has the folder.
      yield* life(root, undefined, (old) =>
        Effect.gen(function* () {
          yield* append("a")(old)
          assert.include((yield* (yield* make(disk, limits)).status).fault, "another process has")
          writeFileSync(join(folder, "notice.json"), "{}")
        })
      )
      assert.deepStrictEqual(yield* as("1")(yield* make(disk, limits)), ["a"])
    })
  )

  it.effect.each([
    { what: "before newer ones", own: 10, left: 5, order: ["left", "own"] },
    { what: "behind older ones", own: 5, left: 10, order: ["own", "left"] }
  ])("of a service that has alerts of its own come $what", ({ left, order, own }) =>
    Effect.gen(function* () {
      const { owner, root } = yield* service
      yield* life(root, owner, (spool) => Effect.andThen(spool.belongTo("1"), spool.append(firing("own", own))))
      yield* life(root, undefined, (spool) => spool.append(firing("left", left)))
      assert.deepStrictEqual(yield* life(root, owner, as("1")), order)
    })
  )

  it.effect.each([{ folderExists: false }, { folderExists: true }])(
    "are taken over by the start that follows a crash halfway; the folder exists: $folderExists",
    ({ folderExists }) =>
      Effect.gen(function* () {
        const { folder, owner, root } = yield* service
        yield* life(root, undefined, append("a"))
        writeFileSync(join(root, "refused-x-1.spool"), "kept")
        // An earlier version moved the files in two steps, and had moved the first one when it was killed.
        mkdirSync(`${folder}.adopting`)
        renameSync(join(root, "alerts-000001.spool"), join(`${folder}.adopting`, "alerts-000001.spool"))
        if (folderExists) mkdirSync(folder)
        assert.deepStrictEqual(yield* life(root, owner, as("1")), ["a"])
        assert.include(readdirSync(folder), "refused-x-1.spool")
        assert.deepStrictEqual(
          readdirSync(root).filter((name) => name.endsWith(".spool") || name.endsWith(".adopting")),
          []
        )
      })
  )

  it.effect("are taken over although the file system has folders of its own there", () =>
    Effect.gen(function* () {
      const { owner, root } = yield* service
      yield* life(root, undefined, append("a"))
      mkdirSync(join(root, "lost+found"))
      chmodSync(join(root, "lost+found"), 0)
      assert.deepStrictEqual(yield* life(root, owner, as("1")), ["a"])
      rmSync(join(root, "lost+found"), { recursive: true })
    })
  )

  it.effect("are taken over with what was only recorded of another cluster, and ends of it", () =>
    Effect.gen(function* () {
      const { owner, root } = yield* service
      const end = ended("x", 3)
      yield* life(root, undefined, (spool) =>
        Effect.andThen(
          spool.append(about("other", "it is about another cluster")),
          spool.append({ ...end, resolved: end.resolved.map((each) => ({ ...each, cluster: "other" })) })
        )
      )
      assert.deepStrictEqual(yield* life(root, owner, as("1")), ["elsewhere", "x ended"])
    })
  )
})

describe("alerts of which nobody knows whose they are", () => {
  it.effect.each([
    {
      what: "another database lies beside this one",
      arrange: (data: string) => database(join(data, "other.db"))
    },
    {
      what: "another service has a folder there",
      arrange: (data: string) => {
        mkdirSync(join(data, "spool", "staging-other.db-01234567"))
        writeFileSync(join(data, "spool", "staging-other.db-01234567", "owner.json"), "{}")
      }
    },
    {
      what: "a process with a spool of any name has a folder there",
      arrange: (data: string) => {
        mkdirSync(join(data, "spool", "other"))
        writeFileSync(join(data, "spool", "other", "alerts-000001.spool"), "")
      }
    },
    {
      what: "nothing of a file can be read",
      arrange: (data: string) => writeFileSync(join(data, "spool", "alerts-000002.spool"), "torn")
    }
  ])("stay where they are where $what", ({ arrange }) =>
    Effect.gen(function* () {
      const { data, owner, root } = yield* service
      yield* life(root, undefined, append("a"))
      arrange(data)
      const before = spoolsIn(root)
      assert.deepStrictEqual(yield* life(root, owner, as("1")), [])
      assert.deepStrictEqual(spoolsIn(root), before)
      assert.deepStrictEqual(yield* life(root, undefined, drain), ["a"])
    })
  )

  it.effect("stay where they are where the database lies elsewhere: other databases may use this folder", () =>
    Effect.gen(function* () {
      const { owner } = yield* service
      const root = join(yield* directory, "spool")
      yield* life(root, undefined, append("a"))
      assert.deepStrictEqual(yield* life(root, owner, as("1")), [])
      assert.deepStrictEqual(yield* life(root, undefined, drain), ["a"])
    })
  )

  it.effect("stay where they are where one is of a service of another cluster", () =>
    Effect.gen(function* () {
      const { owner, root } = yield* service
      yield* life(root, undefined, (spool) => Effect.andThen(append("a")(spool), spool.append(about("other"))))
      assert.deepStrictEqual(yield* life(root, owner, as("1")), [])
      assert.deepStrictEqual(yield* life(root, undefined, drain), ["a", "elsewhere"])
    })
  )

  it.effect("are not touched while the process of the earlier version runs", () =>
    Effect.gen(function* () {
      const { owner, root } = yield* service
      yield* life(root, undefined, (old) =>
        Effect.gen(function* () {
          yield* append("a")(old)
          yield* life(root, owner, (spool) =>
            Effect.gen(function* () {
              assert.include((yield* spool.status).fault, "another process has")
              assert.strictEqual((yield* Effect.flip(spool.append(firing("b")))).reason, "locked")
            })
          )
          assert.deepStrictEqual(yield* drain(old), ["a"])
        })
      )
    })
  )
})
