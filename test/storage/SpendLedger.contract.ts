/** The contract of `SpendLedger`, part of `RemediationStore.contract`. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ModelCall, ModelCallId } from "../../src/domain/ModelCall.ts"
import { fromMillis, type Timestamp, toMillis } from "../../src/domain/Timestamp.ts"
import { SpendLedger, type SpentBefore } from "../../src/storage/SpendLedger.ts"
import { minute, remediationId } from "./Incident.ts"
import type { StorageLayer } from "./StorageLayer.ts"

const idOf = (number: number): ModelCallId => ModelCallId.make(`call-${String(number).padStart(26, "0")}`)

const call = (number: number, at: Timestamp, changes: Partial<ModelCall> = {}): ModelCall => ({
  id: idOf(number),
  at,
  remediation: remediationId("1"),
  investigator: "llm",
  provider: "main",
  inputTokens: 100,
  outputTokens: 10,
  cost: 1000,
  basis: "estimated",
  state: "reserved",
  ...changes
})

const settled = (reserved: ModelCall, changes: Partial<ModelCall> = {}): ModelCall => ({
  ...reserved,
  state: "settled",
  outcome: "answered",
  basis: "measured",
  ...changes
})

const always = { since: minute(-1e6), until: minute(1e6) }
const day = 24 * 60
const admit = () => undefined
const costs = ({ day, hour, incident }: SpentBefore) => [incident.cost, hour.cost, day.cost]

export const spending = (layer: StorageLayer): void => {
  it.effect("a reserved call counts with its estimate, and a settled one with what it cost", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      const first = call(1, minute(0))
      assert.isUndefined(yield* ledger.reserve(first, admit))
      assert.deepStrictEqual(costs(yield* ledger.spent(minute(0), first.remediation)), [1000, 1000, 1000])
      const after = settled(first, { inputTokens: 90, outputTokens: 5, cost: 700 })
      yield* ledger.write([after])
      assert.deepStrictEqual(costs(yield* ledger.spent(minute(0), first.remediation)), [700, 700, 700])
      assert.deepStrictEqual(yield* ledger.ofRemediation(first.remediation), [after])
      assert.deepStrictEqual(yield* ledger.totals("service", always), [
        { key: "llm:main", calls: 1, inputTokens: 90, outputTokens: 5, cost: 700, unknownTokens: 0, unknownCost: 0 }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a refused call leaves no line, and a removed one leaves none either", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      assert.strictEqual(yield* ledger.reserve(call(1, minute(0)), () => "no" as const), "no")
      assert.deepStrictEqual(yield* ledger.calls({ ...always, limit: 10 }), [])
      yield* ledger.reserve(call(2, minute(0)), admit)
      yield* ledger.write([], [idOf(2)])
      assert.deepStrictEqual(yield* ledger.calls({ ...always, limit: 10 }), [])
      assert.deepStrictEqual(costs(yield* ledger.spent(minute(0), remediationId("1"))), [0, 0, 0])
    }).pipe(Effect.provide(layer))
  )

  it.effect("reservations at the same time see each other", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      const refusals = yield* Effect.forEach(
        [1, 2, 3, 4, 5],
        (number) =>
          ledger.reserve(call(number, minute(0)), ({ hour }) => (hour.cost + 1000 > 3000 ? "full" : undefined)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(refusals, [undefined, undefined, undefined, "full", "full"])
      assert.strictEqual((yield* ledger.spent(minute(0))).hour.cost, 3000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("calls count in their hour, on their day and for their incident, and in no other", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      yield* ledger.write([
        call(1, minute(-1)),
        call(2, minute(0)),
        call(3, fromMillis(toMillis(minute(60)) - 1), { remediation: remediationId("2") }),
        call(4, minute(60)),
        call(5, minute(day))
      ])
      assert.deepStrictEqual(costs(yield* ledger.spent(minute(59), remediationId("2"))), [1000, 2000, 4000])
      assert.deepStrictEqual(costs(yield* ledger.spent(minute(61), remediationId("1"))), [4000, 1000, 4000])
      assert.deepStrictEqual(
        (yield* ledger.totals("hour", always)).map(({ calls, key }) => [key, calls]),
        [
          ["2026-11-24T02:00:00.000Z", 1],
          ["2026-11-24T03:00:00.000Z", 2],
          ["2026-11-24T04:00:00.000Z", 1],
          ["2026-11-25T03:00:00.000Z", 1]
        ]
      )
      assert.deepStrictEqual(
        (yield* ledger.totals("day", { since: minute(0), until: minute(day) })).map(({ calls, key }) => [key, calls]),
        [["2026-11-24T00:00:00.000Z", 3]]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("what is not known is counted as not known, and never as 0", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      yield* ledger.write([
        call(1, minute(0), { cost: null }),
        call(2, minute(0), { outputTokens: null, cost: null }),
        call(3, minute(0), { inputTokens: 0, outputTokens: 0, cost: 0 })
      ])
      assert.deepStrictEqual(yield* ledger.totals("service", always), [
        { key: "llm:main", calls: 3, inputTokens: 200, outputTokens: 10, cost: 0, unknownTokens: 1, unknownCost: 2 }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("adds up numbers of any size, so that one of nonsense does not end what is counted after it", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      const most = Number.MAX_SAFE_INTEGER
      const huge = { inputTokens: most, outputTokens: most, cost: most }
      yield* ledger.write([1, 2, 3].map((number) => call(number, minute(0), huge)))
      assert.deepStrictEqual(costs(yield* ledger.spent(minute(0), remediationId("1"))), [most, most, most])
      assert.isUndefined(yield* ledger.reserve(call(4, minute(0)), admit))
      for (const by of ["hour", "day", "service"] as const) {
        const [total] = yield* ledger.totals(by, always)
        assert.deepInclude(total, { calls: 4, inputTokens: most, outputTokens: most, cost: most })
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists the newest calls first, of all or of one incident, in an interval", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      yield* ledger.write([
        call(1, minute(1)),
        call(2, minute(2), { remediation: remediationId("2") }),
        call(3, minute(3))
      ])
      const ids = (query: { readonly remediation?: ModelCall["remediation"]; readonly limit?: number }) =>
        Effect.map(ledger.calls({ ...always, limit: 10, ...query }), (found) => found.map(({ id }) => id))
      assert.deepStrictEqual(yield* ids({}), [idOf(3), idOf(2), idOf(1)])
      assert.deepStrictEqual(yield* ids({ limit: 1 }), [idOf(3)])
      assert.deepStrictEqual(yield* ids({ remediation: remediationId("2") }), [idOf(2)])
      assert.deepStrictEqual(yield* ledger.calls({ since: minute(1), until: minute(2), limit: 10 }), [
        call(1, minute(1))
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps a month: each reservation deletes more old lines than it adds", () =>
    Effect.gen(function* () {
      const ledger = yield* SpendLedger
      yield* ledger.write(Array.from({ length: 150 }, (_, number) => call(number, minute(number))))
      const later = minute(31 * day + 120)
      const left = () => Effect.map(ledger.calls({ ...always, limit: 1000 }), (found) => found.length)
      yield* ledger.reserve(call(1000, later), admit)
      assert.strictEqual(yield* left(), 51)
      yield* ledger.reserve(call(1001, later), admit)
      // Those of the last 31 days stay.
      assert.strictEqual(yield* left(), 32)
    }).pipe(Effect.provide(layer))
  )
}
