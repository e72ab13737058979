/** A disruption budget allows no disruption, and an action would replace the pods that it protects. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { deployment, remediate, type SmallCluster } from "./SmallCluster.ts"

const alert = Schema.decodeSync(Schema.fromJsonString(Webhook))(
  readFileSync(new URL("restart-ignores-disruption-budget/alert.json", import.meta.url), "utf8")
)
const namespace = "t18"

const etcd = {
  kind: "StatefulSet",
  metadata: { namespace, name: "etcd" },
  spec: {
    replicas: 3,
    serviceName: "etcd",
    podManagementPolicy: "Parallel",
    selector: { matchLabels: { app: "etcd" } },
    template: { metadata: { labels: { app: "etcd" } }, spec: { containers: [{ name: "etcd", image: "etcd:1" }] } }
  }
}
const budget = (app: string, spec: object) => ({
  kind: "PodDisruptionBudget",
  metadata: { namespace, name: app },
  spec: { selector: { matchLabels: { app } }, ...spec }
})
const restart = (kind: string, name: string): Action => ({
  type: "RestartWorkload",
  target: { namespace, kind, name }
})
const aboutWeb = webhookAbout([{ alertname: "WebErrors", namespace, deployment: "web" }])

const asks = (title: string, webhook: Webhook, small: Omit<SmallCluster, "namespace">, said: RegExp) =>
  it.effect(title, () =>
    Effect.map(remediate(webhook, { namespace, ...small }), ({ remediation, writes }) => {
      assert.strictEqual(remediation.state, "AwaitingReview", remediation.conclusion)
      assert.match((remediation.decision?.reasons ?? []).map(({ message }) => message).join("\n"), said)
      assert.deepStrictEqual(writes, [])
    })
  )

describe("while a disruption budget allows no disruption", () => {
  asks(
    "a restart of the StatefulSet that it protects needs an approval, and the budget is named",
    alert,
    { objects: [budget("etcd", { minAvailable: 3 }), etcd], proposes: restart("StatefulSet", "etcd") },
    /PodDisruptionBudget etcd.*allows no disruption now/
  )

  asks(
    "a restart of a Deployment needs an approval",
    aboutWeb,
    {
      objects: [budget("web", { maxUnavailable: 0 }), deployment(namespace, "web")],
      proposes: restart("Deployment", "web")
    },
    /PodDisruptionBudget web/
  )

  it.effect("a restart of pods that it does not select is carried out", () =>
    Effect.map(
      remediate(aboutWeb, {
        namespace,
        objects: [budget("etcd", { minAvailable: 3 }), deployment(namespace, "web")],
        proposes: restart("Deployment", "web")
      }),
      ({ writes }) => {
        assert.deepStrictEqual(writes, ["patch Deployment/web"])
      }
    )
  )

  it.effect("a restart is carried out where the budget allows a disruption", () =>
    Effect.map(
      remediate(aboutWeb, {
        namespace,
        objects: [budget("web", { maxUnavailable: 1 }), deployment(namespace, "web")],
        proposes: restart("Deployment", "web")
      }),
      ({ writes }) => {
        assert.deepStrictEqual(writes, ["patch Deployment/web"])
      }
    )
  )
})
