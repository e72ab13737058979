import { assert, describe, it } from "@effect/vitest"
import { type Remediation, RemediationId } from "../../src/domain/Remediation.ts"
import { Instruments, type Standing } from "../../src/telemetry/Instruments.ts"

const make = (options: { readonly nowMs?: () => number; readonly spansDropped?: () => number } = {}) =>
  new Instruments({
    services: [{ name: "holmesgpt", bulkheadInUse: () => 3 }],
    nowMs: options.nowMs ?? (() => 0),
    spansDropped: options.spansDropped ?? (() => 0),
    processMetrics: false
  })

const sample = async (instruments: Instruments, series: string, standing?: Standing): Promise<number | undefined> => {
  const line = (await instruments.expose(standing)).split("\n").find((line) => line.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const remediation = (fields: Partial<Remediation>): Remediation => ({
  id: RemediationId.make("rem-1"),
  state: "Remediated",
  alert: {
    fingerprint: "f",
    name: "A",
    severity: "warning",
    labels: {},
    annotations: {},
    startsAt: "2026-11-24T03:00:00.000Z"
  },
  target: { cluster: "c", namespace: "n", kind: "Deployment", name: "d" },
  provisional: false,
  hops: [],
  investigated: true,
  investigations: 1,
  questions: 0,
  executions: [],
  receivedAt: "2026-11-24T03:00:00.000Z",
  updatedAt: "2026-11-24T03:00:12.500Z",
  sequence: 7,
  ...fields
})

describe("Instruments", () => {
  it("has exactly the metrics listed here", async () => {
    const { registry } = make()
    const found = (await registry.getMetricsAsJSON()).map(({ name, type }) => `${name} ${String(type)}`)
    assert.sameMembers(found, [
      "kubernaut_request_duration_seconds histogram",
      "kubernaut_intake_duration_seconds histogram",
      "kubernaut_investigation_duration_seconds histogram",
      "kubernaut_action_duration_seconds histogram",
      "kubernaut_model_calls_total counter",
      "kubernaut_model_tokens_total counter",
      "kubernaut_model_cost_total counter",
      "kubernaut_model_calls_without_cost_total counter",
      "kubernaut_model_calls_over_budget_total counter",
      "kubernaut_storage_up gauge",
      "kubernaut_health_check gauge",
      "kubernaut_spool_alerts gauge",
      "kubernaut_spool_oldest_seconds gauge",
      "kubernaut_spool_usable gauge",
      "kubernaut_notifications_waiting gauge",
      "kubernaut_notifications_oldest_seconds gauge",
      "kubernaut_watchdog_age_seconds gauge",
      "kubernaut_remediations_open gauge",
      "kubernaut_reviews_waiting gauge",
      "kubernaut_review_oldest_seconds gauge",
      "kubernaut_business_alerts gauge",
      "kubernaut_business_verdicts gauge",
      "kubernaut_business_actions gauge",
      "kubernaut_business_investigation_accuracy_ratio gauge",
      "kubernaut_business_action_success_ratio gauge",
      "kubernaut_service_availability_ratio gauge",
      "kubernaut_fallback_activations_total counter",
      "kubernaut_hedges_total counter",
      "kubernaut_recovery_time_seconds gauge",
      "kubernaut_circuit_breaker_state gauge",
      "kubernaut_service_suspended gauge",
      "kubernaut_circuit_breaker_transitions_total counter",
      "kubernaut_requests_total counter",
      "kubernaut_retry_attempts_total counter",
      "kubernaut_bulkhead_in_use gauge",
      "kubernaut_degradation_level gauge",
      "kubernaut_emergency_stop gauge",
      "kubernaut_alerts_received_total counter",
      "kubernaut_alerts_truncated_total counter",
      "kubernaut_remediations_total counter",
      "kubernaut_remediation_duration_seconds histogram",
      "kubernaut_actions_total counter",
      "kubernaut_reviews_total counter",
      "kubernaut_rollbacks_total counter",
      "kubernaut_supervisor_restarts_total counter",
      "kubernaut_spans_dropped_total counter"
    ])
  })

  it("explains the values of a breaker's state in the HELP text", async () =>
    assert.match(await make().expose(), /# HELP kubernaut_circuit_breaker_state .*0 closed, 1 open, 2 half-open/))

  it("has the series of a configured service from the start, so that rate() sees the first event", async () => {
    const instruments = make()
    for (const outcome of ["success", "failure", "ignored", "rejected"]) {
      assert.strictEqual(
        await sample(instruments, `kubernaut_requests_total{service="holmesgpt",outcome="${outcome}"}`),
        0
      )
    }
    assert.strictEqual(await sample(instruments, `kubernaut_circuit_breaker_state{service="holmesgpt"}`), 0)
    assert.strictEqual(
      await sample(
        instruments,
        `kubernaut_circuit_breaker_transitions_total{service="holmesgpt",from="closed",to="open"}`
      ),
      0
    )
    assert.strictEqual(await sample(instruments, `kubernaut_bulkhead_in_use{service="holmesgpt"}`), 3)
  })

  it("reads at each scrape why a service is suspended, also since before the start", async () => {
    const breaker: { tagUnsafe: "Suspended" | "Closed"; suspendedUnsafe: string | undefined } = {
      tagUnsafe: "Suspended",
      suspendedUnsafe: "out-of-money"
    }
    const instruments = new Instruments({
      services: [{ name: "llm:a", breaker }],
      nowMs: () => 0,
      spansDropped: () => 0,
      processMetrics: false
    })
    const of = (reason: string) =>
      sample(instruments, `kubernaut_service_suspended{service="llm:a",reason="${reason}"}`)
    assert.deepStrictEqual([await of("out-of-money"), await of("wrong-key")], [1, 0])
    assert.strictEqual(await sample(instruments, `kubernaut_circuit_breaker_state{service="llm:a"}`), 1)
    Object.assign(breaker, { tagUnsafe: "Closed", suspendedUnsafe: undefined })
    assert.deepStrictEqual([await of("out-of-money"), await of("wrong-key")], [0, 0])
    assert.strictEqual(await sample(instruments, `kubernaut_circuit_breaker_state{service="llm:a"}`), 0)
  })

  it("counts calls by outcome, and retries", async () => {
    const instruments = make()
    const base = { pipeline: "holmesgpt", attempts: 1, durationMs: 1 }
    instruments.onResilience({ _tag: "CallSucceeded", ...base })
    instruments.onResilience({ _tag: "CallFailed", reason: "error", ...base })
    instruments.onResilience({ _tag: "CallFailed", reason: "deadline", ...base })
    instruments.onResilience({ _tag: "CallIgnored", reason: "interrupted", ...base })
    instruments.onResilience({ _tag: "CallRejected", reason: "circuit-open", ...base })
    instruments.onResilience({ _tag: "AttemptRetried", pipeline: "holmesgpt", attempt: 2, delayMs: 100 })
    const outcomes = await Promise.all(
      ["success", "failure", "ignored", "rejected"].map((outcome) =>
        sample(instruments, `kubernaut_requests_total{service="holmesgpt",outcome="${outcome}"}`)
      )
    )
    assert.deepStrictEqual(outcomes, [1, 2, 1, 1])
    assert.strictEqual(await sample(instruments, `kubernaut_retry_attempts_total{service="holmesgpt"}`), 1)
  })

  it("follows a breaker through an outage: state, transitions, recovery time, availability", async () => {
    let now = 0
    const instruments = make({ nowMs: () => now })
    const state = () => sample(instruments, `kubernaut_circuit_breaker_state{service="holmesgpt"}`)
    const move = (from: "Closed" | "Open" | "HalfOpen", to: "Closed" | "Open" | "HalfOpen", atMs: number) => {
      now = atMs
      instruments.onResilience({
        _tag: "BreakerTransition",
        breaker: "holmesgpt",
        from,
        to,
        cause: "elapsed",
        generation: 1
      })
    }
    instruments.onResilience({ _tag: "CallSucceeded", pipeline: "holmesgpt", attempts: 1, durationMs: 1 })
    move("Closed", "Open", 50_000)
    assert.strictEqual(await state(), 1)
    move("Open", "HalfOpen", 80_000)
    assert.strictEqual(await state(), 2)
    assert.isUndefined(await sample(instruments, `kubernaut_recovery_time_seconds{service="holmesgpt"}`))
    move("HalfOpen", "Closed", 95_200)
    assert.strictEqual(await state(), 0)
    assert.strictEqual(await sample(instruments, `kubernaut_recovery_time_seconds{service="holmesgpt"}`), 45.2)
    assert.strictEqual(
      await sample(
        instruments,
        `kubernaut_circuit_breaker_transitions_total{service="holmesgpt",from="half-open",to="closed"}`
      ),
      1
    )
    now = 100_000
    assert.closeTo(
      (await sample(instruments, `kubernaut_service_availability_ratio{service="holmesgpt"}`)) ?? 0,
      1 - 45.2 / 100,
      1e-9
    )
  })

  it("counts an action once, by whether it was applied, and a remediation once, at its end", async () => {
    const instruments = make()
    const executed = remediation({
      state: "Verifying",
      executions: [
        {
          intent: { action: { type: "RestartWorkload" } },
          outcome: { applied: "unknown" }
        } as unknown as Remediation["executions"][number]
      ]
    })
    instruments.onRemediation({ event: "Executed", remediation: executed })
    instruments.onRemediation({ event: "Verified", remediation: executed })
    instruments.onRemediation({ event: "Concluded", remediation: remediation({ executions: executed.executions }) })
    instruments.onRemediation({ event: "Joined", remediation: remediation({ state: "Joined" }) })
    assert.strictEqual(
      await sample(instruments, `kubernaut_actions_total{action="RestartWorkload",outcome="unknown"}`),
      1
    )
    assert.strictEqual(await sample(instruments, `kubernaut_remediations_total{state="Remediated"}`), 1)
    assert.strictEqual(await sample(instruments, `kubernaut_remediations_total{state="Joined"}`), 1)
    assert.strictEqual(await sample(instruments, "kubernaut_remediation_duration_seconds_sum"), 12.5)
    assert.strictEqual(await sample(instruments, "kubernaut_remediation_duration_seconds_count"), 1)
  })

  it("counts a rollback at its end, and no duration of one that a person asked for later", async () => {
    const instruments = make()
    const rollback = { trigger: "operator", outcome: "restored" } as unknown as NonNullable<Remediation["rollback"]>
    const undone = remediation({ state: "RolledBack", rollback })
    instruments.onRemediation({ event: "RollbackVerified", remediation: undone })
    instruments.onRemediation({ event: "Concluded", remediation: undone })
    assert.strictEqual(await sample(instruments, `kubernaut_rollbacks_total{trigger="operator",outcome="restored"}`), 1)
    assert.strictEqual(
      await sample(instruments, `kubernaut_rollbacks_total{trigger="failed-execution",outcome="stopped"}`),
      0,
      "a series exists before its first event"
    )
    assert.strictEqual(await sample(instruments, "kubernaut_remediation_duration_seconds_count"), 0)
  })

  it("counts alerts, fallbacks, restarts and dropped spans", async () => {
    const instruments = make({ spansDropped: () => 7 })
    instruments.onAlert("shed")
    instruments.onFallback({ from: "holmesgpt", to: "llm" })
    instruments.onResilience({
      _tag: "ChildRestarted",
      supervisor: "kubernaut",
      child: "sweep",
      restarts: 1,
      delayMs: 1,
      reason: "died"
    })
    assert.strictEqual(await sample(instruments, `kubernaut_alerts_received_total{status="shed"}`), 1)
    assert.strictEqual(await sample(instruments, `kubernaut_fallback_activations_total{from="holmesgpt",to="llm"}`), 1)
    assert.strictEqual(await sample(instruments, `kubernaut_supervisor_restarts_total{child="sweep"}`), 1)
    assert.strictEqual(await sample(instruments, "kubernaut_spans_dropped_total"), 7)
    assert.strictEqual(await sample(instruments, "kubernaut_spans_dropped_total"), 7)
  })
})
