import { assert, describe, it } from "@effect/vitest"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { RemediationEvent } from "../../src/domain/Remediation.ts"
import { attemptId, type Restored } from "../../src/domain/Rollback.ts"
import { undoableOf } from "../../src/domain/RollbackObjection.ts"
import { nextStep } from "../../src/remediation/NextStep.ts"
import {
  accepted,
  concluded,
  decided,
  executed,
  intent,
  investigated,
  observed,
  remediationOf,
  resolved,
  reviewed,
  started,
  verified
} from "./journals.ts"

const at = "1970-01-01T00:00:00.000Z"
const ref = intent.action.target
const change: Change = { _tag: "Patch", ref, patch: [{ op: "replace", path: "/spec/replicas", value: 3 }] }
const reversible: Intent = { ...intent, changes: [change], inverse: { _tag: "Exact", changes: [change] } }
const acted = [
  accepted(),
  investigated,
  decided("execute"),
  { _tag: "Intended", intent: reversible },
  executed({})
] as const

const requested: RemediationEvent = {
  _tag: "RollbackRequested",
  request: { trigger: "operator", undoes: "rem-1-1", by: "ann", at }
}
const intendedBack = (attempt: number): RemediationEvent => ({
  _tag: "RollbackIntended",
  intent: {
    undoes: "rem-1-1",
    executionId: attemptId("rem-1-1", attempt),
    attempt,
    trigger: "operator",
    changes: [change],
    before: observed,
    restores: [],
    plannedAt: at
  }
})
const executedBack = (attempt: number, applied: "yes" | "no" | "unknown", failure?: string): RemediationEvent => ({
  _tag: "RollbackExecuted",
  outcome: {
    executionId: attemptId("rem-1-1", attempt),
    applied,
    finishedAt: at,
    ...(failure === undefined ? {} : { failure, message: `It failed with ${failure}.` })
  }
})
const verifiedBack = (restored: Restored): RemediationEvent => ({
  _tag: "RollbackVerified",
  verification: { restored, reasons: [`restored: ${restored}`], observed: null, verifiedAt: at }
})
const stopped: RemediationEvent = {
  _tag: "RollbackStopped",
  stop: { code: "changed-by-another", message: "Somebody changed spec.replicas." }
}

const another: RemediationEvent = { _tag: "Intended", intent: { ...reversible, executionId: "rem-1-2" } }

const requestOf = (undoes: string): RemediationEvent => ({
  _tag: "RollbackRequested",
  request: { trigger: "operator", undoes, by: "ann", at }
})

/** A complete attempt that restores what an execution has changed. */
const back = (undoes: string, attempt: number): ReadonlyArray<RemediationEvent> => {
  const planned = intendedBack(attempt)
  if (planned._tag !== "RollbackIntended") return []
  return [
    { ...planned, intent: { ...planned.intent, undoes, executionId: attemptId(undoes, attempt) } },
    executedBack(attempt, "yes"),
    verifiedBack("yes")
  ]
}

const conclusionOf = (...events: ReadonlyArray<RemediationEvent>) => {
  const step = nextStep(remediationOf(...events))
  return step._tag === "Conclude" ? step.state : step._tag
}

describe("nextStep of a rollback", () => {
  it("the next step of a rollback is the one whose event is missing", () => {
    const journal = [
      [requested, "PlanRollback"],
      [started, "PlanRollback"],
      [intendedBack(1), "ExecuteRollback"],
      [executedBack(1, "yes"), "VerifyRollback"],
      [verifiedBack("yes"), "Conclude"]
    ] as const
    journal.forEach(([, due], index) => {
      const known = journal.slice(0, index + 1).map(([event]) => event)
      assert.strictEqual(nextStep(remediationOf(...acted, ...known))._tag, due)
    })
  })

  it("an action that is being carried out is completed before it is undone, and is not verified", () => {
    const begun = [...acted.slice(0, 4), requested]
    assert.strictEqual(nextStep(remediationOf(...begun))._tag, "Execute")
    assert.strictEqual(remediationOf(...begun).state, "Executing")
    assert.strictEqual(nextStep(remediationOf(...begun, executed({})))._tag, "PlanRollback")
  })

  it("a person's request opens a remediation that has ended", () => {
    const opened = remediationOf(...acted, verified("fixed"), concluded("Remediated"), requested)
    assert.strictEqual(opened.state, "RollingBack")
    assert.strictEqual(opened.conclusion, undefined)
    assert.strictEqual(nextStep(opened)._tag, "PlanRollback")
  })

  it.each([
    ["a restored target ends RolledBack", [intendedBack(1), executedBack(1, "yes"), verifiedBack("yes")], "RolledBack"],
    [
      "a rollback without a write ends RolledBack",
      [intendedBack(1), executedBack(1, "no"), verifiedBack("yes")],
      "RolledBack"
    ],
    ["unknown is never RolledBack", [intendedBack(1), executedBack(1, "yes"), verifiedBack("unknown")], "Escalated"],
    [
      "a write whose outcome is unknown is read back",
      [intendedBack(1), executedBack(1, "unknown", "timeout")],
      "VerifyRollback"
    ],
    ["a conflict is planned again", [intendedBack(1), executedBack(1, "no", "conflict")], "PlanRollback"],
    ["a refused write ends Escalated", [intendedBack(1), executedBack(1, "no", "forbidden")], "Escalated"],
    [
      "a target that is not restored is tried again",
      [intendedBack(1), executedBack(1, "yes"), verifiedBack("no")],
      "PlanRollback"
    ],
    ["a stop ends Escalated", [stopped], "Escalated"]
  ] as const)("%s", (_, events, expected) => {
    assert.strictEqual(conclusionOf(...acted, requested, ...events), expected)
  })

  it("a rollback is tried at most three times, then a person is told", () => {
    const failed = (attempt: number) => [intendedBack(attempt), executedBack(attempt, "yes"), verifiedBack("no")]
    assert.strictEqual(conclusionOf(...acted, requested, ...failed(1), ...failed(2)), "PlanRollback")
    assert.strictEqual(conclusionOf(...acted, requested, ...failed(1), ...failed(2), ...failed(3)), "Escalated")
  })

  it("a person who asks again gets three attempts more, with new ids", () => {
    const failed = (attempt: number) => [intendedBack(attempt), executedBack(attempt, "yes"), verifiedBack("no")]
    const again = remediationOf(...acted, requested, ...[1, 2, 3].flatMap(failed), concluded("Escalated"), requested)
    const step = nextStep(again)
    assert.strictEqual(step._tag === "PlanRollback" && step.attempt, 4)
  })

  it.each([
    [[intendedBack(1), executedBack(1, "yes"), verifiedBack("yes")], "restored"],
    [[stopped], "stopped"],
    [[intendedBack(1), executedBack(1, "no", "forbidden")], "not-restored"],
    [[intendedBack(1), executedBack(1, "yes"), verifiedBack("unknown")], "unknown"],
    [[intendedBack(1), executedBack(1, "no", "conflict"), stopped], "stopped"],
    [[intendedBack(1), executedBack(1, "yes"), verifiedBack("no"), stopped], "not-restored"]
  ] as const)("the record says how it ended (%#)", (events, outcome) => {
    const ended = remediationOf(...acted, requested, ...events, concluded("Escalated"))
    assert.strictEqual(ended.rollback?.outcome, outcome)
  })

  it("a spec that is restored while a pod could not be evicted is RolledBack, and the reason names the pod and why", () => {
    const pod = { namespace: "shop", kind: "Pod", name: "ledger-2" }
    const planned = intendedBack(1)
    if (planned._tag !== "RollbackIntended") return
    const evicting: RemediationEvent = {
      ...planned,
      intent: { ...planned.intent, changes: [change, { _tag: "Evict", ref: pod, uid: "p2" }] }
    }
    const reasonOf = (...events: ReadonlyArray<RemediationEvent>) => {
      const step = nextStep(remediationOf(...acted, requested, ...events, verifiedBack("yes")))
      return step._tag === "Conclude" ? `${step.state}: ${step.reason}` : step._tag
    }
    const blocked = reasonOf(evicting, executedBack(1, "yes", "disruption-budget"))
    assert.include(blocked, "RolledBack")
    assert.include(blocked, "ledger-2")
    assert.include(blocked, "It failed with disruption-budget.")
    assert.notInclude(reasonOf(evicting, executedBack(1, "yes")), "ledger-2")
  })

  it("the reason of a rollback whose outcome is unknown says what has happened to its write", () => {
    const step = nextStep(
      remediationOf(
        ...acted,
        requested,
        intendedBack(1),
        executedBack(1, "unknown", "timeout"),
        verifiedBack("unknown")
      )
    )
    assert.strictEqual(step._tag === "Conclude" && step.state, "Escalated")
    assert.include(step._tag === "Conclude" ? step.reason : "", "It failed with timeout.")
  })

  it("every written action of a remediation is undone, the latest first, by the same request", () => {
    const two = [...acted, another, executed({ executionId: "rem-1-2" })] as const
    const first = nextStep(remediationOf(...two, requestOf("rem-1-2"), ...back("rem-1-2", 1)))
    assert.deepStrictEqual(first, {
      _tag: "RequestRollback",
      undoes: "rem-1-1",
      trigger: "operator",
      by: "ann",
      at
    })
    const both = [...two, requestOf("rem-1-2"), ...back("rem-1-2", 1), requestOf("rem-1-1"), ...back("rem-1-1", 2)]
    const last = nextStep(remediationOf(...both))
    assert.strictEqual(last._tag === "Conclude" && last.state, "RolledBack")
    assert.include(last._tag === "Conclude" ? last.reason : "", "rem-1-1")
    assert.include(last._tag === "Conclude" ? last.reason : "", "rem-1-2")
  })

  it("a rollback that stops says which actions are undone and which remain", () => {
    const two = [...acted, another, executed({ executionId: "rem-1-2" })] as const
    const early = nextStep(remediationOf(...two, requestOf("rem-1-2"), stopped))
    assert.include(early._tag === "Conclude" ? early.reason : "", "Still in the cluster: ")
    assert.match(early._tag === "Conclude" ? early.reason : "", /rem-1-2\), .*rem-1-1\)/)
    const late = nextStep(
      remediationOf(...two, requestOf("rem-1-2"), ...back("rem-1-2", 1), requestOf("rem-1-1"), stopped)
    )
    assert.match(
      late._tag === "Conclude" ? `${late.state} ${late.reason}` : "",
      /^Escalated .*Undone: .*rem-1-2\)\. Still in the cluster: .*\(rem-1-1\)\./
    )
  })

  it("a person may ask again for what remains, and only that", () => {
    const two = [...acted, another, executed({ executionId: "rem-1-2" })] as const
    const ended = remediationOf(
      ...two,
      requestOf("rem-1-2"),
      ...back("rem-1-2", 1),
      requestOf("rem-1-1"),
      stopped,
      concluded("Escalated")
    )
    const found = undoableOf(ended)
    assert.strictEqual("execution" in found && found.execution.intent.executionId, "rem-1-1")
  })

  it("an action without an inverse does not keep an earlier one from being undone", () => {
    const inverse = { _tag: "Irreversible", reason: "A volume cannot shrink." } as const
    const grown: RemediationEvent = { _tag: "Intended", intent: { ...reversible, executionId: "rem-1-2", inverse } }
    const two = [...acted, grown, executed({ executionId: "rem-1-2" }), concluded("Escalated")] as const
    const found = undoableOf(remediationOf(...two))
    assert.strictEqual("execution" in found && found.execution.intent.executionId, "rem-1-1")
    const step = nextStep(remediationOf(...two, requestOf("rem-1-1"), ...back("rem-1-1", 1)))
    assert.include(step._tag === "Conclude" ? step.reason : "", "A volume cannot shrink.")
  })

  it.each([
    ["The alert resolved before an alternative was tried.", resolved],
    [
      "so the review timed out and no alternative was tried.",
      { _tag: "ReviewTimedOut", timeout: { question: "q-1", askedAt: at, answerBy: at } } as never
    ],
    ["The alternative was rejected by ", reviewed("rejected")]
  ])("an action that is undone is never called nothing: %s", (sentence, event) => {
    const late: RemediationEvent = {
      _tag: "RollbackRequested",
      request: { trigger: "failed-execution", undoes: "rem-1-1", at }
    }
    const step = nextStep(remediationOf(...acted, late, ...back("rem-1-1", 1), decided("review"), event))
    assert.strictEqual(step._tag === "Conclude" && step.state, "RolledBack")
    const reason = step._tag === "Conclude" ? step.reason : ""
    assert.include(reason, sentence)
    assert.notMatch(reason, /anything was done|nothing was done/)
  })

  const undoneThen = (...events: ReadonlyArray<RemediationEvent>) => {
    const late: RemediationEvent = {
      _tag: "RollbackRequested",
      request: { trigger: "failed-execution", undoes: "rem-1-1", at }
    }
    return nextStep(remediationOf(...acted, late, ...back("rem-1-1", 1), decided("execute"), another, ...events))
  }
  const refused = (failure: string): RemediationEvent =>
    executed({ executionId: "rem-1-2", applied: "no", failure, message: `It failed with ${failure}.` })

  it.each([
    ["The alert resolved before an alternative was tried.", [refused("conflict"), resolved]],
    ["The alternative was rejected by ", [refused("quota-exceeded"), decided("review"), reviewed("rejected")]],
    ["It failed with forbidden.", [refused("forbidden")]]
  ])("nor where an alternative to it wrote nothing: %s", (sentence, events) => {
    const step = undoneThen(...events)
    const reason = step._tag === "Conclude" ? step.reason : ""
    assert.strictEqual(step._tag === "Conclude" && step.state, "RolledBack", reason)
    assert.include(reason, sentence)
    assert.notMatch(reason, /anything was done|nothing was done/)
  })

  it("an alternative that wrote nothing, because the plan was overtaken, is decided again", () => {
    assert.strictEqual(undoneThen(refused("conflict"))._tag, "Decide")
  })

  it("an alternative of which nobody knows whether it was written is not called undone", () => {
    const step = undoneThen(executed({ executionId: "rem-1-2", applied: "unknown", failure: "timeout" }))
    assert.strictEqual(step._tag === "Conclude" && step.state, "Escalated")
  })

  it.each(["mode", "policy-denied"])(
    "the reason of a stop that a person can lift (%s) names the command for then",
    (code) => {
      const stop: RemediationEvent = { _tag: "RollbackStopped", stop: { code, message: "It is not allowed." } }
      const step = nextStep(remediationOf(...acted, requested, stop))
      const reason = step._tag === "Conclude" ? step.reason : ""
      assert.include(reason, "What the action wrote is still there.")
      assert.include(reason, "`kubernaut rollback rem-1` undoes it")
    }
  )
})
