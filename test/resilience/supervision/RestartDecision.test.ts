import { assert, describe, it } from "@effect/vitest"
import { Exit } from "effect"
import { decide, endingOf } from "../../../src/resilience/supervision/RestartDecision.ts"

const intensity = { maxRestarts: 2, periodMs: 60_000 }
const nowMs = 100_000

describe("decide", () => {
  const completed = Exit.void
  const failed = Exit.fail("down")
  const died = Exit.die("bug")
  const interrupted = Exit.interrupt(1)
  it.each([
    ["permanent", completed, true],
    ["permanent", failed, true],
    ["permanent", died, true],
    ["permanent", interrupted, true],
    ["transient", completed, false],
    ["transient", failed, true],
    ["transient", died, true],
    ["transient", interrupted, false],
    ["temporary", completed, false],
    ["temporary", failed, false],
    ["temporary", died, false],
    ["temporary", interrupted, false]
  ] as const)("a %s child after %s is restarted: %s", (kind, exit, expected) => {
    const decision = decide({ kind, startedMs: nowMs, restartedMs: [] }, endingOf(exit), intensity, nowMs)
    assert.strictEqual(decision._tag, expected ? "Restart" : "End")
  })

  it.each([
    // Restarted at; started at; the decision.
    [[], 99_000, { _tag: "Restart", restartedMs: [nowMs], freshBackoff: false }],
    [[99_000], 99_000, { _tag: "Restart", restartedMs: [99_000, nowMs], freshBackoff: false }],
    [[40_000, 99_000], 99_000, { _tag: "Restart", restartedMs: [99_000, nowMs], freshBackoff: false }],
    [[40_001, 99_000], 99_000, { _tag: "Escalate", freshBackoff: false }],
    [[10_000, 40_000], 40_000, { _tag: "Restart", restartedMs: [nowMs], freshBackoff: true }],
    [[40_001], 40_001, { _tag: "Restart", restartedMs: [40_001, nowMs], freshBackoff: false }]
  ] as const)("restarts at %j, running since %d", (restartedMs, startedMs, expected) => {
    assert.deepStrictEqual(decide({ kind: "permanent", startedMs, restartedMs }, "failed", intensity, nowMs), expected)
  })
})
