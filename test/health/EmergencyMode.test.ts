import { assert, describe, it } from "@effect/vitest"
import { causesOf, type Signs } from "../../src/health/EmergencyMode.ts"

const signs = (more: Partial<Signs> = {}): Signs => ({
  out: [],
  isWithoutModels: false,
  isExhausted: false,
  found: [],
  ...more
})
const four = ["holmesgpt", "llm:a", "storage", "kubernetes"]
const broken = { key: "audit-chain:17", cause: "the audit log is broken at line 17" }

describe("an emergency", () => {
  it.each<readonly [string, Signs, "rules" | "emergency", ReadonlyArray<string>]>([
    ["nothing is out", signs(), "emergency", []],
    ["three services are out", signs({ out: four.slice(1) }), "emergency", []],
    [
      "four services are out, the database among them",
      signs({ out: four }),
      "rules",
      [`4 services are out at once: ${four.join(", ")}`]
    ],
    ["every model is out, and the rules go on", signs({ isWithoutModels: true }), "rules", []],
    [
      "every model is out, and an operator has set that",
      signs({ isWithoutModels: true }),
      "emergency",
      ["all AI services are down"]
    ],
    [
      "the rules have failed too",
      signs({ isExhausted: true }),
      "rules",
      ["the fallback chain is exhausted: every tier has failed, and the rules too"]
    ],
    ["a health check has found one", signs({ found: [broken] }), "rules", [broken.cause]]
  ])("when %s has the causes %3$j", (_, found, allAiDown, causes) => {
    assert.deepStrictEqual(
      causesOf(found, allAiDown).map(({ cause }) => cause),
      causes
    )
  })

  it("has one key for each cause, whichever services are out", () => {
    const keys = (out: ReadonlyArray<string>) => causesOf(signs({ out }), "rules").map(({ key }) => key)
    assert.deepStrictEqual(keys(four), keys([...four, "alertmanager"]))
  })
})
