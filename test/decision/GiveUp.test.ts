import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { decide } from "../../src/decision/Decider.ts"
import { givenUp } from "../../src/decision/GiveUp.ts"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import { input, nowMs, past } from "./situations.ts"

const minuteMs = 60_000
const restart = "RestartWorkload"

describe("giving up", () => {
  const table = [
    [
      "three tries without effect",
      [past(restart, 20, "not-fixed"), past(restart, 60, "unknown"), past(restart, 90, "not-fixed")],
      true
    ],
    [
      "a try whose outcome is not known counts",
      [past(restart, 20), past(restart, 60, undefined, "unknown"), past(restart, 90, "not-fixed")],
      true
    ],
    ["two tries", [past(restart, 20, "not-fixed"), past(restart, 60, "not-fixed")], false],
    [
      "three, of which one never reached the cluster",
      [past(restart, 20, "not-fixed"), past(restart, 30, undefined, "no"), past(restart, 60, "not-fixed")],
      false
    ],
    [
      "three, with a fix among them",
      [
        past(restart, 20, "not-fixed"),
        past(restart, 60, "fixed"),
        past(restart, 90, "not-fixed"),
        past(restart, 95, "not-fixed")
      ],
      false
    ],
    [
      "three different actions",
      [past(restart, 20, "not-fixed"), past("EvictPod", 60, "not-fixed"), past("ScaleWorkload", 90, "not-fixed")],
      false
    ],
    [
      "three over more than six hours",
      [past(restart, 20, "not-fixed"), past(restart, 60, "not-fixed"), past(restart, 381, "not-fixed")],
      false
    ],
    [
      "three, the last of them six hours ago",
      [past(restart, 360, "not-fixed"), past(restart, 370, "not-fixed"), past(restart, 380, "not-fixed")],
      false
    ]
  ] as const
  it.each(table)("%s", (_claim, history, over) => {
    assert.strictEqual(givenUp(history, restart, defaults, nowMs) !== undefined, over)
  })

  it("says until when: six hours after the last try", () => {
    const history = [20, 60, 90].map((minutes) => past(restart, minutes, "not-fixed"))
    assert.deepStrictEqual(givenUp(history, restart, defaults, nowMs), {
      tries: 3,
      since: fromMillis(nowMs - 90 * minuteMs),
      until: fromMillis(nowMs + 340 * minuteMs)
    })
  })

  it("a cooldown that is longer than its window does not disable it", () => {
    const slow = { ...defaults, cooldown: Duration.hours(4) }
    const history = [20, 300, 600].map((minutes) => past(restart, minutes, "not-fixed"))
    assert.isDefined(givenUp(history, restart, slow, nowMs))
  })

  it("ends with a person who reads until when", () => {
    const history = [20, 60, 90].map((minutes) => past("RollbackDeployment", minutes, "not-fixed"))
    const decision = decide(input({ history }))
    assert.strictEqual(decision.outcome, "escalate")
    const reason = decision.reasons.find(({ rule }) => rule === "gave-up")
    assert.include(reason?.message ?? "", `It does not run there again before ${fromMillis(nowMs + 340 * minuteMs)}`)
  })
})
