import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import type { SpentAction } from "../../../src/domain/PastAction.ts"
import { nameOf, targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { deployment, intended, minute, newAlert, started } from "../Incident.ts"

/** The file of a database that several processes open. */
const newFile = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
).pipe(Effect.map((folder) => join(folder, "kubernaut.db")))

/** A process on the database. */
const processOn = (filename: string) =>
  Effect.gen(function* () {
    const store = Context.get(yield* Layer.build(Storage.layerSqlite({ filename })), RemediationStore)
    const begin = Effect.fnUntraced(function* (name: string) {
      const target = deployment(name)
      yield* store.accept([newAlert(name, name, target)], minute(0))
      const { claim, open } = yield* store.claim(targetKey(target), () => [started])
      return { claim, self: Option.getOrThrow(open), event: intended(target, name) }
    })
    const asked: Array<ReadonlyArray<string>> = []
    const admissionOf = (admits: boolean) => ({
      cluster: "test",
      since: minute(0),
      limit: 10,
      admits: (spent: ReadonlyArray<SpentAction>) => {
        asked.push(spent.map(({ target }) => nameOf(target)))
        return admits
      }
    })
    /** Starts an action; whether it was written. */
    const act = Effect.fnUntraced(function* (name: string, admits = true) {
      const { claim, event, self } = yield* begin(name)
      return Option.isSome(yield* store.start(claim, self, [event], minute(1), admissionOf(admits)))
    })
    return { store, begin, act, asked, admissionOf }
  })

describe("the admission of an action", () => {
  it.effect("is not asked while nobody else starts actions", () =>
    Effect.gen(function* () {
      const { act, asked } = yield* processOn(yield* newFile)
      assert.isTrue(yield* act("a"))
      assert.isTrue(yield* act("b"))
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("sees what others have started, and then everything", () =>
    Effect.gen(function* () {
      const database = yield* newFile
      const one = yield* processOn(database)
      const two = yield* processOn(database)
      assert.isTrue(yield* one.act("a"))
      assert.isTrue(yield* two.act("b"))
      assert.deepStrictEqual(two.asked, [["Deployment shop/a"]])
      assert.isTrue(yield* two.act("c"))
      assert.strictEqual(two.asked[1]?.length, 2)
      assert.isTrue(yield* one.act("d"))
      assert.strictEqual(one.asked[0]?.length, 3)
    })
  )

  it.effect("is asked although an own action that needs none came between", () =>
    Effect.gen(function* () {
      const database = yield* newFile
      const one = yield* processOn(database)
      const two = yield* processOn(database)
      yield* two.act("a")
      const approved = yield* one.begin("b")
      yield* one.store.append(approved.claim, approved.self, [approved.event], minute(1))
      yield* one.act("c")
      assert.strictEqual(one.asked.length, 1)
    })
  )

  it.effect("that is refused writes nothing", () =>
    Effect.gen(function* () {
      const database = yield* newFile
      const one = yield* processOn(database)
      const two = yield* processOn(database)
      yield* one.act("a")
      const { claim, event, self } = yield* two.begin("b")
      const refused = yield* two.store.start(claim, self, [event], minute(1), two.admissionOf(false))
      assert.isTrue(Option.isNone(refused))
      assert.deepStrictEqual(Option.getOrThrow(yield* two.store.get(self.id)), self)
    })
  )

  it.effect("is not asked again for what was written, when the same append is repeated", () =>
    Effect.gen(function* () {
      const database = yield* newFile
      const one = yield* processOn(database)
      const two = yield* processOn(database)
      yield* one.act("a")
      const { claim, event, self } = yield* two.begin("b")
      const first = yield* two.store.start(claim, self, [event], minute(1), two.admissionOf(true))
      const again = yield* two.store.start(claim, self, [event], minute(1), two.admissionOf(false))
      assert.deepStrictEqual(again, first)
    })
  )
})
