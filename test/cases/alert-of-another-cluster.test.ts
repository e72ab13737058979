/** One Alertmanager serves the clusters prod-a and prod-b, and both have a Deployment t5/web. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import alert from "./alert-of-another-cluster/alert.json" with { type: "json" }

const webhook = Schema.decodeUnknownSync(Webhook)(alert)

const withLabels = (labels: Readonly<Record<string, string>>): Webhook => ({
  ...webhook,
  alerts: webhook.alerts.map((each) => ({ ...each, labels: { ...each.labels, ...labels } }))
})

const resolved: Webhook = {
  ...webhook,
  status: "resolved",
  alerts: webhook.alerts.map((each) => ({ ...each, status: "resolved", endsAt: "2026-11-28T02:00:00Z" }))
}

/** The service for prod-a in mode auto. It notes its requests to the cluster and its questions to a model. */
const service = Effect.gen(function* () {
  const requests: Array<string> = []
  const questions: Array<string> = []
  const model: Investigator = {
    name: "holmesgpt",
    investigate: ({ alert }) => {
      questions.push(alert.name)
      return Effect.never
    }
  }
  const sandbox = Sandbox.layer({
    deployments: [{ namespace: "t5", name: "web", behaviour: "healthy", replicas: 3 }],
    intercept: ({ kind, name, verb }, request) => {
      requests.push(`${verb} ${kind} ${name}`)
      return request
    }
  })
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "prod-a", mode: "auto", investigators: [model] }).pipe(
      Layer.provide(sandbox),
      Layer.provideMerge(Storage.layerMemory)
    )
  )
  const { receive } = Context.get(context, Kubernaut.Kubernaut)
  const store = Context.get(context, RemediationStore)
  return { requests, questions, receive, store }
})

describe("an alert of another cluster", () => {
  it.effect("is recorded as Observed with both clusters in the reason, and nothing is read, written or asked", () =>
    Effect.gen(function* () {
      const { questions, receive, requests, store } = yield* service
      const before = requests.length
      const [result] = (yield* receive(webhook)).results
      assert.strictEqual(result?.status, "accepted")
      yield* TestClock.adjust("10 minutes")
      const remediation = Option.getOrThrow(yield* store.get(result!.remediationId!))
      assert.strictEqual(remediation.state, "Observed")
      assert.match(remediation.conclusion ?? "", /names cluster prod-b.*works on cluster prod-a/)
      assert.deepStrictEqual(remediation.target, {
        cluster: "prod-b",
        namespace: "t5",
        kind: "Deployment",
        name: "web"
      })
      assert.deepStrictEqual(
        (yield* store.journal(remediation.id)).map(({ event }) => event._tag),
        ["Accepted", "Concluded"]
      )
      assert.deepStrictEqual(
        requests.slice(before).filter((request) => !request.startsWith("probe")),
        []
      )
      assert.deepStrictEqual(questions, [])
    }).pipe(Effect.scoped)
  )

  it.effect("never joins or leads an alert of our cluster about a workload of the same name", () =>
    Effect.gen(function* () {
      const { receive, store } = yield* service
      const [theirs] = (yield* receive(webhook)).results
      const [ours] = (yield* receive(withLabels({ cluster: "prod-a" }))).results
      const [again] = (yield* receive(withLabels({ cluster: "prod-b", instance: "2" }))).results
      const stateOf = (result: typeof ours) =>
        Effect.map(store.get(result!.remediationId!), (found) => Option.getOrThrow(found).state)
      assert.strictEqual(yield* stateOf(theirs), "Observed")
      assert.strictEqual(yield* stateOf(ours), "Investigating")
      assert.strictEqual(yield* stateOf(again), "Observed")
      assert.deepStrictEqual<ReadonlyArray<string>>(yield* store.openTargets, ["prod-a/t5/Deployment/web"])
    }).pipe(Effect.scoped)
  )

  it.effect("has its resolution recorded", () =>
    Effect.gen(function* () {
      const { receive, store } = yield* service
      const [fired] = (yield* receive(webhook)).results
      const [ended] = (yield* receive(resolved)).results
      assert.strictEqual(ended?.remediationId, fired?.remediationId)
      const remediation = Option.getOrThrow(yield* store.get(fired!.remediationId!))
      assert.strictEqual(remediation.state, "Observed")
      assert.strictEqual(remediation.alertResolvedAt, "2026-11-28T02:00:00.000Z")
    }).pipe(Effect.scoped)
  )
})
