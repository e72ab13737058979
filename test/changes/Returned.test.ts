import { assert, describe, it } from "@effect/vitest"
import { putsBack } from "../../src/changes/Returned.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { at, created, modified, own, target } from "./scenes.ts"

const replicas = (seconds: number, before: number, after: number) =>
  modified(target, seconds, ["spec", "replicas"], { before, after })

describe("a change puts back what was there before", () => {
  const made = created(target, -3600)
  const fault = replicas(-60, 3, 0)
  const correction = replicas(-30, 0, 3)
  const ours = { ...correction, by: own }

  it("if the earlier value held for longer than the one in between", () => {
    assert.isTrue(putsBack(correction, [correction, fault, made]))
    assert.isTrue(putsBack(correction, [correction, fault]))
  })

  it.each<readonly [string, ObjectChange, ReadonlyArray<ObjectChange>]>([
    ["a fault", fault, [fault, made]],
    ["the same fault once more", replicas(-1, 3, 0), [correction, fault, made]],
    ["the same fault, which Kubernaut had taken back", replicas(-1, 3, 0), [ours, { ...fault, at: at(-9000) }]],
    ["another value than before", replicas(-30, 0, 5), [fault, made]],
    ["another field", modified(target, -30, ["spec", "paused"], { before: true }), [fault, made]],
    ["the creation of an object", created(target, -30), [fault, made]]
  ])("but not if it is %s", (_, change, others) => {
    assert.isFalse(putsBack(change, [change, ...others]))
  })

  it("only if all of its fields do", () => {
    const both = {
      ...correction,
      fields: [...correction.fields, { path: ["spec", "paused"], before: false, after: true }]
    }
    assert.isFalse(putsBack(both, [both, fault, made]))
  })
})
