import { assert, describe, it } from "@effect/vitest"
import { explain } from "../../src/cli/Client.ts"
import { Conflict } from "../../src/http/problems/Problem.ts"

const url = "http://127.0.0.1:8080"

describe("what approve and reject print about a refusal", () => {
  it("each difference of what has changed on its own line, and the question to answer now", () => {
    const conflict = new Conflict({
      detail: "Long.",
      code: "changed",
      question: 2,
      difference: {
        figures: [{ name: "replicas", shown: "3 -> 5", now: "30 -> 50" }],
        added: [{ rule: "disruption-budget", message: "The budget allows none." }],
        gone: [{ rule: "cooldown", message: "Acted before." }]
      }
    })
    const { code, text } = explain(conflict, url)
    assert.strictEqual(code, "bad")
    assert.deepStrictEqual(text.split("\n"), [
      "The approval was not used, because this is no longer what was shown:",
      "  - replicas was 3 -> 5 and is 30 -> 50 now",
      "  - new: disruption-budget: The budget allows none.",
      "  - no longer: cooldown",
      "Question 2 is asked now. See kubernaut reviews, and answer it with --question 2."
    ])
  })

  it("the explanation of the service where no value differs, and for every other refusal", () => {
    const nothing = { figures: [], added: [], gone: [] }
    for (const problem of [
      new Conflict({ detail: "It is investigated again.", code: "changed", difference: nothing }),
      new Conflict({ detail: "It is investigated again.", code: "timed-out" })
    ])
      assert.match(explain(problem, url).text, /It is investigated again\.$/)
  })
})
