import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { begin, RemediationId } from "../../src/domain/Remediation.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Observe from "../../src/remediation/stages/Observe.ts"
import { alert, at, target } from "../changes/scenes.ts"

const remediation = begin(
  RemediationId.make("rem-1"),
  { _tag: "Accepted", alert: alert("KubePodCrashLooping"), target: { cluster: "dev", ...target }, provisional: false },
  at(0)
)

const observed = (read: () => Effect.Effect<KubernetesObject>) =>
  Effect.flatMap(Observe.make, (observe) => observe(remediation)).pipe(
    Effect.provideService(KubernetesClient, {
      get: read,
      list: () => Effect.succeed([])
    } as unknown as KubernetesClient["Service"])
  )

const metadata = { name: target.name, namespace: target.namespace, uid: "u", resourceVersion: "1" }

describe("a target", () => {
  it.effect.each<readonly [string, () => Effect.Effect<KubernetesObject>]>([
    ["without anything", () => Effect.succeed({} as KubernetesObject)],
    [
      "without a spec",
      () => Effect.succeed({ apiVersion: "apps/v1", kind: "Deployment", metadata, spec: null } as KubernetesObject)
    ],
    ["that makes reading it die", () => Effect.die("broken")],
    ["that makes reading it throw", () => JSON.parse("{") as never]
  ])("%s has no state, so the alert is investigated without one", ([_what, read]) =>
    Effect.gen(function* () {
      assert.isNull(yield* observed(read))
    })
  )

  it.effect("that is being read when the work is interrupted is not taken for one without a state", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        observed(() => Effect.never),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(fiber.pollUnsafe()?._tag, "Failure")
    })
  )
})
