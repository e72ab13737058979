import { NodeFileSystem, NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Layer, Redacted } from "effect"
import { make as makeChain } from "../../../src/investigation/InvestigationChain.ts"
import { apiKeyOfFile, make } from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import { standard } from "../../../src/investigation/rules/Rulebook.ts"
import { make as makeRules } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { make as makeMeter } from "../../../src/investigation/spend/SpendMeter.ts"
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
    "a failing server gets five attempts after at least 0, 100, 200, 400 and 800 ms, then none, and the rules decide",
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
        // How much more it may be is asserted on a test clock (`chain/TierPipeline.test.ts`).
        waits.forEach((wait, index) => assert.isAtLeast(wait, 100 * 2 ** index - 2))
        yield* chain.investigate(given)
        assert.strictEqual(peer.calls.length, 5, "the circuit is open")
        assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Open")
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live("a server that is older than streaming has the time that it needs, and its answer is taken", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer({ streams: false })
      const holmes = yield* make({ url: peer.url, firstSign: "200 millis" })
      yield* peer.setMode({ _tag: "HangOn", path: "/api/chat" })
      const fiber = yield* Effect.forkChild(holmes.investigate(given))
      while (!peer.calls.some(({ path }) => path === "/openapi.json")) yield* Effect.sleep(5)
      yield* Effect.sleep(300)
      assert.isUndefined(fiber.pollUnsafe(), "it is still waited for")
      yield* Fiber.interrupt(fiber)
      yield* peer.setMode({ _tag: "Ok" })
      assert.strictEqual((yield* holmes.investigate(given)).action.type, "RollbackDeployment")
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live("a key that was rotated is read again when a gateway rejects the old one with a 403", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer()
      const keys = ["old", "new"]
      const holmes = yield* make({ url: peer.url, apiKey: Effect.sync(() => Redacted.make(keys.shift() ?? "new")) })
      yield* peer.setMode({ _tag: "Status", status: 403 })
      yield* Effect.flip(holmes.investigate(given))
      assert.deepStrictEqual(
        peer.calls.map(({ headers }) => headers["x-api-key"]),
        ["old", "new"]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live("a key that was rotated is read from its file again, once, and the investigation does not fail", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const file = `${yield* files.makeTempDirectoryScoped()}/key`
      yield* files.writeFileString(file, "old\n")
      let key = "old"
      const peer = yield* makePeer({ apiKey: () => key })
      const context = yield* Effect.context<FileSystem.FileSystem>()
      const holmes = yield* make({ url: peer.url, apiKey: Effect.provideContext(apiKeyOfFile(file), context) })
      yield* holmes.investigate(given)
      key = "new"
      const rejected = yield* Effect.flip(holmes.investigate(given))
      assert.deepStrictEqual(rejected.reason, { _tag: "Authentication" })
      assert.strictEqual(peer.calls.length, 2, "an unchanged key is not sent again")
      yield* files.writeFileString(file, "new\n")
      yield* holmes.investigate(given)
      yield* holmes.investigate(given)
      assert.deepStrictEqual(
        peer.calls.slice(2).map(({ headers }) => headers["x-api-key"]),
        ["old", "new", "new"]
      )
    }).pipe(Effect.scoped, Effect.provide([NodeHttpClient.layerUndici, NodeFileSystem.layer]))
  )

  it.live.each([true, false])("what an investigation costs is what the server reports, if it streams: %s", (streams) =>
    Effect.gen(function* () {
      const peer = yield* makePeer({ streams })
      const { events, meterOf } = yield* makeMeter({ budgets: {}, currency: "USD" }, undefined)
      const settled: Array<object> = []
      yield* events.listen((event) => {
        if (event._tag === "Settled") settled.push(event.call)
      })
      const meter = meterOf({ remediation: given.remediationId, investigator: "holmesgpt" })
      const estimate = { inputTokens: 100_000, outputTokens: 5000 }
      const holmes = yield* make({ url: peer.url, model: "m", estimate })
      const investigate = holmes.investigate({ ...given, meter })
      yield* investigate
      yield* peer.setMode({ _tag: "Down" })
      const unsent = yield* Effect.flip(investigate)
      assert.deepStrictEqual(unsent.reason, { _tag: "Unavailable", unsent: true })
      yield* peer.setMode({ _tag: "Status", status: 401 })
      yield* Effect.flip(investigate)
      yield* peer.setMode({ _tag: "Status", status: 500 })
      yield* Effect.flip(investigate)
      const [answered, rejected, failed, ...more] = settled
      const sums = { inputTokens: 10_642, outputTokens: 360, cost: 24_600 }
      assert.deepInclude(answered, { ...sums, model: "m", basis: "measured", outcome: "answered" })
      assert.deepInclude(rejected, { inputTokens: 0, outputTokens: 0, cost: 0, outcome: "rejected" })
      assert.deepInclude(failed, { ...estimate, cost: null, basis: "estimated", outcome: "failed" })
      // The one that was not sent has no line.
      assert.isEmpty(more)
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
