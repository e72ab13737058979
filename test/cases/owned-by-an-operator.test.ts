/** An object that an operator or another tool declares is changed only after a person has agreed. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { autoscaler, controlledBy, deployment, remediate, type SmallCluster } from "./SmallCluster.ts"

const alert = Schema.decodeSync(Schema.fromJsonString(Webhook))(
  readFileSync(new URL("owned-by-an-operator/alert.json", import.meta.url), "utf8")
)
const namespace = "t3"
const scales = { apiVersion: "apps/v1", kind: "Deployment", name: "edge" }
const raise: Action = {
  type: "PatchHpa",
  target: { namespace, kind: "HorizontalPodAutoscaler", name: "edge" },
  maxReplicas: 6
}
const onDeployment = { namespace, kind: "Deployment", name: "edge" }

const asks = (title: string, small: Omit<SmallCluster, "namespace">, said: RegExp, webhook = alert) =>
  it.effect(title, () =>
    Effect.map(remediate(webhook, { namespace, ...small }), ({ remediation, writes }) => {
      assert.strictEqual(remediation.state, "AwaitingReview", remediation.conclusion)
      const reason = remediation.decision?.reasons.find(({ rule }) => rule === "managed-object")
      assert.match(reason?.message ?? JSON.stringify(remediation.decision), said)
      assert.deepStrictEqual(writes, [])
    })
  )

const aboutDeployment = webhookAbout([{ alertname: "KubeDeploymentRolloutStuck", namespace, deployment: "edge" }])

describe("an object that somebody else declares", () => {
  asks(
    "an autoscaler with a mark of its own is not changed unasked, although its Deployment bears none",
    {
      objects: [
        deployment(namespace, "edge"),
        autoscaler(namespace, "edge", scales, { labels: { "scaledobject.keda.sh/name": "edge" } })
      ],
      proposes: raise
    },
    /HorizontalPodAutoscaler t3\/edge is managed by keda/
  )

  asks(
    "an autoscaler that a custom resource controls is not changed unasked, and the owner is named",
    {
      objects: [
        deployment(namespace, "edge"),
        autoscaler(namespace, "edge", scales, controlledBy("keda.sh/v1alpha1", "ScaledObject", "edge-scaler"))
      ],
      proposes: raise
    },
    /HorizontalPodAutoscaler t3\/edge is controlled by ScaledObject\.keda\.sh edge-scaler/
  )

  for (const proposes of [
    { type: "RestartWorkload", target: onDeployment },
    { type: "ScaleWorkload", target: onDeployment, replicas: 3 },
    { type: "AdjustResources", target: onDeployment, container: "app", limits: { memory: "256Mi" } }
  ] satisfies ReadonlyArray<Action>)
    asks(
      `${proposes.type} on a Deployment that a custom resource controls needs an approval, and the owner is named`,
      {
        objects: [deployment(namespace, "edge", controlledBy("gateway.example/v1", "EdgeProxy", "public"))],
        proposes
      },
      /Deployment t3\/edge is controlled by EdgeProxy\.gateway\.example public/,
      aboutDeployment
    )

  asks(
    "a Deployment that names its custom resource without the mark of a controller is not scaled unasked",
    {
      objects: [
        deployment(namespace, "edge", {
          ownerReferences: [{ apiVersion: "cache.example/v1", kind: "Memcached", name: "m", uid: "u" }]
        })
      ],
      proposes: { type: "ScaleWorkload", target: onDeployment, replicas: 3 }
    },
    /Deployment t3\/edge is owned by Memcached\.cache\.example m/,
    aboutDeployment
  )

  it.effect("an autoscaler that a person added by hand is raised unasked, although Helm declares its Deployment", () =>
    Effect.map(
      remediate(alert, {
        namespace,
        objects: [
          deployment(namespace, "edge", { labels: { "app.kubernetes.io/managed-by": "Helm" } }),
          autoscaler(namespace, "edge", scales)
        ],
        proposes: raise
      }),
      ({ remediation, writes }) => {
        assert.notStrictEqual(remediation.state, "AwaitingReview", JSON.stringify(remediation.decision))
        assert.deepStrictEqual(writes, ["patch HorizontalPodAutoscaler/edge"])
      }
    )
  )

  it.effect("a Deployment that a ConfigMap owns, for its deletion only, is restarted unasked", () =>
    Effect.map(
      remediate(aboutDeployment, {
        namespace,
        objects: [
          deployment(namespace, "edge", {
            ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "release", uid: "u" }]
          })
        ],
        proposes: { type: "RestartWorkload", target: onDeployment }
      }),
      ({ writes }) => assert.deepStrictEqual(writes, ["patch Deployment/edge"])
    )
  )
})
