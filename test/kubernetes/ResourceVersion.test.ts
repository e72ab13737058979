import { assert, describe, it } from "@effect/vitest"
import { isNotNewer, isOlder } from "../../src/kubernetes/ResourceVersion.ts"

describe("versions of an object", () => {
  it.each([
    ["9", "10", true, true],
    ["10", "9", false, false],
    ["10", "10", false, true],
    // Beyond the numbers that a double has.
    ["9007199254740992", "9007199254740993", true, true],
    // Without an order, only equality is known.
    ["a", "b", false, false],
    ["a", "a", false, true],
    ["", "1", false, false],
    [undefined, "1", false, false],
    ["1", undefined, false, false]
  ] as const)("%s against %s: older %s, not newer %s", (version, than, older, notNewer) => {
    assert.strictEqual(isOlder(version, than), older)
    assert.strictEqual(isNotNewer(version, than), notNewer)
  })
})
