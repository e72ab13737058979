import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Exit, Layer, Scope } from "effect"
import { defaults, type GuardrailSettings } from "../../src/decision/GuardrailSettings.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { always, pass } from "./storm.ts"

const names = Array.from({ length: 20 }, (_, index) => `app-${index}`)

const alertsOf = (which: ReadonlyArray<string>, severity = "critical") =>
  webhookOf(
    which.map((name) =>
      alertOf(
        { alertname: "KubePodCrashLooping", namespace: "storm", deployment: name, severity },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: name }
      )
    )
  )

/** A cluster, and a database file on which processes start and end. */
const installation = Effect.fnUntraced(function* (guardrails: Partial<GuardrailSettings> = {}) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const storage = () => Storage.layerSqlite({ filename: join(folder, "kubernaut.db") })
  const cluster = Context.get(
    yield* Layer.build(
      Sandbox.layer({
        deployments: names.map((name) => ({ namespace: "storm", name, behaviour: "bad-rollout", replicas: 1 })),
        shop: false
      })
    ),
    KubernetesClient
  )
  let unreadySince: string | undefined
  const seen = <O extends KubernetesObject>(object: O): O => {
    if (object.kind !== "Node" || unreadySince === undefined) return object
    const conditions = [{ type: "Ready", status: "Unknown", lastTransitionTime: unreadySince }]
    return { ...object, status: { ...(object as unknown as Node).status, conditions } }
  }
  const client = KubernetesClient.of({
    ...cluster,
    list: (kind, options) => Effect.map(cluster.list(kind, options), (objects) => objects.map(seen))
  })
  /** Starts a process. It works on the alerts that it receives, and its sweep finds the work of others. */
  const start = Effect.fnUntraced(function* (sweepInterval: Duration.Input = "1 day") {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const context = yield* Kubernaut.layer({
      cluster: "test",
      mode: "auto",
      investigators: [always("RollbackDeployment")],
      guardrails,
      actors: { sweepInterval }
    }).pipe(
      Layer.provideMerge(Layer.mergeAll(Layer.succeed(KubernetesClient, client), storage())),
      Layer.buildWithScope(scope)
    )
    const { receive } = Context.get(context, Kubernaut.Kubernaut)
    const store = Context.get(context, RemediationStore)
    return { receive, store, stop: Scope.close(scope, Exit.void) }
  })
  const outage = {
    begin: Effect.map(Clock.currentTimeMillis, (ms) => void (unreadySince = fromMillis(ms))),
    end: Effect.sync(() => void (unreadySince = undefined))
  }
  return { start, outage }
})

/** How many actions have started. */
const started = Effect.fnUntraced(function* (store: RemediationStore["Service"]) {
  const { items } = yield* store.list({ limit: 100 })
  const found = yield* Effect.forEach(items, ({ id }) => store.get(id))
  return found.filter((each) => each._tag === "Some" && each.value.executions.length > 0).length
})

const smallest = { ...defaults.blastRadius, target: { burst: 9, refill: Duration.minutes(1) } }

describe("two processes on one database", () => {
  const budgets = [
    {
      budget: "of the namespace",
      blastRadius: { ...smallest, namespace: { burst: 3, refill: Duration.minutes(1) } }
    },
    { budget: "of the cluster", blastRadius: { ...smallest, cluster: { burst: 3, refill: Duration.minutes(1) } } }
  ]
  it.effect.each(budgets)("start no more actions together than the budget $budget allows", ({ blastRadius }) =>
    Effect.gen(function* () {
      const { start } = yield* installation({ blastRadius })
      const one = yield* start()
      const two = yield* start()
      yield* one.receive(alertsOf(names.slice(0, 10)))
      yield* two.receive(alertsOf(names.slice(10)))
      yield* pass(10)
      assert.strictEqual(yield* started(one.store), 3)
      yield* pass(110)
      assert.isAtLeast(yield* started(one.store), 4)
      assert.isAtMost(yield* started(one.store), 5)
    })
  )

  it.effect("leave a critical alert its token, whichever of them has spent the others", () =>
    Effect.gen(function* () {
      const namespace = { burst: 4, refill: Duration.hours(1) }
      const { start } = yield* installation({ blastRadius: { ...smallest, namespace } })
      const one = yield* start()
      const two = yield* start()
      yield* one.receive(alertsOf(names.slice(0, 9), "warning"))
      yield* two.receive(alertsOf(names.slice(9, 18), "warning"))
      yield* pass(10)
      assert.strictEqual(yield* started(one.store), 3)
      yield* two.receive(alertsOf(names.slice(18), "critical"))
      yield* pass(10)
      assert.strictEqual(yield* started(one.store), 4)
    })
  )

  it.effect("keep the budget while one hands over to the other", () =>
    Effect.gen(function* () {
      const namespace = { burst: 3, refill: Duration.minutes(10) }
      const { start } = yield* installation({ blastRadius: { ...smallest, namespace } })
      const one = yield* start()
      yield* one.receive(alertsOf(names))
      yield* pass(2)
      const two = yield* start("1 second")
      yield* pass(2)
      yield* one.stop
      yield* pass(60)
      assert.strictEqual(yield* started(two.store), 3)
    })
  )
})

describe("after a doubt about our own view", () => {
  it.effect.each([
    { which: "the same process", restart: false },
    { which: "a process that has started since", restart: true }
  ])("$which begins with one action and one more every half minute", ({ restart }) =>
    Effect.gen(function* () {
      const { outage, start } = yield* installation({
        blastRadius: { ...smallest, namespace: { burst: 40, refill: Duration.seconds(1) } }
      })
      const first = yield* start("1 second")
      yield* outage.begin
      yield* first.receive(alertsOf(names))
      yield* pass(60)
      assert.strictEqual(yield* started(first.store), 0)
      if (restart) yield* first.stop
      yield* outage.end
      const { store } = restart ? yield* start("1 second") : first
      yield* pass(60)
      assert.isAtLeast(yield* started(store), 1)
      assert.isAtMost(yield* started(store), 3)
      yield* pass(120)
      assert.isAtMost(yield* started(store), 7)
    })
  )

  it.effect("a second process that has seen nothing of it begins with one action too", () =>
    Effect.gen(function* () {
      const { outage, start } = yield* installation({
        blastRadius: { ...smallest, namespace: { burst: 40, refill: Duration.seconds(1) } }
      })
      const first = yield* start()
      const second = yield* start()
      yield* pass(1)
      yield* outage.begin
      yield* first.receive(alertsOf(names.slice(0, 2)))
      yield* pass(20)
      yield* outage.end
      yield* pass(1)
      yield* second.receive(alertsOf(names.slice(2)))
      yield* pass(10)
      assert.isAtMost(yield* started(second.store), 2)
    })
  )
})
