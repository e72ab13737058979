import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { failureCodes } from "../../src/domain/Failure.ts"
import { maxPlans, nextAfter, strategyOf } from "../../src/execution/RecoveryStrategy.ts"

describe("RecoveryStrategy", () => {
  it("maps every code to one strategy of its table", () => {
    const documentation = readFileSync("src/execution/RecoveryStrategy.ts", "utf8").split("*/")[0] ?? ""
    const documented = [...documentation.matchAll(/^ \* \| `([a-z-]+)` +\|/gm)].map(([, strategy]) => strategy!)
    assert.sameMembers([...new Set(failureCodes.map(strategyOf))], documented)
  })

  for (const code of failureCodes) {
    const decides = ["plan-again", "alternative"].includes(strategyOf(code))
    it(`${code} leads ${decides ? "to another decision, if nothing was applied" : "to a person"}`, () => {
      assert.strictEqual(nextAfter({ applied: "no", failure: code }, 1), decides ? "decide" : "person")
    })
    it(`${code} leads to a person after a write that was or may have been applied`, () => {
      assert.strictEqual(nextAfter({ applied: "yes", failure: code }, 1), "person")
      assert.strictEqual(nextAfter({ applied: "unknown", failure: code }, 1), "person")
    })
    it(`${code} leads to a person after ${maxPlans} plans, so no loop is endless`, () => {
      assert.strictEqual(nextAfter({ applied: "no", failure: code }, maxPlans), "person")
    })
  }

  it("only a 401 refreshes the identity", () => {
    assert.deepStrictEqual(
      failureCodes.filter((code) => strategyOf(code) === "refresh-identity"),
      ["unauthorized"]
    )
  })

  it("leaves a success, and a code of another version, as it is", () => {
    assert.strictEqual(nextAfter({ applied: "no" }, 1), "person")
    assert.strictEqual(nextAfter({ applied: "no", failure: "code-of-the-future" }, 1), "person")
    assert.strictEqual(nextAfter({ applied: "no", failure: "toString" }, 1), "person")
  })
})
