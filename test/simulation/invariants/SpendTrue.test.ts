import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "../../../src/domain/ModelCall.ts"
import { costOf } from "../../../src/investigation/spend/Price.ts"
import * as World from "../../../src/simulation/engine/World.ts"
import { budgetsOf, prices } from "../../../src/simulation/farEnds/ModelSpend.ts"
import { spendTrue } from "../../../src/simulation/invariants/SpendTrue.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { began, call, paused, watch } from "../fixtures/Watching.ts"

const attempt = { spanId: "span-1" }
const made = call({ peer: "llm:alpha", attempt })
const counted = { inputTokens: 900, outputTokens: 50 }

const line = (changes: Partial<ModelCall> = {}): ModelCall => {
  const given = { inputTokens: 3000, outputTokens: 4096, ...changes }
  return {
    id: "call-1" as ModelCall["id"],
    at: "2026-11-24T03:00:00.000Z",
    remediation: "rem-1" as ModelCall["remediation"],
    investigator: "llm",
    provider: "alpha",
    spanId: attempt.spanId,
    cost: costOf(given, prices.alpha),
    basis: "estimated",
    state: "reserved",
    ...given
  }
}
const settled = (changes: Partial<ModelCall> = {}): ModelCall =>
  line({ state: "settled", outcome: "failed", ...changes })
const measured = (tokens: { readonly inputTokens: number; readonly outputTokens: number } = counted) =>
  settled({ ...tokens, basis: "measured", outcome: "answered" })

const answer = (changes: Partial<Extract<Observation, { readonly _tag: "ModelCounted" }>> = {}): Observation => ({
  _tag: "ModelCounted",
  peer: "llm:alpha",
  work: {},
  attempt,
  tokens: counted,
  isAll: true,
  isTold: true,
  ...changes
})

interface Story {
  readonly atCall?: ReadonlyArray<ModelCall>
  readonly counts?: Observation
  readonly atEnd?: ReadonlyArray<ModelCall>
  readonly disturbedUntilMs?: number
  readonly before?: ReadonlyArray<Observation>
  readonly after?: ReadonlyArray<Observation>
  readonly spent?: { readonly tokens: number; readonly cost: number }
}

const reportsOf = ({
  after = [],
  atCall = [line()],
  atEnd = [measured()],
  before = [],
  counts = answer(),
  disturbedUntilMs = -Infinity,
  spent = { tokens: 0, cost: 0 }
}: Story): ReadonlyArray<string> => {
  let rows = atCall
  const database = {
    ledgerRows: (most: number, spanId?: string) =>
      rows
        .map((each, row) => ({ call: each, row }))
        .slice(0, most)
        .filter(({ call }) => spanId === undefined || call.spanId === spanId),
    ledgerSum: (_column: string, _prefix: string, _row: number, since: string) =>
      since === "" ? spent : { tokens: 0, cost: 0 },
    disturbedUntilMs
  }
  const seen = watch(spendTrue, Scenario.models, { farEnds: { database } })
  seen.at(9_950, ...before)
  seen.at(10_000, began(made))
  seen.at(11_000, counts)
  rows = atEnd
  seen.at(12_000, ...after)
  seen.end()
  return seen.reports
}

describe("spend-true", () => {
  it("accepts a call that was reserved, and measured as its model counted it", () => {
    assert.deepStrictEqual(reportsOf({}), [])
  })

  it("reports a call without a reservation, unless the database or the process stood still", () => {
    const atCall: ReadonlyArray<ModelCall> = []
    assert.deepStrictEqual(reportsOf({ atCall }), ["llm:alpha is called without a reservation in the ledger"])
    assert.deepStrictEqual(reportsOf({ atCall, disturbedUntilMs: 9000 }), [])
    assert.deepStrictEqual(reportsOf({ atCall, before: [paused(100)] }), [])
  })

  it("finds the reservation of an attempt behind those of a hundred others", () => {
    const others = Array.from({ length: 100 }, (_, index) => line({ spanId: `other-${index}` }))
    assert.deepStrictEqual(reportsOf({ atCall: [...others, line()] }), [])
  })

  it("reports tokens that the model did not count, and a cost that does not follow from them", () => {
    assert.include(reportsOf({ atEnd: [measured({ inputTokens: 800, outputTokens: 50 })] }).join(), "did not count")
    assert.include(reportsOf({ atEnd: [{ ...measured(), cost: 1 }] }).join(), "call-1 costs 1 for 900 and 50 tokens")
  })

  it("reports an estimate where an answer told its tokens, and accepts it where it did not", () => {
    const atEnd = [settled({ outcome: "answered" })]
    assert.deepStrictEqual(reportsOf({ atEnd }), ["call-1 is estimated, although llm:alpha told its tokens"])
    assert.deepStrictEqual(reportsOf({ atEnd, counts: answer({ isTold: false }) }), [])
  })

  it("accepts an estimate for an answer that was lost, and reports one that is less than what was counted, or none", () => {
    assert.deepStrictEqual(reportsOf({ atEnd: [settled()] }), [])
    const lost = "llm:alpha counted 900 and 50 tokens, which no line of the ledger has"
    for (const atEnd of [
      [],
      [settled({ inputTokens: 10 })],
      [settled({ outcome: "rejected", inputTokens: 0, outputTokens: 0, basis: "measured" })]
    ])
      assert.deepStrictEqual(reportsOf({ atEnd }), [lost])
  })

  it("reports what an interrupted model has read, where no line has it", () => {
    const counts = answer({ isAll: false, isTold: false, tokens: { inputTokens: 900, outputTokens: 0 } })
    assert.lengthOf(reportsOf({ counts, atEnd: [] }), 1)
    assert.deepStrictEqual(reportsOf({ counts, atEnd: [settled()] }), [])
  })

  it("reports a line that was never settled, unless its process has died", () => {
    const atEnd = [line()]
    const died: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" }
    assert.deepStrictEqual(reportsOf({ atEnd }), ["call-1 was never settled"])
    assert.deepStrictEqual(reportsOf({ atEnd, after: [died] }), [])
  })

  it("reports a call beyond a budget, unless most was spent before the process and the database cannot be read", () => {
    const { incident } = budgetsOf({ scenario: Scenario.models, world: World.make(1) })
    const tokens = incident?.tokens ?? 0
    assert.isAbove(tokens, 0)
    assert.deepStrictEqual(reportsOf({ spent: { tokens, cost: 0 } }), [])
    assert.include(
      reportsOf({ spent: { tokens: tokens + 1, cost: 0 } }).join(),
      `call-1 is made with ${tokens + 1} tokens and 0 spent, beyond the budget of the incident`
    )
    const booted: Observation = { _tag: "ProcessBooted", process: "service", number: 2 }
    const restarted = { before: [booted], spent: { tokens: tokens + 1, cost: 0 } }
    assert.isNotEmpty(reportsOf(restarted))
    assert.deepStrictEqual(reportsOf({ ...restarted, disturbedUntilMs: Infinity }), [])
  })
})
