import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import type { Action } from "../../../src/domain/Action.ts"
import {
  type Answer,
  isOwnObject,
  limits,
  parseAnswer,
  problemOf,
  toInvestigation
} from "../../../src/investigation/models/Answer.ts"
import { at, modified, ref, target } from "../../changes/scenes.ts"
import { alert, observed, request } from "../fixtures/Requests.ts"

const rollback = {
  type: "RollbackDeployment",
  target: { namespace: "shop", kind: "Deployment", name: "checkout" }
} as const

const answer = (changes: Partial<Answer> = {}): Answer => ({
  rootCause: "The rollout is broken.",
  evidence: ["Pods crash."],
  action: rollback,
  confidence: 0.9,
  ...changes
})

const text = (changes: Record<string, unknown> = {}): string => JSON.stringify({ ...answer(), ...changes })

describe("parseAnswer", () => {
  it("parses JSON of the schema, in which absent fields are null as in strict structured output", () => {
    assert.deepStrictEqual(parseAnswer(text({ action: { ...rollback, toRevision: null } })), Result.succeed(answer()))
  })

  it.each([
    ["```json\n", "\n```"],
    ["```\n", "\n```\n"],
    ["  \n```json\r\n", "\r\n```  "]
  ])("accepts one Markdown fence around the whole text (%j)", (before, after) => {
    assert.deepStrictEqual(parseAnswer(before + text() + after), Result.succeed(answer()))
  })

  it.each([
    ["null", null, "the answer is empty"],
    ["an empty text", "  \n", "the answer is empty"],
    ["prose", "The rollout is broken, roll it back.", "the answer is not JSON"],
    ["prose before a fence", `Here it is:\n\`\`\`json\n${text()}\n\`\`\``, "the answer is not JSON"],
    ["truncated JSON", text().slice(0, -20), "the answer is not JSON"],
    ["a truncated fence", "```json\n" + text().slice(0, 40), "the answer is not JSON"],
    [
      "a leaked tool call",
      JSON.stringify({ name: "kubectl_get", arguments: { kind: "pod" } }),
      "the answer is a tool call that leaked"
    ],
    [
      "a list of leaked tool calls",
      JSON.stringify([{ id: "1", type: "function", function: { name: "kubectl_get" } }]),
      "the answer is a tool call that leaked"
    ],
    [
      "leaked tool calls in a message",
      JSON.stringify({ role: "assistant", tool_calls: [] }),
      "the answer is a tool call that leaked"
    ],
    [
      "an action that is not in the catalogue",
      text({ action: { type: "RunCommand", target: rollback.target, command: "rm -rf /" } }),
      "the answer does not match the schema"
    ],
    [
      "a command beside the action",
      text({ command: "kubectl delete ns shop" }),
      "the answer does not match the schema"
    ],
    ["a confidence above one", text({ confidence: 1.5 }), "the answer does not match the schema"],
    ["a confidence that is a string", text({ confidence: "0.9" }), "the answer does not match the schema"],
    [
      "a missing root cause",
      JSON.stringify({ evidence: [], action: rollback, confidence: 0.5 }),
      "the answer does not match the schema"
    ]
  ])("rejects %s", (_name, given, problem) => {
    assert.deepStrictEqual(parseAnswer(given), Result.fail(problem))
  })

  it.effect.prop("never throws, whatever the model writes", [Schema.String], ([given]) =>
    Effect.sync(() => assert.isTrue(Result.isFailure(parseAnswer(given)) || given.includes("rootCause")))
  )
})

describe("an answer may act only on the remediation's own objects", () => {
  const own: ReadonlyArray<readonly [string, Action["target"]]> = [
    ["the target", rollback.target],
    ["a pod of it", { namespace: "shop", kind: "Pod", name: "checkout-7d9f-a" }],
    ["its autoscaler", { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "checkout" }],
    ["the node that the alert names", { namespace: "", kind: "Node", name: "worker-1" }],
    ["the claim that the alert names", { namespace: "shop", kind: "PersistentVolumeClaim", name: "data-0" }]
  ]
  const given = request({
    alert: alert({ labels: { node: "worker-1", persistentvolumeclaim: "data-0", pod: "checkout-7d9f-a" } }),
    observed: observed({ autoscaler: "checkout" })
  })
  it.each(own)("%s may be acted on", (_name, ref) => assert.isTrue(isOwnObject(given, ref)))

  it.each<readonly [string, Action["target"]]>([
    ["another Deployment", { namespace: "shop", kind: "Deployment", name: "cart" }],
    ["the same name in another namespace", { namespace: "kube-system", kind: "Deployment", name: "checkout" }],
    ["the same name of another kind", { namespace: "shop", kind: "StatefulSet", name: "checkout" }],
    ["a pod of another workload", { namespace: "shop", kind: "Pod", name: "cart-1" }],
    ["its own pod's name in another namespace", { namespace: "default", kind: "Pod", name: "checkout-7d9f-a" }],
    ["another workload's autoscaler", { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "search" }],
    ["another node", { namespace: "", kind: "Node", name: "worker-2" }],
    ["another claim", { namespace: "shop", kind: "PersistentVolumeClaim", name: "data-1" }]
  ])("%s may not be acted on", (_name, ref) => assert.isFalse(isOwnObject(given, ref)))

  it("without a state, only the pod that the alert names counts as a pod of the target", () => {
    const unread = request({ observed: null })
    assert.isTrue(isOwnObject(unread, { namespace: "shop", kind: "Pod", name: "checkout-7d9f-a" }))
    assert.isFalse(isOwnObject(unread, { namespace: "shop", kind: "Pod", name: "checkout-5b8c-b" }))
    assert.isFalse(isOwnObject(unread, { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "checkout" }))
  })

  it("an action on an object outside the target is rejected", () => {
    const problem = problemOf(
      request(),
      answer({ action: { ...rollback, target: { ...rollback.target, name: "cart" } } })
    )
    assert.strictEqual(problem, "the action's target is not the alert's target or part of it")
  })

  it("an action that does not apply to the kind of its object is rejected", () => {
    const problem = problemOf(request(), answer({ action: { type: "CordonNode", target: rollback.target } }))
    assert.strictEqual(problem, "CordonNode does not apply to the kind of object it names")
  })

  it("an answer that contradicts itself, or the state that it was given, is rejected", () => {
    assert.strictEqual(
      problemOf(request(), answer({ confidence: 0 })),
      "the answer has no confidence in its own action"
    )
    assert.strictEqual(
      problemOf(request(), answer({ action: { ...rollback, toRevision: 2 } })),
      "the answer rolls back to the revision that is current"
    )
    assert.isUndefined(problemOf(request(), answer({ action: { ...rollback, toRevision: 1 } })))
    assert.isUndefined(problemOf(request({ observed: null }), answer({ action: { ...rollback, toRevision: 2 } })))
    const notify: Action = { type: "Notify", target: rollback.target, reason: "It is not known." }
    assert.isUndefined(problemOf(request(), answer({ action: notify, confidence: 0 })))
  })

  it("an empty root cause is rejected", () => {
    assert.strictEqual(problemOf(request(), answer({ rootCause: " \n" })), "the root cause is empty")
    const target = { namespace: "shop", kind: "Deployment", name: "checkout" }
    assert.strictEqual(
      problemOf(request(), answer({ action: { type: "Notify", target, reason: " " } })),
      "the reason to notify is empty"
    )
  })

  it("secrets in an answer are redacted, and long texts are truncated", () => {
    const given = answer({
      rootCause: `The connection with password=hunter2 fails. ${"x".repeat(5000)}`,
      evidence: ["Authorization: Bearer abcdef123456", " ", ...Array.from({ length: 100 }, () => "y".repeat(5000))],
      action: { type: "Notify", target: rollback.target, reason: "DB_PASSWORD: hunter2 is wrong" }
    })
    const made = Result.getOrThrow(toInvestigation(request(), given, { investigator: "llm", provider: "openai" }))
    assert.notInclude(JSON.stringify(made), "hunter2")
    assert.notInclude(JSON.stringify(made), "abcdef123456")
    assert.strictEqual(made.rootCause.length, limits.rootCauseCharacters)
    assert.isAtMost(made.evidence.length, limits.evidenceItems)
    assert.isTrue(made.evidence.every((item) => item.length > 0 && item.length <= limits.evidenceCharacters))
    assert.strictEqual(made.provider, "openai")
  })
})

describe("a model that takes a change back", () => {
  const change = modified(ref("ConfigMap", "checkout"), -20, ["data", "url"])
  const other = modified(ref("ConfigMap", "checkout"), -30, ["data", "url"])
  const given = request({
    suspects: {
      finding: "several",
      ranked: [{ change, score: 0.9, distance: 1, relation: "mounts it", reasons: [] }],
      symptomAt: at(0),
      since: at(-3600),
      gaps: [],
      unread: []
    }
  })
  const restoring = (changes: Partial<Extract<Action, { type: "RestoreObject" }>> = {}) =>
    answer({ action: { type: "RestoreObject", target: change.ref, change: change.id, ...changes } })

  it("may choose one of those that it was shown, of whatever object, and its answer can be parsed", () => {
    assert.strictEqual(problemOf(given, restoring()), undefined)
    assert.deepStrictEqual(parseAnswer(JSON.stringify(restoring())), Result.succeed(restoring()))
  })

  it.each([
    ["a change that was not listed", restoring({ change: other.id }), given],
    ["a listed change of another object", restoring({ target: ref("ConfigMap", "cart") }), given],
    ["a change of the target itself that was not listed", restoring({ target, change: other.id }), given],
    ["a change where none is recorded", restoring(), request()]
  ])("has failed if it names %s", (_, named, of) => {
    assert.include(problemOf(of, named) ?? "", "the change is not one of those listed")
  })

  it("has failed if it makes an id up", () => {
    const text = JSON.stringify(restoring({ change: "chg-1" as never }))
    assert.deepStrictEqual(parseAnswer(text), Result.fail("the answer does not match the schema"))
  })
})
