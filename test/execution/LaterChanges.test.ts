import { assert, describe, it } from "@effect/vitest"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { firstBornAt, overtakenBy, refusalBy } from "../../src/execution/LaterChanges.ts"
import { changeId, made, recorded, rulesOf } from "./restoring.ts"

const config = (data: object) => made("ConfigMap", { data })
const later = "chg-01BRZ3NDEKTSV4RRFFQ69G5FAV"
const earlier = "chg-01ARZ3NDEKTSV4RRFFQ69G5FAA"

describe("a recorded change is overtaken by", () => {
  const change = recorded(config({ url: "a", mode: "x" }), config({ url: "b", mode: "x" }))
  const again = recorded(config({ url: "c", mode: "x" }), config({ url: "b", mode: "x" }), { id: later })
  const deleted = recorded(config({}), undefined, { id: later })
  const rows: ReadonlyArray<readonly [claim: string, overtaken: boolean, change: ObjectChange, other: ObjectChange]> = [
    ["a later one of the same field, also with the same value", true, change, again],
    [
      "a later one of the whole map",
      true,
      change,
      recorded(config({ url: "b" }), made("ConfigMap", {}), { id: later })
    ],
    [
      "a later one of another field: no",
      false,
      change,
      recorded(config({ mode: "x" }), config({ mode: "y" }), { id: later })
    ],
    ["an earlier one of the same field: no", false, change, { ...again, id: earlier }],
    ["itself: no", false, change, change],
    ["our own: no", false, change, { ...again, by: { kind: "kubernaut", name: "kubernaut" } }],
    ["one of another object: no", false, change, { ...again, ref: { ...again.ref, name: "y" } }],
    ["a later deletion of an object that was deleted before", true, { ...deleted, id: changeId }, deleted],
    ["a later change of an object that was created", true, recorded(undefined, config({})), again]
  ]
  it.each(rows)("%s", (_claim, overtaken, one, other) => {
    assert.strictEqual(overtakenBy(one, [other]) !== undefined, overtaken)
  })

  it("a change that it names, so that a person can take that one back", () => {
    assert.include(overtakenBy(change, [again]), later)
  })
})

describe("an object that replaced another one of its name", () => {
  const quota = (pods: string) => made("ResourceQuota", { spec: { hard: { pods } } })
  const gone = recorded(quota("10"), undefined, { id: earlier })
  const again = recorded(undefined, quota("1"))

  it("is not removed: that would leave neither of them", () => {
    assert.strictEqual(refusalBy(again, [again, gone])?.rule, "not-restorable")
  })

  it("is not one that was created a minute after the deletion, before it, or after we had removed it", () => {
    assert.isUndefined(refusalBy(again, [again, { ...gone, at: "2026-11-24T09:59:00.000Z" }]))
    const ours = { ...gone, by: { kind: "kubernaut" as const, name: "kubernaut" } }
    assert.notStrictEqual(refusalBy(again, [again, ours])?.rule, "not-restorable")
    assert.strictEqual(refusalBy(again, [again, { ...gone, id: later }])?.rule, "changed-since-change")
  })
})

describe("a change that reverts a write of Kubernaut", () => {
  const own = { kind: "kubernaut", name: "kubernaut" } as const
  const change = recorded(config({ url: "a" }), config({ url: "b" }))
  const back = recorded(config({ url: "b" }), config({ url: "a" }), { id: earlier, by: own })

  it("is not taken back once more", () => {
    assert.strictEqual(refusalBy(change, [change, back])?.rule, "made-again")
    const added = recorded(undefined, config({ url: "b" }))
    const removed = recorded(config({ url: "b" }), undefined, { id: earlier, by: own })
    assert.strictEqual(refusalBy(added, [added, removed])?.rule, "made-again")
  })

  it("is also one that makes what an undo took back again, along with a new value of another field", () => {
    const ours = recorded(config({ url: "a", mode: "x" }), config({ url: "b", mode: "x" }), { id: earlier, by: own })
    const release = recorded(config({ url: "b", mode: "x" }), config({ url: "a", mode: "y" }))
    assert.strictEqual(refusalBy(release, [release, ours])?.rule, "made-again")
  })

  it("is not one that states the replicas of before a scale along with a new value of another field", () => {
    const scaled = (replicas: number, paused: boolean) => made("Deployment", { spec: { replicas, paused } })
    const ours = recorded(scaled(3, false), scaled(5, false), { id: earlier, by: own })
    const release = recorded(scaled(5, false), scaled(3, true))
    assert.isUndefined(refusalBy(release, [release, ours]))
  })

  it("is not one that gives the same field a new value", () => {
    const next = recorded(config({ url: "a" }), config({ url: "c" }))
    assert.isUndefined(refusalBy(next, [next, back]))
  })
})

describe("a change with more later ones than are read", () => {
  const [before, now] = [config({ url: "a" }), config({ url: "b" })]
  const policy = made("NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress"] } })
  it.each([
    ["of a field", before, now],
    ["of an object that was deleted", now, undefined],
    ["of an object that was added", undefined, policy]
  ] as const)("%s is not taken back without a person", (_what, from, to) => {
    const asked = (laterCut: boolean) => rulesOf(recorded(from, to), to, { laterCut })
    assert.deepStrictEqual(asked(true), [...asked(false), "overtaken"])
  })
})

describe("the first object of a name", () => {
  const born = (creationTimestamp: string, change: Partial<ObjectChange> = {}) =>
    recorded(made("ConfigMap", {}, { creationTimestamp }), undefined, change)
  const own = born("2026-11-24T09:30:00Z")

  it("was created when a deleted one of that name was, however often it was replaced since", () => {
    const first = born("2026-06-01T00:00:00Z", { id: earlier, at: "2026-11-24T09:29:59.000Z" })
    assert.strictEqual(firstBornAt(own, [own, first]), "2026-06-01T00:00:00.000Z")
    const { manifest: _, ...created } = recorded(undefined, made("ConfigMap", {}), { id: earlier, at: first.at })
    assert.strictEqual(firstBornAt(own, [created]), first.at)
  })

  it("is the object itself where no other one is recorded, and unknown where nothing is", () => {
    assert.strictEqual(firstBornAt(own, []), "2026-11-24T09:30:00.000Z")
    assert.isUndefined(firstBornAt(recorded(config({}), config({ a: "b" })), []))
  })

  it("is none of another name, and none that came later", () => {
    const before = born("2026-06-01T00:00:00Z", { id: later })
    assert.strictEqual(firstBornAt(own, [before]), "2026-11-24T09:30:00.000Z")
    const other = { ...before, id: earlier, ref: { ...before.ref, name: "y" } }
    assert.strictEqual(firstBornAt(own, [other]), "2026-11-24T09:30:00.000Z")
  })
})
