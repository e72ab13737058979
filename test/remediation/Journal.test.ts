import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { RemediationEvent } from "../../src/domain/Remediation.ts"
import * as Journal from "../../src/remediation/Journal.ts"
import { nextStep } from "../../src/remediation/NextStep.ts"
import * as RemediationEvents from "../../src/remediation/RemediationEvents.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import {
  decided,
  deployment,
  executed,
  intended,
  minute,
  newAlert,
  remediationNamed,
  stateOf,
  take
} from "../storage/Incident.ts"
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

it.effect("a secret that the API server quotes in a refusal is not journaled, in whatever event the state is", () =>
  Effect.gen(function* () {
    const refusal = 'admission webhook "env.example" denied the request: DB_PASSWORD=hunter2 is not allowed'
    const store = yield* RemediationStore
    const journal = yield* Journal.make
    const target = deployment("checkout")
    yield* store.accept([newAlert("1", "f1", target)], minute(0))
    const { claim, remediation } = yield* take(target)
    const state = { ...stateOf(target), failedCreate: refusal }
    const intent: RemediationEvent = intended(target, "r1-1")
    assert(intent._tag === "Intended")
    const acted = yield* journal(claim, remediation, [
      { ...(decided(target) as Extract<RemediationEvent, { _tag: "Decided" }>), observed: state },
      { ...intent, intent: { ...intent.intent, baseline: state } },
      executed("r1-1")
    ])
    const reasons = [`replica-failure (${refusal})`]
    yield* journal(claim, acted, [
      { _tag: "Verified", verification: { verdict: "not-fixed", reasons, observed: state, verifiedAt: minute(3) } }
    ])
    const written = JSON.stringify([yield* store.journal(remediation.id), yield* remediationNamed("1")])
    assert.notInclude(written, "hunter2")
    assert.include(written, "env.example")
    assert.include(JSON.stringify(acted), "[redacted:value]")
  }).pipe(Effect.provide(Layer.mergeAll(Storage.layerMemory, RemediationEvents.layer)))
)

it("a remediation with an entry that cannot be read is escalated, because the entry may say that an action was taken", () => {
  const step = nextStep({ ...remediationOf(accepted(), investigated), unreadable: [1] })
  assert.deepInclude(step, { _tag: "Conclude", state: "Escalated" })
})
