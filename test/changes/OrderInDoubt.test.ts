import { assert, describe, it } from "@effect/vitest"
import { orderInDoubt } from "../../src/changes/OrderInDoubt.ts"
import { at, startsMs } from "./scenes.ts"

interface Row {
  readonly name: string
  readonly at: number
  readonly seenAt: number
  readonly notBefore?: number
  readonly isInDoubt: boolean
}

const rows: ReadonlyArray<Row> = [
  { name: "seen within the second in which it was made", at: -20, seenAt: -19.1, isInDoubt: false },
  { name: "seen on both sides of the symptom, as far as whole seconds go", at: -0.9, seenAt: 2.1, isInDoubt: false },
  { name: "seen late, and before the symptom too", at: -40, seenAt: -10, isInDoubt: false },
  { name: "seen late, and within the tolerance of clocks", at: -40, seenAt: 2, isInDoubt: false },
  { name: "dated before the symptom by a slow clock, and seen after it", at: -20, seenAt: 20, isInDoubt: true },
  { name: "seen late for any other reason, and after the symptom", at: -1, seenAt: 4, isInDoubt: true },
  { name: "found after a gap, of which another rule says so", at: -20, seenAt: 20, notBefore: -60, isInDoubt: false }
]

describe("the order of a change and the symptom", () => {
  it.each(rows)("is in doubt ($isInDoubt) for a change that was $name", ({ isInDoubt, notBefore, ...times }) => {
    const change = {
      at: at(times.at),
      seenAt: at(times.seenAt),
      ...(notBefore === undefined ? {} : { notBefore: at(notBefore) })
    }
    assert.strictEqual(orderInDoubt(change, { latestMs: startsMs }) !== undefined, isInDoubt)
  })
})
