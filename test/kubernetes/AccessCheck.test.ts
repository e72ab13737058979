import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Access, PolicyRule } from "../../src/kubernetes/Access.ts"
import * as AccessCheck from "../../src/kubernetes/AccessCheck.ts"
import { accessText } from "../../src/kubernetes/AccessRules.ts"
import { KubernetesError, type KubernetesErrorReason, type Rights } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"

const patch: Access = { verb: "patch", kind: "Deployment", namespace: "shop" }
const pods: Access = { verb: "list", kind: "Pod", namespace: "shop" }
const nodes: Access = { verb: "patch", kind: "Node", namespace: "" }

const readOnly: PolicyRule = { verbs: ["get", "list"], apiGroups: ["*"], resources: ["*"] }
const everything: PolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] }

/** Rights that count their questions. `rules` is what RBAC says, `allowed` what every authorizer together allows. */
const asking = (start: { readonly rules: ReadonlyArray<PolicyRule>; readonly allowed?: (access: Access) => boolean }) =>
  Effect.gen(function* () {
    const questions: Array<string> = []
    const now: { rules: ReadonlyArray<PolicyRule>; fails?: KubernetesErrorReason; generation: number } = {
      rules: start.rules,
      generation: 0
    }
    const answer = <A>(question: string, value: Effect.Effect<A, KubernetesError>) =>
      Effect.suspend(() => {
        questions.push(question)
        const { fails } = now
        return fails === undefined
          ? Effect.andThen(Effect.sleep(0), value)
          : Effect.fail(new KubernetesError({ reason: fails, operation: question, applied: "no", retryable: true }))
      })
    const sandbox = yield* Sandbox.make({ shop: false, rules: () => now.rules })
    const inside = sandbox.rights!
    const rights: Rights = {
      generation: () => now.generation,
      may: (access) =>
        answer(
          accessText(access),
          start.allowed === undefined ? inside.may(access) : Effect.succeed(start.allowed(access))
        ),
      rules: (namespace) => answer(`rules ${namespace}`, inside.rules(namespace))
    }
    return { questions, now, check: AccessCheck.make({ ...sandbox, rights }) }
  })

describe("AccessCheck", () => {
  it.live("one question for the rules of a namespace serves all its rights, for 60 seconds", () =>
    Effect.gen(function* () {
      const { check, questions } = yield* asking({ rules: [everything] })
      assert.isEmpty(yield* check.missing([patch, pods]))
      assert.isEmpty(yield* check.missing([pods, patch]))
      assert.deepStrictEqual(questions, ["rules shop"])
    })
  )

  it.live("actions that begin together ask once", () =>
    Effect.gen(function* () {
      const { check, questions } = yield* asking({ rules: [everything] })
      yield* Effect.all([check.missing([patch]), check.missing([pods, patch]), check.missing([patch])], {
        concurrency: "unbounded"
      })
      assert.isAtMost(questions.length, 2)
    })
  )

  it.live("other credentials are asked for their own rights, at once", () =>
    Effect.gen(function* () {
      const { check, now } = yield* asking({ rules: [everything] })
      assert.isEmpty(yield* check.missing([patch, nodes]))
      Object.assign(now, { rules: [readOnly], generation: 1 })
      assert.deepStrictEqual(yield* check.missing([patch, nodes]), [patch, nodes])
      Object.assign(now, { rules: [everything], generation: 2 })
      assert.isEmpty(yield* check.missing([patch, nodes]), "a no of other credentials does not last either")
    })
  )

  it.live("an answer that came while the credentials changed is asked for again", () =>
    Effect.gen(function* () {
      const { check, now, questions } = yield* asking({ rules: [everything] })
      const missing = yield* Effect.forkChild(check.missing([patch]), { startImmediately: true })
      Object.assign(now, { rules: [readOnly], generation: 1 })
      assert.deepStrictEqual(yield* Fiber.join(missing), [patch])
      assert.strictEqual(questions.filter((each) => each === "rules shop").length, 2)
    })
  )

  it.live("a right that the rules lack is asked for by itself, because another authorizer may grant it", () =>
    Effect.gen(function* () {
      const { check, questions } = yield* asking({ rules: [readOnly], allowed: () => true })
      assert.isEmpty(yield* check.missing([patch, pods]))
      assert.deepStrictEqual(questions, ["rules shop", "patch deployments.apps in namespace shop"])
    })
  )

  it.live("a denied right is missing, by name", () =>
    Effect.gen(function* () {
      const { check } = yield* asking({ rules: [readOnly] })
      assert.deepStrictEqual(yield* check.missing([pods, patch]), [patch])
    })
  )

  it.live("the rules of a namespace say nothing about nodes and all namespaces", () =>
    Effect.gen(function* () {
      const { check, questions } = yield* asking({ rules: [everything], allowed: () => false })
      const everywhere: Access = { ...pods, namespace: "" }
      assert.deepStrictEqual(yield* check.missing([nodes, everywhere, pods]), [nodes, everywhere])
      assert.deepStrictEqual(questions, ["rules shop", "patch nodes", "list pods in all namespaces"])
    })
  )

  it.effect("a denial is asked again after 10 seconds, a grant after 60", () =>
    Effect.gen(function* () {
      const { check, now, questions } = yield* asking({ rules: [readOnly] })
      const missing = (access: Access) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(check.missing([access]))
          while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust(1)
          return (yield* fiber.pollUnsafe()!).length > 0
        })
      assert.isTrue(yield* missing(patch))
      now.rules = [everything]
      assert.isTrue(yield* missing(patch), "the denial is still kept")
      yield* TestClock.adjust("10 seconds")
      assert.isFalse(yield* missing(patch), "the corrected role is noticed")
      now.rules = [readOnly]
      yield* TestClock.adjust("50 seconds")
      const asked = questions.length
      assert.isFalse(yield* missing(patch), "the grant is still kept")
      assert.strictEqual(questions.length, asked)
      yield* TestClock.adjust("11 seconds")
      assert.isTrue(yield* missing(patch))
    })
  )

  it.live.each<[string, KubernetesErrorReason]>([
    ["no answer in time", { _tag: "Timeout" }],
    ["an API server that is down", { _tag: "Unavailable" }],
    ["our own limit", { _tag: "NotNow", limit: "bulkhead" }]
  ])("%s is not a no: the question fails, and is asked again", ([, reason]) =>
    Effect.gen(function* () {
      const { check, now } = yield* asking({ rules: [readOnly] })
      now.fails = reason
      assert.strictEqual((yield* Effect.flip(check.missing([patch]))).reason._tag, reason._tag)
      delete now.fails
      assert.deepStrictEqual(yield* check.missing([patch]), [patch])
    })
  )

  it.live("nothing is missing where the question itself is refused", () =>
    Effect.gen(function* () {
      const { check, now } = yield* asking({ rules: [readOnly] })
      now.fails = { _tag: "Forbidden" }
      assert.isEmpty(yield* check.missing([patch, nodes]))
    })
  )

  it.live("nothing is missing where nobody can tell", () =>
    Effect.gen(function* () {
      const { rights: _rights, ...client } = yield* Sandbox.make({ shop: false })
      assert.isEmpty(yield* AccessCheck.make(client).missing([patch]))
    })
  )
})
