import { assert, describe, it } from "@effect/vitest"
import { sameJson } from "../../src/kubernetes/SameJson.ts"

describe("sameJson", () => {
  it("treats an absent field as equal to an undefined one, but not to null", () => {
    assert.isTrue(sameJson({ a: 1, b: undefined }, { a: 1 }))
    assert.isTrue(sameJson([{ a: [1, 2] }], [{ a: [1, 2] }]))
    assert.isFalse(sameJson({ a: null }, { a: undefined }))
    assert.isFalse(sameJson([1, 2], [2, 1]))
    assert.isFalse(sameJson([], {}))
    assert.isFalse(sameJson({ a: 1 }, { a: 1, b: 2 }))
  })
})
