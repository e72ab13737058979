/** Whatever happens to the calls, the budgets hold. */

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { ModelCall, ModelCallId } from "../../../src/domain/ModelCall.ts"
import { RemediationId } from "../../../src/domain/Remediation.ts"
import type { Effort } from "../../../src/investigation/spend/Meter.ts"
import { ReportUsage } from "../../../src/investigation/spend/ModelUsage.ts"
import type { Ledger } from "../../../src/investigation/spend/Reservations.ts"
import { make, type SpendMeter } from "../../../src/investigation/spend/SpendMeter.ts"

const budget = 100

/** One thing that happens. `of` selects one of the calls under way. */
const Step = Schema.Union([
  Schema.TaggedStruct("Begin", { estimate: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })) }),
  Schema.TaggedStruct("End", {
    of: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
    /** What it takes, as a share of its estimate. */
    share: Schema.Literals([0, 0.5, 1, 2]),
    effort: Schema.Literals(["answered", "worked", "rejected", "not-sent"])
  }),
  Schema.TaggedStruct("Crash", {})
])
const Steps = Schema.Array(Step).check(Schema.isMaxLength(40))

/** What a database does: it works, fails, takes writes and hangs at each reservation, or hangs at everything. */
const Database = Schema.Literals(["works", "fails", "slow", "hangs"])
const Outages = Schema.Array(
  Schema.Union([Step.members[0], Step.members[1], Schema.TaggedStruct("Turns", { to: Database })])
).check(Schema.isMaxLength(40))

/** A ledger as simple as can be. It survives crashes. */
const makeLedger = (database: () => typeof Database.Type = () => "works") => {
  const reached = <A>(hangs: ReadonlyArray<typeof Database.Type>, effect: Effect.Effect<A>) =>
    Effect.suspend((): Effect.Effect<A, { readonly _tag: "StorageError" }> => {
      if (hangs.includes(database())) return Effect.never
      return database() === "fails" ? Effect.fail({ _tag: "StorageError" }) : effect
    })
  const lines = new Map<ModelCallId, ModelCall>()
  const spent = () => [...lines.values()].reduce((sum, { inputTokens }) => sum + (inputTokens ?? 0), 0)
  const all = () => {
    const sum = { inputTokens: spent(), outputTokens: 0, cost: 0 }
    return { incident: sum, hour: sum, day: sum }
  }
  const port: Ledger = {
    reserve: (call, refuse) =>
      reached(
        ["slow", "hangs"],
        Effect.sync(() => {
          const refusal = refuse(all())
          if (refusal === undefined) lines.set(call.id, call)
          return refusal
        })
      ),
    write: (calls, removed) =>
      reached(
        ["hangs"],
        Effect.sync(() => {
          for (const call of calls) lines.set(call.id, call)
          for (const id of removed) lines.delete(id)
        })
      ),
    spent: () => reached(["hangs"], Effect.sync(all))
  }
  return { port, spent }
}

interface Ended {
  readonly tokens: number
  readonly effort: "answered" | Effort
}

interface Running {
  readonly estimate: number
  readonly end: Deferred.Deferred<Ended>
}

const hop = { remediation: RemediationId.make("rem-1"), investigator: "llm", provider: "main" } as const

/** Begins a call; `undefined` if no budget has room for it. */
const begin = Effect.fnUntraced(function* (meter: SpendMeter["Service"], estimate: number, withinMs = 1) {
  const end = yield* Deferred.make<Ended>()
  let isMade = false
  const run = Effect.gen(function* () {
    isMade = true
    const { effort, tokens } = yield* Deferred.await(end)
    if (effort === "answered" || effort === "worked") (yield* ReportUsage)({ inputTokens: tokens, outputTokens: 0 })
    return effort === "answered" ? "answer" : yield* Effect.fail(effort)
  })
  const call = { estimate: { inputTokens: estimate, outputTokens: 0 } }
  yield* Effect.forkScoped(Effect.exit(meter.meterOf(hop)(call, run, (effort) => effort)), { startImmediately: true })
  yield* TestClock.adjust(withinMs)
  return isMade ? { estimate, end } : undefined
})

describe("whatever the database does", () => {
  it.effect.prop("a call begins if it fits into what this process has spent, and only then", [Outages], ([steps]) =>
    Effect.gen(function* () {
      let database: typeof Database.Type = "works"
      const { port, spent } = makeLedger(() => database)
      const meter = yield* make({ budgets: { hour: { tokens: budget } }, currency: "EUR" }, port)
      const running: Array<Running> = []
      let ended = 0
      const all = () => running.reduce((sum, { estimate }) => sum + estimate, ended)
      for (const step of steps) {
        if (step._tag === "Turns") database = step.to
        else if (step._tag === "Begin") {
          const before = all()
          // It waits two seconds for each of a write and a reservation.
          const begun = yield* begin(meter, step.estimate, 4001)
          assert.strictEqual(begun !== undefined, before + step.estimate <= budget, `${before} are spent`)
          if (begun !== undefined) running.push(begun)
        } else {
          const [call] = running.splice(step.of, 1)
          if (call === undefined) continue
          const tokens = Math.ceil(call.estimate * Math.max(step.share, 0.5))
          yield* Deferred.succeed(call.end, { tokens, effort: step.effort })
          yield* TestClock.adjust(1)
          if (step.effort === "answered" || step.effort === "worked") ended += tokens
        }
      }
      database = "works"
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(spent(), all(), "the ledger has everything in the end")
    }).pipe(Effect.scoped)
  )
})

describe("in any order of calls and crashes", () => {
  it.effect.prop(
    "a call begins only if it fits, and what is spent exceeds a budget by no more than those under way were estimated for",
    [Steps],
    ([steps]) =>
      Effect.gen(function* () {
        const { port, spent } = makeLedger()
        const settings = { budgets: { hour: { tokens: budget } }, currency: "EUR" }
        let meter = yield* make(settings, port)
        let running: Array<Running> = []
        let underWay = 0
        for (const step of steps) {
          if (step._tag === "Crash") {
            meter = yield* make(settings, port)
            running = []
          } else if (step._tag === "Begin") {
            const before = spent()
            const begun = yield* begin(meter, step.estimate)
            assert.strictEqual(begun !== undefined, before + step.estimate <= budget, "it begins if it fits")
            if (begun !== undefined) {
              running.push(begun)
              underWay = running.reduce((sum, { estimate }) => sum + estimate, 0)
              assert.isAtMost(spent(), budget)
            }
          } else {
            const [call] = running.splice(step.of, 1)
            if (call === undefined) continue
            const { effort, share } = step
            yield* Deferred.succeed(call.end, { tokens: Math.floor(call.estimate * share), effort })
            yield* TestClock.adjust(1)
          }
          assert.isAtMost(spent(), budget + underWay)
        }
      }).pipe(Effect.scoped)
  )
})
