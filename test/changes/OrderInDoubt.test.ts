import { assert, describe, it } from "@effect/vitest"
import { firstSymptom } from "../../src/changes/FirstSymptom.ts"
import { orderInDoubt } from "../../src/changes/OrderInDoubt.ts"
import { alert, at, broken, minutes, startsMs, state } from "./scenes.ts"

interface Row {
  readonly name: string
  readonly at: number
  readonly seenAt: number
  readonly notBefore?: number
  readonly statedAt?: number
  readonly isInDoubt: boolean
}

const rows: ReadonlyArray<Row> = [
  { name: "seen within the second in which it was made", at: -20, seenAt: -19.1, isInDoubt: false },
  { name: "seen on both sides of the symptom, as far as whole seconds go", at: -0.9, seenAt: 2.1, isInDoubt: false },
  { name: "seen late, and before the symptom too", at: -40, seenAt: -10, isInDoubt: false },
  { name: "seen late, and within the tolerance of clocks", at: -40, seenAt: 2, isInDoubt: false },
  { name: "dated before the symptom by a slow clock, and seen after it", at: -20, seenAt: 20, isInDoubt: true },
  { name: "seen late for any other reason, and after the symptom", at: -1, seenAt: 4, isInDoubt: true },
  {
    name: "seen before the symptom by our slow clock, and dated after it",
    at: -180,
    seenAt: -180,
    statedAt: 120,
    isInDoubt: true
  },
  {
    name: "dated ahead of us, and before the symptom all the same",
    at: -400,
    seenAt: -400,
    statedAt: -100,
    isInDoubt: false
  },
  { name: "found after a gap, of which another rule says so", at: -20, seenAt: 20, notBefore: -60, isInDoubt: false }
]

describe("the order of a change and the symptom", () => {
  it.each(rows)(
    "is in doubt ($isInDoubt) for a change that was $name",
    ({ isInDoubt, notBefore, statedAt, ...times }) => {
      const change = {
        at: at(times.at),
        seenAt: at(times.seenAt),
        ...(notBefore === undefined ? {} : { notBefore: at(notBefore) }),
        ...(statedAt === undefined ? {} : { statedAt: at(statedAt) })
      }
      assert.strictEqual(orderInDoubt(change, { latestMs: startsMs }) !== undefined, isInDoubt)
    }
  )
})

describe("the beginning of an alert", () => {
  const doubtAt = (seconds: number, fired = alert("CheckoutErrorsHigh"), nowSeconds = 5, observed = state()) =>
    orderInDoubt(
      { at: at(seconds), seenAt: at(seconds) },
      firstSymptom({ alert: fired, observed, nowMs: startsMs + nowSeconds * 1000 })
    )

  it("that is later than now puts the changes of the last five minutes in doubt", () => {
    assert.include(doubtAt(-200, undefined, -120), "a clock is wrong")
    assert.isUndefined(doubtAt(-minutes(8), undefined, -120))
    assert.isUndefined(doubtAt(-20, undefined, -2))
  })

  it("puts a change in doubt that came after the wait that the alert states, and not one that came before", () => {
    const waited = alert("CheckoutErrorsHigh", { annotations: { for: "15m" } })
    for (const seconds of [-60, -300, -840]) assert.include(doubtAt(seconds, waited), "waits for 900 s")
    assert.isUndefined(doubtAt(-910, waited))
    assert.isUndefined(doubtAt(-60, alert("CheckoutErrorsHigh", { labels: { for: "0s" } })))
  })

  it("puts no change in doubt where only a well-known rule waits: many senders do not", () => {
    assert.isUndefined(doubtAt(-60, alert("KubePodCrashLooping")))
  })

  it("does not matter where the cluster says since when something fails", () => {
    const failing = state({ pods: [broken("checkout-1", "CrashLoopBackOff", -50)] })
    const waited = alert("KubePodCrashLooping", { labels: { for: "15m" } })
    assert.isUndefined(doubtAt(-60, waited, 5, failing))
  })
})
