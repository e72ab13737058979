import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as LevelFiles from "../../src/storage/LevelFiles.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-levels-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
)

/** A process with its file. `content`: what it keeps there. */
const process = Effect.fnUntraced(function* (path: string, name = "some") {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const self: { content: string | undefined } = { content: undefined }
  const left: Array<string> = []
  const seen: { beside: ReadonlyArray<string>; living: ReadonlyArray<string> } = { beside: [], living: [] }
  const files = yield* Scope.provide(
    LevelFiles.make(path, {
      name,
      content: () => self.content,
      found: (found) => {
        left.push(...found.left)
        seen.beside = found.beside.map(({ isLocked, text }) => (isLocked ? text : `left: ${text}`))
        seen.living = [...found.living]
      }
    }),
    scope
  )
  return {
    left,
    seen,
    looks: files.answer,
    keeps: (content: string | undefined) =>
      Effect.promise(() => {
        self.content = content
        return files.store()
      }),
    ends: Scope.close(scope, Exit.void)
  }
})

describe("the files of processes that keep their levels at one path", () => {
  it.effect("are one for each process, and none takes up that of another one that is there", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "spool.level.json")
      const [one, other] = [yield* process(path), yield* process(path)]
      yield* one.looks
      yield* other.looks
      yield* one.keeps("emergency")
      yield* other.keeps("well")
      assert.strictEqual(readFileSync(path, "utf8"), "emergency")
      for (let look = 0; look < 20; look++) yield* other.looks
      yield* (yield* process(path)).looks
      assert.deepStrictEqual([...one.left, ...other.left], [])
      yield* other.keeps(undefined)
      assert.isTrue(existsSync(path))
    })
  )

  it.effect("are the one at the path where a process is alone, and the next one finds it at once", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "spool.level.json")
      for (const life of [1, 2, 3]) {
        const one = yield* process(path)
        yield* one.looks
        assert.deepStrictEqual(one.left, life === 1 ? [] : [`life ${life - 1}`])
        yield* one.keeps(`life ${life}`)
        yield* one.ends
      }
      assert.strictEqual(readFileSync(path, "utf8"), "life 3")
    })
  )

  it.effect("are found by a process that runs 25 seconds after the one that has left one, and then go", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const path = join(directory, "spool.level.json")
      const [one, other] = [yield* process(path), yield* process(path)]
      yield* one.looks
      yield* other.looks
      yield* one.keeps("emergency")
      yield* one.ends
      for (let look = 0; look < 5; look++) yield* other.looks
      assert.deepStrictEqual(other.left, [])
      assert.deepStrictEqual(other.seen.beside, ["left: emergency"])
      yield* other.looks
      assert.deepStrictEqual(other.left, ["emergency"])
      // It may end before it has stored elsewhere what it has found.
      assert.isTrue(existsSync(path))
      yield* other.keeps("both")
      assert.isFalse(existsSync(path))
      yield* other.keeps(undefined)
      assert.deepStrictEqual(
        readdirSync(directory).filter((name) => name.endsWith(".json")),
        []
      )
    })
  )

  it.effect("are read, and stay, where their processes are there when another one begins", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "spool.level.json")
      const [one, quiet] = [yield* process(path, "one"), yield* process(path, "quiet")]
      yield* one.looks
      yield* quiet.looks
      yield* one.keeps("emergency")
      const next = yield* process(path)
      yield* next.looks
      assert.deepStrictEqual(next.seen, {
        beside: ["emergency"],
        living: ["one", "quiet"]
      })
      assert.deepStrictEqual(next.left, [])
      yield* next.keeps("well")
      assert.strictEqual(readFileSync(path, "utf8"), "emergency")
      yield* one.keeps("dismissed")
      yield* next.looks
      assert.deepStrictEqual(next.seen.beside, ["dismissed"])
    })
  )

  it.effect("are all found by a process that starts after several have ended", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "spool.level.json")
      const processes = yield* Effect.replicateEffect(process(path), 3)
      for (const [index, each] of processes.entries()) {
        yield* each.looks
        yield* each.keeps(`process ${index}`)
      }
      for (const each of processes) yield* each.ends
      const next = yield* process(path)
      yield* next.looks
      assert.deepStrictEqual(next.left, ["process 0", "process 1", "process 2"])
    })
  )

  it.effect("are written, and removed, as soon as the disk does it, where it has failed once", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "spool.level.json")
      const [one, other] = [yield* process(path), yield* process(path)]
      yield* one.looks
      yield* other.looks
      yield* other.keeps("other")
      mkdirSync(`${path}.new`)
      yield* one.keeps("emergency")
      assert.isFalse(existsSync(path))
      rmdirSync(`${path}.new`)
      yield* one.looks
      assert.strictEqual(readFileSync(path, "utf8"), "emergency")
      yield* other.ends
      const second = path.replace(".json", ".2.json")
      for (let look = 0; look < 6; look++) yield* one.looks
      assert.deepStrictEqual(one.left, ["other"])
      rmSync(second)
      mkdirSync(second)
      yield* one.keeps("both")
      rmdirSync(second)
      writeFileSync(second, "other")
      yield* one.looks
      assert.isFalse(existsSync(second))
    })
  )

  it.effect("are at another place for a process whose lock was removed, where another one has its place since", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const path = join(directory, "spool.level.json")
      const one = yield* process(path, "one")
      yield* one.looks
      for (const name of readdirSync(directory)) rmSync(join(directory, name))
      const other = yield* process(path, "other")
      yield* other.looks
      yield* other.keeps("other")
      yield* one.keeps("emergency")
      assert.strictEqual(readFileSync(path, "utf8"), "other")
      const next = yield* process(path, "next")
      yield* next.looks
      assert.deepStrictEqual(next.seen, { beside: ["other", "emergency"], living: ["other", "one"] })
      assert.deepStrictEqual([...one.left, ...other.left, ...next.left], [])
    })
  )

  it.effect(
    "are read at the start where no lock can be taken, as on a volume that is read-only, and not after it",
    () =>
      Effect.gen(function* () {
        const path = join(yield* folder, "spool.level.json")
        writeFileSync(path, "emergency")
        for (const place of ["", ".2", ".3", ".4", ".5", ".6", ".7", ".8"])
          mkdirSync(path.replace(".json", `${place}.lock`))
        const one = yield* process(path)
        yield* one.looks
        assert.deepStrictEqual([one.left, one.seen.beside], [[], ["left: emergency"]])
        yield* one.keeps("well")
        yield* one.looks
        assert.deepStrictEqual([one.left, one.seen.beside], [[], []])
        assert.strictEqual(readFileSync(path, "utf8"), "emergency")
      })
  )

  it.effect("are none where the folder is away, and nothing is made there", () =>
    Effect.gen(function* () {
      const directory = join(yield* folder, "away")
      const one = yield* process(join(directory, "spool.level.json"))
      yield* one.looks
      yield* one.keeps("emergency")
      assert.isFalse(existsSync(directory))
      writeFileSync(directory, "a file")
      yield* one.looks
      assert.deepStrictEqual(one.left, [])
    })
  )
})
