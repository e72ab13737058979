import { assert, describe, it } from "@effect/vitest"
import type { Intent } from "../../src/domain/Execution.ts"
import { nextStep } from "../../src/remediation/NextStep.ts"
import {
  accepted,
  concluded,
  decided,
  executed,
  intended,
  intent,
  investigated,
  observed,
  remediationOf,
  resolved,
  retargeted,
  reviewed,
  started,
  verified
} from "./journals.ts"

describe("nextStep", () => {
  it("the next step of a successful remediation is the one whose event is missing", () => {
    const journal = [
      [accepted(true), "Retarget"],
      [started, "Retarget"],
      [retargeted, "Investigate"],
      [investigated, "Decide"],
      [decided("execute"), "Decide"],
      [intended, "Execute"],
      [executed({ applied: "yes" }), "Verify"],
      [verified("fixed"), "Conclude"],
      [concluded("Remediated"), "Done"]
    ] as const
    journal.forEach(([, due], index) => {
      const known = journal.slice(0, index + 1).map(([event]) => event)
      assert.strictEqual(
        nextStep(remediationOf(...known))._tag,
        due,
        `after ${known.map((event) => event._tag).join(", ")}`
      )
    })
  })

  it.each([
    ["a verdict of fixed ends Remediated", [intended, executed({}), verified("fixed")], "Remediated"],
    ["a verdict of not fixed ends Escalated", [intended, executed({}), verified("not-fixed")], "Escalated"],
    ["an unknown verdict is never Remediated", [intended, executed({}), verified("unknown")], "Escalated"],
    [
      "a write whose outcome is unknown ends Escalated without a verdict",
      [intended, executed({ applied: "unknown", failure: "timeout" })],
      "Escalated"
    ],
    ["a removal of which nobody knows who made it is verified", [intended, executed({ applied: "unknown" })], "Verify"],
    ["a rejected write ends Escalated", [intended, executed({ applied: "no", failure: "forbidden" })], "Escalated"]
  ])("%s", (_, events, state) => {
    const step = nextStep(remediationOf(accepted(), investigated, decided("execute"), ...events))
    assert.strictEqual(step._tag === "Conclude" ? step.state : step._tag, state)
  })

  it.each([
    ["observe", "Observed"],
    ["escalate", "Escalated"]
  ] as const)("a decision to %s ends %s with the reasons of the decision", (outcome, state) => {
    assert.deepStrictEqual(nextStep(remediationOf(accepted(), investigated, decided(outcome))), {
      _tag: "Conclude",
      state,
      reason: `The decision is to ${outcome}.`
    })
  })

  it("a review waits for an answer, leads to a new decision when approved, and to Cancelled when rejected", () => {
    const asked = [accepted(), investigated, decided("review")] as const
    assert.strictEqual(nextStep(remediationOf(...asked))._tag, "AwaitReview")
    assert.strictEqual(nextStep(remediationOf(...asked, reviewed("approved")))._tag, "Decide")
    const rejected = nextStep(remediationOf(...asked, reviewed("rejected")))
    assert.deepStrictEqual(rejected, { _tag: "Conclude", state: "Cancelled", reason: "Rejected by ann." })
  })

  it.each([
    ["before the investigation", [accepted()]],
    ["while the root owner is unknown", [accepted(true)]],
    ["after the decision", [accepted(), investigated, decided("execute")]],
    ["while a review is pending", [accepted(), investigated, decided("review")]]
  ])("an alert that resolves %s cancels the remediation", (_, events) => {
    const step = nextStep(remediationOf(...events, resolved))
    assert.strictEqual(step._tag === "Conclude" && step.state, "Cancelled")
  })

  it("an alert that resolves after the intent is durable cancels nothing: the action is completed and verified", () => {
    const begun = [accepted(), investigated, decided("execute"), intended, resolved] as const
    assert.strictEqual(nextStep(remediationOf(...begun))._tag, "Execute")
    assert.strictEqual(nextStep(remediationOf(...begun, executed({})))._tag, "Verify")
  })

  it("after a conflict, the action is decided and planned again at most twice", () => {
    const conflict = executed({ applied: "no", failure: "conflict" })
    const once = [accepted(), investigated, decided("execute"), intended, conflict] as const
    assert.strictEqual(nextStep(remediationOf(...once))._tag, "Decide")
    assert.strictEqual(nextStep(remediationOf(...once, intended, conflict))._tag, "Decide")
    const thrice = nextStep(remediationOf(...once, intended, conflict, intended, conflict))
    assert.strictEqual(thrice._tag === "Conclude" && thrice.state, "Escalated")
  })

  it.each([
    ["review", "AwaitReview"],
    ["escalate", "Conclude"],
    ["observe", "Conclude"]
  ] as const)("after a conflict, a new decision to %s takes effect and is not repeated", (outcome, due) => {
    const conflict = executed({ applied: "no", failure: "conflict" })
    assert.strictEqual(
      nextStep(remediationOf(accepted(), investigated, decided("execute"), intended, conflict, decided(outcome)))._tag,
      due
    )
  })

  it("an alert that resolves after a conflict cancels the remediation", () => {
    const conflict = executed({ applied: "no", failure: "conflict" })
    const step = nextStep(remediationOf(accepted(), investigated, decided("execute"), intended, conflict, resolved))
    assert.strictEqual(step._tag === "Conclude" && step.state, "Cancelled")
  })

  it("an outdated investigation is made again, and the decision after it takes effect", () => {
    const again = [accepted(), investigated, decided("investigate")] as const
    assert.strictEqual(nextStep(remediationOf(...again))._tag, "Investigate")
    assert.strictEqual(nextStep(remediationOf(...again, investigated))._tag, "Decide")
    assert.strictEqual(nextStep(remediationOf(...again, investigated, decided("execute"), intended))._tag, "Execute")
  })

  it("an investigation that found nothing leaves nothing of the one before", () => {
    const seen = { observedAt: observed.observedAt, autoscaled: false, objects: [] }
    const failed = { _tag: "Investigated", level: 2, hops: [] } as const
    const self = remediationOf(accepted(), { ...investigated, seen }, decided("investigate"), failed)
    assert.deepStrictEqual([self.investigation, self.seen, self.investigations], [undefined, undefined, 2])
  })

  it("a remediation asks again after an approval, and waits for an answer to the new question", () => {
    const asked = [accepted(), investigated, decided("review"), reviewed("approved"), decided("review")] as const
    const self = remediationOf(...asked)
    assert.strictEqual(nextStep(self)._tag, "AwaitReview")
    assert.deepStrictEqual([self.state, self.questions, self.review], ["AwaitingReview", 2, undefined])
    assert.strictEqual(nextStep(remediationOf(...asked, reviewed("approved")))._tag, "Decide")
  })
})

it("an action that had nothing to write is not said to have been tried", () => {
  const step = nextStep(
    remediationOf(
      accepted(),
      investigated,
      decided("execute"),
      { _tag: "Intended", intent: { ...intent, changes: [] } },
      executed({ applied: "no" }),
      verified("not-fixed")
    )
  )
  assert.strictEqual(step._tag === "Conclude" && step.state, "Escalated")
  assert.match(step._tag === "Conclude" ? step.reason : "", /^There was nothing to write.* It is not fixed: /)
})

describe("a removal that did not help, of which nobody knows who made it", () => {
  const removes = (inverse: Intent["inverse"]) =>
    nextStep(
      remediationOf(
        accepted(),
        investigated,
        decided("execute"),
        { _tag: "Intended", intent: { ...intent, changes: [removal], inverse } },
        executed({ applied: "unknown" }),
        verified("not-fixed")
      )
    )
  const ref = { namespace: "shop", kind: "NetworkPolicy", name: "deny" }
  const removal = { _tag: "Delete", ref, uid: "u" } as const

  it("is not undone, and a person learns why, and how", () => {
    const changes = [{ _tag: "Create", ref, manifest: {} } as const]
    const step = removes({ _tag: "Partial", changes, remains: "It has another uid." })
    assert.strictEqual(step._tag === "Conclude" && step.state, "Escalated")
    const reason = step._tag === "Conclude" ? step.reason : ""
    assert.include(reason, "It was not undone, because it is not known whether Kubernaut or somebody else")
    assert.include(reason, "`kubernaut rollback rem-1` undoes it.")
  })

  it("and cannot be undone, names no command", () => {
    const step = removes({ _tag: "NotNeeded", reason: "The owner replaces the pod." })
    assert.notInclude(step._tag === "Conclude" ? step.reason : "kubernaut rollback", "kubernaut rollback")
  })
})
