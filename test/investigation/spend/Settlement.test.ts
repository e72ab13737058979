import { assert, describe, it } from "@effect/vitest"
import { type ModelCall, ModelCallId } from "../../../src/domain/ModelCall.ts"
import { RemediationId } from "../../../src/domain/Remediation.ts"
import type { InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { effortOf } from "../../../src/investigation/spend/Effort.ts"
import { costOf } from "../../../src/investigation/spend/Price.ts"
import { type Ended, settle } from "../../../src/investigation/spend/Settlement.ts"
import { isUnsent } from "../../../src/investigation/spend/Unsent.ts"

const reserved: ModelCall = {
  id: ModelCallId.make("call-01M86T3XDTDHT0TBVYKQNQMMTH"),
  at: "2026-11-24T03:00:00.000Z",
  remediation: RemediationId.make("rem-1"),
  investigator: "llm",
  provider: "main",
  inputTokens: 2000,
  outputTokens: 4096,
  cost: 45_960,
  basis: "estimated",
  state: "reserved"
}
const price = { input: 2.5, output: 10 }

const settled = (ended: Partial<Ended>) => {
  const { basis, cost, inputTokens, outputTokens, outcome } = settle(reserved, {
    outcome: "answered",
    currency: "EUR",
    price,
    ...ended
  })
  return { basis, cost, inputTokens, outputTokens, outcome }
}

describe("the price of a million tokens", () => {
  it("is the cost of one in millionths, rounded up", () => {
    assert.strictEqual(costOf({ inputTokens: 1320, outputTokens: 96 }, price), 4260)
    assert.strictEqual(costOf({ inputTokens: 1, outputTokens: 0 }, { input: 0.15, output: 0.6 }), 1)
    assert.strictEqual(costOf({ inputTokens: 10, outputTokens: 0 }, { input: 0.1, output: 0 }), 1)
    assert.strictEqual(costOf({ inputTokens: 3, outputTokens: 0 }, { input: 1.1, output: 0 }), 4)
  })

  it("of 0 is known, and without a price or without tokens nothing is", () => {
    assert.strictEqual(costOf({ inputTokens: 5, outputTokens: 5 }, { input: 0, output: 0 }), 0)
    assert.isNull(costOf({ inputTokens: 5, outputTokens: 5 }, undefined))
    assert.isNull(costOf({ inputTokens: 5, outputTokens: null }, price))
  })
})

describe("a call that is over costs", () => {
  it("what its response reports", () =>
    assert.deepStrictEqual(settled({ reported: { inputTokens: 1320, outputTokens: 96 } }), {
      basis: "measured",
      cost: 4260,
      inputTokens: 1320,
      outputTokens: 96,
      outcome: "answered"
    }))

  it("the estimate, if the response does not tell", () =>
    assert.deepStrictEqual(settled({}), {
      basis: "estimated",
      cost: 45_960,
      inputTokens: 2000,
      outputTokens: 4096,
      outcome: "answered"
    }))

  it("the estimate for what broke off, with what is known", () =>
    assert.deepStrictEqual(settled({ outcome: "failed", reported: { inputTokens: 1320, outputTokens: null } }), {
      basis: "estimated",
      cost: 44_260,
      inputTokens: 1320,
      outputTokens: 4096,
      outcome: "failed"
    }))

  it("what the peer had reported when it failed, where that is more than the estimate", () => {
    const reported = { inputTokens: 9000, outputTokens: 20, isPartial: true }
    const { basis, inputTokens, outputTokens } = settled({ outcome: "failed", reported })
    assert.deepStrictEqual([basis, inputTokens, outputTokens], ["estimated", 9000, 4096])
  })

  it("nothing, if the peer refused it before any work", () =>
    assert.deepStrictEqual(settled({ outcome: "rejected" }), {
      basis: "measured",
      cost: 0,
      inputTokens: 0,
      outputTokens: 0,
      outcome: "rejected"
    }))

  it("what nobody knows, without a price; and what the peer says, where that is in the configured currency", () => {
    const reported = { inputTokens: 5, outputTokens: 5, cost: 12_300 }
    assert.isNull(settled({ price: undefined, reported }).cost)
    assert.strictEqual(settled({ price: undefined, reported, currency: "USD" }).cost, 12_300)
    assert.strictEqual(settled({ reported, currency: "USD" }).cost, 63)
  })
})

describe("a failed call", () => {
  const cases: ReadonlyArray<readonly [InvestigatorErrorReason, string, tookMs?: number]> = [
    [{ _tag: "Unavailable", unsent: true }, "not-sent"],
    [{ _tag: "Unavailable" }, "worked"],
    [{ _tag: "Unavailable", status: 500 }, "worked"],
    [{ _tag: "Unavailable", status: 504 }, "worked"],
    [{ _tag: "Unavailable", status: 404 }, "rejected"],
    [{ _tag: "Unavailable", status: 502 }, "rejected"],
    [{ _tag: "Unavailable", status: 503 }, "rejected"],
    [{ _tag: "Unavailable", status: 502 }, "worked", 2001],
    [{ _tag: "Unavailable", status: 503 }, "worked", 2001],
    [{ _tag: "Unavailable", status: 529 }, "rejected", 60_000],
    [{ _tag: "Authentication" }, "rejected"],
    [{ _tag: "QuotaExhausted" }, "rejected"],
    [{ _tag: "RateLimited" }, "rejected"],
    [{ _tag: "BadRequest" }, "rejected"],
    [{ _tag: "ContextOverflow", tokens: 2, limit: 1 }, "rejected"],
    [{ _tag: "ContextOverflow", tokens: 2, limit: 1, unsent: true }, "not-sent"],
    [{ _tag: "BadRequest", unsent: true }, "not-sent"],
    [{ _tag: "Silent" }, "worked"],
    [{ _tag: "Timeout" }, "worked"],
    [{ _tag: "Refused" }, "worked"],
    [{ _tag: "InvalidAnswer", problem: "" }, "worked"]
  ]
  for (const [reason, effort, tookMs = 2000] of cases)
    it(`by ${JSON.stringify(reason)} after ${tookMs} ms counts as ${effort}`, () =>
      assert.strictEqual(effortOf(reason, tookMs), effort))
})

it("a request has not left if there was no connection, however deep the client hides that", () => {
  const code = (of: string) => Object.assign(new Error(of), { code: of })
  const inFetch = (cause: unknown) =>
    new Error("Connection error.", { cause: new TypeError("fetch failed", { cause }) })
  assert.isTrue(isUnsent(inFetch(code("ECONNREFUSED"))))
  assert.isTrue(isUnsent(new AggregateError([code("ECONNREFUSED"), code("ENETUNREACH")])))
  assert.isTrue(isUnsent(inFetch(code("ERR_SSL_WRONG_VERSION_NUMBER"))))
  assert.isTrue(isUnsent(inFetch(code("DEPTH_ZERO_SELF_SIGNED_CERT"))))
  assert.isFalse(isUnsent(new AggregateError([code("ECONNREFUSED"), code("ECONNRESET")])))
  for (const other of [inFetch(code("ECONNRESET")), code("ETIMEDOUT"), new Error("?"), undefined, "ECONNREFUSED"])
    assert.isFalse(isUnsent(other))
  const loop: { cause?: unknown } = {}
  loop.cause = loop
  assert.isFalse(isUnsent(loop))
})
