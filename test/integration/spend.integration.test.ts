/** What calls to models cost, through the service process and over real HTTP: the ledger, the budgets, and a storm. */

import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Spend } from "../../src/http/SpendApi.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import type { HttpPeer } from "../peers/HttpPeer.ts"
import { make as makeLlmPeer } from "../peers/LlmPeer.ts"
import { type Environment, exampleAlert, type Service, start, temporaryDirectory, until } from "./Service.ts"

/** The usage that the peer reports with each answer. */
const usage = { inputTokens: 1320, outputTokens: 96 }

const provider = (name: string, { url }: HttpPeer, price?: { readonly input: number; readonly output: number }) => ({
  name,
  kind: "openai",
  url: `${url}/v1`,
  model: "m",
  key: `key-${name}`,
  ...(price === undefined ? {} : { price })
})

const asked = ({ calls }: HttpPeer): number => calls.filter(({ method }) => method === "POST").length

const startWith = (providers: ReadonlyArray<object>, more: Environment = {}) =>
  // Nothing is done, so that an incident ends with its investigation.
  start({ KUBERNAUT_MODE: "observe", KUBERNAUT_LLM_PROVIDERS: JSON.stringify(providers), ...more })

const spendOf = (service: Service) => service.get<Spend>("/api/v1/spend?limit=1000")

/** Posts an alert, and returns the record of its remediation. */
const remediated = (service: Service, alert: string) =>
  Effect.flatMap(service.post(exampleAlert(alert)), ([posted]) => service.ended(posted!.remediationId!))

describe("the ledger of model calls", () => {
  it.live(
    "has a line for each call that reached the peer, with the tokens that it reported, in the API, the record and the metrics",
    () =>
      Effect.gen(function* () {
        const llm = yield* makeLlmPeer({ kind: "openai" })
        const service = yield* startWith([provider("main", llm, { input: 2.5, output: 10 })])
        const record = yield* remediated(service, "crash-loop")
        assert.strictEqual(record.hops[0]?.outcome, "answered")
        const lines = record.calls ?? []
        assert.strictEqual(lines.length, asked(llm))
        for (const line of lines) {
          const expected = { ...usage, cost: 4260, basis: "measured", state: "settled", outcome: "answered" } as const
          assert.deepInclude(line, { ...expected, investigator: "llm", provider: "main", model: "m" })
          assert.strictEqual(line.remediation, record.id)
          assert.strictEqual(line.traceId, record.traceId)
          assert.match(line.spanId ?? "", /^[0-9a-f]{16}$/)
        }
        const found = yield* spendOf(service)
        assert.sameDeepMembers([...found.calls], [...lines])
        const { byDay, byHour, byTier, currency } = found
        assert.strictEqual(currency, "USD")
        const sum = { calls: lines.length, cost: 4260 * lines.length, unknownCost: 0, unknownTokens: 0 }
        assert.deepInclude(byTier[0], { tier: "llm:main", ...sum, inputTokens: usage.inputTokens * lines.length })
        for (const totals of [byHour, byDay]) {
          const cost = totals.reduce((all, each) => all + each.cost, 0)
          assert.strictEqual(cost, sum.cost)
        }
        const metrics = yield* service.metrics
        const tokens = metrics.get(`kubernaut_model_tokens_total{service="llm:main",direction="input"}`)
        assert.strictEqual(tokens, usage.inputTokens * lines.length)
        assert.closeTo(
          metrics.get(`kubernaut_model_cost_total{service="llm:main"}`) ?? Number.NaN,
          sum.cost / 1_000_000,
          1e-9
        )
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "says what failed calls may have cost, costs nothing for what was rejected, and has no line for what never left",
    () =>
      Effect.gen(function* () {
        const gone = yield* makeLlmPeer({ kind: "openai" })
        const strict = yield* makeLlmPeer({ kind: "openai" })
        const broken = yield* makeLlmPeer({ kind: "openai" })
        yield* gone.setMode({ _tag: "Down" })
        yield* strict.setMode({ _tag: "Status", status: 400 })
        yield* broken.setMode({ _tag: "Status", status: 500 })
        const service = yield* startWith([
          provider("gone", gone),
          provider("strict", strict),
          provider("broken", broken)
        ])
        const { calls = [], hops } = yield* remediated(service, "crash-loop")
        assert.deepStrictEqual(
          hops.map(({ outcome, provider = "rules" }) => `${provider} ${outcome}`),
          ["gone failed", "strict failed", "broken failed", "rules answered"]
        )
        const [rejected, ...failed] = calls
        assert.deepInclude(rejected, { provider: "strict", cost: 0, inputTokens: 0, outcome: "rejected" })
        assert.strictEqual(failed.length, asked(broken))
        assert.isNotEmpty(failed)
        for (const { basis, cost, inputTokens, outcome, provider } of failed) {
          // A provider without a price: what its calls cost is not known, and not 0.
          assert.deepInclude({ basis, cost, outcome, provider }, { basis: "estimated", cost: null, outcome: "failed" })
          assert.strictEqual(provider, "broken")
          assert.isAbove(inputTokens ?? 0, 0)
        }
        const { byTier } = yield* spendOf(service)
        assert.deepStrictEqual(
          byTier.map(({ calls, tier, unknownCost }) => ({ calls, tier, unknownCost })),
          [
            { tier: "llm:broken", calls: failed.length, unknownCost: failed.length },
            { tier: "llm:strict", calls: 1, unknownCost: 0 }
          ]
        )
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "keeps the estimate of a call that kill -9 cut short, and counts it against the budget of the next process",
    () =>
      Effect.gen(function* () {
        const llm = yield* makeLlmPeer({ kind: "openai" })
        const directory = yield* temporaryDirectory
        const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}` }
        const providers = [provider("main", llm, { input: 0, output: 1000 })]
        yield* llm.setMode({ _tag: "Hang" })
        const first = yield* startWith(providers, settings)
        const [posted] = yield* first.post(exampleAlert("crash-loop"))
        yield* until(
          "the call",
          Effect.sync(() => asked(llm)),
          (count) => count === 1
        )
        yield* first.kill

        yield* llm.setMode({ _tag: "Ok" })
        // The answer may take 4096 tokens, so one more call does not fit.
        const second = yield* startWith(providers, { ...settings, KUBERNAUT_SPEND_BUDGETS: `{"day":{"money":8}}` })
        const { calls = [], hops } = yield* second.ended(posted!.remediationId!)
        assert.deepStrictEqual(
          calls.map(({ cost, state }) => ({ cost, state })),
          [{ cost: 4_096_000, state: "reserved" }]
        )
        assert.deepInclude(hops[0], { provider: "main", outcome: "skipped", reason: "over-budget", attempts: 0 })
        assert.deepInclude((yield* spendOf(second)).budgets[0], { budget: "day", limit: 8, spent: 4.096 })
        assert.strictEqual(asked(llm), 1)
      }).pipe(Effect.scoped),
    180_000
  )
})

describe("over budget", () => {
  it.live(
    "the next tier is asked, and the hop says which budget is used up and until when",
    () =>
      Effect.gen(function* () {
        const dear = yield* makeLlmPeer({ kind: "openai" })
        const free = yield* makeLlmPeer({ kind: "openai" })
        // An answer may take 4096 tokens. One takes 96, so after it there is no room for another estimate.
        const service = yield* startWith(
          [provider("dear", dear, { input: 0, output: 1000 }), provider("free", free, { input: 0, output: 0 })],
          { KUBERNAUT_SPEND_BUDGETS: `{"hour":{"money":4.15}}`, KUBERNAUT_SPEND_CURRENCY: "EUR" }
        )
        const within = yield* remediated(service, "crash-loop")
        assert.deepStrictEqual(
          within.hops.map(({ outcome, provider }) => ({ outcome, provider })),
          [{ outcome: "answered", provider: "dear" }]
        )
        const beyond = yield* remediated(service, "oom")
        const [skipped, answered] = beyond.hops
        assert.deepInclude(skipped, { provider: "dear", outcome: "skipped", reason: "over-budget", attempts: 0 })
        assert.match(skipped?.detail ?? "", /^the money budget of the hour has no room for the call until 2\d{3}-/)
        assert.deepInclude(answered, { provider: "free", outcome: "answered" })
        assert.deepStrictEqual([asked(dear), asked(free)], [1, 1])
        const { budgets, currency } = yield* spendOf(service)
        assert.strictEqual(currency, "EUR")
        assert.deepInclude(budgets[0], { budget: "hour", unit: "money", limit: 4.15, spent: 0.096 })
        const metrics = yield* service.metrics
        const refused = `kubernaut_model_calls_over_budget_total{service="llm:dear",budget="hour"}`
        assert.strictEqual(metrics.get(refused), 1)
        // The breaker does not count it.
        assert.strictEqual(metrics.get(`kubernaut_circuit_breaker_state{service="llm:dear"}`), 0)
      }).pipe(Effect.scoped),
    180_000
  )
})

describe("a storm", () => {
  it.live(
    "of 10,000 equal alerts, and their repeats, costs one investigation",
    () =>
      Effect.gen(function* () {
        const llm = yield* makeLlmPeer({ kind: "openai" })
        // Every action waits for a review, so the incident lasts for the whole storm.
        const service = yield* startWith([provider("main", llm, { input: 2.5, output: 10 })], {
          KUBERNAUT_MODE: "approve"
        })
        const storm = webhookAbout(
          Array.from({ length: 10_000 }, (_, index) => ({
            alertname: "KubeDeploymentRolloutStuck",
            namespace: "shop",
            deployment: "checkout",
            series: `${index}`
          })),
          0x10_0000
        )
        const results = yield* service.post(storm)
        assert.strictEqual(results.length, 10_000)
        yield* until(
          "9,999 joined",
          service.metrics,
          (metrics) => metrics.get(`kubernaut_remediations_total{state="Joined"}`) === 9999
        )
        const repeats = yield* service.post(storm)
        assert.isTrue(repeats.every(({ status }) => status === "duplicate"))
        const { reviews } = yield* until(
          "the question",
          service.get<{ readonly reviews: ReadonlyArray<unknown> }>("/api/v1/reviews"),
          (found) => found.reviews.length > 0
        )
        assert.strictEqual(reviews.length, 1)
        assert.strictEqual(asked(llm), 1)
        const { calls } = yield* spendOf(service)
        assert.deepStrictEqual(
          calls.map(({ cost, inputTokens }) => ({ cost, inputTokens })),
          [{ cost: 4260, inputTokens: usage.inputTokens }]
        )
      }).pipe(Effect.scoped),
    180_000
  )
})
