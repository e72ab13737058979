/** One of three members of a StatefulSet is broken, its budget allows no disruption, and a model proposes a restart. */

import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import type { PodDisruptionBudget, StatefulSet } from "../../src/kubernetes/ObjectModel.ts"
import { until } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import * as LiveCase from "./LiveCase.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const model: Investigator = {
  name: "custom",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "A member is broken.",
      evidence: [],
      action: { type: "RestartWorkload", target: { kind, name, namespace } },
      confidence: 0.9
    })
}

describe.skipIf(!plane.available)(`a restart while a disruption budget allows no disruption${plane.note}`, () => {
  it.live(
    "waits for a person, who reads the name of the budget, and the ready members stay",
    () =>
      Effect.gen(function* () {
        const live = yield* LiveCase.make({
          folder: "restart-ignores-disruption-budget",
          namespaceInFiles: "t18",
          kubeconfig: plane.kubeconfig,
          investigator: model
        })
        const members = yield* live.ready(3)
        const generation = (yield* live.get("StatefulSet", "etcd")).metadata.generation
        yield* live.fail(
          members.find(({ metadata }) => metadata.name === "etcd-0")!,
          "crashloop"
        )
        yield* until(
          "a budget of 0",
          live.get("PodDisruptionBudget", "etcd"),
          (budget) => (budget as PodDisruptionBudget).status?.disruptionsAllowed === 0
        )
        const remediation = yield* live.handle()
        assert.strictEqual(remediation.state, "AwaitingReview", remediation.conclusion)
        const reasons = remediation.decision?.reasons ?? []
        assert.includeMembers(
          reasons.map(({ rule }) => rule),
          ["disruption-budget", "not-fully-ready"]
        )
        assert.match(reasons.map(({ message }) => message).join("\n"), /PodDisruptionBudget etcd/)
        const set = (yield* live.get("StatefulSet", "etcd")) as StatefulSet
        assert.strictEqual(set.metadata.generation, generation)
        assert.strictEqual((yield* live.readyPods).length, 2)
      }).pipe(Effect.scoped),
    180_000
  )
})
