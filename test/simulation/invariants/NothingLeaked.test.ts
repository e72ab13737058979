import { assert, describe, it } from "@effect/vitest"
import { nothingLeaked } from "../../../src/simulation/invariants/NothingLeaked.ts"
import { accepted, concluded, decided } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const start = () => {
  const service = { activeActors: 0, process: { state: "running", fibers: 7 } }
  return { service, ...watch(nothingLeaked, undefined, { service }) }
}

describe("nothing-leaked", () => {
  it("waits for open remediations, actors and fibers once healing has begun, and reports what is left at the end", () => {
    const seen = start()
    seen.at(20_000, accepted("rem-1"))
    seen.service.activeActors = 2
    seen.service.process.fibers = 10
    assert.deepStrictEqual(seen.pending(), [])
    seen.at(30_000, { _tag: "HealingBegan" })
    const left = ["remediation rem-1 is open", "2 actors are left", "3 fibers more than at rest"]
    assert.deepStrictEqual(seen.pending(), left)
    seen.end()
    assert.deepStrictEqual(seen.reports, left)
  })

  it("finds nothing where all is as it was at rest", () => {
    const seen = start()
    seen.at(20_000, accepted("rem-1"), concluded("rem-1", "Remediated"), { _tag: "HealingBegan" })
    seen.end()
    assert.deepStrictEqual([seen.pending(), seen.reports], [[], []])
  })

  it("takes a question that waits for a person", () => {
    const seen = start()
    seen.at(20_000, accepted("rem-1"), decided("rem-1", "review"), { _tag: "HealingBegan" })
    assert.deepStrictEqual(seen.pending(), [])
  })
})
