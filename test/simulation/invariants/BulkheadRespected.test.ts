import { assert, describe, it } from "@effect/vitest"
import { bulkheadRespected } from "../../../src/simulation/invariants/BulkheadRespected.ts"
import { answered, attempt, began, call, ended, sent, watch } from "../fixtures/Watching.ts"

describe("bulkhead-respected", () => {
  it("reports the seventeenth concurrent call, and accepts it when one of the sixteen has ended", () => {
    const { at, reports } = watch(bulkheadRespected)
    const calls = Array.from({ length: 16 }, () => call())
    at(0, ...calls.map(began), ended(calls[3]!, "given-up"), began(call()))
    assert.deepStrictEqual(reports, [])
    at(1, began(call()))
    assert.deepStrictEqual(reports, ["17 calls to holmesgpt are in flight at once"])
  })

  it("reports the seventeenth concurrent request to the API server, probes included", () => {
    const { at, reports } = watch(bulkheadRespected)
    const requests = Array.from({ length: 15 }, () => attempt())
    at(
      0,
      ...requests.map(sent),
      sent(attempt({ work: { verb: "probe", about: "" } })),
      answered(requests[0]!, "given-up"),
      sent(attempt()),
      sent(attempt({ process: 1 }))
    )
    assert.deepStrictEqual(reports, [])
    at(1, sent(attempt()))
    assert.deepStrictEqual(reports, ["17 calls to kubernetes are in flight at once"])
  })

  it("counts each peer and each process separately, and no probes", () => {
    const { at, reports } = watch(bulkheadRespected)
    for (let index = 0; index < 16; index++) {
      at(
        0,
        began(call()),
        began(call({ peer: "llm:beta" })),
        began(call({ process: 1 })),
        began(call({ purpose: "probe", hop: undefined }))
      )
    }
    assert.deepStrictEqual(reports, [])
  })
})
