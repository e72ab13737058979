import { assert, describe, it } from "@effect/vitest"
import { Context, type Duration, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { Remediation } from "../../src/domain/Remediation.ts"
import { Degradation } from "../../src/health/Degradation.ts"
import type { InvestigationRequest, Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import * as SlowCluster from "./SlowCluster.ts"

const alertsAbout = (
  count: number,
  severity: string,
  labelsOf: (index: number) => Readonly<Record<string, string>> = (index) => ({ deployment: `${severity}-${index}` })
) =>
  Array.from({ length: count }, (_, index) =>
    alertOf(
      { alertname: "KubeDeploymentRolloutStuck", namespace: "storm", severity, ...labelsOf(index) },
      { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${severity}-${index}` }
    )
  )

/** A model that takes `forMs` and proposes a restart. */
const model = (forMs: number, seen: Array<InvestigationRequest> = []): Investigator => ({
  name: "custom",
  needsEvidence: true,
  investigate: (request) =>
    Effect.gen(function* () {
      seen.push(request)
      yield* Effect.sleep(forMs)
      const { kind, name, namespace } = request.target
      return {
        investigator: "custom" as const,
        rootCause: "A test.",
        evidence: [],
        action: { type: "RestartWorkload" as const, target: { kind, name, namespace } },
        confidence: 1
      }
    })
})

interface Service {
  readonly post: (alerts: ReadonlyArray<ReturnType<typeof alertOf>>) => Effect.Effect<ReadonlyArray<string>>
  readonly get: (id: string) => Effect.Effect<Remediation>
  /** Moves the clock until every remediation has ended. */
  readonly ended: (ids: ReadonlyArray<string>, within: number) => Effect.Effect<ReadonlyArray<Remediation>>
  readonly level: Effect.Effect<number>
  readonly pipeline: Kubernaut.ClusterPipeline["Service"]
}

const start = Effect.fnUntraced(function* (
  cluster: ReturnType<typeof SlowCluster.make>,
  options: {
    readonly patience?: Duration.Input
    readonly investigator?: Investigator
    readonly mode?: "observe" | "auto"
    readonly kubernetes?: Kubernaut.Options["kubernetes"]
  } = {}
) {
  const context = yield* Layer.build(
    Kubernaut.layer({
      cluster: "test",
      mode: options.mode ?? "observe",
      investigators: [options.investigator ?? model(10)],
      guardrails: unlimited,
      ...(options.patience === undefined ? {} : { actors: { patience: options.patience } }),
      ...(options.kubernetes === undefined ? {} : { kubernetes: options.kubernetes })
    }).pipe(Layer.provideMerge(Layer.mergeAll(cluster.layer, Storage.layerMemory)))
  )
  const { receive } = Context.get(context, Kubernaut.Kubernaut)
  const store = Context.get(context, RemediationStore)
  const get: Service["get"] = (id) => Effect.orDie(Effect.map(store.get(id as never), Option.getOrThrow))
  const service: Service = {
    post: (alerts) =>
      Effect.orDie(Effect.map(receive(webhookOf(alerts)), ({ results }) => results.map((each) => each.remediationId!))),
    get,
    ended: Effect.fnUntraced(function* (ids, within) {
      for (let ms = 0; ms < within; ms += 100) {
        yield* TestClock.adjust(100)
        const all = yield* Effect.forEach(ids, get)
        if (all.every(({ conclusion, state }) => conclusion !== undefined || state === "AwaitingReview")) return all
      }
      const open = (yield* Effect.forEach(ids, get)).filter(({ conclusion }) => conclusion === undefined)
      return assert.fail(`${open.length} of ${ids.length} have not ended within ${within} ms`)
    }),
    pipeline: Context.get(context, Kubernaut.ClusterPipeline),
    level: Effect.map(Context.get(context, Degradation).current, ({ level }) => level)
  }
  return service
})

const rulesOf = (remediation: Remediation) => remediation.decision?.reasons.map(({ rule }) => rule) ?? []

const unavailable = { _tag: "Unavailable", status: 503 } as const

describe("our own limits say nothing about the cluster", () => {
  for (const latencyMs of [20, 1000]) {
    it.effect(`sixty alerts at once are all observed when a request takes ${latencyMs} ms`, () =>
      Effect.gen(function* () {
        const cluster = SlowCluster.make({ latencyMs })
        const { ended, post } = yield* start(cluster)
        const ids = yield* post(alertsAbout(60, "warning"))
        for (const remediation of yield* ended(ids, 200_000)) {
          assert.strictEqual(remediation.state, "Observed")
          assert.notInclude(rulesOf(remediation), "unobserved")
          assert.isTrue(remediation.observed?.exists)
        }
        assert.strictEqual(cluster.state.most, 16)
      })
    )
  }

  it.effect("no evidence is missing because our own requests wait", () =>
    Effect.gen(function* () {
      const seen: Array<InvestigationRequest> = []
      const { ended, post } = yield* start(SlowCluster.make({ latencyMs: 500 }), { investigator: model(10, seen) })
      yield* ended(yield* post(alertsAbout(60, "warning")), 200_000)
      assert.strictEqual(seen.length, 60)
      for (const { evidence } of seen) {
        assert.deepStrictEqual(evidence?.missing, [])
        assert.strictEqual(evidence?.containers.length, 1)
      }
    })
  )

  it.effect("a request whose deadline is short does not time out in our own queue", () =>
    Effect.gen(function* () {
      const kubernetes = { deadline: "2 seconds", attemptTimeout: "1 second" } as const
      const { ended, pipeline, post } = yield* start(SlowCluster.make({ latencyMs: 500 }), { kubernetes })
      const reasons: Array<string> = []
      yield* pipeline.hub.listen((event) => {
        if (event._tag === "CallRejected") reasons.push(event.reason)
      })
      yield* ended(yield* post(alertsAbout(60, "warning")), 200_000)
      assert.deepStrictEqual([...new Set(reasons)], ["bulkhead-full"])
    })
  )

  it.effect("a critical alert does not wait behind a hundred warnings for the cluster", () =>
    Effect.gen(function* () {
      const { ended, post } = yield* start(SlowCluster.make({ latencyMs: 1000 }))
      const warnings = yield* post(alertsAbout(100, "warning"))
      yield* TestClock.adjust("3 seconds")
      yield* ended(yield* post(alertsAbout(1, "critical")), 15_000)
      yield* ended(warnings, 300_000)
    })
  )

  it.effect("a critical alert does not wait behind a hundred warnings for a model", () =>
    Effect.gen(function* () {
      const { ended, post } = yield* start(SlowCluster.make(), { investigator: model(4000) })
      yield* post(alertsAbout(100, "warning"))
      yield* TestClock.adjust("3 seconds")
      const [critical] = yield* ended(yield* post(alertsAbout(1, "critical")), 12_000)
      assert.deepStrictEqual(
        critical?.hops.map(({ investigator, outcome }) => [investigator, outcome]),
        [["custom", "answered"]]
      )
    })
  )

  it.effect("nor does a warning that a critical alert has joined", () =>
    Effect.gen(function* () {
      const { ended, post } = yield* start(SlowCluster.make({ latencyMs: 1000 }))
      const both = (["warning", "critical"] as const).map((severity) =>
        alertOf(
          { alertname: severity, namespace: "storm", deployment: "both", severity },
          { startsAt: "1970-01-01T00:00:00Z", fingerprint: severity }
        )
      )
      const ids = yield* post([...alertsAbout(100, "warning"), ...both])
      yield* ended(ids.slice(100, 101), 15_000)
      yield* ended(ids.slice(0, 100), 300_000)
    })
  )

  it.effect("alerts that find no permit of a model in time are worked by rules, say so, and raise no level", () =>
    Effect.gen(function* () {
      const { ended, level, post } = yield* start(SlowCluster.make(), { investigator: model(12_000) })
      const all = yield* ended(yield* post(alertsAbout(60, "warning")), 100_000)
      const first = all.map(({ hops }) => hops[0]!)
      assert.strictEqual(first.filter(({ outcome }) => outcome === "answered").length, 32)
      for (const hop of first.filter(({ outcome }) => outcome !== "answered")) {
        assert.deepInclude(hop, { outcome: "skipped", reason: "bulkhead-full" })
      }
      assert.strictEqual(yield* level, 0)
    })
  )

  it.effect("the first alerts after an outage wait for the probes, and their pod's owner is the target", () =>
    Effect.gen(function* () {
      const cluster = SlowCluster.make({ down: unavailable })
      const { ended, get, post } = yield* start(cluster)
      const opening = yield* post(alertsAbout(3, "warning"))
      yield* TestClock.adjust("20 seconds")
      const [id] = yield* post(alertsAbout(1, "critical", () => ({ pod: "checkout-rs-1" })))
      yield* TestClock.adjust("25 seconds")
      assert.deepInclude(yield* get(id!), { state: "Investigating", provisional: true })
      cluster.state.down = undefined
      for (const remediation of yield* ended([...opening, id!], 60_000)) {
        assert.strictEqual(remediation.target.kind, "Deployment")
        assert.notInclude(rulesOf(remediation), "unobserved")
        assert.isTrue(remediation.observed?.exists)
      }
    })
  )
})

describe("an owner that cannot be read", () => {
  const aboutPod = alertsAbout(1, "critical", () => ({ pod: "checkout-rs-1" }))
  // The breaker has opened meanwhile, so the last failure is our own limit.
  const reasons: ReadonlyArray<readonly [string, SlowCluster.SlowCluster["down"], number, code: string]> = [
    ["does not respond for longer than the patience", unavailable, 90_000, "own-limit"],
    ["times out for longer than the patience", { _tag: "Timeout" }, 120_000, "own-limit"],
    ["may not be read", { _tag: "Forbidden" }, 5_000, "forbidden"]
  ]
  for (const [when, down, within, code] of reasons) {
    it.effect(`leaves the decision to a person, and never makes the pod the target, when it ${when}`, () =>
      Effect.gen(function* () {
        const { ended, post } = yield* start(SlowCluster.make({ down }), { patience: "1 minute", mode: "auto" })
        const [remediation] = yield* ended(yield* post(aboutPod), within)
        assert.strictEqual(remediation?.state, "Escalated")
        assert.isTrue(remediation?.provisional)
        assert.deepStrictEqual(rulesOf(remediation!), ["owner-unread"])
        assert.match(remediation?.conclusion ?? "", /^The owner of Pod .* could not be read/)
        assert.strictEqual(remediation?.decision?.failure?.code, code)
        assert.deepStrictEqual(remediation?.executions, [])
      })
    )
  }

  it.effect("is waited for until the alert resolves", () =>
    Effect.gen(function* () {
      const { ended, post } = yield* start(SlowCluster.make({ down: unavailable }))
      const ids = yield* post(aboutPod)
      yield* TestClock.adjust("30 seconds")
      yield* post(aboutPod.map((alert) => ({ ...alert, status: "resolved" as const, endsAt: "1970-01-01T00:00:20Z" })))
      const [remediation] = yield* ended(ids, 1_000)
      assert.strictEqual(remediation?.state, "Cancelled")
    })
  )
})
