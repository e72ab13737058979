import { assert, describe, it } from "@effect/vitest"
import type { TransitionCause } from "../../../src/resilience/ResilienceEvent.ts"
import { suspensionsRespected } from "../../../src/simulation/invariants/SuspensionsRespected.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { began, call, ended, paused, watch } from "../fixtures/Watching.ts"

const moved = (
  to: "Suspended" | "Closed" | "HalfOpen",
  cause: TransitionCause,
  from: "Closed" | "Suspended" = to === "Suspended" && cause === "suspended" ? "Closed" : "Suspended"
): Observation => ({ _tag: "BreakerMoved", breaker: "holmesgpt", from, to, cause })

/** A call has shown that the account is empty. */
const suspended = () => {
  const watching = watch(suspensionsRespected)
  const first = call()
  watching.at(0, began(first))
  watching.at(5, ended(first, "bad"), moved("Suspended", "suspended"))
  return watching
}

describe("suspensions-respected", () => {
  it("reports a call within the minute, and none in the moment of the suspension", () => {
    const { at, reports } = suspended()
    at(5, began(call()))
    assert.deepStrictEqual(reports, [])
    at(2000, began(call()))
    assert.deepStrictEqual(reports, ["holmesgpt is called 1995 ms after its account was suspended"])
  })

  it("accepts one trial after it, with all its attempts, and reports a second", () => {
    const { at, reports } = suspended()
    const trial = call()
    at(70_000, began(trial), began({ ...call(), hop: trial.hop }))
    assert.deepStrictEqual(reports, [])
    at(71_000, began(call()))
    assert.deepStrictEqual(reports, ["holmesgpt is called again, although its account was tried already"])
  })

  it("accepts another trial after one that showed nothing, and after the next suspension", () => {
    const { at, reports } = suspended()
    const interrupted = call()
    const failed = call()
    at(70_000, began(interrupted), ended(interrupted, "given-up"), began(failed))
    at(71_000, ended(failed, "bad"), moved("Suspended", "trial-failed"))
    at(200_000, began(call()))
    assert.deepStrictEqual(reports, [])
  })

  it("accepts another trial after one whose time was over while the process stood still, and reports it if it had run", () => {
    for (const [ranMs, expected] of [
      [0, 0],
      [1, 1]
    ] as const) {
      const { at, reports } = suspended()
      const excused = call()
      at(70_000, began(excused))
      at(70_010, paused(14_000))
      at(84_010 + ranMs, ended(excused, "bad"))
      at(94_000, began(call()))
      assert.strictEqual(reports.length, expected)
    }
  })

  it("accepts calls once the account works, or an operator has ended the suspension, and probes always", () => {
    for (const end of [moved("Closed", "trial-succeeded"), moved("HalfOpen", "operator")]) {
      const { at, reports } = suspended()
      at(1000, began(call({ purpose: "probe", hop: undefined })))
      at(2000, end)
      at(3000, began(call()), began(call()))
      assert.deepStrictEqual(reports, [])
    }
  })

  it("accepts an early trial of a new process, which was told of the suspension, and only one", () => {
    const { at, reports } = watch(suspensionsRespected)
    at(1, moved("Suspended", "suspended"))
    at(5000, began(call()))
    assert.deepStrictEqual(reports, [])
    at(6000, began(call()))
    assert.strictEqual(reports.length, 1)
  })
})
