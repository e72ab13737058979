import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { ModelCall } from "../../../src/domain/ModelCall.ts"
import { RemediationId } from "../../../src/domain/Remediation.ts"
import { type Budgets, BudgetUsedUp } from "../../../src/investigation/spend/Budget.ts"
import type { CallToMeter, Effort } from "../../../src/investigation/spend/Meter.ts"
import { type ReportedUsage, ReportUsage } from "../../../src/investigation/spend/ModelUsage.ts"
import { mostOfAll } from "../../../src/investigation/spend/PossibleUsage.ts"
import type { Ledger } from "../../../src/investigation/spend/Reservations.ts"
import { make, type SpendEvent } from "../../../src/investigation/spend/SpendMeter.ts"
import { CurrentCheckpoint } from "../../../src/resilience/pipeline/Checkpoint.ts"
import { SpendLedger } from "../../../src/storage/SpendLedger.ts"
import * as Storage from "../../../src/storage/Storage.ts"

const call: CallToMeter = {
  model: "m",
  estimate: { inputTokens: 90, outputTokens: 10 },
  price: { input: 1, output: 1 }
}
const remediation = RemediationId.make("rem-1")
const hop = { remediation, investigator: "llm", provider: "main" } as const
const everything = { since: "1969-01-01T00:00:00.000Z", until: "2030-01-01T00:00:00.000Z", limit: 1000 }

/** What the peer does: it reports its usage and succeeds, or fails. */
const peer = (reported?: ReportedUsage, failure?: Effort): Effect.Effect<string, Effort> =>
  Effect.flatMap(ReportUsage, (report) => {
    if (reported !== undefined) report(reported)
    return failure === undefined ? Effect.succeed("answer") : Effect.fail(failure)
  })

const used = (tokens: number): ReportedUsage => ({ inputTokens: tokens, outputTokens: 0 })

/** A meter on a ledger that can be taken away. */
const setUp = Effect.fnUntraced(function* (
  budgets: Budgets = {},
  isDown: () => boolean = () => false,
  /** It takes nothing, and tells what it has. */
  isFull: () => boolean = () => false
) {
  const ledger = Context.get(yield* Layer.build(Storage.layerMemory), SpendLedger)
  const orDown = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | { readonly _tag: "StorageError" }> =>
      isDown() || isFull() ? Effect.fail({ _tag: "StorageError" }) : effect
    )
  const port: Ledger = {
    reserve: (line, refuse) => orDown(ledger.reserve(line, refuse)),
    write: (lines, removed) => orDown(ledger.write(lines, removed)),
    spent: (at, of) => (isFull() ? ledger.spent(at, of) : orDown(ledger.spent(at, of)))
  }
  const restart = make({ budgets, currency: "EUR" }, port)
  const meter = yield* restart
  const events: Array<SpendEvent> = []
  yield* meter.events.listen((event) => void events.push(event))
  const ask = <E>(run: Effect.Effect<string, E>, effortOf: (error: E) => Effort) =>
    meter.meterOf(hop)(call, run, effortOf)
  // Writes are made in order.
  const lines = Effect.map(Effect.andThen(ledger.write([]), ledger.calls(everything)), (found) =>
    found.map(({ basis, cost, inputTokens, outcome, state }) => ({ basis, cost, inputTokens, outcome, state }))
  )
  return {
    ask: (run: Effect.Effect<string, Effort>) => ask(run, (effort) => effort),
    events,
    ledger,
    lines,
    meter,
    restart
  }
})

describe("a call to a model", () => {
  it.effect("is not made, and costs nothing, if its circuit has opened while it was recorded", () =>
    Effect.gen(function* () {
      const { ask, lines } = yield* setUp()
      const exit = yield* Effect.exit(
        Effect.provideService(ask(Effect.die("sent")), CurrentCheckpoint, Effect.interrupt)
      )
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.deepStrictEqual(yield* lines, [])
    })
  )

  it.effect("is on record before it is sent, with the estimate, its hop and its span", () =>
    Effect.gen(function* () {
      const { ask, ledger } = yield* setUp()
      const during = yield* Deferred.make<ReadonlyArray<ModelCall>>()
      yield* ask(
        Effect.as(
          Effect.flatMap(Effect.orDie(ledger.ofRemediation(remediation)), (found) => Deferred.succeed(during, found)),
          "answer"
        )
      ).pipe(Effect.withSpan("attempt"))
      const [line] = yield* Deferred.await(during)
      assert.deepInclude(line, {
        remediation,
        investigator: "llm",
        provider: "main",
        model: "m",
        inputTokens: 90,
        outputTokens: 10,
        cost: 100,
        basis: "estimated",
        state: "reserved"
      })
      assert.isString(line?.traceId)
      assert.isString(line?.spanId)
    }).pipe(Effect.scoped)
  )

  it.effect("is settled with what the response reports, before anything that the caller writes", () =>
    Effect.gen(function* () {
      const { ask, events, lines } = yield* setUp()
      assert.strictEqual(yield* ask(peer({ inputTokens: 40, outputTokens: 2 })), "answer")
      assert.deepStrictEqual(yield* lines, [
        { basis: "measured", cost: 42, inputTokens: 40, outcome: "answered", state: "settled" }
      ])
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Settled"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("costs its estimate if its response says 0 for the tokens of the request, which nobody has counted", () =>
    Effect.gen(function* () {
      const { ask, lines } = yield* setUp({ day: { tokens: 250 } })
      for (const outputTokens of [0, 10]) yield* ask(peer({ inputTokens: 0, outputTokens }))
      // The budget fills: two calls of 90 and more.
      assert.instanceOf(yield* Effect.flip(ask(peer())), BudgetUsedUp)
      assert.deepStrictEqual(
        (yield* lines).map(({ basis, inputTokens }) => [basis, inputTokens]),
        [
          ["estimated", 90],
          ["estimated", 90]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("that told what it took is paid for, also if its error says that it was rejected", () =>
    Effect.gen(function* () {
      const { ask, lines } = yield* setUp()
      for (const effort of ["rejected", "not-sent"] as const) {
        yield* Effect.flip(ask(peer({ inputTokens: 40, outputTokens: 2 }, effort)))
        yield* Effect.flip(ask(peer({ inputTokens: null, outputTokens: null, isPartial: true }, effort)))
      }
      const told = { basis: "measured", cost: 42, inputTokens: 40, outcome: "failed", state: "settled" } as const
      const estimate = { basis: "estimated", cost: 100, inputTokens: 90, outcome: "failed", state: "settled" } as const
      assert.sameDeepMembers([...(yield* lines)], [told, told, estimate, estimate])
    }).pipe(Effect.scoped)
  )

  it.effect("costs its estimate, and the next one is made, if its response reports what no call can take", () =>
    Effect.gen(function* () {
      const { ask, lines } = yield* setUp({ day: { tokens: 10_000 } })
      const impossible = [1e9, Number.MAX_SAFE_INTEGER, -1, 1.5, Number.NaN, Infinity]
      for (const tokens of impossible) {
        yield* ask(peer({ inputTokens: tokens, outputTokens: tokens }))
        yield* ask(peer({ inputTokens: 90, outputTokens: tokens }))
      }
      const estimate = {
        basis: "estimated",
        cost: 100,
        inputTokens: 90,
        outcome: "answered",
        state: "settled"
      } as const
      assert.deepStrictEqual(
        yield* lines,
        impossible.flatMap(() => [estimate, estimate])
      )
    }).pipe(Effect.scoped)
  )

  it.effect("keeps an estimate that is no whole number, or beyond what a call can take, as one", () =>
    Effect.gen(function* () {
      const { ledger, meter } = yield* setUp()
      const of = (inputTokens: number) =>
        meter.meterOf(hop)({ estimate: { inputTokens, outputTokens: 1.2 } }, Effect.fail("x"), () => "worked")
      for (const tokens of [1.5, 1e12, -1, Number.NaN]) yield* Effect.flip(of(tokens))
      yield* ledger.write([])
      assert.sameDeepMembers(
        (yield* ledger.calls(everything)).map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens]),
        [
          [2, 2],
          [mostOfAll.inputTokens, 2],
          [null, 2],
          [null, 2]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("that failed after it was sent, or was interrupted, costs its estimate", () =>
    Effect.gen(function* () {
      const { ask, lines } = yield* setUp()
      assert.isTrue(Exit.isFailure(yield* Effect.exit(ask(peer(undefined, "worked")))))
      const fiber = yield* Effect.forkChild(ask(Effect.never), { startImmediately: true })
      yield* Effect.yieldNow
      yield* TestClock.adjust(1)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(1)
      const estimate = { basis: "estimated", cost: 100, inputTokens: 90, outcome: "failed", state: "settled" } as const
      assert.deepStrictEqual(yield* lines, [estimate, estimate])
    }).pipe(Effect.scoped)
  )

  it.effect("that was rejected costs nothing, and one that never left has no line", () =>
    Effect.gen(function* () {
      const { ask, events, lines } = yield* setUp()
      yield* Effect.flip(ask(peer(undefined, "rejected")))
      yield* Effect.flip(ask(peer(undefined, "not-sent")))
      assert.deepStrictEqual(yield* lines, [
        { basis: "measured", cost: 0, inputTokens: 0, outcome: "rejected", state: "settled" }
      ])
      assert.strictEqual(events.length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("that no budget has room for is not made, and the failure says which budget and until when", () =>
    Effect.gen(function* () {
      const { ask, events, lines } = yield* setUp({ hour: { tokens: 250 } })
      let asked = 0
      const counted = Effect.suspend(() => (asked++, peer(used(100))))
      yield* ask(counted)
      yield* ask(counted)
      const error = yield* Effect.flip(ask(counted))
      const expected = { budget: "hour", unit: "tokens", until: "1970-01-01T01:00:00.000Z" } as const
      assert.deepStrictEqual(error, new BudgetUsedUp({ used: expected }))
      assert.strictEqual(asked, 2)
      assert.strictEqual((yield* lines).length, 2)
      assert.deepStrictEqual(events.at(-1), { _tag: "Refused", service: "llm:main", used: expected })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* ask(counted), "answer")
    }).pipe(Effect.scoped)
  )

  it.effect("counts for the next process too, and one that a crash cut short counts with its estimate", () =>
    Effect.gen(function* () {
      const { ask, ledger, restart } = yield* setUp({ day: { tokens: 150 } })
      // The process dies while it waits.
      yield* Effect.forkScoped(ask(Effect.never), { startImmediately: true })
      while ((yield* ledger.ofRemediation(remediation)).length === 0) yield* TestClock.adjust(1)
      const next = yield* restart
      const refused = yield* Effect.flip(next.meterOf(hop)(call, peer(used(1)), (effort) => effort))
      assert.strictEqual(Schema.is(BudgetUsedUp)(refused) ? refused.used.budget : undefined, "day")
    }).pipe(Effect.scoped)
  )
})

describe("without a working database", () => {
  it.effect("calls are made, counted in memory against the budgets, and recorded when the database is back", () =>
    Effect.gen(function* () {
      let isDown = true
      const { ask, lines } = yield* setUp({ hour: { tokens: 350 } }, () => isDown)
      yield* ask(peer(used(120)))
      yield* ask(peer(used(130)))
      yield* Effect.flip(ask(peer(undefined, "not-sent")))
      yield* ask(peer(used(99)))
      assert.instanceOf(yield* Effect.flip(ask(peer())), BudgetUsedUp)
      assert.deepStrictEqual(yield* lines, [])
      isDown = false
      assert.instanceOf(yield* Effect.flip(ask(peer())), BudgetUsedUp)
      assert.sameMembers(
        (yield* lines).map(({ inputTokens }) => inputTokens),
        [120, 130, 99]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("no more is spent than was left of a budget when it failed", () =>
    Effect.gen(function* () {
      let isDown = false
      const { ask, lines } = yield* setUp({ incident: { tokens: 350 } }, () => isDown)
      yield* ask(peer(used(130)))
      yield* ask(peer(used(110)))
      isDown = true
      yield* ask(peer(used(100)))
      assert.instanceOf(yield* Effect.flip(ask(peer(used(100)))), BudgetUsedUp)
      isDown = false
      assert.instanceOf(yield* Effect.flip(ask(peer(used(100)))), BudgetUsedUp)
      assert.strictEqual((yield* lines).length, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("calls of which there are too many to remember count all the same, also when it is back", () =>
    Effect.gen(function* () {
      let isDown = true
      const { ask } = yield* setUp({ day: { tokens: 110_000 } }, () => isDown)
      const make1100 = Effect.forEach(Array.from({ length: 1100 }), () =>
        ask(peer({ inputTokens: 90, outputTokens: 10 }))
      )
      yield* make1100
      assert.instanceOf(yield* Effect.flip(ask(peer())), BudgetUsedUp)
      isDown = false
      yield* TestClock.adjust("5 seconds")
      assert.instanceOf(yield* Effect.flip(ask(peer())), BudgetUsedUp)
    }).pipe(Effect.scoped)
  )

  it.effect("a process that starts while it is full counts what it tells", () =>
    Effect.gen(function* () {
      let isFull = false
      const { ask, restart } = yield* setUp(
        { incident: { tokens: 250 } },
        () => false,
        () => isFull
      )
      yield* ask(peer(used(120)))
      isFull = true
      const next = yield* restart
      const askNext = next.meterOf(hop)(call, peer(used(120)), (effort) => effort)
      assert.strictEqual(yield* askNext, "answer")
      assert.instanceOf(yield* Effect.flip(askNext), BudgetUsedUp)
    }).pipe(Effect.scoped)
  )

  it.effect("a reservation that it has made too late, and that was refused meanwhile, leaves no line", () =>
    Effect.gen(function* () {
      const ledger = Context.get(yield* Layer.build(Storage.layerMemory), SpendLedger)
      let isLate = false
      const late: Ledger = {
        // The line is written, and nobody hears of it.
        reserve: (line, refuse) =>
          isLate
            ? Effect.andThen(Effect.orDie(ledger.write([line])), Effect.never)
            : Effect.orDie(ledger.reserve(line, refuse)),
        write: (lines, removed) => Effect.orDie(ledger.write(lines, removed)),
        spent: ledger.spent
      }
      const meter = yield* make({ budgets: { day: { tokens: 150 } }, currency: "EUR" }, late)
      const ask = meter.meterOf(hop)(call, peer(used(100)), (effort) => effort)
      yield* ask
      isLate = true
      const refused = yield* Effect.forkChild(Effect.flip(ask))
      yield* TestClock.adjust("2 seconds")
      assert.instanceOf(yield* Fiber.join(refused), BudgetUsedUp)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Effect.orDie(ledger.ofRemediation(remediation))).length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("calls are made although its driver throws, and nothing is blamed on the model", () =>
    Effect.gen(function* () {
      const broken = Effect.die(new TypeError("the driver broke"))
      const meter = yield* make(
        { budgets: {}, currency: "EUR" },
        { reserve: () => broken, write: () => broken, spent: () => broken }
      )
      const ask = meter.meterOf(hop)(call, Effect.succeed("answer"), () => "worked")
      assert.strictEqual(yield* ask, "answer")
      assert.strictEqual(yield* ask, "answer")
    }).pipe(Effect.scoped)
  )

  it.effect("calls are recorded once it works again, without another call", () =>
    Effect.gen(function* () {
      let isDown = true
      const { ask, lines } = yield* setUp({}, () => isDown)
      yield* ask(peer(used(120)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* lines, [])
      isDown = false
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* lines, [
        { basis: "measured", cost: 120, inputTokens: 120, outcome: "answered", state: "settled" }
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("a call does not wait for longer than two seconds for a database that hangs", () =>
    Effect.gen(function* () {
      const hanging: Ledger = {
        reserve: () => Effect.never,
        write: () => Effect.never,
        spent: () => Effect.never
      }
      const meter = yield* make({ budgets: {}, currency: "EUR" }, hanging)
      const asked = yield* Deferred.make<void>()
      const run = Effect.as(Deferred.succeed(asked, undefined), "answer")
      const fiber = yield* Effect.forkChild(meter.meterOf(hop)(call, run, () => "worked"))
      yield* TestClock.adjust("1999 millis")
      assert.isFalse(yield* Deferred.isDone(asked))
      yield* TestClock.adjust(1)
      assert.isTrue(yield* Deferred.isDone(asked))
      // The answer does not wait at all.
      assert.strictEqual(yield* Fiber.join(fiber), "answer")
    }).pipe(Effect.scoped)
  )
})
