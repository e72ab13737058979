import { assert, describe, it } from "@effect/vitest"
import { hasSurplus, judgePods } from "../../src/execution/RestoredPods.ts"
import { observed } from "../remediation/journals.ts"

const before = { ...observed, desiredReplicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 }

const pod = (name: string) => ({ name, uid: name, ready: true, restarts: 0, reason: null })

describe("the pods of a restored target", () => {
  it("are as before if as many are updated, ready and available", () => {
    assert.strictEqual(judgePods(before, before)?.asBefore, "yes")
  })

  it("are as before if fewer were ready then", () => {
    assert.strictEqual(judgePods({ ...before, readyReplicas: 1, availableReplicas: 1 }, before)?.asBefore, "yes")
    const poor = { ...before, readyReplicas: 1, availableReplicas: 1 }
    assert.strictEqual(judgePods(poor, poor)?.asBefore, "yes")
  })

  it("need not be more than the target desires now", () => {
    const fewer = { ...before, desiredReplicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 }
    assert.strictEqual(judgePods(before, fewer)?.asBefore, "yes")
  })

  it.each([
    ["readyReplicas", "2 of 3 ready"],
    ["updatedReplicas", "2 of 3 updated"],
    ["availableReplicas", "2 of 3 available"]
  ] as const)("are not as before with fewer %s", (count, text) => {
    const judged = judgePods(before, { ...before, [count]: 2 })
    assert.strictEqual(judged?.asBefore, "no")
    assert.include(judged?.reason, text)
  })

  it("a count that the API server does not report is zero pods, never as many as before", () => {
    assert.strictEqual(judgePods(before, { ...before, readyReplicas: null })?.asBefore, "no")
  })

  it("that the API server refuses are named with its words", () => {
    const judged = judgePods(before, { ...before, updatedReplicas: 0, failedCreate: "exceeded quota: team" })
    assert.include(judged?.reason, "pods-refused")
    assert.include(judged?.reason, "exceeded quota: team")
  })

  it("are unknown if they cannot be read or the controller has not seen the spec", () => {
    assert.strictEqual(judgePods(before, null)?.asBefore, "unknown")
    assert.strictEqual(judgePods(before, { ...before, generation: 9, observedGeneration: 8 })?.asBefore, "unknown")
  })

  it("are not judged for a target without replicas", () => {
    assert.isUndefined(judgePods({ ...before, desiredReplicas: null }, before))
  })

  it("that are left from the action are surplus", () => {
    const now = { ...before, pods: ["a", "b", "c", "d"].map(pod) }
    assert.isTrue(hasSurplus(before, now))
    assert.isFalse(hasSurplus({ ...before, pods: now.pods }, now))
    assert.isFalse(hasSurplus(before, null))
  })
})
