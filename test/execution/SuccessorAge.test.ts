/** The age of a predecessor and of its successor as the journal knows them, in plans on the sandbox. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import type { ObjectChange, WatchGap } from "../../src/domain/ObjectChange.ts"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { inTime } from "./faults.ts"
import { deployment, template } from "./objects.ts"
import { changeId, made, recorded } from "./restoring.ts"

const labels = { app: "web" }
const spec = { replicas: 2, selector: { matchLabels: labels }, template: template("app:v1", {}, labels) }
const deleted = (creationTimestamp: string, change: Partial<ObjectChange> = {}) =>
  recorded(deployment({ ...spec }, { name: "web-v1", creationTimestamp }), undefined, {
    at: "1970-01-01T01:00:00.000Z",
    ...change
  })

/** The asks of the plan that creates `web-v1` again, of which the journal knows these changes. `web-v2` runs since 1970. */
const asksWith = (...changes: ReadonlyArray<ObjectChange>) =>
  inTime(
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const ref = { namespace: "shop", kind: "Deployment", name: "web-v2" }
      const metadata = { namespace: "shop", name: ref.name }
      yield* client.apply({
        _tag: "Create",
        ref,
        manifest: { apiVersion: "apps/v1", kind: "Deployment", metadata, spec } as never
      })
      yield* Effect.sleep("2 minutes")
      const { asks } = yield* Effect.flatMap(Executor.Executor, (executor) =>
        executor.draft({
          action: { type: "RestoreObject", target: { ...ref, name: "web-v1" }, change: changeId },
          target: { cluster: "test", ...ref, name: "web-v1" },
          remediationId: "r1",
          executionId: "r1-1",
          epoch: 1
        })
      ).pipe(Effect.provide(Executor.layer().pipe(Layer.provide(ChangeJournal.layerMemory({ changes })))))
      return asks.map(({ rule }) => rule)
    })
  ).pipe(Effect.provide(Sandbox.layer()))

describe("an object that was deleted", () => {
  const own = deleted("1970-01-01T00:30:00Z")

  it.effect("is created again beside an older one", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asksWith(own), [])
    })
  )

  it.effect("asks beside one that is younger than the object that it had replaced itself", () =>
    Effect.gen(function* () {
      const first = deleted("1969-11-01T00:00:00Z", {
        id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAA",
        uid: "first",
        at: "1970-01-01T00:29:59.000Z"
      })
      assert.deepStrictEqual(yield* asksWith(first, own), ["replaced"])
    })
  )

  it.effect("asks beside one that Kubernaut has put back since, unless the journal knows that it is older", () =>
    Effect.gen(function* () {
      const before = { at: "1969-12-31T23:00:00.000Z" } as const
      const gone = deleted("1969-11-01T00:00:00Z", before)
      const other = (creationTimestamp: string) =>
        recorded(deployment({ ...spec }, { name: "web-v2", creationTimestamp }), undefined, {
          ...before,
          id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAA"
        })
      assert.deepStrictEqual(yield* asksWith(gone), ["replaced"])
      assert.deepStrictEqual(yield* asksWith(gone, other("1969-12-30T00:00:00Z")), ["replaced"])
      assert.deepStrictEqual(yield* asksWith(gone, other("1969-01-01T00:00:00Z")), [])
    })
  )
})

const policy = (name: string, ports: object, creationTimestamp: string) =>
  made(
    "NetworkPolicy",
    {
      apiVersion: "networking.k8s.io/v1",
      spec: {
        podSelector: { matchLabels: { app: "db" } },
        policyTypes: ["Ingress"],
        ingress: [{ from: [{ podSelector: { matchLabels: labels } }], ...ports }]
      }
    },
    { name, uid: `uid-${name}`, creationTimestamp }
  )
const [narrow, wide] = [{ ports: [{ protocol: "TCP", port: 5432 }] }, {}]
const longAgo = "1969-01-01T00:00:00Z"
const idOf = (n: number) => `chg-01ARZ3NDEKTSV4RRFFQ69${String(n).padStart(5, "0")}`

/**
 * The asks of the plan that creates the policy `wide` again, beside an older one that was deleted by mistake, and that
 * Kubernaut has put back. Somebody has tightened that one two days ago, before the other changes.
 */
const asksOfPolicy = (others: ReadonlyArray<KubernetesObject>, gaps: ReadonlyArray<WatchGap> = [], tightened = true) =>
  inTime(
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const b = policy("b", narrow, longAgo)
      const ref = { namespace: "shop", kind: "NetworkPolicy", name: "b" }
      yield* client.apply({
        _tag: "Create",
        ref,
        manifest: { ...b, metadata: { namespace: "shop", name: "b" } } as never
      })
      yield* Effect.sleep("2 minutes")
      const changes = [
        ...(tightened
          ? [recorded(policy("b", wide, longAgo), b, { id: idOf(0), at: "1969-12-30T00:00:00.000Z" })]
          : []),
        ...others.map((other, n) => recorded(undefined, other, { id: idOf(n + 1), at: "1969-12-31T00:00:00.000Z" })),
        recorded(policy("wide", wide, "1969-06-01T00:00:00Z"), undefined, { at: "1969-12-31T23:00:00.000Z" }),
        recorded(b, undefined, { id: "chg-01ARZ3NDEKTSV4RRFFQ69G6000", at: "1969-12-31T23:30:00.000Z" })
      ]
      const target = { cluster: "test", ...ref, name: "wide" }
      const { asks } = yield* Effect.flatMap(Executor.Executor, (executor) =>
        executor.draft({
          action: { type: "RestoreObject", target, change: changeId },
          target,
          remediationId: "r1",
          executionId: "r1-1",
          epoch: 1
        })
      ).pipe(Effect.provide(Executor.layer().pipe(Layer.provide(ChangeJournal.layerMemory({ changes, gaps })))))
      return asks.map(({ rule }) => rule)
    })
  ).pipe(Effect.provide(Sandbox.layer()))

describe("a policy that was deleted, beside an older one that Kubernaut has put back,", () => {
  const some = (object: (name: string) => KubernetesObject) =>
    Array.from({ length: 5100 }, (_, n) => object(`x${n % 100}`))

  it.effect("asks where that was tightened, however many workloads were changed since", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asksOfPolicy([]), ["opens-network"])
      const deployments = some((name) => deployment({ ...spec }, { name }))
      assert.deepStrictEqual(yield* asksOfPolicy(deployments), ["opens-network"])
      assert.deepStrictEqual(yield* asksOfPolicy(deployments, [], false), [])
    })
  )

  it.effect("asks where more policies were changed since than are read", () =>
    Effect.gen(function* () {
      const policies = some((name) => policy(name, narrow, longAgo))
      assert.deepStrictEqual(yield* asksOfPolicy(policies), ["opens-network"])
    })
  )

  it.effect("asks where the journal has only begun since, and is created again where it has a week", () =>
    Effect.gen(function* () {
      const begun = (to: string): WatchGap => ({ kind: "NetworkPolicy", from: null, to, reason: "not-started" })
      assert.deepStrictEqual(yield* asksOfPolicy([], [begun("1969-12-30T12:00:00.000Z")], false), ["opens-network"])
      assert.deepStrictEqual(yield* asksOfPolicy([], [begun("1969-12-25T12:00:00.000Z")], false), [])
    })
  )
})
