import { assert, describe, it } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import { RemediationId } from "../../../src/domain/Remediation.ts"
import type { CallToMeter, Effort } from "../../../src/investigation/spend/Meter.ts"
import { type ReportedUsage, ReportUsage } from "../../../src/investigation/spend/ModelUsage.ts"
import { make } from "../../../src/investigation/spend/SpendMeter.ts"
import { addedBy } from "../../../src/investigation/spend/SpendSpan.ts"

const price = { input: 0.1, output: 0.2 }
const estimate = { inputTokens: 90, outputTokens: 10 }
const hop = { remediation: RemediationId.make("rem-1"), investigator: "llm", provider: "main" } as const

/** A call that reports its usage, or ends without it. */
const peer = (reported?: ReportedUsage, failure?: Effort): Effect.Effect<string, Effort> =>
  Effect.flatMap(ReportUsage, (report) => {
    if (reported !== undefined) report(reported)
    return failure === undefined ? Effect.succeed("answer") : Effect.fail(failure)
  })

type Calls = ReadonlyArray<readonly [run: Effect.Effect<string, Effort>, call: CallToMeter]>

/** Makes the calls of some attempts in one hop. Returns the attributes of each span by its name. */
const attributesAfter = Effect.fnUntraced(function* (attempts: ReadonlyArray<Calls>) {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const meter = (yield* make({ budgets: {}, currency: "EUR" }, undefined)).meterOf(hop)
  yield* Effect.forEach(attempts, (calls) =>
    Effect.withSpan(
      Effect.forEach(calls, ([run, call]) => Effect.exit(meter(call, run, (effort) => effort))),
      "attempt"
    )
  ).pipe(Effect.withSpan("hop"), Effect.withTracer(tracer))
  return spans.map(({ attributes, name }) => [name, Object.fromEntries(attributes)] as const)
})

describe("what a call to a model took", () => {
  it.effect("is told by its attempt, and in all by the spans around it, without errors of floating point", () =>
    Effect.gen(function* () {
      const once: Calls = [[peer({ inputTokens: 1, outputTokens: 1 }), { estimate, price: { input: 0.1, output: 0 } }]]
      const taken = (calls: number) => ({
        "kubernaut.spend.calls": calls,
        "kubernaut.spend.input_tokens": calls,
        "kubernaut.spend.output_tokens": calls,
        "kubernaut.spend.cost": calls / 1_000_000,
        "kubernaut.spend.currency": "EUR"
      })
      assert.deepStrictEqual(yield* attributesAfter([once, once, once]), [
        ["hop", taken(3)],
        ["attempt", taken(1)],
        ["attempt", taken(1)],
        ["attempt", taken(1)]
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("counts every call of an attempt that asks again", () =>
    Effect.gen(function* () {
      const [, [, attempt]] = (yield* attributesAfter([
        [
          [peer({ inputTokens: 100, outputTokens: 5 }, "worked"), { estimate, price }],
          [peer({ inputTokens: 50, outputTokens: 10 }), { estimate, price }]
        ]
      ])) as [unknown, readonly [string, Record<string, unknown>]]
      assert.deepStrictEqual(attempt, {
        "kubernaut.spend.calls": 2,
        "kubernaut.spend.input_tokens": 150,
        "kubernaut.spend.output_tokens": 15,
        "kubernaut.spend.cost": 0.000018,
        "kubernaut.spend.currency": "EUR"
      })
    }).pipe(Effect.scoped)
  )

  it("is absent where it is not known, and the calls of which that is so are counted", () => {
    const unknown = { basis: "estimated", inputTokens: null, outputTokens: null, cost: null } as const
    assert.deepStrictEqual(addedBy(unknown), {
      "kubernaut.spend.calls": 1,
      "kubernaut.spend.calls_estimated": 1,
      "kubernaut.spend.calls_without_cost": 1,
      "kubernaut.spend.calls_without_tokens": 1
    })
    assert.deepStrictEqual(addedBy({ ...unknown, basis: "measured", inputTokens: 7, outputTokens: 0 }), {
      "kubernaut.spend.calls": 1,
      "kubernaut.spend.input_tokens": 7,
      "kubernaut.spend.output_tokens": 0,
      "kubernaut.spend.calls_without_cost": 1
    })
  })

  it.effect("is nothing for a request that was never sent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attributesAfter([[[peer(undefined, "not-sent"), { estimate, price }]]]), [
        ["hop", {}],
        ["attempt", {}]
      ])
    }).pipe(Effect.scoped)
  )
})
