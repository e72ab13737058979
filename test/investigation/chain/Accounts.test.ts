import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { AccountLine, AccountSuspension } from "../../../src/domain/AccountSuspension.ts"
import { suspensionOf } from "../../../src/investigation/chain/Account.ts"
import { leftMs, type SuspensionStore } from "../../../src/investigation/chain/KeptSuspensions.ts"
import type { InvestigationChain } from "../../../src/investigation/InvestigationChain.ts"
import type { InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { ending, silent } from "../fixtures/HedgedChain.ts"
import { request } from "../fixtures/Requests.ts"
import { chainOf, error, rules, scripted, succeeds } from "../fixtures/ScriptedChain.ts"

const noMoney = Effect.fail(error({ _tag: "QuotaExhausted" }))
const wrongKey = Effect.fail(error({ _tag: "Authentication" }))

const llm = (provider: string, behaviour: Parameters<typeof scripted>[1], account?: string) =>
  scripted("llm", behaviour, { provider, ...(account === undefined ? {} : { account }) })

const hops = (chain: InvestigationChain["Service"]) =>
  Effect.map(chain.investigate(request()), (result) =>
    result.hops.map(({ investigator, outcome, provider, reason = "" }) =>
      `${provider ?? investigator} ${outcome} ${reason}`.trim()
    )
  )

describe("what a failure says about the account", () => {
  it.each<readonly [string, InvestigatorErrorReason, unknown]>([
    ["no money left", { _tag: "QuotaExhausted" }, { reason: "out-of-money" }],
    [
      "no money until a stated time",
      { _tag: "QuotaExhausted", retryAfterMs: 5000 },
      { reason: "out-of-money", statedMs: 5000 }
    ],
    ["a key that is not known", { _tag: "Authentication" }, { reason: "wrong-key" }],
    ["a key that may not do this", { _tag: "Authentication", forbidden: true }, undefined],
    ["a rate limit", { _tag: "RateLimited" }, undefined],
    ["an error of the server", { _tag: "Unavailable", status: 500 }, undefined],
    ["a bad request", { _tag: "BadRequest" }, undefined]
  ])("%s", (_name, reason, expected) => {
    assert.deepStrictEqual<unknown>(suspensionOf(reason), expected)
  })
})

describe("a tier whose account serves nobody", () => {
  it.effect("is skipped with the reason, and asked once in each suspension, for however many alerts", () =>
    Effect.gen(function* () {
      const tier = llm("a", noMoney)
      const chain = yield* chainOf([tier, rules()])
      assert.deepStrictEqual(yield* hops(chain), ["a failed quota-exhausted", "rules answered"])
      for (let alerts = 0; alerts < 50; alerts++) {
        assert.deepStrictEqual(yield* hops(chain), ["a skipped out-of-money", "rules answered"])
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(tier.calledAtMs.length, 1)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* hops(chain), ["a failed quota-exhausted", "rules answered"])
      yield* TestClock.adjust("119 seconds")
      assert.deepStrictEqual(yield* hops(chain), ["a skipped out-of-money", "rules answered"])
      assert.strictEqual(tier.calledAtMs.length, 2)
    })
  )

  it.effect("is in use again after the first trial that succeeds", () =>
    Effect.gen(function* () {
      const tier = llm("a", wrongKey)
      const chain = yield* chainOf([tier, rules()])
      yield* hops(chain)
      assert.deepStrictEqual(yield* hops(chain), ["a skipped wrong-key", "rules answered"])
      tier.behaviour = succeeds
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* hops(chain), ["a answered"])
      assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Closed")
    })
  )

  it.effect.each<readonly [InvestigatorErrorReason, boolean]>([
    [{ _tag: "InvalidAnswer", problem: "the answer was cut off" }, true],
    [{ _tag: "Refused" }, true],
    [{ _tag: "StepLimit" }, true],
    [{ _tag: "ToolLoop" }, true],
    [{ _tag: "BadRequest" }, false],
    [{ _tag: "Authentication", forbidden: true }, false],
    [{ _tag: "ContextOverflow", tokens: 2, limit: 1 }, false]
  ])("and whose trial fails by %j is in use again, with all tiers of its account: %s", ([reason, isInUse]) =>
    Effect.gen(function* () {
      const [a, b] = [llm("a", noMoney, "k1"), llm("b", noMoney, "k1")]
      const chain = yield* chainOf([a, b, rules()])
      yield* hops(chain)
      for (const tier of [a, b]) tier.behaviour = Effect.fail(error(reason, false, false))
      yield* TestClock.adjust("1 minute")
      yield* hops(chain)
      const states = yield* Effect.forEach(chain.tiers.slice(0, 2), (tier) => tier.circuitBreaker!.state)
      assert.deepStrictEqual(
        states.map(({ _tag }) => _tag !== "Suspended"),
        [isInUse, isInUse]
      )
    })
  )

  it.effect("is asked at once when its rejected key has been replaced", () =>
    Effect.gen(function* () {
      let isNew = false
      const tier = Object.assign(llm("a", wrongKey), { hasNewKey: Effect.sync(() => isNew) })
      const chain = yield* chainOf([tier, rules()])
      yield* hops(chain)
      assert.deepStrictEqual(yield* hops(chain), ["a skipped wrong-key", "rules answered"])
      isNew = true
      tier.behaviour = succeeds
      assert.deepStrictEqual(yield* hops(chain), ["a answered"])
    })
  )

  it.effect("is not suspended by a key that cannot be read: nothing was sent", () =>
    Effect.gen(function* () {
      const tier = llm("a", Effect.fail(error({ _tag: "KeyUnreadable" })))
      const chain = yield* chainOf([tier, rules()])
      for (let alerts = 0; alerts < 3; alerts++)
        assert.deepStrictEqual(yield* hops(chain), ["a failed key-unreadable", "rules answered"])
    })
  )

  it.effect("shares its suspension, and the trial, with every tier of the account", () =>
    Effect.gen(function* () {
      const [a, b, other] = [llm("a", noMoney, "k1"), llm("b", noMoney, "k1"), llm("c", succeeds, "k2")]
      const chain = yield* chainOf([a, b, other, rules()])
      const skipped = ["b skipped out-of-money", "c answered"]
      assert.deepStrictEqual(yield* hops(chain), ["a failed quota-exhausted", ...skipped])
      assert.deepStrictEqual(yield* hops(chain), ["a skipped out-of-money", ...skipped])
      yield* TestClock.adjust("1 minute")
      const gate = yield* Deferred.make<void>()
      a.behaviour = Effect.andThen(Deferred.await(gate), noMoney)
      const trial = yield* Effect.forkChild(hops(chain), { startImmediately: true })
      assert.deepStrictEqual(yield* hops(chain), ["a skipped out-of-money", ...skipped], "the trial is under way")
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(trial), ["a failed quota-exhausted", ...skipped])
      assert.deepStrictEqual([a.calledAtMs.length, b.calledAtMs.length], [2, 0])
      a.behaviour = succeeds
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* hops(chain), ["a answered"])
      assert.strictEqual((yield* chain.tiers[1]!.circuitBreaker!.state)._tag, "HalfOpen")
    })
  )

  it.effect.each([
    ["while HolmesGPT, beside which it was found, is at work", false],
    ["where the investigation in which it was found is interrupted", true]
  ] as const)("shares its suspension %s", ([, isInterrupted]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const [a, b] = [llm("a", noMoney, "k1"), llm("b", succeeds, "k1")]
        const holmes = ending(silent, 60_000)
        const chain = yield* chainOf([holmes.tier, a, b, rules()], {
          hedge: { after: "4 seconds" },
          deadline: "2 minutes"
        })
        const first = yield* Effect.forkChild(hops(chain), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        if (isInterrupted) yield* Fiber.interrupt(first)
        assert.lengthOf(a.calledAtMs, 1)
        assert.strictEqual((yield* chain.tiers[2]!.circuitBreaker!.state)._tag, "Suspended")
      })
    )
  )

  it.effect("stays suspended while an operator has taken another tier of the account out, or keeps it in", () =>
    Effect.gen(function* () {
      for (const order of ["isolate", "forceClosed"] as const) {
        const [a, b] = [llm("a", noMoney, "k1"), llm("b", noMoney, "k1")]
        const chain = yield* chainOf([a, b, rules()])
        yield* chain.tiers[0]!.circuitBreaker![order]("1 hour", "by hand")
        for (let alerts = 0; alerts < 50; alerts++) {
          yield* hops(chain)
          yield* TestClock.adjust("1 second")
        }
        assert.strictEqual(b.calledAtMs.length, 1, order)
      }
    })
  )

  it.effect("is asked again when an operator ends the suspension of its breaker", () =>
    Effect.gen(function* () {
      const [a, b] = [llm("a", noMoney, "k1"), llm("b", noMoney, "k1")]
      const chain = yield* chainOf([a, b, rules()])
      yield* hops(chain)
      a.behaviour = succeeds
      yield* chain.tiers[0]!.circuitBreaker!.auto("paid")
      assert.deepStrictEqual(yield* hops(chain), ["a answered"])
    })
  )
})

/** A database that outlives the chains on it. */
const makeStore = () => {
  const rows = new Map<string, AccountSuspension>()
  const lines: Array<AccountLine> = []
  const state = { isDown: false }
  const store = (): SuspensionStore => ({
    kept: [...rows.values()],
    record: (account, suspension, line) =>
      Effect.suspend(() => {
        if (state.isDown) return Effect.fail({ _tag: "StorageError" })
        if (suspension === undefined) rows.delete(account)
        else rows.set(account, suspension)
        lines.push(line)
        return Effect.void
      })
  })
  return { rows, lines, state, store }
}

describe("a suspension after a restart", () => {
  const process = (store: SuspensionStore, tier: ReturnType<typeof llm>) =>
    Effect.gen(function* () {
      const chain = yield* chainOf([tier, rules()], { suspensions: store })
      yield* Effect.forkScoped(chain.watch)
      yield* TestClock.adjust(0)
      return chain
    })

  it.effect("has what was left of it, and then one trial", () =>
    Effect.gen(function* () {
      const { lines, rows, store } = makeStore()
      const tier = llm("a", noMoney, "k1")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hops(yield* process(store(), tier))
          yield* TestClock.adjust("20 seconds")
        })
      )
      assert.deepStrictEqual([rows.get("k1")?.reason, rows.get("k1")?.times], ["out-of-money", 1])
      const chain = yield* process(store(), tier)
      yield* TestClock.adjust("39 seconds")
      assert.deepStrictEqual(yield* hops(chain), ["a skipped out-of-money", "rules answered"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* hops(chain), ["a failed quota-exhausted", "rules answered"])
      yield* TestClock.adjust(0)
      assert.strictEqual(rows.get("k1")?.times, 2)
      tier.behaviour = succeeds
      yield* TestClock.adjust("2 minutes")
      yield* hops(chain)
      yield* TestClock.adjust(0)
      assert.strictEqual(rows.size, 0)
      assert.deepStrictEqual(
        lines.map(({ isFirst, kind }) => [kind, isFirst]),
        [
          ["account.suspended", true],
          ["account.suspended", false],
          ["account.resumed", undefined]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("does not concern another key", () =>
    Effect.gen(function* () {
      const { store } = makeStore()
      yield* Effect.scoped(Effect.flatMap(process(store(), llm("a", wrongKey, "old")), hops))
      const chain = yield* process(store(), llm("a", succeeds, "new"))
      assert.deepStrictEqual(yield* hops(chain), ["a answered"])
    }).pipe(Effect.scoped)
  )

  it.effect("ends on record when its key was replaced, for the service that people were told of", () =>
    Effect.gen(function* () {
      const { lines, rows, store } = makeStore()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hops(yield* process(store(), llm("a", wrongKey, "old")))
          yield* TestClock.adjust(0)
        })
      )
      assert.strictEqual(rows.size, 1)
      yield* process(store(), llm("b", succeeds, "new"))
      assert.strictEqual(rows.size, 0)
      assert.deepStrictEqual(lines.at(-1), { kind: "account.resumed", services: ["llm:a"], isReplaced: true })
    }).pipe(Effect.scoped)
  )

  it.effect("is recorded when the database is back", () =>
    Effect.gen(function* () {
      const { rows, state, store } = makeStore()
      const chain = yield* process(store(), llm("a", noMoney))
      state.isDown = true
      yield* hops(chain)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(rows.size, 0)
      state.isDown = false
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([...rows.keys()], ["llm:a"])
    }).pipe(Effect.scoped)
  )

  it("lasts a day at most, whatever the wall clock says now", () => {
    const until = "2026-11-24T03:00:00.000Z"
    const untilMs = Date.parse(until)
    assert.strictEqual(leftMs({ until }, untilMs - 5000), 5000)
    assert.strictEqual(leftMs({ until }, untilMs + 5000), 0)
    assert.strictEqual(leftMs({ until }, 0), 24 * 60 * 60_000)
  })

  it.effect("lasts no longer than it was to last when the wall clock is set back", () =>
    Effect.gen(function* () {
      const { rows, store } = makeStore()
      const tier = llm("a", noMoney, "k1")
      yield* TestClock.setTime(Date.parse("2026-11-24T13:00:00.000Z"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hops(yield* process(store(), tier))
          yield* TestClock.adjust(0)
        })
      )
      assert.strictEqual(rows.get("k1")?.until, "2026-11-24T13:01:00.000Z")
      yield* TestClock.setTime(Date.parse("2026-11-24T03:00:00.000Z"))
      const chain = yield* process(store(), tier)
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* hops(chain), ["a skipped out-of-money", "rules answered"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* hops(chain), ["a failed quota-exhausted", "rules answered"])
    }).pipe(Effect.scoped)
  )
})
