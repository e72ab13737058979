import { assert, describe, it } from "@effect/vitest"
import { bulkheadRespected } from "../../../src/simulation/invariants/BulkheadRespected.ts"
import { began, call, ended, watch } from "../fixtures/Watching.ts"

describe("bulkhead-respected", () => {
  it("reports the seventeenth call at once, and takes it when one of the sixteen has ended", () => {
    const { at, reports } = watch(bulkheadRespected)
    const calls = Array.from({ length: 16 }, () => call())
    at(0, ...calls.map(began), ended(calls[3]!, "given-up"), began(call()))
    assert.deepStrictEqual(reports, [])
    at(1, began(call()))
    assert.deepStrictEqual(reports, ["17 calls to holmesgpt are in flight at once"])
  })

  it("counts each peer and each process by itself, and no probes", () => {
    const { at, reports } = watch(bulkheadRespected)
    for (let index = 0; index < 16; index++) {
      at(0, began(call()), began(call({ peer: "llm:beta" })), began(call({ process: 1 })), began(call({ purpose: "probe", hop: undefined })))
    }
    assert.deepStrictEqual(reports, [])
  })
})
