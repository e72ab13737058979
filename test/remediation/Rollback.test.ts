/** Rollbacks of whole remediations on the sandbox. */

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Latch } from "effect"
import { TestClock } from "effect/testing"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import type { Action } from "../../src/domain/Action.ts"
import type { Remediation } from "../../src/domain/Remediation.ts"
import { targetKey } from "../../src/domain/Target.ts"
import { KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import { isPodReady, type Pod } from "../../src/kubernetes/ObjectModel.ts"
import { begun, checkout, edit, hotfix, investigatorOf, rollback, scaleTo, ship } from "./remediating.ts"

/** A change of the crash-looping Deployment that does not help. */
const scale: Action = { type: "ScaleWorkload", target: checkout, replicas: 5 }

const kindsOf = (events: ReadonlyArray<{ readonly _tag: string }>) => events.map(({ _tag }) => _tag)

type Run = Effect.Success<ReturnType<typeof begun>>

/** Waits for an event of the journal. */
const until = (run: Run, kind: string) =>
  Effect.gen(function* () {
    while (!kindsOf(yield* run.events).includes(kind)) yield* TestClock.adjust("1 second")
  })

/** The person's request, and the end of the rollback. */
const undone = (run: Run, reason?: string) =>
  Effect.andThen(
    run.rollbackRequests.request(run.id, { by: "ada", ...(reason === undefined ? {} : { reason }) }),
    run.outcome
  )

const refusal = (run: Run) => Effect.flip(run.rollbackRequests.request(run.id, { by: "ada" }))

const stateOf = ({ rollback, state }: Remediation) => [state, rollback?.trigger, rollback?.outcome]

describe("an action that did not help", () => {
  it.effect("is undone, and the spec is what it was before", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      const before = (yield* run.deployment).spec
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "failed-health-check", "restored"], ended.conclusion)
      assert.deepStrictEqual((yield* run.deployment).spec, before)
      assert.deepStrictEqual(kindsOf(yield* run.events).slice(-7), [
        "Executed",
        "Verified",
        "RollbackRequested",
        "RollbackIntended",
        "RollbackExecuted",
        "RollbackVerified",
        "Concluded"
      ])
      const [attempt] = ended.rollback?.attempts ?? []
      assert.strictEqual(attempt?.intent.before.desiredReplicas, 5)
      assert.strictEqual(attempt?.verification?.observed?.desiredReplicas, 4)
    }).pipe(Effect.scoped)
  )

  it.effect("counts against the action, and the history says that it was undone", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      const ended = yield* run.outcome
      const [action] = yield* run.history.ofTarget(targetKey(ended.target), 1)
      assert.strictEqual(action?.verdict, "not-fixed")
      assert.isDefined(action?.rolledBackAt)
    }).pipe(Effect.scoped)
  )

  it.effect("stays where somebody else has changed the spec since; the reason names the fields and the command", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      yield* until(run, "Executed")
      yield* edit({ op: "add", path: "/spec/minReadySeconds", value: 3 })(run.client)
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["Escalated", "failed-health-check", "stopped"], ended.conclusion)
      assert.deepStrictEqual(ended.rollback?.stopped?.fields, ["spec.minReadySeconds"])
      assert.include(ended.conclusion, "spec.minReadySeconds")
      assert.include(ended.conclusion, `kubernaut rollback ${run.id}`)
      assert.strictEqual((yield* run.deployment).spec.replicas, 5)
      // A person who asks for it gets back what the action wrote, and nothing else.
      const after = yield* undone(run)
      assert.deepStrictEqual(stateOf(after), ["RolledBack", "operator", "restored"], after.conclusion)
      const { spec } = yield* run.deployment
      assert.deepStrictEqual([spec.replicas, spec["minReadySeconds"]], [4, 3])
    }).pipe(Effect.scoped)
  )

  it.effect("that somebody has undone already is RolledBack without a write", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      yield* until(run, "Executed")
      yield* scaleTo(4)(run.client)
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "failed-validation", "restored"], ended.conclusion)
      assert.deepStrictEqual(yield* run.writtenReplicas, [5])
    }).pipe(Effect.scoped)
  )

  it.effect("is not undone where another value was written over it", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      yield* until(run, "Executed")
      yield* scaleTo(7)(run.client)
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["Escalated", "failed-validation", "stopped"], ended.conclusion)
      assert.notInclude(ended.conclusion, "kubernaut rollback")
      assert.strictEqual((yield* run.deployment).spec.replicas, 7)
    }).pipe(Effect.scoped)
  )

  it.effect("is undone, and the reason says that admission refuses the restored pods", () =>
    Effect.gen(function* () {
      const run = yield* begun(
        investigatorOf(() => scale),
        { rollback: { restoreTimeout: "2 minutes" } }
      )
      yield* until(run, "RollbackIntended")
      const fromMs = yield* Clock.currentTimeMillis
      // Nothing new may be created, and somebody deletes a pod that was ready.
      yield* Effect.orDie(
        run.client.apply({
          _tag: "Create",
          ref: { namespace: "shop", kind: "ResourceQuota", name: "none" },
          manifest: {
            apiVersion: "v1",
            kind: "ResourceQuota",
            metadata: { name: "none" },
            spec: { hard: { pods: "1" } }
          } as never
        })
      )
      const pods = yield* Effect.orDie(run.client.list("Pod", { namespace: "shop" }))
      for (const { metadata, status } of pods as ReadonlyArray<Pod>)
        if (metadata.name.startsWith("checkout") && isPodReady({ metadata, status } as Pod))
          yield* Effect.orDie(
            run.client.apply({
              _tag: "Delete",
              ref: { namespace: "shop", kind: "Pod", name: metadata.name },
              uid: metadata.uid
            })
          )
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "failed-health-check", "restored"], ended.conclusion)
      const { verification } = ended.rollback?.attempts.at(-1) ?? {}
      assert.strictEqual(verification?.pods?.asBefore, "no")
      assert.include(verification?.pods?.reason, "pods-refused")
      assert.include(verification?.pods?.reason, "exceeded quota: none")
      // As long as the option of the service says, and no longer.
      const waitedMs = Date.parse(verification?.verifiedAt ?? "") - fromMs
      assert.isAtLeast(waitedMs, 120_000)
      assert.isAtMost(waitedMs, 125_000)
      assert.include(ended.conclusion, "a person has to look")
    }).pipe(Effect.scoped)
  )

  it.effect("that has no inverse ends Escalated, as before", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => ({ type: "RestartWorkload", target: checkout })))
      const ended = yield* run.outcome
      assert.deepStrictEqual([ended.state, ended.executions.length], ["Escalated", 1], ended.conclusion)
      assert.strictEqual(ended.rollback, undefined)
    }).pipe(Effect.scoped)
  )

  it.effect("is tried three times where the API server is overloaded, then a person is told", () =>
    Effect.gen(function* () {
      let writes = 0
      const run = yield* begun(
        investigatorOf(() => scale),
        {},
        {
          intercept: (operation, request) =>
            operation.verb === "patch" && !operation.dryRun && ++writes > 1
              ? Effect.fail(
                  new KubernetesError({
                    reason: { _tag: "Conflict" },
                    operation: "patch Deployment shop/checkout",
                    applied: "no",
                    retryable: true
                  })
                )
              : request
        }
      )
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["Escalated", "failed-health-check", "not-restored"], ended.conclusion)
      assert.strictEqual(ended.rollback?.attempts.length, 3)
      assert.include(ended.conclusion, "3 attempts")
    }).pipe(Effect.scoped)
  )
})

describe("an action that failed half-way", () => {
  const node = { namespace: "", kind: "Node", name: "node-1" }
  const labels = { alertname: "KubeNodeMemoryPressure", severity: "critical", node: "node-1" }
  const nodeAlert = { ...stuckRollout, alerts: stuckRollout.alerts.map((alert) => ({ ...alert, labels })) }

  it.effect("gives back the node that a drain has cordoned and could not empty", () =>
    Effect.gen(function* () {
      const run = yield* begun(
        investigatorOf(() => ({ type: "DrainNode", target: node })),
        { mode: "approve" },
        {
          intercept: (operation, request) =>
            operation.verb === "evict" && !operation.dryRun
              ? Effect.fail(
                  new KubernetesError({
                    reason: { _tag: "DisruptionBudget" },
                    operation: `evict Pod shop/${operation.name}`,
                    applied: "no",
                    retryable: true
                  })
                )
              : request
        },
        nodeAlert
      )
      const asked = yield* run.outcome
      assert.strictEqual(asked.state, "AwaitingReview", asked.conclusion)
      const ended = yield* run.approve
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "failed-execution", "restored"], ended.conclusion)
      assert.include(ended.conclusion, "not moved back")
      const { spec } = yield* run.client.get(node)
      assert.notProperty(spec, "unschedulable")
    }).pipe(Effect.scoped)
  )
})

describe("a person's request to roll back", () => {
  it.effect("opens a remediation that has ended Remediated, and puts the spec back", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => rollback))
      const before = (yield* run.deployment).spec
      assert.strictEqual((yield* run.outcome).state, "Remediated")
      const ended = yield* undone(run, "the old version loses data")
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "operator", "restored"], ended.conclusion)
      assert.deepStrictEqual((yield* run.deployment).spec, before)
      assert.include(ended.conclusion, "ada asked for a rollback: the old version loses data")
      const [action] = yield* run.history.ofTarget(targetKey(ended.target), 1)
      assert.strictEqual(action?.verdict, "not-fixed")
      const again = yield* refusal(run)
      assert.deepStrictEqual(again._tag === "NotRollbackable" && again.code, "already-rolled-back")
    }).pipe(Effect.scoped)
  )

  it.effect("and another at the same time are one rollback: the second is told so, and the undo is written once", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => rollback))
      yield* run.outcome
      const asked = yield* Effect.forEach(
        ["ada", "bob"],
        (by) => Effect.result(run.rollbackRequests.request(run.id, { by })),
        { concurrency: "unbounded" }
      )
      const codes = asked.map((each) =>
        each._tag === "Success" ? "accepted" : each.failure._tag === "NotRollbackable" ? each.failure.code : "unread"
      )
      assert.sameMembers(codes, ["accepted", "rolling-back"])
      const ended = yield* run.outcome
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "operator", "restored"], ended.conclusion)
      const ofRollback = kindsOf(yield* run.events).filter((kind) => kind.startsWith("Rollback"))
      assert.deepStrictEqual(ofRollback, [
        "RollbackRequested",
        "RollbackIntended",
        "RollbackExecuted",
        "RollbackVerified"
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("ends a verification that is under way", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      yield* until(run, "Executed")
      const ended = yield* undone(run)
      assert.deepStrictEqual(stateOf(ended), ["RolledBack", "operator", "restored"], ended.conclusion)
      assert.notInclude(kindsOf(yield* run.events), "Verified")
    }).pipe(Effect.scoped)
  )

  it.effect("is refused where somebody has changed the same field, with the field, and nothing is journaled", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => rollback))
      yield* run.outcome
      yield* ship(hotfix)(run.client)
      const events = yield* run.events
      const refused = yield* refusal(run)
      assert.strictEqual(refused._tag, "NotRollbackable")
      if (refused._tag !== "NotRollbackable") return
      assert.strictEqual(refused.code, "changed-by-another")
      assert.deepStrictEqual(refused.fields, ["spec.template.spec.containers[checkout].image"])
      assert.deepStrictEqual(yield* run.events, events)
      assert.strictEqual(yield* run.image, hotfix)
    }).pipe(Effect.scoped)
  )

  it.effect("is refused before anything was written, and in mode observe", () =>
    Effect.gen(function* () {
      const waiting = yield* begun(
        investigatorOf(() => rollback),
        { mode: "approve" }
      )
      assert.strictEqual((yield* waiting.outcome).state, "AwaitingReview")
      const early = yield* refusal(waiting)
      assert.strictEqual(early._tag === "NotRollbackable" && early.code, "nothing-written")
      const observing = yield* begun(
        investigatorOf(() => rollback),
        { mode: "observe" }
      )
      yield* observing.outcome
      const observed = yield* refusal(observing)
      assert.strictEqual(observed._tag === "NotRollbackable" && observed.code, "mode")
    }).pipe(Effect.scoped)
  )

  it.effect("takes no place of another remediation that works on the target", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => rollback))
      const first = yield* run.outcome
      const at = "2026-11-24T03:00:00.000Z"
      const alert = { ...first.alert, fingerprint: "another", name: "Another" }
      yield* run.store.accept([{ id: "rem-2" as never, alert, target: first.target, provisional: false }], at)
      const refused = yield* refusal(run)
      assert.strictEqual(refused._tag === "NotRollbackable" && refused.code, "target-busy")
      assert.include(refused.message, "rem-2")
    }).pipe(Effect.scoped)
  )

  it.effect("leaves the change of a later remediation, also if it has written the same value", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => rollback))
      const broken = yield* run.image
      const first = yield* run.outcome
      // The version is shipped once more, and rolled back once more.
      yield* ship(broken!)(run.client)
      yield* TestClock.adjust("1 hour")
      const second = yield* run.another(first)
      assert.strictEqual(second.state, "Remediated", second.conclusion)
      const image = yield* run.image
      const refused = yield* refusal(run)
      assert.strictEqual(refused._tag === "NotRollbackable" && refused.code, "overwritten", refused.message)
      assert.include(refused.message, second.id)
      assert.strictEqual(yield* run.image, image)
      const after = yield* run.rollbackRequests.request(second.id, { by: "ada" })
      assert.strictEqual(after.state, "RollingBack")
    }).pipe(Effect.scoped)
  )

  it.effect("loses no alert that comes while it is carried out", () =>
    Effect.gen(function* () {
      let writes = 0
      const accepted = Latch.makeUnsafe()
      const run = yield* begun(
        investigatorOf(() => rollback),
        {},
        {
          intercept: (operation, request) =>
            operation.verb === "patch" && !operation.dryRun && ++writes > 1
              ? Effect.andThen(accepted.await, request)
              : request
        }
      )
      const first = yield* run.outcome
      yield* TestClock.adjust("1 hour")
      yield* run.rollbackRequests.request(run.id, { by: "ada" })
      yield* TestClock.adjust("100 millis")
      yield* run.accept(first, "rem-2")
      yield* accepted.open
      const ended = yield* run.outcome
      assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
      const next = yield* run.store.get(ended.handedOverTo!)
      assert.strictEqual(next._tag === "Some" && next.value.alert.name, "Another")
    }).pipe(Effect.scoped)
  )
})
