import { assert, describe, it } from "@effect/vitest"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import { recentlyIneffective } from "../../src/decision/Ineffective.ts"
import { nowMs, past } from "./situations.ts"

describe("recentlyIneffective", () => {
  it("counts back to the last fix, and skips actions that were not applied or not verified", () => {
    const history = [
      past("EvictPod", 1, undefined, "unknown"),
      past("EvictPod", 2, "not-fixed"),
      past("EvictPod", 3, "not-fixed", "no"),
      past("EvictPod", 4, "unknown"),
      past("EvictPod", 5, "fixed"),
      past("EvictPod", 6, "not-fixed")
    ]
    assert.strictEqual(recentlyIneffective(history, defaults, nowMs), 2)
    assert.strictEqual(recentlyIneffective([], defaults, nowMs), 0)
  })
})
