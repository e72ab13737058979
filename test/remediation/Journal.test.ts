import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { RemediationEvent } from "../../src/domain/Remediation.ts"
import * as Journal from "../../src/remediation/Journal.ts"
import { nextStep } from "../../src/remediation/NextStep.ts"
import * as RemediationEvents from "../../src/remediation/RemediationEvents.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { deployment, minute, newAlert, remediationNamed, take } from "../storage/Incident.ts"
import { accepted, investigated, remediationOf } from "./journals.ts"

it.effect(
  "a result that does not match its schema ends the remediation, instead of being produced again for ever",
  () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const journal = yield* Journal.make
      const target = deployment("checkout")
      yield* store.accept([newAlert("1", "f1", target)], minute(0))
      const { claim, remediation } = yield* take(target)
      const blank: RemediationEvent = {
        _tag: "Investigated",
        level: 0,
        hops: [],
        investigation: {
          investigator: "custom",
          rootCause: "",
          evidence: [],
          action: { type: "RestartWorkload", target: { namespace: "shop", kind: "Deployment", name: "checkout" } },
          confidence: 1
        }
      }
      const ended = yield* journal(claim, remediation, [blank])
      assert.deepStrictEqual([ended.state, ended.investigated], ["Escalated", false])
      assert.match((yield* remediationNamed("1")).conclusion ?? "", /The result Investigated could not be stored/)
    }).pipe(Effect.provide(Layer.mergeAll(Storage.layerMemory, RemediationEvents.layer)))
)

it("a remediation with an entry that cannot be read is escalated, because the entry may say that an action was taken", () => {
  const step = nextStep({ ...remediationOf(accepted(), investigated), unreadable: [1] })
  assert.deepInclude(step, { _tag: "Conclude", state: "Escalated" })
})
