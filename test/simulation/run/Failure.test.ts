import { assert, describe, it } from "@effect/vitest"
import {
  crashOf,
  describe as sentence,
  type Ended,
  type Failure,
  failureOf,
  isSame,
  worst
} from "../../../src/simulation/run/Failure.ts"

const violation = (atMs: number, invariant = "no-alert-lost") => ({ invariant, message: "it was lost", atMs, step: 1 })
const well: Ended = { violations: [], pending: [], simulatedMs: 1000, end: "Reached" }

describe("Failure", () => {
  it("is none if nothing was violated and nothing is pending", () => assert.isUndefined(failureOf(well)))

  it("is the first violation", () => {
    assert.deepStrictEqual(failureOf({ ...well, violations: [violation(5), violation(6, "other")], pending: ["x"] }), {
      _tag: "Invariant",
      invariant: "no-alert-lost",
      message: "it was lost"
    })
  })

  it("is liveness if checkers report only at the last moment, with work pending", () => {
    assert.strictEqual(
      failureOf({ ...well, violations: [violation(1000)], pending: ["remediation r is open"] })?._tag,
      "Liveness"
    )
    assert.strictEqual(failureOf({ ...well, violations: [violation(1000)] })?._tag, "Invariant")
  })

  it("is liveness if the world deadlocks or livelocks, even with nothing pending", () => {
    for (const end of ["Deadlock", "Livelock"]) assert.strictEqual(failureOf({ ...well, end })?._tag, "Liveness")
  })

  it("names the cause of a crash, without a stack", () => {
    assert.deepStrictEqual(crashOf(new Error("the service died", { cause: new Error("no such table") })), {
      _tag: "Crash",
      message: "the service died: no such table"
    })
    assert.deepStrictEqual(crashOf("thrown"), { _tag: "Crash", message: "thrown" })
  })

  it("is the same as one of the same invariant, whatever its message, and not as one of another kind", () => {
    const invariant = (name: string): Failure => ({ _tag: "Invariant", invariant: name, message: String(name) })
    assert.isTrue(isSame(invariant("a"), { _tag: "Invariant", invariant: "a", message: "said otherwise" }))
    assert.isFalse(isSame(invariant("a"), invariant("b")))
    assert.isFalse(isSame(invariant("a"), undefined))
    assert.isFalse(isSame({ _tag: "Liveness", pending: [] }, { _tag: "Crash", message: "" }))
  })

  it("ranks a violation before a crash, and a crash before pending work", () => {
    const invariant: Failure = { _tag: "Invariant", invariant: "a", message: "" }
    const crash: Failure = { _tag: "Crash", message: "" }
    const liveness: Failure = { _tag: "Liveness", pending: ["a", "b", "c", "d"] }
    assert.strictEqual(worst([liveness, crash, invariant]), invariant)
    assert.strictEqual(worst([liveness, crash]), crash)
    assert.isUndefined(worst([]))
    assert.strictEqual(sentence(liveness), "no liveness, pending: a; b; c and 1 more")
  })
})
