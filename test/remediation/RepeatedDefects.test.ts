import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import type { RemediationId } from "../../src/domain/Remediation.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { investigatorOf, rollback } from "./remediating.ts"

/** A service with one alert, whose writes to the cluster die as often as is given with a secret in the message. */
const begun = Effect.fnUntraced(function* (times: number) {
  const deaths = { left: times, all: 0 }
  const dying = Layer.effect(
    KubernetesClient,
    Effect.map(
      KubernetesClient,
      (client) =>
        ({
          ...client,
          apply: (change, options) =>
            Effect.suspend(() => {
              if (options?.dryRun === true || deaths.left === 0) return client.apply(change, options)
              deaths.left--
              deaths.all++
              return Effect.die(new Error("password=hunter2"))
            })
        }) satisfies KubernetesClient["Service"]
    )
  )
  const { make } = investigatorOf(() => rollback)
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "dev", mode: "auto", investigators: make as never }).pipe(
      Layer.provideMerge(Layer.mergeAll(Layer.provide(dying, Sandbox.layer()), Storage.layerMemory))
    )
  )
  const [accepted] = (yield* Context.get(context, Kubernaut.Kubernaut).receive(stuckRollout)).results
  const id = accepted!.remediationId! as RemediationId
  const store = Context.get(context, RemediationStore)
  return { deaths, remediation: Effect.map(store.get(id), Option.getOrThrow) }
})

const pass = (seconds: number) => Effect.repeat(TestClock.adjust("1 second"), { times: seconds })

describe("a remediation that a defect stops", () => {
  it.effect("is escalated after three defects in one step, and says what is not known", () =>
    Effect.gen(function* () {
      const { deaths, remediation } = yield* begun(Infinity)
      yield* pass(150)
      const { conclusion, executions, state } = yield* remediation
      assert.deepStrictEqual([state, deaths.all], ["Escalated", 3])
      assert.strictEqual(
        conclusion,
        "The action failed 3 times because of a defect of Kubernaut, which the log describes. "
          + "An action was begun before, and it is not known what it has come to. Check the target."
      )
      assert.deepInclude(executions[0]?.outcome, { applied: "unknown", failure: "defect" })
    }).pipe(Effect.scoped)
  )

  it.effect("is finished if the defect is gone at the third try", () =>
    Effect.gen(function* () {
      const { deaths, remediation } = yield* begun(2)
      yield* pass(300)
      assert.deepStrictEqual([(yield* remediation).state, deaths.all], ["Remediated", 2])
    }).pipe(Effect.scoped)
  )

  it.effect("is tried again after half a minute at the earliest", () =>
    Effect.gen(function* () {
      const { deaths } = yield* begun(Infinity)
      yield* pass(15)
      assert.strictEqual(deaths.all, 1)
      yield* pass(20)
      assert.strictEqual(deaths.all, 1)
      yield* pass(30)
      assert.strictEqual(deaths.all, 2)
    }).pipe(Effect.scoped)
  )
})
