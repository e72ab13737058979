import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Redacted } from "effect"
import {
  attemptsFor,
  isHostUnreachable,
  isUnreachable,
  type Sharer
} from "../../../src/investigation/chain/SharedFate.ts"
import { identityOf } from "../../../src/investigation/models/PeerIdentity.ts"
import { request } from "../fixtures/Requests.ts"
import { chainOf, error, rules, scripted, steady, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

const tier = (account: string, host?: string): Sharer => ({ account, ...(host === undefined ? {} : { host }) })

describe("the attempts of a tier", () => {
  const most = 5
  const [a, b, c] = [tier("k1", "gateway"), tier("k2", "gateway"), tier("k2", "elsewhere")]

  it("are all of a hop if it shares nothing", () => {
    assert.strictEqual(attemptsFor(tier("k3"), [a, b, c], [], most), 5)
    assert.strictEqual(attemptsFor(tier("k3"), [tier("k4")], [], most), 5)
  })

  it("are those of one hop for all that share a server or a key", () => {
    const tiers = [a, b, c]
    assert.strictEqual(attemptsFor(a, tiers, [], most), 4)
    const used = [{ tier: a, attempts: 4, isUnreachable: false }]
    assert.strictEqual(attemptsFor(b, tiers, used, most), 1)
    // `c` shares its key with `b`, and nothing with `a`.
    assert.strictEqual(attemptsFor(c, tiers, [...used, { tier: b, attempts: 1, isUnreachable: false }], most), 4)
  })

  it("are never none", () => {
    const many = Array.from({ length: 9 }, (_, index) => tier(`k${index}`, "gateway"))
    assert.strictEqual(attemptsFor(many[0]!, many, [], most), 1)
    assert.strictEqual(attemptsFor(many[8]!, many, [{ tier: many[0]!, attempts: 5, isUnreachable: false }], most), 1)
  })
})

describe("a server that was not reached", () => {
  it("is not tried for another tier, and two unknown servers are two", () => {
    const [a, b] = [tier("k1", "gateway"), tier("k2", "gateway")]
    const used = [{ tier: a, attempts: 2, isUnreachable: true }]
    assert.isTrue(isHostUnreachable(b, used))
    assert.isFalse(isHostUnreachable(tier("k1", "elsewhere"), used))
    assert.isFalse(isHostUnreachable(tier("k2"), [{ tier: tier("k1"), attempts: 1, isUnreachable: true }]))
    assert.isFalse(isHostUnreachable(b, [{ tier: a, attempts: 2, isUnreachable: false }]))
  })

  it("has taken no request: a connection that broke later, a status, or a time to wait is of the model", () => {
    assert.isTrue(isUnreachable({ _tag: "Unavailable", unsent: true }))
    assert.isFalse(isUnreachable({ _tag: "Unavailable" }))
    assert.isFalse(isUnreachable({ _tag: "Unavailable", status: 503 }))
    assert.isFalse(isUnreachable({ _tag: "Unavailable", retryAfterMs: 5 }))
    assert.isFalse(isUnreachable({ _tag: "Silent" }))
  })
})

describe("the identity of a peer", () => {
  it("is its host and port, and a digest of its key", () => {
    const { account, host } = identityOf({ url: "https://Gateway.example:8443/v1", apiKey: Redacted.make("sk-SECRET") })
    assert.strictEqual(host, "gateway.example:8443")
    assert.match(account ?? "", /^[0-9a-f]{16}$/)
    assert.strictEqual(identityOf({ url: "http://other/", apiKey: Redacted.make("sk-SECRET") }).account, account)
    assert.notStrictEqual(identityOf({ url: "http://other/", apiKey: Redacted.make("sk-other") }).account, account)
    assert.deepStrictEqual(identityOf({ url: "" }), {})
  })

  it("has no account with a placeholder for a key, which unrelated servers share", () => {
    for (const key of ["EMPTY", "none", "None", " sk-no-key-required ", "ollama", "lm-studio", "dummy", "x"])
      assert.deepStrictEqual(identityOf({ url: "http://vllm:8000/v1", apiKey: Redacted.make(key) }), {
        host: "vllm:8000"
      })
    assert.isDefined(identityOf({ url: "http://vllm:8000/v1", apiKey: Redacted.make("none-of-your-business") }).account)
  })
})

describe("tiers behind one gateway", () => {
  const llm = (provider: string, behaviour: Parameters<typeof scripted>[1]) =>
    scripted("llm", behaviour, { provider, host: "gateway" })
  const hops = (tiers: ReadonlyArray<ReturnType<typeof llm>>) =>
    Effect.gen(function* () {
      const chain = yield* chainOf([...tiers, rules()])
      const result = yield* withTime(chain.investigate(request()))
      return result.hops.map(({ attempts, outcome, reason = "" }) => `${outcome} ${reason} ${attempts}`)
    }).pipe(steady)

  it.effect("are not tried one after the other when it cannot be reached", () =>
    Effect.gen(function* () {
      const down = Effect.fail(error({ _tag: "Unavailable", unsent: true }, true))
      const [a, b] = [llm("a", down), llm("b", down)]
      assert.deepStrictEqual(yield* hops([a, b]), ["failed unavailable 4", "skipped host-unreachable 0", "answered  1"])
      assert.strictEqual(b.calledAtMs.length, 0)
    })
  )

  it.effect("have an attempt each when it takes the request and breaks the connection of one model", () =>
    Effect.gen(function* () {
      const reset = Effect.fail(error({ _tag: "Unavailable" }, true))
      const [a, b] = [llm("a", reset), llm("b", succeeds)]
      assert.deepStrictEqual(yield* hops([a, b]), ["failed unavailable 4", "answered  1"])
    })
  )

  it.effect("get the attempts of one hop when it responds with errors, and the second may answer", () =>
    Effect.gen(function* () {
      const broken = Effect.fail(error({ _tag: "Unavailable", status: 502 }, true))
      assert.deepStrictEqual(yield* hops([llm("a", broken), llm("b", broken), llm("c", succeeds)]), [
        "failed unavailable 3",
        "failed unavailable 1",
        "answered  1"
      ])
    })
  )
})
