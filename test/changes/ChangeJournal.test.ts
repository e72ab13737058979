/** The change journal as its readers see it. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ChangeJournal, layerMemory, layerNone } from "../../src/changes/ChangeJournal.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"

const change = (name: string, at: string, n: number): ObjectChange => ({
  id: `chg-0000000000000000000000000${n}`,
  ref: { namespace: "shop", kind: "ConfigMap", name },
  uid: `uid-${name}`,
  operation: "modified",
  fields: [{ path: ["data", "key"], before: "a", after: "b" }],
  at,
  seenAt: at,
  by: { kind: "person", name: "kubectl-edit" },
  resourceVersion: String(n)
})

const early = change("one", "2026-11-24T03:00:00.000Z", 1)
const late = change("two", "2026-11-24T03:05:00.000Z", 2)

describe("a journal that watches nothing", () => {
  it.effect("says of every kind that nobody ever watched it", () =>
    Effect.gen(function* () {
      const journal = yield* ChangeJournal
      assert.deepStrictEqual(yield* journal.gaps(["Service"], early.at), [
        { kind: "Service", from: null, to: null, reason: "not-started" }
      ])
      assert.deepStrictEqual(yield* journal.list({ limit: 10 }), [])
    }).pipe(Effect.provide(layerNone))
  )
})

describe("a journal in memory", () => {
  it.effect("returns the newest changes first, of the objects and the interval that were asked for", () =>
    Effect.gen(function* () {
      const journal = yield* ChangeJournal
      assert.deepStrictEqual(yield* journal.list({ limit: 10 }), [late, early])
      assert.deepStrictEqual(yield* journal.list({ limit: 1 }), [late])
      assert.deepStrictEqual(yield* journal.list({ limit: 10, refs: [early.ref] }), [early])
      assert.deepStrictEqual(yield* journal.list({ limit: 10, since: late.at }), [late])
      assert.deepStrictEqual(yield* journal.list({ limit: 10, until: early.at }), [early])
      assert.deepStrictEqual(yield* journal.find(early.id), early)
    }).pipe(Effect.provide(layerMemory({ changes: [early, late] })))
  )

  it.effect("names an open gap, and leaves out one that ended before", () =>
    Effect.gen(function* () {
      const journal = yield* ChangeJournal
      const gaps = yield* journal.gaps(["Service", "ConfigMap"], "2026-11-24T03:01:00.000Z")
      assert.deepStrictEqual(
        gaps.map(({ kind }) => kind),
        ["Service"]
      )
    }).pipe(
      Effect.provide(
        layerMemory({
          gaps: [
            { kind: "Service", from: early.at, to: null, reason: "forbidden" },
            { kind: "ConfigMap", from: null, to: early.at, reason: "not-started" },
            { kind: "Ingress", from: early.at, to: null, reason: "expired" }
          ]
        })
      )
    )
  )
})
