import { assert, describe, it } from "@effect/vitest"
import { combine, failed, judge, passed, skipped } from "../../scripts/checks/Section.ts"
import { summarize } from "../../scripts/checks/Vitest.ts"

const report = (statuses: ReadonlyArray<string>, fileStatus = "passed") => ({
  numPassedTests: statuses.filter((status) => status === "passed").length,
  numFailedTests: statuses.filter((status) => status === "failed").length,
  numPendingTests: statuses.filter((status) => status === "pending").length,
  numTodoTests: statuses.filter((status) => status === "todo").length,
  success: !statuses.includes("failed"),
  testResults: [
    {
      name: `${process.cwd()}/test/a.test.ts`,
      status: fileStatus,
      message: "",
      assertionResults: statuses.map((status, index) => ({ fullName: `test ${index}`, status }))
    }
  ]
})

describe("the last line of scripts/test", () => {
  it("counts what passed, failed and was skipped", () => {
    const result = summarize(
      report(["passed", "passed", "failed", "pending", "todo"], "failed"),
      1,
      "what vitest said",
      {}
    )
    assert.deepInclude(result, { passed: 2, failed: 1, skipped: 2 })
    assert.include(result.notes, "what vitest said")
  })

  it("counts a file that could not be loaded as a failure", () => {
    assert.strictEqual(summarize(report([], "failed"), 1, "", {}).failed, 1)
  })

  it("counts an error outside a test as a failure", () => {
    assert.strictEqual(summarize(report(["passed"]), 1, "Unhandled Rejection", {}).failed, 1)
  })

  it("counts a run without tests as a failure", () => {
    assert.strictEqual(summarize(report([]), 0, "", {}).failed, 1)
  })

  it("is preceded by the reasons for skipped tests", () => {
    assert.deepStrictEqual(summarize(report(["pending"]), 0, "", { skipReason: "no control plane" }).notes, [
      "skipped: 1 in test/a.test.ts",
      "  reason: no control plane"
    ])
  })

  it("adds up checks and tests", () => {
    const outcome = { code: 0, stdout: "", output: "", timedOut: false }
    const total = combine([
      passed,
      failed("a"),
      skipped("b", "c"),
      judge(outcome, "d"),
      judge({ ...outcome, code: 2 }, "e")
    ])
    assert.deepInclude(total, { passed: 2, failed: 2, skipped: 1 })
  })
})
