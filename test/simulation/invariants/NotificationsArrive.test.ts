import { assert, describe, it } from "@effect/vitest"
import {
  notificationsNeverDoubled,
  notificationsNeverLost
} from "../../../src/simulation/invariants/NotificationsArrive.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { notifications } from "../../../src/simulation/scenarios/Notifications.ts"
import { steady } from "../../../src/simulation/scenarios/Scenario.ts"
import { committed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const concluded = (id: string, state: string): Observation =>
  committed(id, { _tag: "Concluded", state, reason: "test" } as never)
const asked = (id: string): Observation => committed(id, { _tag: "Decided", decision: { outcome: "review" } } as never)

const arrived = (
  key: string,
  kind: "escalated" | "approval-waiting" | "remediated",
  remediation: string
): Observation => ({
  _tag: "NotificationArrived",
  key,
  notifications: [{ key, kind, remediation }]
})

describe("notifications-never-lost", () => {
  it("reports an escalation, a question and a rollback of which nobody has heard", () => {
    const seen = watch(notificationsNeverLost, notifications)
    seen.at(1_000, concluded("rem-1", "Escalated"), asked("rem-2"), concluded("rem-3", "RolledBack"))
    assert.strictEqual(seen.pending().length, 3)
    seen.end()
    assert.deepStrictEqual(seen.reports, [
      "nobody was told: escalated of rem-1, approval-waiting of rem-2, rolled-back of rem-3"
    ])
  })

  it("waits for what is on its way, and asks for each of two questions", () => {
    const seen = watch(notificationsNeverLost, notifications)
    seen.at(1_000, asked("rem-1"), asked("rem-1"))
    seen.at(2_000, arrived("a", "approval-waiting", "rem-1"), arrived("a", "approval-waiting", "rem-1"))
    assert.deepStrictEqual(seen.pending(), ["nobody was told: approval-waiting of rem-1"])
    seen.at(3_000, arrived("b", "approval-waiting", "rem-1"))
    assert.deepStrictEqual(seen.pending(), [])
    seen.end()
    assert.deepStrictEqual(seen.reports, [])
  })

  it("asks for nothing of what nobody needs to know, and of nobody in a scenario without notifications", () => {
    const seen = watch(notificationsNeverLost, notifications)
    seen.at(1_000, concluded("rem-1", "Observed"), concluded("rem-2", "Joined"))
    const other = watch(notificationsNeverLost, steady)
    other.at(1_000, concluded("rem-1", "Escalated"))
    assert.deepStrictEqual([...seen.pending(), ...other.pending()], [])
  })
})

describe("notifications-never-doubled", () => {
  it("reports what arrives under another key, and accepts a repeat with the same one", () => {
    const seen = watch(notificationsNeverDoubled, notifications)
    seen.at(1_000, concluded("rem-1", "Escalated"))
    seen.at(2_000, arrived("a", "escalated", "rem-1"), arrived("a", "escalated", "rem-1"))
    assert.deepStrictEqual(seen.reports, [])
    seen.at(3_000, arrived("b", "escalated", "rem-1"))
    assert.deepStrictEqual(seen.reports, ["escalated of rem-1 arrived under 2 keys, and happened 1 times"])
  })

  it("reports what never happened", () => {
    const seen = watch(notificationsNeverDoubled, notifications)
    seen.at(1_000, arrived("a", "remediated", "rem-1"))
    assert.deepStrictEqual(seen.reports, ["remediated of rem-1 arrived under 1 keys, and happened 0 times"])
  })
})
