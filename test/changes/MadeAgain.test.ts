import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { madeAgain } from "../../src/changes/MadeAgain.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { find } from "./finding.ts"
import { deployment, service } from "./objects.ts"
import { alert, at, container, created, deleted, minutes, modified, own, ref, state, target } from "./scenes.ts"

const replicas = (seconds: number, before: number, after: number, by?: ObjectChange["by"]) =>
  modified(target, seconds, ["spec", "replicas"], { before, after }, by === undefined ? {} : { by })
const policy = ref("NetworkPolicy", "deny")
const env = ["spec", "template", "spec", "containers", { by: "name", value: "app" }, "env"]
const pool = [...env, { by: "name", value: "POOL" }]

const image = (before: string, after: string) => ({ path: container("image"), before, after })
const flag = (values: { readonly before?: string; readonly after?: string }) => ({
  path: container("env", { by: "name", value: "FLAG" }),
  ...Object.fromEntries(Object.entries(values).map(([side, value]) => [side, { name: "FLAG", value }]))
})
const memory = (before: string, after: string) => ({ path: container("resources", "limits", "memory"), before, after })
const count = (before: number, after: number) => ({ path: ["spec", "replicas"], before, after })
const restarted = (values: { readonly before?: string; readonly after?: string }) => ({
  path: ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"],
  ...values
})
const made = (seconds: number, fields: ObjectChange["fields"], by?: ObjectChange["by"]) =>
  modified(target, seconds, ["spec"], {}, { fields, ...(by === undefined ? {} : { by }) })

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

describe("a release after a write of Kubernaut", () => {
  const first = made(-minutes(90), [image("v1", "v2"), flag({ after: "1" })])
  const rollback = made(-minutes(80), [image("v2", "v1"), flag({ before: "1" })], own)
  const rows: ReadonlyArray<readonly [string, boolean, ReadonlyArray<ObjectChange>, ObjectChange["fields"]]> = [
    [
      "the next one, which keeps a variable of the one before",
      false,
      [first, rollback],
      [image("v1", "v3"), flag({ after: "1" })]
    ],
    ["the same one", true, [first, rollback], [image("v1", "v2"), flag({ after: "1" })]],
    ["the same one without its variable", true, [first, rollback], [image("v1", "v2")]],
    [
      "the same one with a label",
      true,
      [first, rollback],
      [image("v1", "v2"), { path: ["metadata", "labels", "team"], after: "a" }]
    ],
    [
      "the same one with more replicas",
      true,
      [first, rollback],
      [image("v1", "v2"), flag({ after: "1" }), count(3, 4)]
    ],
    [
      "one whose manifest states the replicas of before",
      false,
      [made(-60, [count(3, 5)], own)],
      [image("v1", "v2"), count(5, 3)]
    ],
    [
      "likewise, as the one before did, after which there were more again",
      false,
      [made(-60, [count(3, 5)], own), made(-50, [image("v0", "v1"), count(5, 3)]), made(-40, [count(3, 5)], own)],
      [image("v1", "v2"), count(5, 3)]
    ],
    ["one that states nothing else", true, [made(-60, [count(3, 5)], own)], [count(5, 3)]],
    [
      "one whose manifest states the memory of before",
      false,
      [made(-60, [memory("1Gi", "2Gi")], own)],
      [image("v1", "v2"), memory("2Gi", "1Gi")]
    ],
    [
      "one that drops the time of a restart",
      false,
      [made(-60, [restarted({ after: "t" })], own)],
      [image("v1", "v2"), restarted({ before: "t" })]
    ],
    [
      "one that scales to zero again, and has another image",
      true,
      [made(-60, [count(3, 0)]), made(-50, [count(0, 3)], own)],
      [image("v1", "v2"), count(3, 0)]
    ]
  ]
  const withCount = made(-minutes(90), [image("v1", "v2"), count(2, 3)])
  const ofTemplate = made(-minutes(80), [image("v2", "v1")], own)
  const ofAll = made(-minutes(80), [image("v2", "v1"), count(3, 2)], own)
  const ofOurs = modified(target, -60, container("image"), { before: "v2", after: "v1" }, { by: own, execution: "r-1" })
  const ofItself = { ...ofOurs, execution: "r-1-rollback-1" }
  const more: typeof rows = [
    [
      "the same one with one more variable, after the first one had changed the replicas too",
      true,
      [withCount, ofTemplate],
      [image("v1", "v2"), flag({ after: "1" })]
    ],
    [
      "likewise, after everything had been restored, the replicas too",
      true,
      [withCount, ofAll],
      [image("v1", "v2"), flag({ after: "1" })]
    ],
    ["likewise, while the first one is not known any more", true, [ofOurs], [image("v1", "v2"), flag({ after: "1" })]],
    [
      "one with another image, which scales as the first one did",
      false,
      [withCount, ofAll],
      [image("v1", "v3"), count(2, 3)]
    ],
    [
      "one after only the replicas of the first one had been scaled back",
      false,
      [withCount, made(-60, [count(3, 2)], own)],
      [image("v2", "v3"), count(2, 3)]
    ],
    [
      "one after a restart, which a rollback of ours followed that took back our own action",
      false,
      [made(-70, [restarted({ after: "t" })], own), ofItself],
      [image("v1", "v2"), flag({ after: "1" })]
    ]
  ]
  it.each([...rows, ...more])("reverts it: %s: %s", (_claim, is, before, fields) => {
    const change = made(-5, fields)
    assert.strictEqual(madeAgain(change, [...before, change]) !== undefined, is)
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
