/** Changes that a person makes on the sandbox, taken back by the executor and put back by a rollback. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import type { ExecutionOutcome } from "../../src/domain/Execution.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Executor from "../../src/execution/Executor.ts"
import * as RollbackExecutor from "../../src/execution/RollbackExecutor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { inTime } from "./faults.ts"
import { changeId, recorded } from "./restoring.ts"

const target = { cluster: "test", namespace: "shop", kind: "Deployment", name: "checkout" }
const holds = Effect.succeed(true)

/** The meant part of an object: no status, no version, no signature. */
const meant = (object: KubernetesObject | undefined) => {
  if (object === undefined) return undefined
  const { apiVersion: _api, metadata, status: _status, ...rest } = object as KubernetesObject & { status?: unknown }
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !key.startsWith("kubernaut.dev/"))
  return { ...rest, name: metadata.name, labels: metadata.labels ?? {}, annotations: Object.fromEntries(annotations) }
}

/** An object as the journal records it: without what the server counts. */
const journaled = (object: KubernetesObject | undefined): KubernetesObject | undefined => {
  if (object === undefined) return undefined
  const { metadata, status: _status, ...rest } = object as KubernetesObject & { status?: unknown }
  const { generation: _generation, managedFields: _managers, ...kept } = metadata
  return { ...rest, metadata: { ...kept, resourceVersion: "0" } } as KubernetesObject
}

const find = (ref: ResourceRef) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.orElseSucceed(client.get(ref), (): KubernetesObject | undefined => undefined)
  )

const at = (kind: string, namespace = "shop"): ResourceRef => ({ namespace, kind, name: "round-trip" })

const on = (ref: ResourceRef, rest: object): KubernetesObject =>
  ({
    apiVersion: "v1",
    kind: ref.kind,
    metadata: { name: ref.name, ...(ref.namespace === "" ? {} : { namespace: ref.namespace }) },
    ...rest
  }) as never

/** What a person does to an object, and the record of it. */
const personDoes = Effect.fnUntraced(function* (
  ref: ResourceRef,
  before: object | undefined,
  after: object | undefined
) {
  const client = yield* KubernetesClient
  const write = (manifest: object) => client.apply({ _tag: "Create", ref, manifest: on(ref, manifest) as never })
  if (before !== undefined) yield* write(before)
  const old = yield* find(ref)
  if (old !== undefined && after === undefined) yield* client.apply({ _tag: "Delete", ref, uid: old.metadata.uid })
  if (old === undefined && after !== undefined) yield* write(after)
  if (old !== undefined && after !== undefined)
    yield* client.apply({
      _tag: "Patch",
      ref,
      patch: Object.entries(after).map(([field, value]) => ({
        op: "replace",
        path: `/${field}`,
        value: value as never
      }))
    })
  const now = yield* find(ref)
  return { change: recorded(journaled(old), journaled(now)), old, now }
})

/** The executor with a journal of one change. */
const servicesOf = (...changes: ReadonlyArray<ObjectChange>) =>
  Layer.merge(Executor.layer(), RollbackExecutor.layer()).pipe(Layer.provide(ChangeJournal.layerMemory({ changes })))

const inputOf = (change: ObjectChange) => ({
  action: { type: "RestoreObject" as const, target: change.ref, change: changeId },
  target,
  remediationId: "r1",
  executionId: "r1-1",
  epoch: 1
})

/** Takes a change back, and takes that back: the object after each. */
const thereAndBack = Effect.fnUntraced(function* (change: ObjectChange) {
  const executor = yield* Executor.Executor
  const rollbacks = yield* RollbackExecutor.RollbackExecutor
  const { intent } = yield* executor.draft(inputOf(change))
  const outcome: ExecutionOutcome = yield* executor.execute(intent, { holds })
  assert.strictEqual(outcome.applied, "yes", outcome.message)
  const restored = yield* find(change.ref)
  const input = {
    intent,
    outcome,
    target,
    trigger: "failed-health-check",
    attempt: 1,
    remediationId: "r1",
    epoch: 1
  } as const
  const plan = yield* rollbacks.plan(input)
  if (!("changes" in plan)) throw new Error(`${plan.code}: ${plan.message}`)
  yield* rollbacks.execute(plan, { holds, resumed: false, mayWrite: true })
  const verification = yield* rollbacks.verify(plan, intent, target)
  assert.strictEqual(verification.restored, "yes", verification.reasons.join("; "))
  return { restored, undone: yield* find(change.ref), outcome, intent }
})

const sandbox = Layer.effect(KubernetesClient, Sandbox.make({}).pipe(Random.withSeed("restoration")))

const kinds: ReadonlyArray<readonly [kind: string, namespace: string, before: object, after: object]> = [
  ["Service", "shop", { spec: { selector: { app: "checkout" } } }, { spec: { selector: { app: "nobody" } } }],
  ["ConfigMap", "shop", { data: { url: "a" } }, { data: { url: "b", extra: "c" } }],
  ["Ingress", "shop", { spec: { rules: [{ host: "a" }] } }, { spec: { rules: [{ host: "b" }] } }],
  ["HTTPRoute", "shop", { spec: { hostnames: ["a"] } }, { spec: { hostnames: ["b"] } }],
  ["NetworkPolicy", "shop", { spec: { podSelector: {} } }, { spec: { podSelector: { matchLabels: { a: "b" } } } }],
  ["ResourceQuota", "shop", { spec: { hard: { pods: "90" } } }, { spec: { hard: { pods: "80" } } }],
  ["LimitRange", "shop", { spec: { limits: [] } }, { spec: { limits: [{ type: "Pod", max: { cpu: "9" } }] } }],
  ["PodDisruptionBudget", "shop", budget(1), budget(2)],
  ["ServiceAccount", "shop", { imagePullSecrets: [{ name: "a" }] }, { imagePullSecrets: [{ name: "b" }] }],
  ["Role", "shop", { rules: [{ verbs: ["get"] }] }, { rules: [{ verbs: ["list"] }] }],
  ["RoleBinding", "shop", { subjects: [{ name: "a" }] }, { subjects: [{ name: "b" }] }],
  ["ClusterRole", "", { rules: [{ verbs: ["get"] }] }, { rules: [{ verbs: ["list"] }] }],
  ["ClusterRoleBinding", "", { subjects: [{ name: "a" }] }, { subjects: [{ name: "b" }] }],
  ["PriorityClass", "", { value: 5, description: "a" }, { description: "b" }],
  ["ValidatingWebhookConfiguration", "", webhook("Ignore"), webhook("Fail")],
  ["MutatingWebhookConfiguration", "", webhook("Ignore"), webhook("Fail")],
  ["CronJob", "shop", cron("0 3 * * *"), cron("0 4 * * *")],
  ["Deployment", "shop", workload(1), workload(0)]
]

function budget(minAvailable: number) {
  return { spec: { minAvailable, selector: { matchLabels: { app: "nobody" } } } }
}

function webhook(failurePolicy: string) {
  return { webhooks: [{ name: "a.example.com", failurePolicy, clientConfig: { url: "https://a" } }] }
}

function cron(schedule: string) {
  const template = { spec: { containers: [{ name: "a", image: "a" }] } }
  return { spec: { schedule, jobTemplate: { spec: { template } } } }
}

function workload(replicas: number) {
  const template = { metadata: { labels: { app: "rt" } }, spec: { containers: [{ name: "a", image: "a" }] } }
  return { spec: { replicas, selector: { matchLabels: { app: "rt" } }, template } }
}

describe("a change on the sandbox", () => {
  it.effect.each(kinds)(
    "of a %s is taken back, and is there again after the rollback",
    ([kind, namespace, before, after]) =>
      Effect.gen(function* () {
        const { change, now, old } = yield* personDoes(at(kind, namespace), before, after)
        const { restored, undone } = yield* Effect.provide(inTime(thereAndBack(change)), servicesOf(change))
        assert.deepStrictEqual(meant(restored), meant(old))
        assert.deepStrictEqual(meant(undone), meant(now))
      }).pipe(Effect.provide(sandbox))
  )

  it.effect.each(kinds)(
    "that deleted a %s is taken back, and the rollback removes what was created",
    ([kind, namespace, before]) =>
      Effect.gen(function* () {
        const { change, old } = yield* personDoes(at(kind, namespace), before, undefined)
        const { outcome, restored, undone } = yield* Effect.provide(inTime(thereAndBack(change)), servicesOf(change))
        assert.deepStrictEqual(meant(restored), meant(old))
        assert.notStrictEqual(restored?.metadata.uid, old?.metadata.uid)
        assert.deepStrictEqual(outcome.created, [{ ref: change.ref, uid: restored!.metadata.uid }])
        assert.isUndefined(undone)
      }).pipe(Effect.provide(sandbox))
  )

  it.effect.each(kinds)(
    "that added a %s is taken back, and the rollback creates it again",
    ([kind, namespace, , after]) =>
      Effect.gen(function* () {
        const { change, now } = yield* personDoes(at(kind, namespace), undefined, after)
        const { restored, undone } = yield* Effect.provide(inTime(thereAndBack(change)), servicesOf(change))
        assert.isUndefined(restored)
        assert.deepStrictEqual(meant(undone), meant(now))
      }).pipe(Effect.provide(sandbox))
  )

  it.effect("that added an object is not taken back once somebody has edited the object after the plan", () =>
    Effect.gen(function* () {
      const added = { spec: { podSelector: {}, policyTypes: ["Ingress"] } }
      const { change } = yield* personDoes(at("NetworkPolicy"), undefined, added)
      const executor = yield* Effect.provide(Executor.Executor, servicesOf(change))
      const { intent } = yield* executor.draft(inputOf(change))
      const client = yield* KubernetesClient
      const corrected = { op: "add", path: "/spec/ingress", value: [{ from: [{ podSelector: {} }] }] } as const
      yield* client.apply({ _tag: "Patch", ref: change.ref, patch: [corrected] })
      const { applied, failure } = yield* executor.execute(intent, { holds })
      assert.deepStrictEqual([applied, failure], ["no", "conflict"])
      assert.deepStrictEqual((yield* find(change.ref))?.["spec"], { ...added.spec, ingress: corrected.value })
    }).pipe(Effect.provide(sandbox))
  )

  it.effect("that deleted an object: a run after a crash learns the uid of what the earlier run created", () =>
    Effect.gen(function* () {
      const { change } = yield* personDoes(at("ConfigMap"), { data: { url: "a" } }, undefined)
      const executor = yield* Effect.provide(Executor.Executor, servicesOf(change))
      const { intent } = yield* executor.draft(inputOf(change))
      const client = yield* KubernetesClient
      yield* client.apply(intent.changes[0]!)
      const outcome = yield* executor.execute(intent, { holds, resumed: true })
      const created = yield* find(change.ref)
      assert.deepStrictEqual(outcome.created, [{ ref: change.ref, uid: created!.metadata.uid }])
    }).pipe(Effect.provide(sandbox))
  )

  it.effect("is not taken back over a later change that gave the field the same value again", () =>
    Effect.gen(function* () {
      const { change, now, old } = yield* personDoes(at("ConfigMap"), { data: { url: "a" } }, { data: { url: "b" } })
      const other = on(change.ref, { data: { url: "c" } })
      const again = recorded(other, journaled(now), { id: "chg-01BRZ3NDEKTSV4RRFFQ69G5FAV", ref: change.ref })
      const draft = Effect.flatMap(Executor.Executor, (executor) => executor.draft(inputOf(change))).pipe(
        Effect.provide(servicesOf(change, again))
      )
      const refused = yield* Effect.flip(draft)
      assert.strictEqual(refused._tag === "PlanRefused" && refused.rule, "changed-since-change")
      assert.include(refused.message, again.id)
      // Somebody has put it back already.
      const client = yield* KubernetesClient
      const back = { op: "replace", path: "/data", value: (old as { readonly data?: never }).data ?? null } as const
      yield* client.apply({ _tag: "Patch", ref: change.ref, patch: [back] })
      assert.deepStrictEqual((yield* draft).intent.changes, [])
    }).pipe(Effect.provide(sandbox))
  )

  it.effect(
    "that deleted an object: what we created stays once somebody else has changed it or put another in its place",
    () =>
      Effect.gen(function* () {
        const { change } = yield* personDoes(at("ConfigMap"), { data: { url: "a" } }, undefined)
        const services = servicesOf(change)
        const executor = yield* Effect.provide(Executor.Executor, services)
        const rollbacks = yield* Effect.provide(RollbackExecutor.RollbackExecutor, services)
        const { intent } = yield* executor.draft(inputOf(change))
        const outcome = yield* executor.execute(intent, { holds })
        const codeOf = Effect.map(
          rollbacks.plan({ intent, outcome, target, trigger: "operator", attempt: 1, remediationId: "r1", epoch: 1 }),
          (plan) => ("code" in plan ? plan.code : "planned")
        )
        assert.strictEqual(yield* codeOf, "planned")
        const client = yield* KubernetesClient
        const edit = { op: "replace", path: "/data/url", value: "mine" } as const
        yield* client.apply({ _tag: "Patch", ref: change.ref, patch: [edit] })
        assert.strictEqual(yield* codeOf, "changed-by-another")
        yield* client.apply({ _tag: "Delete", ref: change.ref, uid: outcome.created![0]!.uid })
        yield* client.apply({
          _tag: "Create",
          ref: change.ref,
          manifest: on(change.ref, { data: { url: "a" } }) as never
        })
        assert.strictEqual(yield* codeOf, "replaced")
      }).pipe(Effect.provide(sandbox))
  )
})
