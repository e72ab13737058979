import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { judge } from "../../../src/resilience/pipeline/AttemptVerdict.ts"
import type { Classification } from "../../../src/resilience/pipeline/Classification.ts"

const error = Cause.fail("down")
const defect = Cause.die("bug")
const interrupted = Cause.interrupt(1)
const transient = (): Classification => ({ retry: true, breaker: "failure" })
const permanent = (): Classification => ({ retry: false, breaker: "failure" })
const ignored = (): Classification => ({ retry: false, breaker: "ignored" })
const broken = (): Classification => {
  throw new Error("bug")
}

describe("judge", () => {
  it.each([
    // The attempt, the classifier, why it was cut, whether the peer had its time; the outcome, the event, its reason, retried or not.
    ["a transient error", error, transient, undefined, true, "failure", "CallFailed", "error", true],
    ["a permanent error", error, permanent, undefined, true, "failure", "CallFailed", "error", false],
    ["a bad request", error, ignored, undefined, true, "ignored", "CallIgnored", "error", false],
    ["a classifier that throws", error, broken, undefined, true, "ignored", "CallFailed", "defect", false],
    ["a defect", defect, transient, undefined, true, "failure", "CallFailed", "defect", false],
    [
      "an error together with a defect",
      Cause.combine(error, defect),
      transient,
      undefined,
      true,
      "failure",
      "CallFailed",
      "defect",
      false
    ],
    [
      "a call that interrupts itself",
      interrupted,
      transient,
      undefined,
      true,
      "ignored",
      "CallIgnored",
      "interrupted",
      false
    ],
    [
      "an attempt timeout",
      interrupted,
      transient,
      "attempt-timeout",
      true,
      "failure",
      "CallFailed",
      "attempt-timeout",
      true
    ],
    [
      "an attempt timeout after a standstill",
      interrupted,
      transient,
      "attempt-timeout",
      false,
      "ignored",
      "CallFailed",
      "attempt-timeout",
      true
    ],
    [
      "an attempt that the circuit no longer admits",
      interrupted,
      transient,
      "circuit-open",
      true,
      "ignored",
      "CallRejected",
      "circuit-open",
      false
    ],
    [
      "an attempt whose circuit opens between two requests",
      interrupted,
      transient,
      "circuit-opened",
      true,
      "ignored",
      "CallIgnored",
      "error",
      false
    ],
    ["the pipeline's deadline", interrupted, transient, "deadline", true, "failure", "CallFailed", "deadline", false],
    ["an outer deadline", interrupted, transient, "deadline", false, "ignored", "CallFailed", "deadline", false]
  ] as const)("%s", (_name, cause, classify, cut, hadItsTime, outcome, tag, reason, retried) => {
    const verdict = judge<string>(cause, classify, cut, hadItsTime)
    assert.strictEqual(verdict.outcome, outcome)
    assert.deepStrictEqual<unknown>(verdict.ending, { _tag: tag, reason })
    assert.strictEqual(verdict.retry !== undefined, retried)
  })
})
