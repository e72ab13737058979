/** A real peer over HTTP is stopped and started again: how much of the work it gets, and who does the rest. */

import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { make as makeDegradation } from "../../src/health/Degradation.ts"
import { make as makeChain } from "../../src/investigation/InvestigationChain.ts"
import * as HolmesGptInvestigator from "../../src/investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../src/investigation/models/LlmInvestigator.ts"
import * as OpenAiLanguageModel from "../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import { evidence, request } from "../investigation/fixtures/Requests.ts"
import { make as makeHolmesGptPeer } from "../peers/HolmesGptPeer.ts"
import { make as makeLlmPeer } from "../peers/LlmPeer.ts"

/** The open time of the breakers, instead of 30 seconds. */
const openMs = 1000

/** HolmesGPT and one LLM as real peers. The ramp has its real times. */
const start = Effect.gen(function* () {
  const holmes = yield* makeHolmesGptPeer()
  const openai = yield* makeLlmPeer({ kind: "openai" })
  const settings = { url: `${openai.url}/v1`, model: "m", apiKey: Redacted.make("k") }
  const chain = yield* makeChain({
    investigators: [
      yield* HolmesGptInvestigator.make({ url: holmes.url }),
      yield* LlmInvestigator.make({ provider: "first", probe: OpenAiLanguageModel.probe(settings) }).pipe(
        Effect.provide(OpenAiLanguageModel.layer(settings))
      )
    ],
    pipeline: () => ({ circuitBreaker: { openDuration: openMs }, retry: { baseDelay: "5 millis" } })
  })
  const degradation = yield* makeDegradation({ tiers: chain.tiers, dwell: "1 second" })
  yield* Effect.forkScoped(degradation.run)
  const { circuitBreaker, ramp } = chain.tiers[0]!
  return {
    holmes,
    circuit: circuitBreaker!.state,
    share: Effect.map(ramp!, ({ share }) => share),
    /** The hops of an investigation, such as `holmesgpt answered`. */
    investigate: Effect.map(chain.investigate(request({ evidence: evidence() })), ({ hops }) =>
      hops.map(({ investigator, outcome, provider }) => `${provider ?? investigator} ${outcome}`)
    )
  }
})

type Started = Effect.Success<typeof start>

const until = <A>(read: Effect.Effect<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  Effect.gen(function* () {
    for (;;) {
      const value = yield* read
      if (holds(value)) return value
      yield* Effect.sleep(50)
    }
  })

/** Stops the peer, and investigates until its circuit opens. Returns for how long. */
const stopped = Effect.fnUntraced(function* ({ circuit, holmes, investigate }: Started) {
  yield* holmes.setMode({ _tag: "Down" })
  while ((yield* circuit)._tag === "Closed") assert.include(yield* investigate, "first answered")
  const { retryAfterMs = 0 } = yield* circuit
  return retryAfterMs
})

const restarted = ({ circuit, holmes }: Started) =>
  Effect.andThen(
    holmes.setMode({ _tag: "Ok" }),
    until(circuit, ({ _tag }) => _tag === "Closed")
  )

/** How many of 20 investigations the peer has answered. The next tier has answered each of the others. */
const answeredOf20 = Effect.fnUntraced(function* ({ investigate }: Started) {
  let count = 0
  for (let number = 0; number < 20; number++) {
    const hops = yield* investigate
    if (hops.includes("holmesgpt answered")) count++
    else assert.deepStrictEqual(hops, ["holmesgpt skipped", "first answered"])
  }
  return count
})

it.live(
  "a peer that was stopped and started again gets 10 % and then more, the next tier the rest, and a relapse opens for longer",
  () =>
    Effect.gen(function* () {
      const started = yield* start
      assert.deepStrictEqual(yield* started.investigate, ["holmesgpt answered"])

      assert.isAtMost(yield* stopped(started), openMs)
      assert.strictEqual(yield* started.share, 0)
      yield* restarted(started)
      const first = yield* answeredOf20(started)
      assert.isAtLeast(first, 1, "the first call is in")
      assert.isAtMost(first, 5)

      yield* until(started.share, (share) => share >= 0.4)
      const later = yield* answeredOf20(started)
      assert.isAbove(later, first)
      assert.isAtMost(later, 19, "it is not in full use yet")

      assert.isAtMost(yield* stopped(started), openMs, "the first relapse")
      yield* restarted(started)
      assert.isAtMost(yield* started.share, 0.1, "it begins again")
      const secondMs = yield* stopped(started)
      assert.isAbove(secondMs, openMs, "the second relapse in a row")
      assert.isAtMost(secondMs, 2 * openMs)
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici)),
  180_000
)
