import { assert, describe, it } from "@effect/vitest"
import { emergencyOf, type Signs } from "../../src/health/EmergencyMode.ts"

const declared = { by: "ada", reason: "a breach", since: "2026-11-24T03:00:00.000Z" }
const signs = (more: Partial<Signs> = {}): Signs => ({ declared: undefined, out: [], isWithoutModels: false, ...more })
const four = ["holmesgpt", "llm:a", "llm:b", "kubernetes"]

describe("an emergency", () => {
  it.each<readonly [string, Signs, "rules" | "emergency", ReadonlyArray<string>]>([
    ["nothing is out", signs(), "emergency", []],
    ["three services are out", signs({ out: four.slice(1) }), "emergency", []],
    ["four services are out", signs({ out: four }), "rules", [`4 services are out at once: ${four.join(", ")}`]],
    ["every model is out, and the rules go on", signs({ isWithoutModels: true }), "rules", []],
    [
      "every model is out, and an operator has set that",
      signs({ isWithoutModels: true }),
      "emergency",
      ["all AI services are down"]
    ],
    [
      "an operator has declared it",
      signs({ declared }),
      "rules",
      [
        "ada has declared an emergency, so alerts are stored and escalated, and nothing else is done (since 2026-11-24T03:00:00.000Z: a breach)."
      ]
    ]
  ])("when %s has the causes %3$j", (_, found, allAiDown, causes) => {
    assert.deepStrictEqual(emergencyOf(found, allAiDown, undefined, 0).causes, causes)
  })

  it("is left when its cause has been gone for 30 seconds, and not before", () => {
    const during = emergencyOf(signs({ out: four }), "rules", undefined, 1000)
    const after = emergencyOf(signs(), "rules", during.settling, 30_999)
    assert.deepStrictEqual(after.causes, [
      `4 services are out at once: ${four.join(", ")}, until less than 30 seconds ago`
    ])
    assert.deepStrictEqual(emergencyOf(signs(), "rules", after.settling, 31_000), { causes: [], settling: undefined })
  })

  it("begins its 30 seconds again when the cause comes back", () => {
    const first = emergencyOf(signs({ out: four }), "rules", undefined, 0)
    const again = emergencyOf(signs({ out: four }), "rules", first.settling, 20_000)
    assert.isAbove(emergencyOf(signs(), "rules", again.settling, 49_999).causes.length, 0)
    assert.deepStrictEqual(emergencyOf(signs(), "rules", again.settling, 50_000).causes, [])
  })

  it("that an operator ends is over at once", () => {
    const during = emergencyOf(signs({ declared }), "rules", undefined, 0)
    assert.deepStrictEqual(emergencyOf(signs(), "rules", during.settling, 1).causes, [])
  })
})
