/** What the journal does with the records of a cluster that no longer exists. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import { catalog, changes, gapsOf, now, process, set } from "./watching.ts"

describe("the change watcher of a sandbox", () => {
  it.effect("knows nothing of a cluster that begins with the process, and takes no object of it for a new one", () =>
    Effect.gen(function* () {
      const database = openMemory()
      const first = yield* Sandbox.make({ fieldManager: "kubectl" })
      yield* process(
        database,
        first,
        Effect.andThen(first.apply(set(catalog, "/spec/replicas", 0)), TestClock.adjust("3 minutes"))
      )
      yield* process(
        database,
        yield* Sandbox.make({ fieldManager: "kubectl" }),
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* changes, [])
          assert.isNotEmpty(yield* gapsOf("Deployment"))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(yield* gapsOf("Deployment", yield* now), [])
        }),
        { isNewCluster: true }
      )
    })
  )
})
