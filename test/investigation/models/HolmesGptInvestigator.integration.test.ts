import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { make as makeChain } from "../../../src/investigation/InvestigationChain.ts"
import { make } from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import { standard } from "../../../src/investigation/rules/Rulebook.ts"
import { make as makeRules } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { make as makePeer } from "../../peers/HolmesGptPeer.ts"
import { evidence, request } from "../fixtures/Requests.ts"
import { contract } from "../Investigator.contract.ts"

const holmesAt = (url: string, key?: string) =>
  make({ url, ...(key === undefined ? {} : { apiKey: Redacted.make(key) }) })

contract(
  "HolmesGPT over HTTP",
  Effect.gen(function* () {
    const peer = yield* makePeer({ apiKey: "k3y" })
    const client = yield* Layer.build(NodeHttpClient.layerUndici)
    return yield* Effect.provideContext(holmesAt(peer.url, "k3y"), client)
  })
)

const given = request({ evidence: evidence() })

describe("HolmesGPT over real connections", () => {
  it.live("sequential requests reuse connections, also after errors and probes", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer()
      const holmes = yield* holmesAt(peer.url)
      for (let round = 0; round < 5; round++) {
        yield* holmes.investigate(given)
        yield* peer.setMode({ _tag: "Status", status: 500 })
        yield* Effect.flip(holmes.investigate(given))
        yield* peer.setMode({ _tag: "Ok" })
        yield* holmes.probe!
      }
      assert.strictEqual(peer.calls.length, 15)
      // Two, because undici may not have released one connection when the next request is sent.
      assert.isAtMost(new Set(peer.calls.map((call) => call.port)).size, 2)
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live(
    "an interruption closes the connection of the request",
    () =>
      Effect.gen(function* () {
        const peer = yield* makePeer()
        yield* peer.setMode({ _tag: "Hang" })
        const holmes = yield* holmesAt(peer.url)
        const fiber = yield* Effect.forkChild(holmes.investigate(given))
        while (peer.calls.length === 0) yield* Effect.sleep(5)
        yield* Fiber.interrupt(fiber)
        while (!peer.calls[0]!.aborted) yield* Effect.sleep(5)
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici)),
    5000
  )

  it.live.each([
    ["is down", "Unavailable", { _tag: "Down" }],
    ["closes the connection within its response", "Unavailable", { _tag: "Cut" }],
    ["rejects the key", "Authentication", { _tag: "Status", status: 401 }],
    ["responds with an HTML page", "InvalidAnswer", { _tag: "Raw", body: "<html></html>" }],
    ["forwards a leaked tool call", "InvalidAnswer", { _tag: "Answer", text: '{"name":"kubectl_get","arguments":{}}' }],
    ["forwards no answer", "InvalidAnswer", { _tag: "Answer", text: null }]
  ] as const)("a server that %s fails the call with %s", ([, reason, mode]) =>
    Effect.gen(function* () {
      const peer = yield* makePeer()
      yield* peer.setMode(mode)
      const holmes = yield* holmesAt(peer.url)
      assert.strictEqual((yield* Effect.flip(holmes.investigate(given))).reason._tag, reason)
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live(
    "a failing server gets five attempts after 0, 100, 200, 400 and 800 ms plus a tenth of jitter, then none, and the rules decide",
    () =>
      Effect.gen(function* () {
        const peer = yield* makePeer()
        const { rules } = yield* Effect.orDie(standard)
        const chain = yield* makeChain({ investigators: [yield* holmesAt(peer.url), makeRules({ rules })] })
        // The first connection is made before the waits are measured.
        yield* chain.investigate(given)
        yield* peer.forget
        yield* peer.setMode({ _tag: "Status", status: 503 })
        const { hops, investigation } = yield* chain.investigate(given)
        assert.strictEqual(investigation?.rule, "undo-bad-rollout")
        assert.deepStrictEqual([hops[0]?.reason, hops[0]?.attempts], ["unavailable", 5])
        const waits = peer.calls.slice(1).map((call, index) => call.atMs - peer.calls[index]!.atMs)
        assert.strictEqual(waits.length, 4)
        waits.forEach((wait, index) => {
          const plainMs = 100 * 2 ** index
          assert.isAtLeast(wait, plainMs - 2)
          // A tenth of jitter, and some time for the request itself on a busy machine.
          assert.isAtMost(wait, plainMs * 1.1 + 60)
        })
        yield* chain.investigate(given)
        assert.strictEqual(peer.calls.length, 5, "the circuit is open")
        assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Open")
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live("a server that restarts at the same address gets requests again", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer()
      const holmes = yield* holmesAt(peer.url)
      yield* holmes.investigate(given)
      yield* peer.setMode({ _tag: "Down" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(holmes.probe!)))
      yield* peer.setMode({ _tag: "Ok" })
      yield* holmes.probe!
      assert.strictEqual((yield* holmes.investigate(given)).action.type, "RollbackDeployment")
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )
})
