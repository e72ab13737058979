/**
 * Somebody else changes an object while an action on it is verified: what it is like then is not shown to be the
 * action's doing.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import { Intent } from "../../src/domain/Execution.ts"
import type { SeenObject } from "../../src/domain/Seen.ts"
import type { Target } from "../../src/domain/Target.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import type { AlertPosts } from "../../src/verification/AlertEvidence.ts"
import { judge } from "../../src/verification/Judge.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { bare, evidence, healthy, intent, object, on, patchOf, said, steady } from "./evidence.ts"
import { checkout, on as inShop, replace, restart, said as saidBy, targetOf, write } from "./verifying.ts"

const leaves = (spec: string | null, generation: number | null = 5, ref = healthy().ref): SeenObject => ({
  ref,
  uid: "uid",
  generation,
  revision: null,
  resourceVersion: "10",
  spec
})
const before = healthy({ readyReplicas: 1, spec: "before", generation: 4 })
/** A target whose controller has observed its spec. */
const at = (change: Partial<WorkloadState>) =>
  healthy({ ...change, ...(typeof change.generation === "number" ? { observedGeneration: change.generation } : {}) })
const restarted = (change: Partial<Intent> = {}): Intent =>
  intent({ baseline: before, leaves: [leaves("restarted")], ...change })

const fixed = "fixed settled problem-gone"
const another = "unknown changed-by-another settled"

const cases: ReadonlyArray<readonly [claim: string, expected: string, Intent, Partial<WorkloadState>]> = [
  ["as the action left it", fixed, restarted(), { spec: "restarted", generation: 5 }],
  ["of another spec", another, restarted(), { spec: "hotfix", generation: 6 }],
  ["scaled by its autoscaler, which the digest leaves out", fixed, restarted(), { spec: "restarted", generation: 9 }],
  [
    "of another digest, but of the same generation: admission has changed it",
    fixed,
    restarted(),
    { spec: "admitted", generation: 5 }
  ],
  ["as it was before the action, by a read that is out of date", fixed, restarted(), { spec: "before", generation: 4 }],
  [
    "whose spec the action did not write, and somebody else did",
    another,
    restarted({ leaves: [leaves("before", 4)] }),
    { spec: "hotfix", generation: 5 }
  ],
  [
    "of which an earlier version recorded nothing",
    fixed,
    intent({ baseline: before }),
    { spec: "hotfix", generation: 6 }
  ]
]

describe("a healthy target after an action", () => {
  for (const [claim, expected, of, state] of cases) {
    it(`${claim}: ${expected}`, () =>
      assert.strictEqual(said(evidence(steady(0, 10, at(state)), { intent: of })), expected))
  }

  it("is not fixed by the end of its alert either, if somebody else has changed it", () => {
    const state = at({ spec: "hotfix", generation: 6 })
    assert.strictEqual(said(evidence(steady(0, 10, state), { intent: restarted(), alert: "resolved" })), another)
  })

  it("is watched for the stabilisation window before that is said", () => {
    const state = at({ spec: "hotfix", generation: 6 })
    assert.strictEqual(said(evidence(steady(0, 8, state), { intent: restarted() })), "keep watching")
  })

  it("names who changed it, if the API server does", () => {
    const state = at({ spec: "hotfix", generation: 6 })
    const judgement = judge(evidence(steady(0, 10, state, { otherWriter: "kubectl-edit" }), { intent: restarted() }))
    assert.deepStrictEqual(judgement._tag === "Verdict" ? judgement.reasons : [], [
      "changed-by-another: Deployment shop/checkout was changed by kubectl-edit after the action",
      "settled: 3 of 3 ready, 3 endpoints, stable for 10 s"
    ])
  })

  it("is not fixed if it is broken at the deadline, although somebody else has changed it", () => {
    const state = at({ spec: "hotfix", generation: 6, readyReplicas: 2 })
    assert.strictEqual(
      said(evidence(steady(280, 300, state), { intent: restarted() })),
      "not-fixed not-ready changed-by-another"
    )
  })

  it("a node, which has no generation, that somebody else tainted", () => {
    const baseline = bare("Node", { unschedulable: true, conditions: [], spec: "cordoned", generation: null })
    const uncordon: Action = { type: "UncordonNode", target: on("Node") }
    const given = intent({ action: uncordon, baseline, leaves: [leaves("free", null, on("Node"))] })
    const seen = (spec: string) =>
      said(evidence(steady(0, 10, bare("Node", { spec, generation: null })), { intent: given }))
    assert.deepStrictEqual([seen("free"), seen("tainted"), seen("cordoned")], [fixed, another, fixed])
  })

  it("an autoscaler whose bounds somebody else changed again", () => {
    const written = (spec: object) =>
      object("HorizontalPodAutoscaler", { spec, status: { currentReplicas: 3, desiredReplicas: 3 } })
    const given = intent({
      action: { type: "PatchHpa", target: on("HorizontalPodAutoscaler"), maxReplicas: 8 },
      changes: [patchOf("HorizontalPodAutoscaler", ["/spec/maxReplicas", 8])],
      leaves: [leaves("6a7f1a0b", null, on("HorizontalPodAutoscaler"))]
    })
    const samples = steady(0, 10, healthy(), { written: [written({ maxReplicas: 8, minReplicas: 4 })] })
    assert.strictEqual(said(evidence(samples, { intent: given })), another)
  })
})

/** Plans and carries out an action on the sandbox, lets `meanwhile` happen, and returns the verdict. */
const verdictOn = Effect.fnUntraced(function* (
  action: Action,
  target: Target,
  meanwhile: Effect.Effect<unknown, KubernetesError, KubernetesClient>,
  posts: AlertPosts = {}
) {
  const executor = yield* Executor.Executor
  const verifier = yield* Verifier.Verifier
  const { intent } = yield* executor.draft({ action, target, remediationId: "r1", executionId: "r1-1", epoch: 1 })
  const outcome = yield* executor.execute(intent, { holds: Effect.succeed(true) })
  assert.strictEqual(outcome.applied, "yes", outcome.message)
  const fiber = yield* Effect.forkChild(
    verifier.verify({ intent, target, actedAt: outcome.finishedAt, posts: Effect.succeed(posts) })
  )
  yield* TestClock.adjust("3 seconds")
  yield* Effect.orDie(meanwhile)
  while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("10 seconds")
  const verification = yield* Fiber.join(fiber)
  return { intent, verification, verdict: saidBy(verification) }
})

const layer = Layer.merge(Executor.layer(), Verifier.layer()).pipe(Layer.provideMerge(Sandbox.layer()))

const image = (name: string, tag: string): Change =>
  replace("Deployment", name, "/spec/template/spec/containers/0/image", `registry.example/${name}:${tag}`)
const resolvedLater: AlertPosts = { resolvedAt: "1970-01-01T00:00:30.000Z" }
const evictOf = (name: string) =>
  Effect.gen(function* () {
    const client = yield* KubernetesClient
    const pods = yield* client.list("Pod", { namespace: "shop", labelSelector: { app: name } })
    const action: Action = { type: "EvictPod", target: inShop("Pod", pods[0]!.metadata.name) }
    return action
  })

describe("on the sandbox", () => {
  it.effect("a hotfix that a person ships while a restart is verified is not credited to the restart", () =>
    Effect.gen(function* () {
      const { verdict, verification } = yield* verdictOn(restart, checkout, write(image("checkout", "hotfix")))
      assert.strictEqual(verdict, another)
      assert.match(verification.reasons.join(), /Deployment shop\/checkout was changed after the action/)
    }).pipe(Effect.provide(layer))
  )

  it.effect("nor if the alert resolves", () =>
    Effect.gen(function* () {
      const { verdict } = yield* verdictOn(restart, checkout, write(image("checkout", "hotfix")), resolvedLater)
      assert.strictEqual(verdict, another)
    }).pipe(Effect.provide(layer))
  )

  it.effect("nor to an eviction, which writes nothing to the workload", () =>
    Effect.gen(function* () {
      const { verdict } = yield* verdictOn(
        yield* evictOf("catalog"),
        targetOf("Deployment", "catalog"),
        write(image("catalog", "v9")),
        resolvedLater
      )
      assert.strictEqual(verdict, another)
    }).pipe(Effect.provide(layer))
  )

  it.effect("nor to a higher limit, if a person scales the workload", () =>
    Effect.gen(function* () {
      const action: Action = {
        type: "AdjustResources",
        target: inShop("Deployment", "cart"),
        container: "cart",
        limits: { memory: "512Mi" }
      }
      const { verdict } = yield* verdictOn(
        action,
        targetOf("Deployment", "cart"),
        write(replace("Deployment", "cart", "/spec/replicas", 3))
      )
      assert.strictEqual(verdict, another)
    }).pipe(Effect.provide(layer))
  )

  it.effect("an eviction of a workload that nobody else changes is fixed by the end of the alert", () =>
    Effect.gen(function* () {
      const label = write(replace("Deployment", "catalog", "/metadata/labels/team", "shop"))
      const { verdict } = yield* verdictOn(
        yield* evictOf("catalog"),
        targetOf("Deployment", "catalog"),
        label,
        resolvedLater
      )
      assert.strictEqual(verdict, "fixed settled alert-resolved")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a higher limit that nobody else changes is fixed, and the intent can be journaled", () =>
    Effect.gen(function* () {
      const action: Action = {
        type: "AdjustResources",
        target: inShop("Deployment", "cart"),
        container: "cart",
        limits: { memory: "512Mi" }
      }
      const { intent, verdict } = yield* verdictOn(action, targetOf("Deployment", "cart"), Effect.void)
      assert.strictEqual(verdict, fixed)
      assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(Intent)(JSON.parse(JSON.stringify(intent))), intent)
      assert.deepStrictEqual(
        intent.leaves?.map(({ ref }) => ref),
        [inShop("Deployment", "cart")]
      )
    }).pipe(Effect.provide(layer))
  )
})
