import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import { Bulkhead } from "../../src/resilience/pipeline/Bulkhead.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

const storm = (wave: string) =>
  webhookOf(
    Array.from({ length: 20 }, (_, index) =>
      alertOf(
        { alertname: "KubeDeploymentRolloutStuck", namespace: "storm", deployment: `${wave}-${index}` },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${wave}-${index}` }
      )
    )
  )

const counting = () => {
  const seen = { now: 0, most: 0, all: 0 }
  const investigator: Investigator = {
    name: "custom",
    investigate: ({ target }) =>
      Effect.gen(function* () {
        seen.all++
        seen.most = Math.max(seen.most, ++seen.now)
        yield* Effect.sleep("1 second")
        seen.now--
        const { kind, name, namespace } = target
        return {
          investigator: "custom" as const,
          rootCause: "A test.",
          evidence: [],
          action: { type: "RestartWorkload" as const, target: { kind, name, namespace } },
          confidence: 1
        }
      })
  }
  return { seen, investigator }
}

const service = (investigator: Investigator) =>
  Kubernaut.layer({
    cluster: "test",
    mode: "observe",
    investigators: [investigator],
    actors: { concurrency: 4, sweepInterval: "1 hour" }
  }).pipe(Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory)))

describe("the actors", () => {
  it.effect(
    "process three warnings at a time when there are four places, finish all of them, and process the next storm",
    () => {
      const { investigator, seen } = counting()
      return Effect.gen(function* () {
        const kubernaut = yield* Kubernaut.Kubernaut
        const actors = yield* RemediationActors
        const store = yield* RemediationStore
        for (const [wave, worked] of [
          ["first", 20],
          ["second", 40]
        ] as const) {
          yield* kubernaut.receive(storm(wave))
          assert.strictEqual(yield* actors.active, 20)
          for (let second = 0; second < 10; second++) yield* TestClock.adjust("1 second")
          assert.strictEqual(seen.all, worked)
          assert.strictEqual(seen.most, 3)
          assert.strictEqual(yield* actors.active, 0)
          assert.strictEqual(yield* store.backlog, 0)
        }
      }).pipe(Effect.provide(service(investigator)))
    }
  )

  it.effect("give a turn to what waits for one when its time has come, and keep no place for it", () => {
    const { investigator, seen } = counting()
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const actors = yield* RemediationActors
      yield* actors.turn("critical")
      yield* kubernaut.receive(
        webhookOf(
          Array.from({ length: 20 }, (_, index) =>
            alertOf(
              { alertname: "Stuck", namespace: "storm", deployment: `d-${index}`, severity: "critical" },
              { fingerprint: `d-${index}` }
            )
          )
        )
      )
      yield* TestClock.adjust(0)
      const stopped = yield* Effect.forkChild(actors.turn("critical"))
      const waits = yield* Effect.forkChild(actors.turn("critical"))
      yield* TestClock.adjust("3 seconds")
      assert.isUndefined(waits.pollUnsafe())
      yield* Fiber.interrupt(stopped)
      for (let second = 0; second < 10; second++) yield* TestClock.adjust("1 second")
      yield* Fiber.join(waits)
      assert.deepStrictEqual([seen.all, seen.most, yield* actors.active], [20, 4, 0])
      // Every place is free again.
      yield* kubernaut.receive(storm("next"))
      for (let second = 0; second < 10; second++) yield* TestClock.adjust("1 second")
      assert.strictEqual(seen.all, 40)
    }).pipe(Effect.provide(service(investigator)))
  })

  it.effect("give no turn to what is not critical while its places are taken, and one to what is critical", () => {
    const { investigator } = counting()
    return Effect.gen(function* () {
      const actors = yield* RemediationActors
      yield* actors.turn("warning")
      yield* (yield* Kubernaut.Kubernaut).receive(storm("first"))
      yield* TestClock.adjust(0)
      const waits = yield* Effect.forkChild(actors.turn("warning"), { startImmediately: true })
      yield* actors.turn("critical")
      assert.isUndefined(waits.pollUnsafe())
      // It is the first of those that wait, so it shows that one was taken up.
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waits)
      assert.isAbove(yield* actors.active, 10)
    }).pipe(Effect.provide(service(investigator)))
  })

  const about = (severity: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      alertOf(
        { alertname: "KubeDeploymentRolloutStuck", namespace: "storm", deployment: `${severity}-${index}`, severity },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${severity}-${index}` }
      )
    )

  /** The order in which the targets are investigated, one second each. */
  const ordering = (concurrency: number) => {
    const order: Array<string> = []
    const { investigator } = counting()
    const layer = Kubernaut.layer({
      cluster: "test",
      mode: "observe",
      investigators: [
        {
          ...investigator,
          investigate: (request) =>
            Effect.suspend(() => {
              order.push(request.target.name)
              return investigator.investigate(request)
            })
        }
      ],
      actors: { concurrency, sweepInterval: "1 hour" }
    }).pipe(Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory)))
    return { order, layer }
  }
  const seconds = (count: number) =>
    Effect.gen(function* () {
      for (let second = 0; second < count; second++) yield* TestClock.adjust("1 second")
    })

  it.effect("start a critical alert before the warnings that wait for a place", () => {
    const { layer, order } = ordering(1)
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(webhookOf(about("warning", 10)))
      yield* seconds(2)
      yield* kubernaut.receive(webhookOf(about("critical", 2)))
      yield* seconds(12)
      assert.deepStrictEqual(order.slice(2, 6), ["warning-2", "critical-0", "critical-1", "warning-3"])
    }).pipe(Effect.provide(layer))
  })

  for (const concurrency of [2, 3, 4]) {
    it.effect(
      `start a critical alert at once while a hundred warnings hold every other of ${concurrency} places`,
      () => {
        const { layer, order } = ordering(concurrency)
        return Effect.gen(function* () {
          const kubernaut = yield* Kubernaut.Kubernaut
          yield* kubernaut.receive(webhookOf(about("warning", 100)))
          yield* TestClock.adjust("500 millis")
          assert.strictEqual(order.length, concurrency - 1)
          yield* kubernaut.receive(webhookOf(about("critical", 1)))
          yield* TestClock.adjust("10 millis")
          assert.strictEqual(order.at(-1), "critical-0")
        }).pipe(Effect.provide(layer))
      }
    )
  }

  it.effect("work on a warning that a critical alert hands over to after the critical alerts that wait", () => {
    const { layer, order } = ordering(1)
    const critical = (deployment: string, alertname = "KubeDeploymentRolloutStuck", severity = "critical") =>
      alertOf(
        { alertname, namespace: "storm", deployment, severity },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${alertname}-${deployment}` }
      )
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(webhookOf([critical("both"), critical("both", "KubePodNotReady", "warning")]))
      yield* TestClock.adjust("500 millis")
      yield* kubernaut.receive(webhookOf([critical("second")]))
      yield* TestClock.adjust("1 second")
      yield* kubernaut.receive(webhookOf([critical("third")]))
      yield* seconds(5)
      assert.deepStrictEqual(order, ["both", "second", "third", "both"])
    }).pipe(Effect.provide(layer))
  })

  const one = (fingerprint: string, labels: Readonly<Record<string, string>>) =>
    webhookOf([
      alertOf(
        { alertname: "KubeDeploymentRolloutStuck", namespace: "shop", ...labels },
        { startsAt: "1970-01-01T00:00:00Z", fingerprint }
      )
    ])

  it.effect("work next on a waiting warning once a critical alert about one of its pods has joined it", () => {
    const { layer, order } = ordering(1)
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const [pod] = yield* (yield* KubernetesClient).list("Pod", { namespace: "shop" })
      const deployment = pod!.metadata.labels!["app"]!
      yield* kubernaut.receive(webhookOf(about("warning", 5)))
      yield* kubernaut.receive(one("lead", { deployment }))
      yield* seconds(2)
      yield* kubernaut.receive(one("pod", { pod: pod!.metadata.name, severity: "critical" }))
      yield* seconds(10)
      assert.deepStrictEqual(order, [
        "warning-0",
        "warning-1",
        "warning-2",
        deployment,
        deployment,
        "warning-3",
        "warning-4"
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("work next on the owner of a pod about which a critical alert has joined a warning", () => {
    const { layer, order } = ordering(1)
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const [pod] = yield* (yield* KubernetesClient).list("Pod", { namespace: "shop" })
      const { labels, name } = pod!.metadata
      yield* kubernaut.receive(webhookOf(about("warning", 5)))
      yield* kubernaut.receive(one("first", { pod: name }))
      yield* seconds(2)
      yield* kubernaut.receive(one("second", { pod: name, alertname: "KubePodCrashLooping", severity: "critical" }))
      yield* seconds(10)
      // Twice, because the warning hands over to the critical alert.
      const app = labels!["app"]
      assert.deepStrictEqual(order, ["warning-0", "warning-1", "warning-2", app, app, "warning-3", "warning-4"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("start a warning that has waited for five minutes before a critical alert that has just arrived", () => {
    const { layer, order } = ordering(1)
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(webhookOf(about("warning", 310)))
      yield* seconds(302)
      yield* kubernaut.receive(webhookOf(about("critical", 1)))
      yield* seconds(10)
      assert.isAbove(order.indexOf("critical-0"), order.indexOf("warning-305"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("give the next permit of a model to a warning that a critical alert has joined while it waited", () => {
    const order: Array<string> = []
    const bulkhead = new Bulkhead({ limit: 1, maxWait: "1 minute" })
    const investigator: Investigator = {
      name: "custom",
      investigate: ({ target }) =>
        Effect.orDie(
          bulkhead.withPermit(
            Effect.gen(function* () {
              order.push(target.name)
              yield* Effect.sleep("1 second")
              const { kind, name, namespace } = target
              return {
                investigator: "custom" as const,
                rootCause: "A test.",
                evidence: [],
                action: { type: "RestartWorkload" as const, target: { kind, name, namespace } },
                confidence: 1
              }
            })
          )
        )
    }
    const alert = (name: string, severity: string, alertname = "KubeDeploymentRolloutStuck") =>
      webhookOf([
        alertOf(
          { alertname, namespace: "storm", deployment: name, severity },
          { startsAt: "1970-01-01T00:00:00Z", fingerprint: `${name}-${severity}` }
        )
      ])
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const waiting = (count: number) =>
        Effect.gen(function* () {
          while ((yield* bulkhead.state).waiting < count) yield* TestClock.adjust(1)
        })
      yield* kubernaut.receive(alert("running", "warning"))
      for (const [index, name] of ["first", "second", "lead"].entries()) {
        yield* kubernaut.receive(alert(name, "warning"))
        yield* waiting(index + 1)
      }
      yield* kubernaut.receive(alert("lead", "critical", "KubeDeploymentDown"))
      for (let second = 0; second < 3; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(order.slice(0, 3), ["running", "lead", "first"])
    }).pipe(
      Effect.provide(
        Kubernaut.layer({
          cluster: "test",
          mode: "observe",
          investigators: [investigator],
          actors: { concurrency: 20, sweepInterval: "1 hour" }
        }).pipe(Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory)))
      )
    )
  })
})
