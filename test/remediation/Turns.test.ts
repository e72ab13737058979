import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Claimant } from "../../src/decision/BlastRadius.ts"
import { defaults, type GuardrailSettings } from "../../src/decision/GuardrailSettings.ts"
import type { SpentAction } from "../../src/domain/PastAction.ts"
import { targetKey } from "../../src/domain/Target.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Turns from "../../src/remediation/Turns.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { Doubts } from "../../src/storage/Doubts.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { decided } from "./journals.ts"

const names = Array.from({ length: 60 }, (_, index) => `app-${index}`)

const undo: Investigator = {
  name: "custom",
  investigate: ({ target }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "A bad rollout.",
      evidence: [],
      action: {
        type: "RollbackDeployment",
        target: { namespace: target.namespace, kind: target.kind, name: target.name }
      },
      confidence: 1
    })
}

const stormOf = (deployments: ReadonlyArray<string>, severity: string) =>
  webhookOf(
    deployments.map((deployment) =>
      alertOf(
        { alertname: "KubeDeploymentRolloutStuck", namespace: "storm", deployment, severity },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: deployment }
      )
    )
  )

const serviceWith = (guardrails: Partial<GuardrailSettings>) =>
  Kubernaut.layer({
    cluster: "test",
    mode: "auto",
    investigators: [undo],
    guardrails
  }).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Sandbox.layer({
          deployments: names.map((name) => ({ namespace: "storm", name, behaviour: "bad-rollout", replicas: 1 }))
        }),
        Storage.layerMemory
      )
    )
  )

const states = Effect.gen(function* () {
  const store = yield* RemediationStore
  return (yield* store.list({ limit: 100 })).items.map(({ state }) => state)
})

const counted = (all: ReadonlyArray<string>, wanted: string) => all.filter((state) => state === wanted).length

const pass = (seconds: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds; second++) yield* TestClock.adjust("1 second")
  })

describe("sixty alerts at once", () => {
  const budget = { burst: 7, refill: Duration.minutes(1) }
  const service = serviceWith({ blastRadius: { ...defaults.blastRadius, namespace: budget } })

  it.effect("start seven actions, one for each minute after that, and a person gets the rest with the reason", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const store = yield* RemediationStore
      yield* kubernaut.receive(stormOf(names, "critical"))
      // More than the settle time of the verification.
      yield* pass(50)
      assert.strictEqual(counted(yield* states, "Remediated"), 7)
      assert.strictEqual(counted(yield* states, "AwaitingReview"), 0)
      yield* pass(550 + 60)
      const after = yield* states
      assert.isAtLeast(counted(after, "Remediated"), 16)
      assert.isAtMost(counted(after, "Remediated"), 18)
      assert.strictEqual(counted(after, "AwaitingReview"), 60 - counted(after, "Remediated"))
      const [review] = yield* store.reviews(1)
      assert.deepStrictEqual(
        review?.reasons.map(({ rule }) => rule),
        ["blast-radius"]
      )
      assert.match(
        review?.reasons[0]?.message ?? "",
        /waited 10m for its turn: the budget of namespace storm \(7 at once/
      )
    }).pipe(Effect.provide(service))
  )

  it.effect("that are warnings leave a critical alert a token", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(stormOf(names.slice(0, 59), "warning"))
      yield* pass(5)
      const { items } = yield* (yield* RemediationStore).list({ limit: 100 })
      assert.strictEqual(items.length, 59)
      const [receipt] = (yield* kubernaut.receive(stormOf(names.slice(59), "critical"))).results
      yield* pass(45)
      const critical = yield* kubernaut.get(receipt!.remediationId!)
      assert.strictEqual(critical._tag === "Some" ? critical.value.state : "", "Remediated")
    }).pipe(Effect.provide(service))
  )

  it.effect("wait no longer once their alerts have resolved", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const storm = stormOf(names, "warning")
      yield* kubernaut.receive(storm)
      yield* pass(30)
      const resolved = storm.alerts.map((alert) => ({
        ...alert,
        status: "resolved" as const,
        endsAt: "1970-01-01T00:00:30Z"
      }))
      yield* kubernaut.receive({ ...storm, status: "resolved", alerts: resolved })
      yield* pass(30)
      assert.isAtLeast(counted(yield* states, "Cancelled"), 50)
      assert.strictEqual(counted(yield* states, "AwaitingReview"), 0)
    }).pipe(Effect.provide(service))
  )

  it.effect("with the earlier setting, never start more in its window than its limit", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(stormOf(names, "critical"))
      yield* pass(595)
      assert.isAtMost(counted(yield* states, "Remediated"), 7)
      assert.isAtLeast(counted(yield* states, "Remediated"), 5)
    }).pipe(Effect.provide(serviceWith({ actionsPerWindow: { limit: 7, window: Duration.minutes(10) } })))
  )
})

const single = { ...defaults.blastRadius, namespace: { burst: 1, refill: Duration.minutes(1) } }

const turnsWith = (
  spent: ReadonlyArray<SpentAction>,
  { blastRadius = single, doubtedAt }: { blastRadius?: GuardrailSettings["blastRadius"]; doubtedAt?: string } = {}
) =>
  Turns.make({ ...defaults, blastRadius }, { look: () => Effect.succeed({ places: undefined, ended: [] }) }).pipe(
    Effect.provideService(ActionHistory, {
      ofTarget: () => Effect.succeed([]),
      ofObject: () => Effect.succeed([]),
      spentSince: () => Effect.succeed(spent),
      endedSince: () => Effect.succeed([]),
      recordOf: () => Effect.succeed({ verified: 0, fixed: 0 })
    }),
    Effect.provideService(Doubts, {
      record: () => Effect.void,
      latest: () => Effect.succeed(Option.fromUndefinedOr(doubtedAt))
    })
  )

describe("a reservation", () => {
  const claimant = (id: string): Claimant => ({
    id,
    target: targetKey({ cluster: "test", namespace: "shop", kind: "Deployment", name: id }),
    severity: "warning",
    sinceMs: 0,
    backOff: 0,
    pools: []
  })

  const take = (turns: Turns.Turns, id: string, outcome: "execute" | "review" = "execute") =>
    Effect.map(
      turns.attempt({
        claimant: claimant(id),
        mayWait: true,
        doubt: undefined,
        needs: (decision) => (decision.outcome === "execute" ? "turn" : "nothing"),
        choose: () => decided(outcome).decision
      }),
      ({ _tag }) => _tag
    )

  const next = (turns: Turns.Turns) => Effect.scoped(take(turns, "next"))

  it.effect("takes a token until its scope closes", () =>
    Effect.gen(function* () {
      const turns = yield* turnsWith([])
      const scope = yield* Scope.make()
      assert.strictEqual(yield* Scope.provide(take(turns, "a"), scope), "Decided")
      // Its token does not come back before its intent is committed.
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* next(turns), "Wait")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* next(turns), "Decided")
    })
  )

  it.effect("is made only by a decision to execute", () =>
    Effect.gen(function* () {
      const turns = yield* turnsWith([])
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* take(turns, "a", "review")
          assert.strictEqual(yield* next(turns), "Decided")
        })
      )
    })
  )

  it.effect.each([
    { after: "a failure", ending: Effect.fail("the commit failed") },
    { after: "a defect", ending: Effect.die("a bug") }
  ])("is released after $after", ({ ending }) =>
    Effect.gen(function* () {
      const turns = yield* turnsWith([])
      yield* Effect.exit(Effect.scoped(Effect.andThen(take(turns, "a"), ending)))
      assert.strictEqual(yield* next(turns), "Decided")
    })
  )

  it.effect("is released after an interruption", () =>
    Effect.gen(function* () {
      const turns = yield* turnsWith([])
      const fiber = yield* Effect.forkChild(Effect.scoped(Effect.andThen(take(turns, "a"), Effect.never)))
      yield* Effect.yieldNow
      assert.strictEqual(yield* next(turns), "Wait")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* next(turns), "Decided")
    })
  )

  it.effect("of a time to which the clock has not come again gives its token back all the same", () =>
    Effect.gen(function* () {
      const spent = { target: claimant("a").target, at: "1970-01-01T05:00:00.000Z", pools: [] }
      const turns = yield* turnsWith([spent])
      assert.strictEqual(yield* next(turns), "Wait")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* next(turns), "Decided")
    })
  )

  it.effect.each([
    { doubt: "that has just ended", doubtedAt: "1970-01-01T00:00:00.000Z" },
    { doubt: "of a time to which the clock has not come again", doubtedAt: "1970-01-01T05:00:00.000Z" }
  ])("after a doubt $doubt is one, and the second one comes half a minute later", ({ doubtedAt }) =>
    Effect.gen(function* () {
      const cluster = { burst: 3, refill: Duration.seconds(30) }
      const turns = yield* turnsWith([], { blastRadius: { ...defaults.blastRadius, cluster }, doubtedAt })
      yield* Effect.scoped(
        Effect.gen(function* () {
          assert.strictEqual(yield* take(turns, "a"), "Decided")
          assert.strictEqual(yield* next(turns), "Wait")
          yield* TestClock.adjust("30 seconds")
          assert.strictEqual(yield* next(turns), "Decided")
        })
      )
    })
  )

  it.effect("of the history counts after a restart", () =>
    Effect.gen(function* () {
      const spent = { target: claimant("a").target, at: "1970-01-01T00:00:00.000Z", pools: [] }
      assert.strictEqual(yield* next(yield* turnsWith([spent])), "Wait")
    })
  )
})

describe("a critical alert that joins a warning which waits for its turn", () => {
  const slow = { burst: 4, refill: Duration.minutes(9) }

  it.effect("takes the token that is kept for critical alerts", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const store = yield* RemediationStore
      yield* kubernaut.receive(stormOf(names.slice(0, 6), "warning"))
      yield* pass(90)
      const { items } = yield* store.list({ limit: 100 })
      const waiting = items.find(({ state }) => state !== "Remediated")!
      const labels = { namespace: "storm", deployment: waiting.target.name }
      const critical = alertOf(
        { alertname: "KubeDeploymentDown", severity: "critical", ...labels },
        { startsAt: "1970-01-01T00:01:00Z", fingerprint: "critical" }
      )
      yield* kubernaut.receive(webhookOf([critical]))
      yield* pass(30)
      const acted = Effect.map(kubernaut.get(waiting.id), (found) =>
        found._tag === "Some" ? found.value.executions.length : -1
      )
      assert.strictEqual(yield* acted, 1)
    }).pipe(Effect.provide(serviceWith({ blastRadius: { ...defaults.blastRadius, namespace: slow } })))
  )
})
