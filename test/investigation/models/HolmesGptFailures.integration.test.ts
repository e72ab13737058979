/**
 * Every way in which HolmesGPT fails, over real HTTP: the hop, the attempts, the breaker, and what the next model is
 * given. Nothing of what the server says about itself is in our answer, in a log, or in what the journal keeps.
 */

import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Redacted } from "effect"
import { type ChainResult, make as makeChain } from "../../../src/investigation/InvestigationChain.ts"
import { make, type Options } from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import { make as makePrompt } from "../../../src/investigation/models/Prompt.ts"
import type { PartialFindings } from "../../../src/investigation/PartialFindings.ts"
import { events, make as makePeer } from "../../peers/HolmesGptPeer.ts"
import type { Mode } from "../../peers/HttpPeer.ts"
import { answer } from "../fixtures/AimockRows.ts"
import { evidence, request } from "../fixtures/Requests.ts"
import { scripted, succeeds } from "../fixtures/ScriptedChain.ts"

/** In every text that a server sends about itself. */
const internals = "INTERNALS-sk-proj-4d3c2b1a0f9e8d7c6b5a"

interface Outcome {
  readonly result: ChainResult
  readonly logs: ReadonlyArray<string>
  /** The investigations that the server was asked for. */
  readonly asked: number
  readonly partial: ReadonlyArray<PartialFindings> | undefined
  /** How many failures in a row the breaker counts, after one success. */
  readonly counted: number
}

/** One alert, investigated by HolmesGPT and then by an LLM. */
const investigated = (mode: Mode, options: Partial<Options> = {}, deadline = "5 seconds") =>
  Effect.gen(function* () {
    const logs: Array<string> = []
    const peer = yield* makePeer()
    yield* peer.setMode(mode)
    const holmes = yield* make({ url: peer.url, firstSign: "300 millis", apiKey: Redacted.make("k3y"), ...options })
    const llm = scripted("llm", succeeds, { provider: "a" })
    const chain = yield* makeChain({ investigators: [holmes, llm], deadline: deadline as "5 seconds" })
    const logger = Logger.make((entry) => void logs.push(Logger.formatJson.log(entry)))
    const result = yield* Effect.provide(chain.investigate(request({ evidence: evidence() })), Logger.layer([logger]))
    const { circuitBreaker } = chain.tiers[0]!
    const state = yield* circuitBreaker!.state
    return {
      result,
      logs,
      asked: peer.calls.filter(({ path }) => path === "/api/chat").length,
      partial: llm.requests[0]?.partial,
      counted: state._tag === "Closed" ? (state.failures ?? 0) : all
    } satisfies Outcome
  }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))

const status = (code: number, detail = internals, headers?: Readonly<Record<string, string>>): Mode => ({
  _tag: "Status",
  status: code,
  body: JSON.stringify({ detail }),
  ...(headers === undefined ? {} : { headers })
})

const parts = (ending: "end" | "hang" | "close", ...sent: ReadonlyArray<string>): Mode => ({
  _tag: "Parts",
  parts: sent,
  ending
})

const log = events.result("kubectl_logs", "panic: password=hunter2-hunter2, no column coupon_code")
const work = [events.tokens, events.message("The logs may show it."), events.start("kubectl_logs"), log]

/** What the next model is given after `work`: without the secret. */
const found = ["The logs may show it.", "panic: password=[redacted:value], no column coupon_code"]

const all = Number.POSITIVE_INFINITY

interface Row {
  readonly failure: string
  readonly mode: Mode
  readonly reason: string
  /** The requests that the server gets. */
  readonly asked: number
  /** The failures that the breaker counts; `all` if it is not closed any more. */
  readonly counted: number
  readonly passedOn?: ReadonlyArray<string>
}

const row = (
  failure: string,
  mode: Mode,
  reason: string,
  [asked, counted]: readonly [number, number],
  passedOn?: ReadonlyArray<string>
): Row => ({ failure, mode, reason, asked, counted, ...(passedOn === undefined ? {} : { passedOn }) })

const upstream = `litellm.AuthenticationError: AuthenticationError: OpenAIException - ${internals}`
const rows: ReadonlyArray<Row> = [
  row("refuses connections", { _tag: "Down" }, "unavailable", [0, all]),
  row("is overloaded behind a proxy", status(503), "unavailable", [5, all]),
  row("fails with internals in its body", status(500, `Traceback: ${internals}`), "unavailable", [5, all]),
  row("says nothing", { _tag: "Hang" }, "silent", [1, 1]),
  row("sends a head and nothing else", parts("hang"), "silent", [1, 1]),
  row("rejects our key", status(401, "Invalid or missing API key"), "authentication", [1, all]),
  row("is behind a proxy that rejects us", status(403, internals), "authentication", [1, 0]),
  row("has a model that rejects its key", status(401, upstream), "upstream-authentication", [1, 1]),
  row(
    "streams that its model rejects its key",
    parts("end", events.error(upstream)),
    "upstream-authentication",
    [1, 1]
  ),
  row("has a model at its rate limit", status(429, `litellm.RateLimitError: ${internals}`), "rate-limited", [1, 1]),
  row("streams a rate limit", parts("end", ...work, events.error(internals, 5204)), "rate-limited", [1, 1], found),
  row(
    "has no quota left, without a stream",
    status(429, "litellm.RateLimitError: insufficient_quota: exceeded your current quota"),
    "rate-limited",
    [1, 1]
  ),
  row(
    "streams that no quota is left",
    parts("end", events.error("litellm.RateLimitError: exceeded your current quota", 5204)),
    "quota-exhausted",
    [1, all]
  ),
  row("does not accept our request", status(422, internals), "bad-request", [1, 0]),
  row(
    "has a model with a small context",
    status(500, `litellm.ContextWindowExceededError: ${internals}`),
    "context-overflow",
    [1, 0]
  ),
  row("has a model that refuses", status(500, `litellm.ContentPolicyViolationError: ${internals}`), "refused", [1, 0]),
  row("uses more time than there is", parts("hang", ...work), "timeout", [1, 1], found),
  row("dies in the middle of its work", parts("close", ...work), "unavailable", [1, 1], found),
  row("ends its stream without an answer", parts("end", ...work), "unavailable", [1, 1], found),
  row(
    "reports an error in the middle of its work",
    parts("end", ...work, events.error(`litellm.APIError: ${internals}`)),
    "unavailable",
    [1, 1],
    found
  ),
  row("breaks off before it has shown any work", parts("close"), "unavailable", [5, all]),
  row(
    "reaches its step limit",
    parts("end", ...work, events.error("Too many LLM calls - exceeded max_steps: 100/100")),
    "step-limit",
    [1, 0],
    found
  ),
  row(
    "reaches its step limit without a stream",
    status(500, "Too many LLM calls - exceeded max_steps: 100/100"),
    "step-limit",
    [1, 0]
  ),
  row("makes the same tool call again and again", parts("hang", ...work, log, log), "tool-loop", [1, 0], found),
  row("waits for an approval", parts("end", ...work, events.approval), "invalid-answer", [1, 0], found),
  row(
    "answers in prose",
    parts("end", ...work, events.answer(`It is DNS. ${internals}`)),
    "invalid-answer",
    [1, 0],
    found
  ),
  row(
    "passes on an answer whose model reached its limit of tokens",
    parts("end", ...work, events.answer(JSON.stringify(answer), "length")),
    "invalid-answer",
    [1, 0],
    found
  ),
  row(
    "passes on that a filter has withheld the answer",
    parts("end", ...work, events.answer("", "content_filter")),
    "refused",
    [1, 0],
    found
  ),
  row("answers nothing", parts("end", ...work, events.answer(null)), "invalid-answer", [1, 0], found),
  row(
    "forwards a leaked tool call",
    parts("end", events.answer('{"name":"kubectl_get","arguments":{}}')),
    "invalid-answer",
    [1, 0]
  ),
  row("responds with a page", { _tag: "Raw", body: `<html>${internals}</html>` }, "invalid-answer", [1, 1])
]

describe("a HolmesGPT that", () => {
  for (const { asked, counted, failure, mode, passedOn, reason } of rows) {
    it.live(`${failure}: the hop fails with ${reason}, and the LLM is asked`, () =>
      Effect.gen(function* () {
        const seen = yield* investigated(mode, {}, reason === "timeout" ? "600 millis" : "5 seconds")
        const [hop, next] = seen.result.hops
        assert.deepStrictEqual([hop?.outcome, hop?.reason], ["failed", reason])
        assert.strictEqual(hop?.attempts, reason === "unavailable" && counted === all ? 5 : 1)
        assert.strictEqual(seen.asked, asked)
        assert.strictEqual(seen.counted, counted)
        assert.deepStrictEqual(
          seen.partial?.flatMap(({ findings }) => findings.map(({ text }) => text)),
          passedOn
        )
        assert.strictEqual(next?.investigator, "llm")
        assert.strictEqual(seen.result.investigation?.confidence, 0.8)

        const line = seen.logs.find((each) => each.includes("Investigation failed")) ?? ""
        for (const part of [`"reason":"${reason}"`, '"remediation":"r1"', '"investigator":"holmesgpt"', '"attempts":'])
          assert.include(line, part)
        const said = JSON.stringify([seen.result, seen.logs, seen.partial])
        for (const secret of ["INTERNALS", "4d3c2b1a0f9e8d7c6b5a", "hunter2", "k3y", "litellm", "max_steps"])
          assert.notInclude(said, secret)
      })
    )
  }

  it.live("worked before it failed gives the next model its findings as data that is marked as partial", () =>
    Effect.gen(function* () {
      const { partial } = yield* investigated(parts("close", ...work))
      const { question } = makePrompt({
        ...request({ evidence: evidence() }),
        ...(partial === undefined ? {} : { partial })
      })
      const lines = question.split("\n")
      const data = lines.slice(
        lines.findIndex((line) => line.startsWith("BEGIN DATA")),
        lines.findIndex((line) => line.startsWith("END DATA"))
      )
      const marked = data.filter((line) => line.startsWith("partial finding of holmesgpt, which did not finish: {"))
      assert.lengthOf(marked, found.length)
      assert.include(marked[1], "no column coupon_code")
    })
  )
})

describe("a HolmesGPT that quotes a log in its rate limit", () => {
  it.live("keeps its account: what a pod has written suspends nothing", () =>
    Effect.gen(function* () {
      const line = "payment failed: Insufficient balance"
      const error = `litellm.RateLimitError: OpenAIException - slow down. Last message: ${line}`
      const streamed = [events.tokens, events.result("kubectl_logs", line), events.error(error, 5204)]
      const { counted, result } = yield* investigated(parts("end", ...streamed))
      assert.deepStrictEqual([result.hops[0]?.reason, counted], ["rate-limited", 1])
    })
  )
})

describe("a HolmesGPT behind the gateway of a model", () => {
  it.live("that was reached and then failed does not keep the model from being asked", () =>
    Effect.gen(function* () {
      for (const ending of ["close", "end"] as const) {
        const peer = yield* makePeer()
        yield* peer.setMode(parts(ending, ...work))
        const { host } = new URL(peer.url)
        const holmes = { ...(yield* make({ url: peer.url, firstSign: "300 millis" })), host }
        const llm = scripted("llm", succeeds, { provider: "a", host })
        const chain = yield* makeChain({ investigators: [holmes, llm] })
        const { hops } = yield* chain.investigate(request({ evidence: evidence() }))
        assert.deepStrictEqual(
          hops.map(({ outcome, reason }) => reason ?? outcome),
          ["unavailable", "answered"]
        )
      }
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )
})
