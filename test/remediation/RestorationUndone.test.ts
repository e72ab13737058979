/** A change that is taken back without effect, in a whole remediation on the sandbox. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import { changeId } from "../execution/restoring.ts"
import { begun, checkout, investigatorOf } from "./remediating.ts"

const startsAt = "1970-01-01T00:00:00Z"
const webhook = { ...stuckRollout, alerts: stuckRollout.alerts.map((alert) => ({ ...alert, startsAt })) }

/** The release before, which crashes as well. */
const earlier = "registry.shop.example/checkout:bad-0"

/** A person has released the present image in the place of another one that does not work either. */
const released = ({ metadata, spec }: Deployment): ObjectChange => {
  const [{ image, name } = { image: "", name: "" }] = spec.template.spec.containers
  return {
    id: changeId,
    ref: checkout,
    uid: metadata.uid,
    operation: "modified",
    fields: [
      {
        path: ["spec", "template", "spec", "containers", { by: "name", value: name }, "image"],
        before: earlier,
        after: image ?? ""
      }
    ],
    at: "1969-12-31T23:59:25.000Z",
    seenAt: "1969-12-31T23:59:25.000Z",
    by: { kind: "person", name: "kubectl-edit" },
    resourceVersion: "1"
  }
}

describe("a restoration that does not help", () => {
  it.effect("is not fixed, is rolled back, and the fields are as before", () =>
    Effect.gen(function* () {
      const changes: Array<ObjectChange> = []
      const { make } = investigatorOf(() => ({ type: "RestoreObject", target: checkout, change: changeId }))
      const recording = Effect.tap(make, () =>
        Effect.flatMap(KubernetesClient, (client) =>
          Effect.map(Effect.orDie(client.get(checkout)), (object) => {
            changes.push(released(object as unknown as Deployment))
          })
        )
      )
      const run = yield* Effect.provide(
        begun({ make: recording }, {}, {}, webhook),
        ChangeJournal.layerMemory({ changes })
      )
      const before = (yield* run.deployment).spec
      const paused = yield* run.outcome
      const ended = paused.state === "AwaitingReview" ? yield* run.approve : paused
      assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
      assert.deepStrictEqual([ended.rollback?.trigger, ended.rollback?.outcome], ["failed-health-check", "restored"])
      const events = yield* run.events
      const written = events.flatMap((event) => (event._tag === "Intended" ? (event.intent.fields ?? []) : []))
      assert.deepStrictEqual(
        written[0]?.fields.map(({ after }) => after),
        [earlier]
      )
      const verdicts = events.flatMap((event) => (event._tag === "Verified" ? [event.verification.verdict] : []))
      assert.deepStrictEqual(verdicts, ["not-fixed"])
      const strip = ({ template, ...rest }: typeof before) => ({ ...rest, template: template.spec })
      assert.deepStrictEqual(strip((yield* run.deployment).spec), strip(before))
    }).pipe(Effect.scoped)
  )
})
