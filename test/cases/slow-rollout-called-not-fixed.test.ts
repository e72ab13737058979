/** A rolling restart of four pods, each of which takes 100 s to become ready. It goes well and takes 400 s. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { parseAllDocuments } from "yaml"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import { remediate, type SmallCluster } from "./SmallCluster.ts"

const read = (name: string): string =>
  readFileSync(new URL(`slow-rollout-called-not-fixed/${name}`, import.meta.url), "utf8")

const alert = Schema.decodeSync(Schema.fromJsonString(Webhook))(read("alert.json"))
type Manifest = SmallCluster["objects"][number]
const [, deployment] = parseAllDocuments(read("cluster.yaml")).map((document) => document.toJS() as Manifest)

/** The same as a StatefulSet, which replaces one pod after another and has no condition `Progressing`. */
const statefulSet = ({ metadata, spec }: Manifest): Manifest => {
  const { selector, template } = spec as { readonly selector: unknown; readonly template: unknown }
  return { kind: "StatefulSet", metadata, spec: { serviceName: "jvm", replicas: 4, selector, template } }
}

const about = ({ kind }: Manifest, status: "firing" | "resolved"): Webhook => ({
  ...alert,
  status,
  alerts: alert.alerts.map((each) => ({
    ...each,
    status,
    labels: { alertname: "HighErrorRate", severity: "critical", namespace: "t20", [kind.toLowerCase()]: "jvm" }
  }))
})

/** Restarts the workload. Its alert resolves after 500 s, and `spoils` happens after 250 s. */
const restarted = (
  manifest: Manifest,
  spoils: (cluster: KubernetesClient["Service"]) => Effect.Effect<unknown, KubernetesError> = () => Effect.void
) =>
  remediate(about(manifest, "firing"), {
    namespace: "t20",
    objects: [manifest],
    settles: "10 minutes",
    proposes: { type: "RestartWorkload", target: { namespace: "t20", kind: manifest.kind, name: "jvm" } },
    meanwhile: ({ receive }, cluster) =>
      Effect.orDie(
        Effect.all(
          [
            Effect.delay(receive(about(manifest, "resolved")), "500 seconds"),
            Effect.delay(spoils(cluster), "250 seconds")
          ],
          { concurrency: "unbounded", discard: true }
        )
      )
  })

describe("a rolling restart that takes longer than the time to settle", () => {
  it.effect("is watched while it makes progress, and is fixed once it has completed and the alert resolved", () =>
    Effect.gen(function* () {
      const { remediation } = yield* restarted(deployment!)
      const { reasons = [], verdict } = remediation.verification ?? {}
      assert.strictEqual(verdict, "fixed", reasons.join("; "))
      assert.match(reasons[0] ?? "", /^settled: 4 of 4 ready/)
      assert.strictEqual(remediation.state, "Remediated")
    })
  )

  it.effect("is watched in the same way for a StatefulSet, by its updated replicas", () =>
    Effect.gen(function* () {
      const { remediation } = yield* restarted(statefulSet(deployment!))
      const { reasons = [], verdict } = remediation.verification ?? {}
      assert.strictEqual(verdict, "fixed", reasons.join("; "))
      assert.match(reasons[0] ?? "", /^settled: 4 of 4 ready/)
    })
  )

  it.effect("is not fixed if new pods crash, although the controller still reports progress", () =>
    Effect.gen(function* () {
      const { remediation } = yield* restarted(deployment!, (cluster) =>
        cluster.apply({
          _tag: "Patch",
          ref: { namespace: "t20", kind: "Deployment", name: "jvm" },
          patch: [
            {
              op: "add",
              path: "/spec/template/metadata/annotations",
              value: { "sim/ready-delay": "1s", "sim/fail": "crashloop" }
            }
          ]
        })
      )
      const { reasons, verdict } = remediation.verification ?? {}
      assert.strictEqual(verdict, "not-fixed", reasons?.join("; "))
      assert.match(reasons?.join("; ") ?? "", /not-updated: \d of 4/)
    })
  )
})
