/**
 * Every way in which a language model fails, over real HTTP: what the chain makes of it, how often the peer is asked,
 * what its breaker says, and that the next provider answers.
 */

import * as Net from "node:net"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import type { AccountSuspension } from "../../src/domain/AccountSuspension.ts"
import type { SuspensionStore } from "../../src/investigation/chain/KeptSuspensions.ts"
import type { InvestigationChain } from "../../src/investigation/InvestigationChain.ts"
import * as LlmInvestigator from "../../src/investigation/models/LlmInvestigator.ts"
import { identityOf } from "../../src/investigation/models/PeerIdentity.ts"
import * as OpenAiLanguageModel from "../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import { make as makePeer } from "../peers/LlmPeer.ts"
import { type Fault, rows } from "./fixtures/LlmFailureRows.ts"
import { evidence, longEvidence, request, target } from "./fixtures/Requests.ts"
import { chainOf, rules } from "./fixtures/ScriptedChain.ts"

/** A server below HTTP: it resets each connection, or sends half of a body. */
const rawServer = (
  handle: (socket: Net.Socket) => void
): Effect.Effect<{ readonly url: string; readonly seen: () => number }, never, Scope.Scope> =>
  Effect.gen(function* () {
    let seen = 0
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.once("data", () => {
        seen++
        handle(socket)
      })
    })
    yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
    )
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen: () => seen }
  })

const halfABody = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{"choices": [{'

/** The address of a peer that fails, and how often it was asked. */
const failing = (fault: Fault) =>
  Effect.gen(function* () {
    switch (fault._tag) {
      case "Reset":
        return yield* rawServer((socket) => socket.resetAndDestroy())
      case "CutBody":
        return yield* rawServer((socket) => socket.write(halfABody, () => socket.destroy()))
      // A label of more than 63 characters is refused before anybody is asked.
      case "NoName":
        return { url: `http://${"x".repeat(64)}.example/v1`, seen: () => 0 }
      case "NoTls": {
        const peer = yield* makePeer({ kind: "openai" })
        return { url: `${peer.url.replace("http:", "https:")}/v1`, seen: () => peer.calls.length }
      }
      default: {
        const peer = yield* makePeer({ kind: "openai" })
        yield* peer.setMode(fault)
        return { url: `${peer.url}/v1`, seen: () => peer.calls.length }
      }
    }
  })

const llm = (provider: string, url: string, key?: string) => {
  const apiKey = key === undefined ? {} : { apiKey: Redacted.make(key) }
  const settings = { url, model: "m", ...apiKey, patience: { firstSignMs: 400, stallMs: 150 } }
  return LlmInvestigator.make({ provider, ...identityOf({ url, ...apiKey }) }).pipe(
    Effect.provide(OpenAiLanguageModel.layer(settings))
  )
}

const quick = { retry: { baseDelay: "1 millis" } } as const

const investigated = (chain: InvestigationChain["Service"], name: string = target.name) =>
  Effect.map(chain.investigate(request({ evidence: longEvidence(), target: { ...target, name } })), (result) => ({
    ...result,
    first: result.hops
      .slice(0, 1)
      .map(({ attempts, outcome, reason }) =>
        [outcome, reason, attempts].filter((each) => each !== undefined).join(" ")
      )
      .join()
  }))

describe("a language model that fails by", () => {
  it.live.each(rows)("$name: $hop, $seen seen, $breaker, then $next", ({ breaker, fault, hop, next, seen }) =>
    Effect.gen(function* () {
      const bad = yield* failing(fault)
      const other = yield* makePeer({ kind: "openai" })
      const chain = yield* chainOf([yield* llm("a", bad.url), yield* llm("b", `${other.url}/v1`), rules()], {
        pipeline: () => quick
      })
      const { first, hops, investigation } = yield* investigated(chain)
      assert.strictEqual(first, hop)
      assert.strictEqual(bad.seen(), seen, "the requests that the peer has seen")
      assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, breaker)
      const answers = hop.startsWith("answered") ? "a" : "b"
      assert.deepStrictEqual(
        [investigation?.provider, investigation?.action.type, investigation?.confidence],
        [answers, "RollbackDeployment", 0.8]
      )
      assert.strictEqual(hops.length, answers === "a" ? 1 : 2)
      assert.notInclude(JSON.stringify(hops), "SECRET")
      assert.strictEqual((yield* investigated(chain)).first, next)
    }).pipe(Effect.scoped)
  )

  it("at least thirty kinds", () => {
    assert.isAtLeast(rows.length, 30)
    assert.strictEqual(new Set(rows.map(({ name }) => name)).size, rows.length)
  })
})

describe("a key", () => {
  /** A database that outlives the processes on it. */
  const makeStore = () => {
    const kept = new Map<string, AccountSuspension>()
    return (): SuspensionStore => ({
      kept: [...kept.values()],
      record: (account, suspension) =>
        Effect.sync(() => void (suspension === undefined ? kept.delete(account) : kept.set(account, suspension)))
    })
  }
  const process = (store: SuspensionStore, url: string, key: string) =>
    Effect.gen(function* () {
      const chain = yield* chainOf([yield* llm("a", url, key), rules()], { suspensions: store, pipeline: () => quick })
      yield* Effect.forkScoped(chain.watch)
      yield* Effect.yieldNow
      return chain
    })

  it.live("that is rejected is not asked again after a restart, and a rotated one is asked at once", () =>
    Effect.gen(function* () {
      const peer = yield* makePeer({ kind: "openai", apiKey: "sk-new" })
      const store = makeStore()
      const url = `${peer.url}/v1`
      const first = yield* process(store(), url, "sk-old")
      assert.strictEqual((yield* investigated(first)).first, "failed authentication 1")
      while (store().kept.length === 0) yield* Effect.sleep(1)
      const second = yield* process(store(), url, "sk-old")
      assert.strictEqual((yield* investigated(second)).first, "skipped wrong-key 0")
      assert.strictEqual(peer.calls.length, 1)
      const third = yield* process(store(), url, "sk-new")
      assert.strictEqual((yield* investigated(third)).first, "answered 1")
      assert.notInclude(JSON.stringify(store().kept), "sk-old")
    }).pipe(Effect.scoped)
  )
})

describe("a server that rejects a request and quotes it", () => {
  it.live("suspends no account by what an alert says", () =>
    Effect.gen(function* () {
      const bad = yield* makePeer({ kind: "openai" })
      const summary = "insufficient balance, payment required. It resets on 2031-01-01"
      const message = `1 validation error: {'input': {'content': 'BEGIN DATA ... ${summary}'}}`
      yield* bad.setMode({ _tag: "Status", status: 400, body: JSON.stringify({ error: { message, code: null } }) })
      const chain = yield* chainOf([yield* llm("a", `${bad.url}/v1`), rules()], { pipeline: () => quick })
      const asked = request({ evidence: evidence() })
      const alert = { ...asked.alert, annotations: { summary } }
      const { hops } = yield* chain.investigate({ ...asked, alert })
      assert.strictEqual(hops[0]?.reason, "bad-request")
      assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Closed")
    }).pipe(Effect.scoped)
  )
})

describe("two models behind one server", () => {
  it.live("are two when it closes the connection after the head of a response", () =>
    Effect.gen(function* () {
      const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 5000\r\n\r\n"
      const gateway = yield* rawServer((socket) => socket.write(head, () => socket.destroy()))
      const tiers = [yield* llm("a", gateway.url), yield* llm("b", gateway.url), rules()]
      const { hops } = yield* investigated(yield* chainOf(tiers, { pipeline: () => quick }))
      assert.deepStrictEqual(
        hops.map(({ attempts, outcome, reason = "" }) => `${outcome} ${reason} ${attempts}`),
        ["failed unavailable 4", "failed unavailable 1", "answered  1"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("are one when it cannot be reached, and two when it responds", () =>
    Effect.gen(function* () {
      const gateway = yield* makePeer({ kind: "openai" })
      const url = `${gateway.url}/v1`
      const made = Effect.gen(function* () {
        return yield* chainOf([yield* llm("a", url), yield* llm("b", url), rules()], { pipeline: () => quick })
      })
      const hops = Effect.map(Effect.flatMap(made, investigated), (result) =>
        result.hops.map(({ attempts, outcome, reason = "" }) => `${outcome} ${reason} ${attempts}`)
      )
      yield* gateway.setMode({ _tag: "Status", status: 502 })
      assert.deepStrictEqual(yield* hops, ["failed unavailable 4", "failed unavailable 1", "answered  1"])
      assert.strictEqual(gateway.calls.length, 5, "the attempts of one hop")
      yield* gateway.setMode({ _tag: "Down" })
      assert.deepStrictEqual(yield* hops, ["failed unavailable 4", "skipped host-unreachable 0", "answered  1"])
    }).pipe(Effect.scoped)
  )

  it.live("with one key without money are asked once", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* makePeer({ kind: "openai" }), yield* makePeer({ kind: "openai" })]
      yield* one.setMode({ _tag: "Status", status: 402 })
      const tiers = [yield* llm("a", `${one.url}/v1`, "sk-same"), yield* llm("b", `${other.url}/v1`, "sk-same")]
      const chain = yield* chainOf([...tiers, rules()], { pipeline: () => quick })
      const { hops } = yield* investigated(chain)
      assert.deepStrictEqual(
        hops.map(({ reason }) => reason),
        ["quota-exhausted", "out-of-money", undefined]
      )
      assert.strictEqual(other.calls.length, 0)
    }).pipe(Effect.scoped)
  )
})

describe("the time that a provider states", () => {
  const suspendedFor = (fault: Fault) =>
    Effect.gen(function* () {
      const bad = yield* failing(fault)
      const chain = yield* chainOf([yield* llm("a", bad.url), rules()])
      yield* investigated(chain)
      const { retryAfterMs = 0 } = yield* chain.tiers[0]!.circuitBreaker!.state
      return Math.round(retryAfterMs / 60_000)
    })
  const minutesFrom = (nowMs: number, minutes: number) => new Date(nowMs + minutes * 60_000).toISOString()

  it.live("counts from a header and from words, from a minute to a day", () =>
    Effect.gen(function* () {
      const nowMs = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const words = (minutes: number): Fault => ({
        _tag: "Status",
        status: 400,
        body: JSON.stringify({
          error: {
            message: `You have reached your specified API usage limits. You will regain access on ${minutesFrom(nowMs, minutes).replace("T", " at ").slice(0, 19)} UTC.`,
            type: "invalid_request_error"
          }
        })
      })
      assert.strictEqual(yield* suspendedFor({ _tag: "Status", status: 402, headers: { "retry-after": "600" } }), 10)
      assert.strictEqual(yield* suspendedFor({ _tag: "Status", status: 402, headers: { "retry-after": "1" } }), 1)
      assert.approximately(yield* suspendedFor(words(180)), 180, 1)
      assert.strictEqual(yield* suspendedFor(words(30 * 24 * 60)), 24 * 60)
      assert.strictEqual(yield* suspendedFor({ _tag: "Status", status: 402 }), 1)
    }).pipe(Effect.scoped)
  )
})
