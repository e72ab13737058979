import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import { alertsOf, all, type Lens, pass, serviceOf } from "./storm.ts"

const ref = { namespace: "ns-app", kind: "Deployment", name: "app" }
const bot = "release-bot"

/** The API server says that the bot last wrote the Deployment. */
const writtenByBot: Lens = (object) =>
  object.kind === "Deployment"
    ? {
        ...object,
        metadata: {
          ...object.metadata,
          managedFields: [
            ...(object.metadata.managedFields ?? []),
            { manager: bot, operation: "Update", time: "2099-01-01T00:00:00Z", fieldsV1: { "f:spec": {} } }
          ]
        }
      }
    : object

/** Puts the failing image back wherever it is not. Returns how often it did. */
const revertOnce = Effect.gen(function* () {
  const client = yield* KubernetesClient
  const deployment = (yield* client.get(ref)) as Deployment
  const image = deployment.spec.template.spec.containers[0]?.image ?? ""
  if (image.includes("bad")) return 0
  const failing = image.replace(/:.*$/, ":bad-v1.1.0")
  yield* client.apply({
    _tag: "Patch",
    ref,
    patch: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: failing }]
  })
  return 1
})

/** One alert and half an hour in which the bot reverts within a few seconds, or only after the verdict. */
const turn = (after: number) =>
  Effect.gen(function* () {
    const kubernaut = yield* Kubernaut.Kubernaut
    const startsAt = fromMillis(yield* Clock.currentTimeMillis)
    yield* kubernaut.receive(alertsOf(["app"], startsAt))
    let reverts = 0
    for (let second = 0; second < 900; second++) {
      yield* pass(1)
      if (second % after === after - 1) {
        const fiber = yield* Effect.forkChild(revertOnce)
        yield* pass(1)
        reverts += (yield* Effect.flatten(Effect.sync(() => fiber.pollUnsafe()!))) as number
      }
    }
    const firing = alertsOf(["app"], startsAt)
    const endsAt = fromMillis(yield* Clock.currentTimeMillis)
    const alerts = firing.alerts.map((alert) => ({ ...alert, status: "resolved" as const, endsAt }))
    yield* kubernaut.receive({ ...firing, status: "resolved", alerts })
    yield* pass(5)
    return reverts
  })

describe("a controller that reverts", () => {
  it.effect.each([
    { claim: "while the action is being verified", after: 5 },
    { claim: "after the action was called a fix", after: 120 }
  ])("$claim ends after the second turn, with a person who is told who it is", ({ after }) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* turn(after), 1)
      assert.strictEqual(yield* turn(after), 1)
      assert.strictEqual(yield* turn(after), 0)
      const [third, second, first] = yield* all
      assert.deepStrictEqual(
        [first, second, third].map((each) => each?.executions.length),
        [1, 1, 0]
      )
      assert.strictEqual(third?.state, "Escalated")
      assert.include(third?.decision?.reasons.map(({ rule }) => rule) ?? [], "rollout-loop")
      assert.match(
        third?.conclusion ?? "",
        /release-bot has reverted this change 2 times \(Deployment ns-app\/app \/spec\/template/
      )
    }).pipe(Effect.provide(serviceOf("RollbackDeployment", writtenByBot, {}, ["app"])))
  )
})
