/**
 * HolmesGPT as its package has it, with a model that is not ours either, investigates over real HTTP: what our side of
 * its API makes of its work and of each way in which its model fails it.
 */

import type { LLMock } from "@copilotkit/aimock"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Scope } from "effect"
import { HolmesGptInvestigator, InvestigationChain } from "../../src/index.ts"
import type { PartialFindings } from "../../src/investigation/PartialFindings.ts"
import { ReportUsage } from "../../src/investigation/spend/ModelUsage.ts"
import { answer } from "../investigation/fixtures/AimockRows.ts"
import { alert, evidence, request } from "../investigation/fixtures/Requests.ts"
import { scripted, succeeds } from "../investigation/fixtures/ScriptedChain.ts"
import * as Aimock from "../peers/Aimock.ts"
import * as RealHolmesGpt from "./RealHolmesGpt.ts"
import { exampleAlert, start as startService } from "./Service.ts"

const holmesgpt = await RealHolmesGpt.program()
const key = "holmes-key-4711"

/** One server for all tests, because it needs seconds to start. Each test scripts its model. */
const servers: { url: string; model: LLMock } = { url: "", model: undefined as never }

beforeAll(async () => {
  if (holmesgpt.path === undefined) return
  const scope = Scope.makeUnsafe()
  const started = Effect.gen(function* () {
    const model = yield* Aimock.make()
    const url = yield* RealHolmesGpt.start(holmesgpt.path ?? "", { key, model: Aimock.urlFor(model, "openai") })
    Object.assign(servers, { model, url })
  })
  await Effect.runPromise(Scope.provide(started, scope))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}, 120_000)

type Script = (model: LLMock) => void

const scriptedModel = (script: Script) =>
  Effect.sync(() => {
    servers.model.reset().clearChaos()
    script(servers.model)
    return servers.model
  })

/** Looks at the logs, and then answers. */
const works: Script = (model) => {
  const call = { id: "call_1", name: "shop_logs", arguments: JSON.stringify({ workload: "checkout" }) }
  model.addFixture({
    match: { hasToolResult: false },
    response: { content: "The logs may show it.", toolCalls: [call] }
  })
  model.addFixture({ match: { hasToolResult: true }, response: { content: JSON.stringify(answer) } })
}
const found = [
  ["", "The logs may show it."],
  ["shop_logs", `${RealHolmesGpt.logLine} in checkout`]
]

const fails =
  (status: number, message: string, more: object = {}): Script =>
  (model) =>
    void model.addFixture({
      match: {},
      response: { error: { message, type: "invalid_request_error", ...more }, status }
    })
const says =
  (content: string, more: object = {}): Script =>
  (model) =>
    void model.addFixture({ match: {}, response: { content, ...more } })

/** The calls of its model about one alert. An earlier test's HolmesGPT may still be at work. */
const callsAbout = (model: LLMock, marker: string): number =>
  model.getRequests().filter(({ body }) => JSON.stringify(body).includes(marker)).length

let alerts = 0

/** One alert, investigated by HolmesGPT, and then by a model that answers. */
const asked = (options: Partial<HolmesGptInvestigator.Options> = {}) =>
  Effect.gen(function* () {
    const holmes = yield* HolmesGptInvestigator.make({
      url: servers.url,
      apiKey: Redacted.make(key),
      // Its model fails within seconds, and the machine may be busy.
      firstSign: "20 seconds",
      ...options
    })
    const next = scripted("llm", succeeds, { provider: "a" })
    const chain = yield* InvestigationChain.make({ investigators: [holmes, next], deadline: "50 seconds" })
    const marker = `alert-${alerts++}-of-these-tests`
    const summary = alert({ annotations: { summary: marker } })
    const result = yield* chain.investigate(request({ evidence: evidence(), alert: summary }))
    return {
      marker,
      result,
      hops: result.hops.map(({ attempts, outcome, reason = "" }) =>
        `${outcome} ${reason} ${attempts}`.replace("  ", " ")
      ),
      breaker: (yield* chain.tiers[0]!.circuitBreaker!.state)._tag,
      passedOn: next.requests[0]?.partial
    }
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))

const investigated = (script: Script, options: Partial<HolmesGptInvestigator.Options> = {}) =>
  Effect.gen(function* () {
    const model = yield* scriptedModel(script)
    const seen = yield* asked(options)
    return { ...seen, calls: callsAbout(model, seen.marker) }
  })

const textsOf = (partial: ReadonlyArray<PartialFindings> | undefined) =>
  (partial ?? []).flatMap(({ findings }) => findings.map(({ text }) => text))

const test = it.live.skipIf(holmesgpt.path === undefined)
const row = (
  failure: string,
  script: Script,
  reason: string,
  /** The calls that its model has seen. */
  calls: number,
  more: { readonly breaker?: string; readonly found?: boolean; readonly attempts?: number } = {}
) => ({ failure, script, reason, calls, breaker: "Closed", found: false, attempts: 1, ...more })

const rows = [
  row("rejects its key", fails(401, "Incorrect API key provided: model-key"), "upstream-authentication", 1),
  row("is at its rate limit", fails(429, "Rate limit reached"), "rate-limited", 3),
  row(
    "has no quota left",
    fails(429, "You exceeded your current quota, please check your plan", { code: "insufficient_quota" }),
    "quota-exhausted",
    3,
    { breaker: "Suspended" }
  ),
  row("has an error of its own", fails(500, "The server had an error", { type: "server_error" }), "unavailable", 3),
  row("wants money", fails(402, "Insufficient credits", { type: "billing" }), "quota-exhausted", 1, {
    breaker: "Suspended"
  }),
  row("rejects the request", fails(400, "Invalid value for 'messages'"), "bad-request", 1),
  row("is overloaded", fails(503, "overloaded", { type: "server_error" }), "unavailable", 3),
  row("does not exist", fails(404, "The model gpt-4o does not exist", { code: "model_not_found" }), "unavailable", 1),
  row(
    "has too small a context",
    fails(400, "This model's maximum context length is 8192 tokens.", { code: "context_length_exceeded" }),
    "context-overflow",
    1
  ),
  row(
    "refuses",
    fails(400, "Your request was rejected by our safety system.", { code: "content_policy_violation" }),
    "refused",
    1
  ),
  row("answers in prose", says("It is DNS."), "invalid-answer", 1),
  row("answers nothing", says(""), "invalid-answer", 1),
  row("ends at its limit of tokens", says(JSON.stringify(answer), { finishReason: "length" }), "invalid-answer", 1),
  row("filters the answer", says(JSON.stringify(answer), { finishReason: "content_filter" }), "refused", 1),
  row(
    "answers about another object",
    says(
      JSON.stringify({ ...answer, action: { ...answer.action, target: { ...answer.action.target, name: "cart" } } })
    ),
    "invalid-answer",
    1
  ),
  row(
    "fails after it has worked",
    (model) => {
      works(model)
      model.prependFixture({
        match: { hasToolResult: true },
        response: { error: { message: "x", type: "server_error" }, status: 500 }
      })
    },
    "unavailable",
    4,
    { found: true }
  ),
  row(
    "makes the same tool call again and again",
    (model) => {
      works(model)
      model.prependFixture({
        match: {},
        response: { toolCalls: [{ name: "shop_logs", arguments: JSON.stringify({ workload: "checkout" }) }] }
      })
    },
    "tool-loop",
    3,
    { found: true }
  ),
  row(
    "never stops to look",
    (model) => {
      let call = 0
      model.addFixture({
        match: {},
        response: () => ({
          toolCalls: [{ name: "shop_logs", arguments: JSON.stringify({ workload: `checkout-${call++}` }) }]
        })
      })
    },
    "step-limit",
    RealHolmesGpt.maxSteps,
    { found: true }
  )
]

describe("the real HolmesGPT", () => {
  test(`looks at the logs and decides, with a good confidence, and says what it took${holmesgpt.note}`, () =>
    Effect.gen(function* () {
      const model = yield* scriptedModel(works)
      const holmes = yield* HolmesGptInvestigator.make({ url: servers.url, apiKey: Redacted.make(key) })
      const findings: Array<readonly [string, string]> = []
      const given = request({
        evidence: evidence(),
        onFinding: ({ about, text }) => void findings.push([about, text])
      })
      let usage: object | undefined
      const investigation = yield* Effect.provideService(holmes.investigate(given), ReportUsage, (reported) => {
        usage = reported
      })
      assert.deepInclude(investigation, {
        investigator: "holmesgpt",
        confidence: answer.confidence,
        rootCause: answer.rootCause
      })
      assert.deepStrictEqual(investigation.action, { type: "RollbackDeployment", target: answer.action.target })
      assert.deepStrictEqual(
        findings.map(([, text]) => text.trim()),
        found.map(([, text]) => text)
      )
      const { inputTokens, outputTokens } = usage as { readonly inputTokens: number; readonly outputTokens: number }
      assert.isAbove(inputTokens, 1000, "the prompts of HolmesGPT itself")
      assert.isAbove(outputTokens, 0)
      const sent = JSON.stringify(model.getLastRequest()?.body)
      for (const part of ["rootCause", "json_schema", "checkout", "shop_logs"]) assert.include(sent, part)
      yield* holmes.probe!
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici)))

  for (const { attempts, calls, breaker, failure, found: hasFound, reason, script } of rows)
    test(`whose model ${failure}: the hop fails with ${reason} after ${calls} calls, and the next model is asked${holmesgpt.note}`, () =>
      Effect.gen(function* () {
        const seen = yield* investigated(script)
        assert.deepStrictEqual(seen.hops, [`failed ${reason} ${attempts}`, "answered 1"])
        assert.strictEqual(seen.breaker, breaker)
        // The call that was on its way when the stream was closed may be one more.
        if (reason === "tool-loop") assert.include([calls, calls + 1], seen.calls)
        else assert.strictEqual(seen.calls, calls)
        if (hasFound) assert.include(textsOf(seen.passedOn).join(), RealHolmesGpt.logLine)
        else assert.isEmpty(textsOf(seen.passedOn))
        assert.notInclude(JSON.stringify([seen.result, seen.passedOn]), "model-key")
      }))

  test(`that rejects our key is not asked again until the key is another one${holmesgpt.note}`, () =>
    Effect.gen(function* () {
      const keys = ["old", key]
      const rejected = yield* investigated(works, { apiKey: Redacted.make("old") })
      assert.deepStrictEqual(rejected.hops, ["failed authentication 1", "answered 1"])
      assert.deepStrictEqual([rejected.calls, rejected.breaker], [0, "Suspended"])
      const rotated = yield* investigated(works, { apiKey: Effect.sync(() => Redacted.make(keys.shift() ?? key)) })
      assert.deepStrictEqual(rotated.hops, ["answered 1"])
    }))

  test(`stops its work when nobody waits for it any more${holmesgpt.note}`, () =>
    Effect.gen(function* () {
      let call = 0
      const model = yield* scriptedModel((each) =>
        each.addFixture({
          match: {},
          response: () => ({
            toolCalls: [{ name: "shop_logs", arguments: JSON.stringify({ workload: `c-${call++}` }) }]
          }),
          latency: 0,
          chaos: { latencyMs: 400 }
        })
      )
      const holmes = yield* HolmesGptInvestigator.make({ url: servers.url, apiKey: Redacted.make(key) })
      yield* Effect.timeoutOption(holmes.investigate(request({ evidence: evidence() })), "700 millis")
      yield* Effect.sleep("2500 millis")
      assert.isBelow(Aimock.seen(model), RealHolmesGpt.maxSteps)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))

  test(`remediates the crash loop in a running service${holmesgpt.note}`, () =>
    Effect.gen(function* () {
      yield* scriptedModel(works)
      const service = yield* startService({ KUBERNAUT_HOLMESGPT_URL: servers.url, KUBERNAUT_HOLMESGPT_API_KEY: key })
      const [posted] = yield* service.post(exampleAlert("crash-loop"))
      const record = yield* service.ended(posted!.remediationId!)
      assert.strictEqual(record.state, "Remediated")
      assert.deepStrictEqual(
        record.hops.map(({ investigator, outcome }) => [investigator, outcome]),
        [["holmesgpt", "answered"]]
      )
      assert.strictEqual(record.decision?.action?.type, "RollbackDeployment")
      assert.isAbove(record.calls?.[0]?.inputTokens ?? 0, 1000)
    }).pipe(Effect.scoped))

  // Behind those that count calls: HolmesGPT asks its silent model again, long after its own client has gone.
  test(`whose model says nothing is silent, and the next model is asked${holmesgpt.note}`, () =>
    Effect.gen(function* () {
      const seen = yield* investigated(
        (model) => {
          works(model)
          model.setChaos({ latencyMs: 30_000 })
        },
        { firstSign: "2 seconds" }
      )
      assert.deepStrictEqual(seen.hops, ["failed silent 1", "answered 1"])
      assert.strictEqual(seen.breaker, "Closed")
    }))

  test(`whose model cannot be reached fails once, because it has tried that itself${holmesgpt.note}`, () =>
    Effect.gen(function* () {
      // The last test: the model is gone afterwards.
      yield* Aimock.stop(servers.model)
      const seen = yield* asked()
      assert.deepStrictEqual(seen.hops, ["failed unavailable 1", "answered 1"])
      assert.strictEqual(seen.breaker, "Closed")
    }))
})
