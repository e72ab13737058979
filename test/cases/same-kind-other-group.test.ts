/** An owner of another API group is not the workload of Kubernetes that has the same kind. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { parse } from "yaml"
import type { Action } from "../../src/domain/Action.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { autoscaler, controlledBy, deployment, remediate } from "./SmallCluster.ts"

const read = (name: string) => readFileSync(new URL(`same-kind-other-group/${name}`, import.meta.url), "utf8")
const alert = Schema.decodeSync(Schema.fromJsonString(Webhook))(read("alert.json"))
const pod = parse(read("pod.yaml")) as { readonly kind: string }
const namespace = "t2"
const evict: Action = { type: "EvictPod", target: { namespace, kind: "Pod", name: "db-0" } }

const podOf = (owner: Record<string, unknown>) => ({
  kind: "Pod",
  metadata: { name: "db-0", namespace, labels: { app: "db" }, ...owner },
  spec: { containers: [{ name: "app", image: "db:bad" }] }
})

describe("an owner of another API group", () => {
  it.effect("is named, and the pod itself is read", () =>
    Effect.map(remediate(alert, { namespace, objects: [pod] }), ({ remediation }) => {
      assert.deepInclude(remediation.target, { namespace, kind: "Pod", name: "db-0" })
      assert.isTrue(remediation.observed?.exists)
      assert.match(remediation.conclusion ?? "", /controlled by StatefulSet\.apps\.kruise\.example db/)
      assert.match(remediation.conclusion ?? "", /Kubernaut cannot act/)
      assert.notMatch(remediation.conclusion ?? "", /not exist/)
    })
  )

  it.effect("is left to a person: its pod is not evicted unasked", () =>
    Effect.map(remediate(alert, { namespace, objects: [pod], proposes: evict }), ({ remediation, writes }) => {
      assert.strictEqual(remediation.state, "AwaitingReview")
      assert.deepStrictEqual(writes, [])
    })
  )

  for (const [apiVersion, kind] of [
    ["argoproj.io/v1alpha1", "Rollout"],
    ["postgresql.cnpg.io/v1", "Cluster"],
    ["apps.example/v1", "Job"]
  ] as const)
    it.effect(`${apiVersion} ${kind} is named, and the pod itself is read`, () =>
      Effect.map(
        remediate(alert, { namespace, objects: [podOf(controlledBy(apiVersion, kind, "db"))] }),
        ({ remediation }) => {
          assert.strictEqual(remediation.target.kind, "Pod")
          assert.include(remediation.conclusion, `${kind}.${apiVersion.split("/")[0]} db`)
        }
      )
    )

  it.effect("does not lend its autoscaler to the Deployment of the same name, which is scaled", () =>
    Effect.map(
      remediate(webhookAbout([{ alertname: "X", namespace, deployment: "db", severity: "critical" }]), {
        namespace,
        objects: [
          deployment(namespace, "db"),
          autoscaler(namespace, "db", { apiVersion: "apps.example/v1", kind: "Deployment", name: "db" })
        ],
        proposes: { type: "ScaleWorkload", target: { namespace, kind: "Deployment", name: "db" }, replicas: 3 }
      }),
      ({ remediation, writes }) => {
        assert.isNull(remediation.observed?.autoscaler)
        assert.deepStrictEqual(writes, ["patch Deployment/db"])
      }
    )
  )

  it.effect("is not followed from an autoscaler: the autoscaler itself is read", () =>
    Effect.map(
      remediate(webhookAbout([{ alertname: "KubeHpaMaxedOut", namespace, horizontalpodautoscaler: "db" }]), {
        namespace,
        objects: [
          deployment(namespace, "db"),
          autoscaler(namespace, "db", { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "db" })
        ]
      }),
      ({ remediation }) => {
        assert.strictEqual(remediation.target.kind, "HorizontalPodAutoscaler")
        assert.isTrue(remediation.observed?.exists)
      }
    )
  )
})
