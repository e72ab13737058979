import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { madeAgain } from "../../src/changes/MadeAgain.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { find } from "./finding.ts"
import { deployment, service } from "./objects.ts"
import { alert, at, created, deleted, minutes, modified, own, ref, state, target } from "./scenes.ts"

const replicas = (seconds: number, before: number, after: number, by?: ObjectChange["by"]) =>
  modified(target, seconds, ["spec", "replicas"], { before, after }, by === undefined ? {} : { by })
const policy = ref("NetworkPolicy", "deny")
const env = ["spec", "template", "spec", "containers", { by: "name", value: "app" }, "env"]
const pool = [...env, { by: "name", value: "POOL" }]

describe("a change reverts a write of Kubernaut", () => {
  const rows: ReadonlyArray<readonly [string, boolean, ours: ObjectChange, change: ObjectChange]> = [
    ["that set the field back: the same fault once more", true, replicas(-60, 0, 3, own), replicas(-5, 3, 0)],
    ["of long ago", true, replicas(-minutes(3000), 0, 3, own), replicas(-5, 3, 0)],
    ["that is no undo, such as a larger scale", true, replicas(-60, 3, 5, own), replicas(-5, 5, 3)],
    ["that removed an object", true, deleted(policy, -60, { by: own }), created(policy, -5)],
    ["that created an object again", true, created(target, -60, { by: own }), deleted(target, -5)],
    [
      "that removed a field",
      true,
      modified(target, -60, pool, { before: { name: "POOL", value: "50" } }, { by: own }),
      modified(target, -5, pool, { after: { name: "POOL", value: "50" } })
    ],
    [
      "in one of its fields, which lies deeper",
      true,
      modified(target, -60, ["spec", "strategy"], { before: { type: "Recreate" }, after: { type: "A" } }, { by: own }),
      modified(target, -5, ["spec", "strategy", "type"], { before: "A", after: "Recreate" })
    ],
    [
      "in one of its fields, which lies higher",
      true,
      modified(target, -60, ["spec", "strategy", "type"], { before: "Recreate", after: "A" }, { by: own }),
      modified(target, -5, ["spec", "strategy"], { before: { type: "A" }, after: { type: "Recreate" } })
    ],
    ["with a new value: no, it may be the next release", false, replicas(-60, 0, 3, own), replicas(-5, 3, 1)],
    ["in another field: no", false, modified(target, -60, ["spec", "paused"], {}, { by: own }), replicas(-5, 3, 0)],
    ["that somebody else made: no", false, replicas(-60, 0, 3), replicas(-5, 3, 0)],
    ["if it is one of Kubernaut itself: no", false, replicas(-60, 0, 3, own), replicas(-5, 3, 0, own)],
    ["by deleting what that changed: no", false, replicas(-60, 0, 3, own), deleted(target, -5)]
  ]
  it.each(rows)("%s", (_claim, is, ours, change) => {
    assert.strictEqual(madeAgain(change, [change, ours]) !== undefined, is)
  })

  it("only if that write came before", () => {
    const change = replicas(-60, 3, 0)
    assert.isUndefined(madeAgain(change, [change, replicas(-40, 0, 3, own)]))
  })
})

describe("a suspect that reverts a write of Kubernaut", () => {
  const path = ["spec", "selector", "app"]
  const of = ref("Service", "checkout")
  const broken = service("checkout", { app: "x" })
  const cluster = { objects: [deployment("checkout"), broken] }
  const found = (changes: ReadonlyArray<ObjectChange>) =>
    find({ changes, objects: [broken] }, cluster, alert("CheckoutErrorRateHigh"), state({ endpoints: 0 }))

  it.effect("needs a person, also where that write is older than the interval of the causes", () =>
    Effect.gen(function* () {
      const ours = modified(of, -minutes(60 * 30), path, { before: "x", after: "checkout" }, { by: own })
      const again = modified(of, -20, path, { before: "checkout", after: "x" })
      const { finding, ranked, since } = yield* found([again, ours])
      assert.isBelow(Date.parse(ours.at), Date.parse(since))
      assert.deepStrictEqual([finding, ranked[0]?.change.id], ["one", again.id])
      assert.include(ranked[0]?.needsPerson, `It reverts what Kubernaut wrote at ${at(-minutes(60 * 30))}`)
      assert.strictEqual(ranked[0]?.reasons.at(-1), ranked[0]?.needsPerson)
    })
  )

  it.effect("needs none if it gives a field that Kubernaut has written a new value", () =>
    Effect.gen(function* () {
      const ours = modified(of, -minutes(200), path, { before: "y", after: "checkout" }, { by: own })
      const next = modified(of, -20, path, { before: "checkout", after: "x" })
      const { finding, ranked } = yield* found([next, ours])
      assert.deepStrictEqual([finding, ranked[0]?.change.id, ranked[0]?.needsPerson], ["one", next.id, undefined])
    })
  )
})
