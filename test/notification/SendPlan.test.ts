import { assert, describe, it } from "@effect/vitest"
import type { Notification, NotificationSeverity } from "../../src/domain/Notification.ts"
import { digestOf } from "../../src/notification/Digest.ts"
import { planned } from "../../src/notification/SendPlan.ts"
import type { Waiting } from "../../src/storage/Outbox.ts"

const waiting = (id: number, severity: NotificationSeverity = "warning", message?: string): Waiting => ({
  id,
  notification: {
    key: `k${id}`,
    kind: severity === "critical" ? "emergency-entered" : "escalated",
    severity,
    at: `2026-11-24T03:00:${String(id % 60).padStart(2, "0")}.000Z`,
    cluster: "prod",
    title: "A person is needed",
    facts: []
  },
  claim: { number: message === undefined ? 0 : 1, isHeld: false },
  ...(message === undefined ? {} : { message })
})

const many = (count: number, from = 1, severity: NotificationSeverity = "warning") =>
  Array.from({ length: count }, (_, index) => waiting(from + index, severity))

/** The numbers of the notifications in each message. */
const sizes = (batches: ReturnType<typeof planned>) => batches.map((batch) => batch.length)

describe("what a sink is sent next", () => {
  it("is each notification, critical ones first, while there are few", () => {
    const batches = planned([waiting(1), waiting(2, "critical"), waiting(3, "info")], 0, 20)
    assert.deepStrictEqual(
      batches.map(([{ id }]) => id),
      [2, 1, 3]
    )
  })

  it("is a digest of the rest when there are many, and never more messages than are left", () => {
    const batches = planned(many(30), 0, 20)
    // A quarter is kept for critical ones.
    assert.deepStrictEqual(sizes(batches), [...Array.from({ length: 14 }, () => 1), 16])
  })

  it("has every notification exactly once", () => {
    for (const sent of [0, 3]) {
      const ids = planned([...many(40), ...many(5, 41, "critical")], sent, 20)
        .flat()
        .map(({ id }) => id)
      assert.deepStrictEqual(
        ids.toSorted((left, right) => left - right),
        many(45).map(({ id }) => id)
      )
    }
  })

  it("is nothing but critical notifications when three quarters of the minute's messages are used up", () => {
    const batches = planned([...many(3), waiting(4, "critical")], 15, 20)
    assert.deepStrictEqual(
      batches.map(([{ id }]) => id),
      [4]
    )
  })

  it("is a digest of critical notifications too, when the last message is left", () => {
    assert.deepStrictEqual(sizes(planned(many(7, 1, "critical"), 19, 20)), [7])
  })

  it("is nothing when all messages of the minute are used up", () => {
    assert.deepStrictEqual(planned(many(7, 1, "critical"), 20, 20), [])
  })

  it("is a digest at once where one message a minute is allowed", () => {
    assert.deepStrictEqual(sizes(planned(many(7), 0, 1)), [7])
  })

  it("is what was put into a message before, unchanged, in its place among what is as urgent", () => {
    const batches = planned(
      [
        waiting(1, "info", "d1"),
        waiting(2, "critical"),
        waiting(3, "info", "d1"),
        waiting(4, "warning"),
        waiting(5, "critical", "d2")
      ],
      0,
      20
    )
    assert.deepStrictEqual(
      batches.map((batch) => batch.map(({ id }) => id)),
      [[2], [5], [1, 3], [4]]
    )
  })

  it("leaves to critical notifications their share, also of what was tried before", () => {
    const again = Array.from({ length: 30 }, (_, index) => waiting(index + 1, "info", `k${index + 1}`))
    const batches = planned([...again, ...many(4, 31, "critical")], 0, 20)
    assert.deepStrictEqual(
      batches.map(([{ notification }]) => notification.severity),
      [...Array.from({ length: 4 }, () => "critical"), ...Array.from({ length: 11 }, () => "info")]
    )
  })

  it("keeps what was tried alone out of the digest, so that it has the key that it had", () => {
    const batches = planned([waiting(1, "warning", "k1"), ...many(5, 2)], 0, 2)
    assert.deepStrictEqual(
      batches.map((batch) => batch.map(({ id }) => id)),
      [[1], [2, 3, 4, 5, 6]]
    )
  })

  it("has what is new also where more was tried before than there is room for", () => {
    const again = Array.from({ length: 30 }, (_, index) => waiting(index + 1, "critical", `k${index + 1}`))
    const batches = planned([...again, waiting(31, "critical")], 0, 20)
    assert.deepStrictEqual(
      batches.map(([{ id }]) => id),
      [...again.slice(0, 19).map(({ id }) => id), 31]
    )
  })

  it("has nothing new about a condition before what was tried before and has no room", () => {
    const about = (each: Waiting): Waiting => ({
      ...each,
      notification: { ...each.notification, ends: [{ name: "emergency", severity: "critical" }] }
    })
    const again = Array.from({ length: 30 }, (_, index) => waiting(index + 1, "critical", `k${index + 1}`))
    const batches = planned([...again.slice(0, 29), about(again[29]!), about(waiting(31, "critical"))], 0, 20)
    assert.notInclude(
      batches.map(([{ id }]) => id),
      31
    )
  })
})

describe("a digest", () => {
  it("says how many there are of which kind, and names the most severe, the latest first", () => {
    const [first, ...rest] = [...many(8), waiting(9, "critical"), waiting(10, "critical")].map(
      ({ notification }) => notification
    )
    const digest = digestOf([first as Notification, ...rest])
    assert.strictEqual(digest.total, 10)
    assert.deepStrictEqual(digest.counts, [
      { kind: "escalated", count: 8 },
      { kind: "emergency-entered", count: 2 }
    ])
    assert.deepStrictEqual(
      digest.mostSevere.map(({ key }) => key),
      ["k10", "k9", "k8", "k7", "k6"]
    )
    assert.deepStrictEqual([digest.from, digest.to], ["2026-11-24T03:00:01.000Z", "2026-11-24T03:00:10.000Z"])
  })
})
