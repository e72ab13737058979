import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { ChainResult } from "../../../src/investigation/InvestigationChain.ts"
import type { InvestigationRequest, InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { request, target } from "../fixtures/Requests.ts"
import { chainOf, error, found, rules, scripted } from "../fixtures/ScriptedChain.ts"

const forbidden: InvestigatorErrorReason = { _tag: "Authentication", forbidden: true }

const reasons: ReadonlyArray<InvestigatorErrorReason> = [
  { _tag: "InvalidAnswer", problem: "x" },
  { _tag: "Refused" },
  { _tag: "BadRequest" },
  forbidden,
  { _tag: "ContextOverflow", tokens: 2, limit: 1 }
]

/** How many investigations of the tenant are under way all the time: more than two circuits have permits. */
const atOnce = 8

/** Two models that answer all but one tenant, which gets answers of no use after some time. */
const made = (reason: InvestigatorErrorReason, after: Duration.Input) =>
  Effect.gen(function* () {
    const ofNoUse = Effect.fail(error(reason, false, false))
    const investigate = (given: InvestigationRequest) =>
      given.target.namespace === "tenant"
        ? Effect.andThen(Effect.sleep(after), ofNoUse)
        : Effect.andThen(Effect.sleep("5 seconds"), Effect.succeed(found))
    const llm = (provider: string) => scripted("llm", ofNoUse, { provider, investigate })
    const chain = yield* chainOf([llm("a"), llm("b"), rules()], { pipeline: () => ({ retry: false }) })
    const begin = (namespace: string, name: string) =>
      Effect.forkChild(chain.investigate(request({ target: { ...target, namespace, name } })))
    return { begin, breakers: chain.tiers.slice(0, 2).map(({ circuitBreaker }) => circuitBreaker!) }
  })

const isAnswered = ({ hops }: ChainResult): boolean =>
  hops.some(({ investigator, outcome }) => investigator === "llm" && outcome === "answered")

/** How many of 12 others a model has answered, which came from the second minute on. */
const answeredOthers = Effect.fnUntraced(function* (
  why: "failed" | "were of no use",
  reason: InvestigatorErrorReason,
  after: Duration.Input = "20 seconds"
) {
  const { begin, breakers } = yield* made(reason, after)
  for (const breaker of breakers) {
    if (why === "were of no use") yield* breaker.trip("of-no-use")
    else for (let call = 0; call < 5; call++) yield* Effect.exit(breaker.call(Effect.fail("unavailable")))
    assert.strictEqual((yield* breaker.state)._tag, "Open")
  }
  yield* TestClock.adjust("30 seconds")
  let own: ReadonlyArray<Fiber.Fiber<ChainResult>> = []
  const others: Array<Fiber.Fiber<ChainResult>> = []
  for (let tenth = 0; tenth < 2400; tenth++) {
    own = own.filter((fiber) => fiber.pollUnsafe() === undefined)
    // Four targets are no run, so nothing else is against the models.
    while (own.length < atOnce) own = [...own, yield* begin("tenant", `w${own.length % 4}`)]
    yield* Effect.repeat(Effect.yieldNow, { times: 20 })
    if (tenth >= 1200 && tenth % 100 === 0) others.push(yield* begin("shop", `c${tenth}`))
    yield* TestClock.adjust("100 millis")
  }
  yield* TestClock.adjust("1 minute")
  const results = yield* Effect.forEach(others, (fiber) => Fiber.join(fiber))
  return results.filter(isAnswered).length
})

describe("models that were out, and get slow investigations of one tenant that are of no use", () => {
  for (const why of ["failed", "were of no use"] as const)
    for (const reason of reasons)
      it.effect(`answer all others two minutes later, if they ${why} and the answers are ${reason._tag}`, () =>
        Effect.map(answeredOthers(why, reason), (answered) => assert.strictEqual(answered, 12))
      )
  for (const after of ["29 seconds", "4900 millis", "3 seconds", "1 second", "200 millis"] as const)
    it.effect(`answer all others two minutes later, if the answers come after ${after} each`, () =>
      Effect.map(answeredOthers("failed", { _tag: "Refused" }, after), (answered) => assert.strictEqual(answered, 12))
    )
})

describe("a model that is down, behind a gateway that rejects the requests of one tenant at once", () => {
  for (const { after, atOnce: count, every, othersEvery } of [
    { atOnce: 1, every: 3, after: "200 millis", othersEvery: 10 },
    { atOnce: 8, every: 1, after: "200 millis", othersEvery: 10 },
    { atOnce: 10, every: 10, after: "2 seconds", othersEvery: 60 },
    { atOnce: 5, every: 15, after: "3 seconds", othersEvery: 120 },
    { atOnce: 8, every: 20, after: "20 seconds", othersEvery: 60 }
  ] as const)
    it.effect(`is out for as long as it is down, if ${count} at once come every ${every} s, each for ${after}`, () =>
      Effect.gen(function* () {
        const investigate = (given: InvestigationRequest) =>
          given.target.namespace === "tenant"
            ? Effect.andThen(Effect.sleep(after), Effect.fail(error(forbidden, false, false)))
            : Effect.andThen(Effect.sleep("1 second"), Effect.fail(error({ _tag: "Unavailable" }, false)))
        const llm = scripted("llm", Effect.fail(error(forbidden, false, false)), { provider: "a", investigate })
        const { investigate: walk, tiers } = yield* chainOf([llm, rules()], { pipeline: () => ({ retry: false }) })
        const breaker = tiers[0]!.circuitBreaker!
        const begin = (namespace: string, name: string) =>
          Effect.forkChild(walk(request({ target: { ...target, namespace, name } })))
        for (let call = 0; call < 5; call++) yield* Effect.exit(breaker.call(Effect.fail("unavailable")))
        for (let second = 0; second < 1200; second++) {
          if (second % every === 0) for (let each = 0; each < count; each++) yield* begin("tenant", `w${each % 4}`)
          if (second % othersEvery === 0) yield* begin("shop", `c${second}`)
          yield* Effect.repeat(Effect.yieldNow, { times: 20 })
          yield* TestClock.adjust("1 second")
          assert.include(["Open", "HalfOpen"], (yield* breaker.state)._tag, `${second}`)
        }
      })
    )
})
