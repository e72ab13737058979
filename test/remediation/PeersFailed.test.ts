import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Kubernaut from "../../src/Kubernaut.ts"
import type { Pod } from "../../src/kubernetes/ObjectModel.ts"
import { alertsOf, all, type Lens, names, pass, rulesOf, serviceOf } from "./storm.ts"

/** A registry that is down since the test began: pods that are created after that cannot pull their images. */
const registryDown: Lens = (object) => {
  if (object.kind !== "Pod" || Date.parse(object.metadata.creationTimestamp ?? "") < 1000) return object
  const pod = object as Pod
  const containerStatuses = (pod.status?.containerStatuses ?? []).map((status) => ({
    ...status,
    ready: false,
    lastState: {},
    state: { waiting: { reason: "ImagePullBackOff" } }
  }))
  return { ...pod, status: { ...pod.status, containerStatuses } }
}

describe("a registry that is down while twenty Deployments crash-loop", () => {
  it.effect("ends the useless restarts with people who are told which peers failed", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* pass(2)
      // Three are tried first; the others break while the verdicts come.
      yield* kubernaut.receive(alertsOf(names.slice(0, 3)))
      yield* pass(150)
      yield* kubernaut.receive(alertsOf(names.slice(3)))
      yield* pass(30)
      const declined = rulesOf(yield* all, "peers-failed")
      assert.strictEqual(declined.length, 17)
      assert.isTrue(declined.every(({ executions, state }) => state === "Escalated" && executions.length === 0))
      assert.match(
        declined[0]?.conclusion ?? "",
        /RestartWorkload has just failed with ImagePullBackOff on 3 others of the same registry .*Deployment ns-app-/
      )
    }).pipe(Effect.provide(serviceOf("RestartWorkload", registryDown)))
  )
})
