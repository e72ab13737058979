/** Timeout, expiry and rejection of a review are three different things. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import type { RemediationId } from "../../src/domain/Remediation.ts"
import { targetKey } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import { Reviews } from "../../src/remediation/Reviews.ts"
import type { Answer } from "../../src/remediation/Reviews.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { checkout, investigatorOf, rollback, scaleTo } from "./remediating.ts"

/** A cluster that can be cut off. */
const makeCluster = (options: Sandbox.SandboxOptions = {}) => {
  const state = { down: false }
  const layer = Sandbox.layer({
    ...options,
    intercept: (operation, request) =>
      Effect.suspend(() =>
        state.down && operation.kind !== "Namespace"
          ? Effect.fail(
              new KubernetesError({ reason: { _tag: "Timeout" }, operation: "x", applied: "no", retryable: true })
            )
          : request
      )
  })
  return { state, layer }
}

/** A service in mode approve whose alert about the bad rollout waits for a person. */
const waiting = Effect.fnUntraced(function* (
  actors: NonNullable<Kubernaut.Options["actors"]> = {},
  action: typeof rollback = rollback
) {
  const cluster = makeCluster()
  const investigators = investigatorOf(() => action).make as never
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "dev", mode: "approve", actors, investigators }).pipe(
      Layer.provideMerge(Layer.mergeAll(cluster.layer, Storage.layerMemory))
    )
  )
  const { receive } = Context.get(context, Kubernaut.Kubernaut)
  const store = Context.get(context, RemediationStore)
  const client = Context.get(context, KubernetesClient)
  const reviews = Context.get(context, Reviews)
  const events: Array<string> = []
  yield* Context.get(context, RemediationEvents).listen(({ event }) => void events.push(event))
  yield* Effect.forkChild(Context.get(context, RemediationActors).sweep)
  const post = Effect.map(receive(stuckRollout), ({ results }) => results[0]!)
  const id = (yield* post).remediationId as RemediationId
  const now = Effect.map(store.get(id), Option.getOrThrow)
  const pass = (seconds: number) =>
    Effect.gen(function* () {
      for (let second = 0; second < seconds; second++) yield* TestClock.adjust("1 second")
    })
  while ((yield* now).state !== "AwaitingReview") yield* TestClock.adjust("1 second")
  /** The result of an answer. Time passes while it is on its way. */
  const answer = (given: Partial<Answer> = {}) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.result(reviews.answer(id, { answer: "approved", by: "ada", ...given }))
      )
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
      return yield* Fiber.join(fiber)
    })
  /** Why an answer is refused. */
  const refusal = (given: Partial<Answer> = {}) =>
    Effect.map(answer(given), (result) => {
      if (result._tag === "Success") return assert.fail(`taken: ${result.success.state}`)
      return result.failure
    })
  const kinds = Effect.map(store.journal(id), (entries) => entries.map(({ event }) => event._tag))
  return { answer, client, cluster, events, id, kinds, now, pass, post, refusal, store }
})

describe("a timeout: nobody answers", () => {
  it.effect("the question ends at its time, as no rejection, and the conclusion says that the alert still fires", () =>
    Effect.gen(function* () {
      const { events, kinds, now, pass, store } = yield* waiting({ reviewTimeout: "10 minutes" })
      const [review] = yield* store.reviews(10)
      assert.strictEqual(
        Timestamp.toMillis(review!.expiresAt!) - Timestamp.toMillis(review!.since),
        600_000,
        "the person sees until when"
      )
      yield* pass(9 * 60)
      assert.strictEqual((yield* now).state, "AwaitingReview")
      yield* pass(80)
      const ended = yield* now
      assert.strictEqual(ended.state, "Escalated")
      assert.match(ended.conclusion!, /timed out.*still fires: its next post begins new work/)
      assert.notMatch(ended.conclusion!, /reject|expire/i)
      assert.deepStrictEqual(ended.timedOut, { question: 1, answerBy: review!.expiresAt! })
      assert.deepStrictEqual((yield* kinds).slice(-3), ["ReviewTimedOut", "Started", "Concluded"])
      assert.include(events, "ReviewTimedOut")
      assert.isEmpty(yield* store.reviews(10))
    })
  )

  it.effect("a repeat of the alert after it is new work, and after a rejection it is not", () =>
    Effect.gen(function* () {
      const late = yield* waiting({ reviewTimeout: "10 minutes" })
      yield* late.pass(11 * 60)
      const again = yield* late.post
      assert.strictEqual(again.status, "accepted")
      assert.notStrictEqual(again.remediationId, late.id)
      const rejected = yield* waiting()
      yield* rejected.answer({ answer: "rejected", reason: "Not now." })
      yield* rejected.pass(5)
      assert.match((yield* rejected.now).conclusion!, /Rejected by ada: Not now/)
      assert.strictEqual((yield* rejected.post).status, "duplicate")
    })
  )

  it.effect("an approval after it is refused as late, also before the sweep has seen the end", () =>
    Effect.gen(function* () {
      const { answer, now, pass, refusal } = yield* waiting({ reviewTimeout: "10 minutes", sweepInterval: "1 hour" })
      yield* pass(10 * 60 + 1)
      assert.strictEqual((yield* now).state, "AwaitingReview")
      assert.deepInclude(yield* refusal(), { _tag: "NotAwaiting", why: "timed-out" })
      yield* pass(3600)
      assert.strictEqual((yield* now).state, "Escalated")
      assert.deepInclude(yield* refusal(), { _tag: "NotAwaiting", why: "timed-out" })
      assert.strictEqual((yield* answer({ answer: "rejected" }))._tag, "Failure")
    })
  )
})

describe("an expiry: an approval that is not used", () => {
  it.effect("nothing is done by it after its lifetime, and the person is asked again", () =>
    Effect.gen(function* () {
      const { answer, client, cluster, events, kinds, now, pass } = yield* waiting({
        approvalLifetime: "2 minutes",
        patience: "30 minutes"
      })
      cluster.state.down = true
      const taken = yield* answer()
      assert.strictEqual(taken._tag, "Success", "the cluster cannot be read, so the approval is taken")
      yield* pass(150)
      cluster.state.down = false
      yield* pass(300)
      const asking = yield* now
      assert.strictEqual(asking.state, "AwaitingReview")
      assert.strictEqual(asking.questions, 2)
      assert.strictEqual(asking.approval, undefined)
      assert.isEmpty(asking.executions)
      const expired = asking.decision!.reasons.find(({ rule }) => rule === "approval-expired")
      assert.match(expired?.message ?? "", /ada approved.*expired at/)
      assert.includeMembers(yield* kinds, ["Reviewed", "ApprovalExpired"])
      assert.notInclude(yield* kinds, "ReviewTimedOut")
      assert.include(events, "ApprovalExpired")
      assert.strictEqual((yield* client.get(checkout)).metadata.annotations?.["kubernaut.dev/execution"], undefined)
    })
  )

  it.effect("an approval that is used within its lifetime acts", () =>
    Effect.gen(function* () {
      const { answer, cluster, now, pass } = yield* waiting({ approvalLifetime: "10 minutes", patience: "30 minutes" })
      cluster.state.down = true
      yield* answer()
      yield* pass(150)
      cluster.state.down = false
      yield* pass(300)
      assert.strictEqual((yield* now).state, "Remediated")
    })
  )

  it.effect("the approval says until when it is good, in the journal and the audit line", () =>
    Effect.gen(function* () {
      const { answer, now } = yield* waiting()
      const result = yield* answer()
      assert.strictEqual(result._tag, "Success")
      const { approval } = yield* now
      assert.strictEqual(Timestamp.toMillis(approval!.expiresAt!) - Timestamp.toMillis(approval!.at), 3_600_000)
    })
  )
})

describe("an intent whose approval has expired before it was carried out", () => {
  it.effect("is not carried out, and a person is told of the expiry and not of the mode", () =>
    Effect.gen(function* () {
      const made = yield* waiting({ approvalLifetime: "2 minutes" })
      // The process ends between the commit of the intent and its write: the next one begins after the expiry.
      const { claim, open } = yield* made.store.claim(targetKey((yield* made.now).target))
      const at = yield* Timestamp.now
      const expiresAt = Timestamp.fromMillis(Timestamp.toMillis(at) + 1000)
      yield* made.store.review(made.id, { answer: "approved", by: "ada", at, expiresAt }, at)
      const self = Option.getOrThrow(open)
      const intent = {
        executionId: `${made.id}-1`,
        action: self.decision!.action,
        changes: [{ _tag: "Patch", ref: checkout, patch: [{ op: "replace", path: "/spec/replicas", value: 1 }] }],
        inverse: { _tag: "Irreversible", reason: "A test." },
        baseline: self.observed!,
        plannedAt: at
      } as const
      yield* made.store.append(claim, self, [{ _tag: "Intended", intent }], at)
      yield* made.pass(30)
      const ended = yield* made.now
      assert.strictEqual(ended.state, "Escalated")
      assert.deepInclude(ended.executions[0]?.outcome, { failure: "approval-expired" })
      assert.match(ended.conclusion!, /approval of ada expired at/)
      assert.notStrictEqual((yield* made.client.get(checkout))["spec"], undefined)
    })
  )
})

describe("an approval of what has changed since", () => {
  it.effect("is refused with the findings that are new, and the new question is asked", () =>
    Effect.gen(function* () {
      const { answer, client, now, pass, refusal } = yield* waiting()
      yield* client.apply({
        _tag: "Create",
        ref: { namespace: "shop", kind: "PodDisruptionBudget", name: "checkout" },
        manifest: { spec: { minAvailable: "100%", selector: { matchLabels: { app: "checkout" } } } }
      })
      const error = yield* refusal()
      if (error._tag !== "ChangedSinceShown") return assert.fail(error.message)
      assert.notInclude(error.message, "..")
      assert.deepStrictEqual(
        error.difference.added.map(({ rule }) => rule),
        ["disruption-budget"]
      )
      assert.match(error.message, /new: disruption-budget: .*It asks question 2 now/)
      const asking = yield* now
      assert.deepStrictEqual([asking.state, asking.questions, asking.executions.length], ["AwaitingReview", 2, 0])
      assert.strictEqual((yield* answer({ question: 2 }))._tag, "Success")
      yield* pass(60)
      assert.strictEqual((yield* now).executions.length, 1)
    })
  )

  it.effect("is refused with what changed of the target, which is investigated again", () =>
    Effect.gen(function* () {
      const { client, now, refusal } = yield* waiting({}, { type: "ScaleWorkload", target: checkout, replicas: 6 })
      yield* scaleTo(5)(client)
      const error = yield* refusal()
      if (error._tag !== "ChangedSinceShown") return assert.fail(error.message)
      assert.notInclude(error.message, "..")
      assert.match(error.message, /changed-since-investigation: .*spec.*investigated again/)
      assert.strictEqual((yield* now).executions.length, 0)
    })
  )

  it.effect("twice is refused as already reviewed, by whom and when", () =>
    Effect.gen(function* () {
      const { answer, refusal } = yield* waiting()
      assert.strictEqual((yield* answer())._tag, "Success")
      assert.deepInclude(yield* refusal({ by: "grace" }), { _tag: "NotAwaiting", why: "already-reviewed", by: "ada" })
    })
  )

  it.effect("of a question that is not the one that is asked is refused with the one that is", () =>
    Effect.gen(function* () {
      const { refusal } = yield* waiting()
      assert.deepInclude(yield* refusal({ question: 0 }), { why: "older-question", asks: 1 })
    })
  )

  it.effect("after the alert has resolved is refused as such", () =>
    Effect.gen(function* () {
      const { id, now, pass, refusal, store } = yield* waiting()
      const { alert, target } = yield* now
      const at = yield* Timestamp.now
      yield* store.resolve(
        [{ cluster: target.cluster, fingerprint: alert.fingerprint, startsAt: alert.startsAt, endsAt: at }],
        at
      )
      assert.deepInclude(yield* refusal(), { why: "alert-resolved" })
      yield* pass(20)
      assert.strictEqual(Option.getOrThrow(yield* store.get(id)).state, "Cancelled")
      assert.deepInclude(yield* refusal(), { why: "alert-resolved" })
    })
  )
})
