import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { WatchGap } from "../../src/domain/ObjectChange.ts"
import { find } from "./finding.ts"
import { refTo } from "./objects.ts"
import { at, modified } from "./scenes.ts"

const unrelated = modified(refTo("ConfigMap", "of-others"), -5, ["data", "a"])

describe("the suspects of an alert", () => {
  it.effect(
    "are unknown where a kind went in the interval, with all objects that it had, and not where it went before",
    () =>
      Effect.gen(function* () {
        const gone = (seconds: number) =>
          Effect.map(
            find({ gaps: [{ kind: "HTTPRoute", from: at(seconds), to: null, reason: "not-served" }] }),
            ({ finding }) => finding
          )
        assert.strictEqual(yield* gone(-600), "unknown")
        assert.strictEqual(yield* gone(-86_400 * 2), "nothing-changed")
      })
  )

  it.effect("are unknown where not all changes of an object of the graph are kept, and not for those of another", () =>
    Effect.gen(function* () {
      const dropped = (ref: NonNullable<WatchGap["object"]>) =>
        find({
          changes: [unrelated],
          gaps: [{ kind: ref.kind, object: ref, from: null, to: at(-60), reason: "dropped" }]
        })
      assert.strictEqual((yield* dropped(refTo("Service", "checkout"))).finding, "unknown")
      assert.lengthOf((yield* dropped(refTo("Service", "checkout"))).gaps, 1)
      assert.strictEqual((yield* dropped(refTo("ConfigMap", "of-others"))).finding, "nothing-changed")
      assert.strictEqual((yield* dropped(refTo("ConfigMap", "busy", "elsewhere"))).finding, "nothing-changed")
    })
  )
})
