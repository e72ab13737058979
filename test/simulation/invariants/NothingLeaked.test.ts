import { assert, describe, it } from "@effect/vitest"
import { nothingLeaked } from "../../../src/simulation/invariants/NothingLeaked.ts"
import { accepted, concluded, decided } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const start = (disturbedUntilMs = -Infinity) => {
  const service = { activeActors: 0, process: { state: "running", fibers: 7 } }
  const world: { timers: number } = { timers: 3 }
  const seen = watch(nothingLeaked, undefined, { service, farEnds: { database: { disturbedUntilMs } } }, (made) =>
    Object.assign(made, { timersOf: () => world.timers })
  )
  return { service, world, ...seen }
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

  it("reports nothing if everything is as at rest", () => {
    const seen = start()
    seen.at(20_000, accepted("rem-1"), concluded("rem-1", "Remediated"), { _tag: "HealingBegan" })
    seen.end()
    assert.deepStrictEqual([seen.pending(), seen.reports], [[], []])
  })

  it("takes no process for one at rest whose database was disturbed from the start", () => {
    const seen = start(1_000)
    seen.at(30_000, { _tag: "HealingBegan" })
    seen.service.process.fibers = 167
    assert.deepStrictEqual(seen.pending(), [])
  })

  it("waits for timers, once their fibers have ended", () => {
    const seen = start()
    seen.at(30_000, { _tag: "HealingBegan" })
    seen.world.timers = 5
    assert.deepStrictEqual(seen.pending(), ["2 timers more than at rest"])
    seen.service.process.fibers = 8
    assert.deepStrictEqual(seen.pending(), ["1 fibers more than at rest"])
  })

  it("is at rest with the timer of a fiber that waited for a response at one of the first moments", () => {
    const seen = start()
    seen.world.timers = 2
    seen.at(3_000)
    seen.world.timers = 3
    seen.at(30_000, { _tag: "HealingBegan" })
    assert.deepStrictEqual(seen.pending(), [])
  })

  it("reports a bulkhead with a missing permit", () => {
    const seen = start()
    seen.at(
      30_000,
      { _tag: "PermitsTried", peer: "holmesgpt", begun: 16, limit: 16 },
      { _tag: "PermitsTried", peer: "kubernetes", begun: 15, limit: 16 }
    )
    assert.deepStrictEqual(seen.reports, ["of 16 permits for calls to kubernetes only 15 can be acquired"])
  })

  it("accepts a review that waits for a person", () => {
    const seen = start()
    seen.at(20_000, accepted("rem-1"), decided("rem-1", "review"), { _tag: "HealingBegan" })
    assert.deepStrictEqual(seen.pending(), [])
  })
})
