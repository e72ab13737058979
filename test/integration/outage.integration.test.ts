/**
 * The AI services fail one after another and recover, as observed by the peers and as reported by the service.
 *
 * The test waits for the real open period of the breakers (30 seconds) and for the dwell of the level (30 seconds)
 * once.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationDetail } from "../../src/http/Responses.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import * as HolmesGptPeer from "../peers/HolmesGptPeer.ts"
import type { Call } from "../peers/HttpPeer.ts"
import * as LlmPeer from "../peers/LlmPeer.ts"
import { type Service, start, until } from "./Service.ts"

const keys = { holmesgpt: "holmes-key-4711", first: "first-key-4711", second: "second-key-4711" }

/** The hops in text form, such as `holmesgpt failed unavailable 5`. */
const hopsOf = ({ hops }: RemediationDetail): ReadonlyArray<string> =>
  hops.map(({ attempts, investigator, outcome, provider, reason }) =>
    [
      provider === undefined ? investigator : `${investigator}:${provider}`,
      outcome,
      ...(reason === undefined ? [] : [reason]),
      attempts
    ].join(" ")
  )

const levelIs = (service: Service, level: number, after = 0) =>
  service.seen(
    (event) => event.event === "level" && event.data["level"] === level && service.events.indexOf(event) >= after
  )

const isClosed = (service: Service, breaker: string, after: number) =>
  service.seen(
    (event) =>
      event.event === "breaker"
      && event.data["breaker"] === breaker
      && event.data["to"] === "Closed"
      && service.events.indexOf(event) >= after
  )

const chats = (calls: ReadonlyArray<Call>): ReadonlyArray<Call> => calls.filter(({ path }) => path === "/api/chat")

const gapsOf = (calls: ReadonlyArray<Call>): ReadonlyArray<number> =>
  calls.slice(1).map(({ atMs }, index) => atMs - calls[index]!.atMs)

// Node.js timers count whole milliseconds from the start of an event-loop turn, so a timer can fire slightly early.
// test/resilience checks the exact delays on a virtual clock.
const timerMs = 5

describe("an outage of the AI services", () => {
  it.live(
    "falls back from HolmesGPT to each LLM and to the rules, and returns to HolmesGPT after recovery",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const holmesgpt = yield* HolmesGptPeer.make({ apiKey: keys.holmesgpt })
          const first = yield* LlmPeer.make({ kind: "openai", apiKey: keys.first })
          const second = yield* LlmPeer.make({ kind: "anthropic", apiKey: keys.second })
          const service = yield* start({
            // Every remediation ends with its decision, so the next alert about the workload is investigated again.
            KUBERNAUT_MODE: "observe",
            KUBERNAUT_HOLMESGPT_URL: holmesgpt.url,
            KUBERNAUT_HOLMESGPT_API_KEY: keys.holmesgpt,
            KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
              { name: "first", kind: "openai", url: `${first.url}/v1`, model: "gpt-4o", key: keys.first },
              { name: "second", kind: "anthropic", url: second.url, model: "claude-sonnet-4-5", key: keys.second }
            ])
          })
          let alerts = 0
          const alert = Effect.gen(function* () {
            alerts += 1
            const [result] = yield* service.post(
              webhookAbout(
                [{ alertname: "KubeDeploymentRolloutStuck", namespace: "shop", deployment: "checkout" }],
                alerts
              )
            )
            return yield* service.ended(result!.remediationId!)
          })

          // All services are available.
          const full = yield* alert
          assert.deepStrictEqual(hopsOf(full), ["holmesgpt answered 1"])
          assert.deepInclude(full.investigation, { investigator: "holmesgpt", confidence: 0.92 })
          assert.strictEqual(full.level, 0)
          assert.strictEqual(full.decision!.action.type, "RollbackDeployment")

          // HolmesGPT fails.
          yield* holmesgpt.forget
          yield* holmesgpt.setMode({ _tag: "Status", status: 503 })
          const reduced = yield* alert
          assert.deepStrictEqual(hopsOf(reduced), ["holmesgpt failed unavailable 5", "llm:first answered 1"])
          assert.strictEqual(reduced.investigation!.confidence, 0.8, "an LLM's confidence is capped")
          const attempts = chats(holmesgpt.calls)
          assert.strictEqual(attempts.length, 5)
          // Each gap contains one delay, because the peer reads its clock before it responds.
          gapsOf(attempts).forEach((gapMs, index) =>
            assert.isAtLeast(gapMs, [100, 200, 400, 800][index]! - timerMs, `the wait before attempt ${index + 2}`)
          )
          assert.isAtLeast(reduced.hops[0]!.durationMs, 1500 - timerMs)
          yield* levelIs(service, 1)

          // The circuit is open, so HolmesGPT is skipped.
          const skipped = yield* alert
          assert.deepStrictEqual(hopsOf(skipped), ["holmesgpt skipped circuit-open 0", "llm:first answered 1"])
          assert.strictEqual(skipped.level, 1)

          // The first provider becomes unreachable, then the second.
          yield* first.setMode({ _tag: "Down" })
          const other = yield* alert
          assert.deepStrictEqual(hopsOf(other), [
            "holmesgpt skipped circuit-open 0",
            "llm:first failed unavailable 5",
            "llm:second answered 1"
          ])
          assert.strictEqual(other.investigation!.provider, "second")
          yield* second.setMode({ _tag: "Down" })
          const local = yield* alert
          assert.deepStrictEqual(hopsOf(local), [
            "holmesgpt skipped circuit-open 0",
            "llm:first skipped circuit-open 0",
            "llm:second failed unavailable 5",
            "rules answered 1"
          ])
          assert.isAtMost(local.investigation!.confidence, 0.5)
          yield* levelIs(service, 2)
          const rules = yield* alert
          assert.deepStrictEqual(hopsOf(rules).slice(-1), ["rules answered 1"])
          assert.strictEqual(rules.level, 2)
          yield* assertReported(service)

          // All services recover, and probes detect it without an alert.
          const before = service.events.length
          yield* first.setMode({ _tag: "Ok" })
          yield* second.setMode({ _tag: "Ok" })
          yield* holmesgpt.setMode({ _tag: "Ok" })
          yield* Effect.all(
            [
              levelIs(service, 0, before),
              ...["holmesgpt", "llm:first", "llm:second"].map((name) => isClosed(service, name, before))
            ],
            { concurrency: "unbounded" }
          )

          const probes = holmesgpt.calls.slice(holmesgpt.calls.indexOf(attempts[4]!) + 1)
          assert.isAtLeast(probes.length, 3, "three probes close the circuit")
          for (const { method, path } of probes) assert.strictEqual(`${method} ${path}`, "GET /healthz")
          assert.isAtLeast(
            probes[0]!.atMs - attempts[4]!.atMs,
            30_000 - timerMs,
            "there is no call for 30 s after the fifth failure"
          )
          const whole = yield* alert
          assert.deepStrictEqual(hopsOf(whole), ["holmesgpt answered 1"])
          assert.strictEqual(whole.level, 0)
          yield* assertCounted(service)
          for (const key of Object.values(keys)) assert.notInclude(service.log(), key)
        })
      ),
    240_000
  )

  const assertReported = (service: Service) =>
    Effect.gen(function* () {
      const status = yield* service.get<{
        readonly level: number
        readonly reasons: ReadonlyArray<string>
        readonly capabilities: { readonly investigators: ReadonlyArray<string> }
        readonly components: ReadonlyArray<{
          readonly name: string
          readonly status: string
          readonly breaker?: { readonly state: string }
        }>
      }>("/api/v1/status")
      assert.strictEqual(status.level, 2)
      assert.isNotEmpty(status.reasons)
      assert.deepStrictEqual(status.capabilities.investigators, ["rules"])
      const breakers = new Map(status.components.map(({ breaker, name }) => [name, breaker?.state]))
      for (const name of ["holmesgpt", "llm:first", "llm:second"]) assert.strictEqual(breakers.get(name), "open", name)
      assert.strictEqual(breakers.get("kubernetes"), "closed")
      assert.strictEqual((yield* service.send("/readyz")).status, 200, "doing without the AI is what it is for")
      const metrics = yield* service.metrics
      assert.strictEqual(metrics.get("kubernaut_degradation_level"), 2)
      for (const name of ["holmesgpt", "llm:first", "llm:second"])
        assert.strictEqual(metrics.get(`kubernaut_circuit_breaker_state{service="${name}"}`), 1, name)
    })

  const assertCounted = (service: Service) =>
    Effect.gen(function* () {
      const metrics = yield* until("every AI service is in full use again", service.metrics, (found) =>
        ["holmesgpt", "llm:first", "llm:second"].every((name) =>
          found.has(`kubernaut_recovery_time_seconds{service="${name}"}`)
        )
      )
      assert.strictEqual(metrics.get("kubernaut_degradation_level"), 0)
      for (const name of ["holmesgpt", "llm:first", "llm:second"]) {
        assert.strictEqual(metrics.get(`kubernaut_circuit_breaker_state{service="${name}"}`), 0, name)
        assert.isAtLeast(metrics.get(`kubernaut_recovery_time_seconds{service="${name}"}`)!, 30, name)
        assert.strictEqual(
          metrics.get(`kubernaut_circuit_breaker_transitions_total{service="${name}",from="closed",to="open"}`),
          1,
          name
        )
        assert.strictEqual(
          metrics.get(`kubernaut_circuit_breaker_transitions_total{service="${name}",from="half-open",to="closed"}`),
          1,
          name
        )
        assert.strictEqual(metrics.get(`kubernaut_retry_attempts_total{service="${name}"}`), 4, name)
        assert.strictEqual(metrics.get(`kubernaut_bulkhead_in_use{service="${name}"}`), 0, name)
      }
      // Five alerts stepped down from HolmesGPT; of those, three from the first provider (twice to the second, counted
      // by tier) and two to the rules.
      assert.strictEqual(metrics.get(`kubernaut_fallback_activations_total{from="holmesgpt",to="llm"}`), 5)
      assert.strictEqual(metrics.get(`kubernaut_fallback_activations_total{from="llm",to="llm"}`), 3)
      assert.strictEqual(metrics.get(`kubernaut_fallback_activations_total{from="llm",to="rules"}`), 2)
    })
})
