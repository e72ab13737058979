/** A LimitRange allows no more memory than the pods have: the raised limit would leave no pod. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { remediate, type SmallCluster } from "./SmallCluster.ts"

const alert = Schema.decodeSync(Schema.fromJsonString(Webhook))(
  readFileSync(new URL("more-memory-makes-an-outage/alert.json", import.meta.url), "utf8")
)
const namespace = "t4b"

const api = (spec: object = {}, limits: object = { memory: "256Mi", cpu: "100m" }) => ({
  kind: "Deployment",
  metadata: { namespace, name: "api" },
  spec: {
    replicas: 3,
    strategy: { type: "Recreate" },
    selector: { matchLabels: { app: "api" } },
    template: {
      metadata: { labels: { app: "api" }, annotations: {} },
      spec: { containers: [{ name: "app", image: "api:1", resources: { limits } }] }
    },
    ...spec
  }
})
const limitRange = (limit: object) => ({
  kind: "LimitRange",
  metadata: { namespace, name: "mem" },
  spec: { limits: [limit] }
})
const quota = (hard: object) => ({ kind: "ResourceQuota", metadata: { namespace, name: "team" }, spec: { hard } })

const target = { namespace, kind: "Deployment", name: "api" }
const raise: Action = { type: "AdjustResources", target, container: "app", limits: { memory: "512Mi" } }
const surging = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }
const aboutApi = webhookAbout([{ alertname: "KubePodCrashLooping", namespace, deployment: "api" }])

const refuses = (title: string, small: Omit<SmallCluster, "namespace">, said: RegExp) =>
  it.effect(title, () =>
    Effect.map(remediate(aboutApi, { namespace, proposes: raise, ...small }), ({ remediation, writes }) => {
      assert.strictEqual(remediation.state, "Escalated", remediation.conclusion)
      assert.match(remediation.conclusion ?? "", said)
      assert.deepStrictEqual(writes, [])
    })
  )

describe("more memory than admission allows", () => {
  it("is the alert of the case", () => {
    assert.strictEqual(alert.alerts[0]?.labels["namespace"], namespace)
  })

  refuses(
    "for a container is refused before any pod is gone, and the LimitRange is named",
    { objects: [limitRange({ type: "Container", max: { memory: "256Mi" } }), api()] },
    /FailedCreate.*LimitRange mem allows at most 256Mi of memory per Container, and container app would have 512Mi/
  )

  refuses(
    "for a pod is refused with the strategy RollingUpdate too",
    { objects: [limitRange({ type: "Pod", max: { memory: "256Mi" } }), api(surging)] },
    /LimitRange mem allows at most 256Mi of memory per Pod/
  )

  refuses(
    "by a quota is refused, and the quota is named",
    { objects: [quota({ "limits.memory": "1Gi" }), api(surging)] },
    /FailedCreate.*quota team/
  )

  refuses(
    "is refused for a restart too, when a LimitRange has been lowered since the pods were created",
    {
      objects: [api(surging), limitRange({ type: "Container", max: { memory: "128Mi" } })],
      proposes: { type: "RestartWorkload", target }
    },
    /LimitRange mem allows at most 128Mi/
  )

  it.effect("within the LimitRange and the quota is written", () =>
    Effect.map(
      remediate(aboutApi, {
        namespace,
        objects: [
          limitRange({ type: "Container", max: { memory: "1Gi" } }),
          quota({ "limits.memory": "3Gi" }),
          api(surging)
        ],
        proposes: raise
      }),
      ({ writes }) => {
        assert.deepStrictEqual(writes, ["patch Deployment/api"])
      }
    )
  )
})
