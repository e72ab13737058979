/** A place that is given back while an action waits for its turn: who works meanwhile, and when it works again. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Aside from "../../src/remediation/Aside.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import { Reviews } from "../../src/remediation/Reviews.ts"
import { placeFor, Workplaces } from "../../src/remediation/Workplaces.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

const namespace = "storm"

const alertsOf = (names: ReadonlyArray<string>, severity = "warning", round = 0) =>
  webhookOf(
    names.map((deployment) =>
      alertOf(
        { alertname: "KubeDeploymentRolloutStuck", namespace, deployment, severity },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${deployment}-${severity}-${round}` }
      )
    )
  )

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`)

/** Counts the investigations under way. Those of `unsure` are not sure, so that their actions need an approval. */
const watching = (took: Duration.Input) => {
  const under = new Set<string>()
  const seen = { order: [] as Array<string>, most: 0, twice: [] as Array<string> }
  const investigator: Investigator = {
    name: "custom",
    investigate: ({ target: { kind, name, namespace } }) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          if (under.has(name)) seen.twice.push(name)
          under.add(name)
          seen.order.push(name)
          seen.most = Math.max(seen.most, under.size)
        }),
        () =>
          Effect.as(Effect.sleep(took), {
            investigator: "custom" as const,
            rootCause: "A bad rollout.",
            evidence: [],
            action: { type: "RollbackDeployment" as const, target: { kind, name, namespace } },
            confidence: name.startsWith("unsure") ? 0.1 : 1
          }),
        () => Effect.sync(() => void under.delete(name))
      )
  }
  return { seen, investigator }
}

/** A service with one token for the namespace, which comes back after `refill`. */
const serviceOf = (concurrency: number, refill: Duration.Duration, took: Duration.Input = 0) => {
  const { investigator, seen } = watching(took)
  const deployments = [...numbered("app", 8), ...numbered("unsure", 2)].map((name) => ({
    namespace,
    name,
    behaviour: "bad-rollout" as const,
    replicas: 1
  }))
  const layer = Kubernaut.layer({
    cluster: "test",
    mode: "auto",
    investigators: [investigator],
    guardrails: { blastRadius: { ...defaults.blastRadius, namespace: { burst: 1, refill } } },
    actors: { concurrency, sweepInterval: "1 hour" }
  }).pipe(Layer.provideMerge(Layer.mergeAll(Sandbox.layer({ shop: false, deployments }), Storage.layerMemory)))
  return { seen, layer }
}

const pass = (seconds: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds; second++) yield* TestClock.adjust("1 second")
  })

const states = Effect.gen(function* () {
  const { items } = yield* (yield* RemediationStore).list({ limit: 100 })
  return Object.fromEntries(items.map(({ state, target }) => [target.name, state]))
})

describe("with two places, while actions wait for their turn,", () => {
  it.effect("a rejection of another target is handled at once", () => {
    const { layer } = serviceOf(2, Duration.minutes(20))
    return Effect.gen(function* () {
      const { receive } = yield* Kubernaut.Kubernaut
      const [asked] = (yield* receive(alertsOf(["unsure-0"]))).results
      yield* pass(2)
      yield* receive(alertsOf(numbered("app", 4)))
      yield* pass(90)
      assert.deepInclude(yield* states, {
        "app-0": "Remediated",
        "app-1": "Investigating",
        "unsure-0": "AwaitingReview"
      })
      yield* (yield* Reviews).answer(asked!.remediationId!, { answer: "rejected", by: "ada" })
      yield* pass(10)
      assert.deepInclude(yield* states, { "unsure-0": "Cancelled" })
    }).pipe(Effect.provide(layer))
  })

  it.effect("an approval of another target is carried out at once", () => {
    const { layer } = serviceOf(2, Duration.minutes(20))
    return Effect.gen(function* () {
      const { receive } = yield* Kubernaut.Kubernaut
      const [asked] = (yield* receive(alertsOf(["unsure-0"]))).results
      yield* pass(2)
      yield* receive(alertsOf(numbered("app", 4)))
      yield* pass(90)
      const answer = yield* Effect.forkChild(
        Effect.flatMap(Reviews, (reviews) => reviews.answer(asked!.remediationId!, { answer: "approved", by: "ada" }))
      )
      yield* pass(10)
      assert.include(["Verifying", "Remediated"], (yield* states)["unsure-0"])
      yield* Fiber.join(answer)
    }).pipe(Effect.provide(layer))
  })

  it.effect("another target is investigated, and no more of them than there are places", () => {
    const { layer, seen } = serviceOf(2, Duration.minutes(20))
    return Effect.gen(function* () {
      const { receive } = yield* Kubernaut.Kubernaut
      yield* receive(alertsOf(numbered("app", 6)))
      yield* pass(300)
      // One has acted, and two wait for their turn.
      assert.deepStrictEqual(seen.order, ["app-0", "app-1", "app-2"])
      yield* receive(alertsOf(["app-7"], "critical"))
      yield* pass(10)
      assert.strictEqual(seen.order.at(-1), "app-7")
    }).pipe(Effect.provide(layer))
  })

  it.effect("each acts when its turn comes", () => {
    const { layer } = serviceOf(2, Duration.minutes(3))
    return Effect.gen(function* () {
      const { receive } = yield* Kubernaut.Kubernaut
      yield* receive(alertsOf(numbered("app", 3)))
      for (const done of [1, 2, 3]) {
        yield* pass(100)
        const ended = Object.values(yield* states).filter((state) => state === "Remediated").length
        assert.strictEqual(ended, done)
        yield* pass(80)
      }
      assert.strictEqual(yield* (yield* RemediationActors).active, 0)
    }).pipe(Effect.provide(layer))
  })

  it.effect("the service stops at once, and begins nothing more", () => {
    const { layer, seen } = serviceOf(2, Duration.minutes(20))
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { receive } = Context.get(yield* Layer.buildWithScope(layer, scope), Kubernaut.Kubernaut)
      yield* receive(alertsOf(numbered("app", 8)))
      yield* pass(90)
      const { length } = seen.order
      yield* Scope.close(scope, Exit.void)
      yield* pass(5)
      assert.strictEqual(seen.order.length, length)
    })
  })
})

const Posts = Schema.Array(
  Schema.Struct({
    app: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
    severity: Schema.Literals(["warning", "warning", "critical"]),
    afterSeconds: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
    resolves: Schema.Boolean
  })
).check(Schema.isMaxLength(15))

const Places = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))

describe("whatever is posted, and whenever,", () => {
  it.effect.prop(
    "no target is worked twice at a time, no more targets than there are places, and every place is free in the end",
    [Posts, Places],
    ([posts, concurrency]) => {
      const { layer, seen } = serviceOf(concurrency, Duration.seconds(90), "2 seconds")
      return Effect.gen(function* () {
        const { receive } = yield* Kubernaut.Kubernaut
        const actors = yield* RemediationActors
        for (const [round, { afterSeconds, app, resolves, severity }] of posts.entries()) {
          const post = alertsOf([`app-${app}`], severity, round)
          yield* receive(post)
          yield* pass(afterSeconds)
          if (!resolves) continue
          const alerts = post.alerts.map((alert) => ({
            ...alert,
            status: "resolved" as const,
            endsAt: "2000-01-01T00:00:00Z"
          }))
          yield* receive({ ...post, status: "resolved", alerts })
        }
        for (let minute = 0; minute < 120 && (yield* actors.active) > 0; minute++) yield* pass(60)
        assert.strictEqual(yield* actors.active, 0)
        assert.deepStrictEqual(seen.twice, [])
        assert.isAtMost(seen.most, concurrency)
        seen.order.length = 0
        yield* receive(alertsOf(numbered("other", concurrency), "critical"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(seen.order.length, concurrency)
      }).pipe(Effect.provide(layer))
    },
    { arbitrary: { runs: 12 } }
  )
})

describe("an effect that runs aside", () => {
  /** Two places, of which one is for all, and an actor that holds it. */
  const begun = () => {
    const places = new Workplaces(2)
    const urgency = { isCritical: false, isAnswer: false, dueMs: 0 }
    const [own, next] = [placeFor(urgency), placeFor(urgency)]
    places.enter(own, () => {})
    let begun = false
    places.enter(next, () => (begun = true))
    const run = <A, E>(self: Effect.Effect<A, E>) =>
      Effect.forkChild(
        Effect.ensuring(
          Effect.provideService(Aside.aside(self), Aside.CurrentAside, Aside.of(places, own)),
          Effect.sync(() => places.end(own))
        ),
        { startImmediately: true }
      )
    return { places, next, hasBegun: () => begun, run }
  }

  it.effect("returns when it has its place back", () =>
    Effect.gen(function* () {
      const { hasBegun, next, places, run } = begun()
      const fiber = yield* run(Effect.as(Effect.sleep("1 minute"), "done"))
      assert.isTrue(hasBegun())
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      places.end(next)
      assert.strictEqual(yield* Fiber.join(fiber), "done")
      assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
    })
  )

  it.effect("fails when it has its place back, so that nobody works without one", () =>
    Effect.gen(function* () {
      const { next, places, run } = begun()
      const fiber = yield* run(Effect.fail("no database"))
      assert.isUndefined(fiber.pollUnsafe())
      places.end(next)
      assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), "no database")
      assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
    })
  )

  it.effect.each([
    { when: "while it runs", self: Effect.never },
    { when: "while it waits for its place", self: Effect.void }
  ])("frees no place twice and does not wait on if its actor is interrupted $when", ({ self }) =>
    Effect.gen(function* () {
      const { next, places, run } = begun()
      const fiber = yield* run(self)
      assert.deepStrictEqual(places.state, { held: 1, aside: 1 })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(places.state, { held: 1, aside: 0 })
      places.end(next)
      assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
    })
  )

  it.effect("gives nothing back within another one", () =>
    Effect.gen(function* () {
      const { next, places, run } = begun()
      const fiber = yield* run(Aside.aside(Effect.sleep("1 minute")))
      assert.deepStrictEqual(places.state, { held: 1, aside: 1 })
      places.end(next)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
    })
  )

  it.effect("just runs where there are no places", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Aside.aside(Effect.succeed(1)), 1)
    })
  )
})
