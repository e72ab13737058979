import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mitigates } from "../../src/changes/Mitigation.ts"
import { find } from "./finding.ts"
import { deployment, refTo, service } from "./objects.ts"
import { alert, at, minutes, modified, state, target } from "./scenes.ts"

const before = [{ from: at(-minutes(40)), to: at(-minutes(20)) }]

describe("a change before an alert that fires again", () => {
  it.each([
    ["while it fired before", -minutes(30), true],
    ["soon after that", -minutes(6), true],
    ["long after that", -minutes(4), false],
    ["before it first fired, as its cause is", -minutes(41), false]
  ] as const)("made %s may be meant to help: %3$s", (_name, seconds, isMeant) =>
    assert.strictEqual(mitigates({ at: at(seconds) }, before) !== undefined, isMeant)
  )

  it.effect("is found with the reason why a person has to decide", () =>
    Effect.gen(function* () {
      const broken = service("checkout", { app: "x" })
      const path = ["spec", "selector", "app"]
      const changes = [modified(refTo("Service", "checkout"), -120, path, { before: "checkout", after: "x" })]
      const cluster = { objects: [deployment("checkout"), broken] }
      const firings = [{ from: at(-600), to: at(-180) }]
      const given = { changes, objects: [broken] }
      const first = yield* find(given, cluster, alert("HighErrorRate"), state({ endpoints: 0 }), target)
      const again = yield* find(given, cluster, alert("HighErrorRate"), state({ endpoints: 0 }), target, firings)
      assert.deepStrictEqual([first.finding, first.ranked[0]?.needsPerson], ["one", undefined])
      assert.strictEqual(again.finding, "one")
      assert.include(again.ranked[0]?.needsPerson, "may have been made to help")
    })
  )

  it("of which no earlier firing is known is not", () => assert.isUndefined(mitigates({ at: at(-20) }, [])))
})
