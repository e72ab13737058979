import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
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
    actors: { concurrency: 3, sweepInterval: "1 hour" }
  }).pipe(Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory)))

describe("the actors", () => {
  it.effect(
    "process three targets at a time when the concurrency is three, finish all of them, and process the next storm",
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
})
