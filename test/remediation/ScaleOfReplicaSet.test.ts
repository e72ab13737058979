/** `ScaleWorkload` of ReplicaSets: of one without an owner, and of those that have one. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { autoscaler, controlledBy, deployment, remediate, type SmallCluster } from "../cases/SmallCluster.ts"
import { deployment as scaled } from "../execution/objects.ts"
import { planOf } from "../execution/plans.ts"
import { webhookAbout } from "../intake/webhooks.ts"

const namespace = "t4"
const name = "edge"

const scaleOf = (kind: string): Action => ({
  type: "ScaleWorkload",
  target: { namespace, kind, name },
  replicas: 3
})
const replicaSet = (metadata: Record<string, unknown> = {}) => ({
  ...deployment(namespace, name, metadata),
  kind: "ReplicaSet"
})
const about = webhookAbout([{ alertname: "KubeReplicasMismatch", namespace, replicaset: name }])
const outcomeOf = (small: Omit<SmallCluster, "namespace">) => remediate(about, { namespace, ...small })

describe("a ReplicaSet without an owner", () => {
  it.effect("is scaled, by its replicas alone, and read back", () =>
    Effect.map(
      outcomeOf({ objects: [replicaSet()], proposes: scaleOf("ReplicaSet") }),
      ({ remediation: { executions, observed, target }, writes }) => {
        assert.strictEqual(target.kind, "ReplicaSet")
        assert.deepStrictEqual(writes, ["patch ReplicaSet/edge"])
        assert.strictEqual(executions[0]?.outcome?.applied, "yes")
        assert.deepInclude(executions[0]?.intent.inverse, { _tag: "Exact" })
        assert.strictEqual(observed?.desiredReplicas, 2)
      }
    )
  )

  it.effect("that an autoscaler scales is left to it", () =>
    Effect.map(
      outcomeOf({
        objects: [replicaSet(), autoscaler(namespace, name, { apiVersion: "apps/v1", kind: "ReplicaSet", name })],
        proposes: scaleOf("ReplicaSet")
      }),
      ({ remediation, writes }) => {
        assert.deepStrictEqual(writes, [])
        assert.isTrue(remediation.decision?.reasons.some(({ rule }) => rule === "autoscaler-owned"))
      }
    )
  )
})

describe("a ReplicaSet with an owner", () => {
  it.effect("of Kubernetes is not the target: its Deployment is", () =>
    Effect.gen(function* () {
      const objects = [deployment(namespace, "web"), replicaSet(controlledBy("apps/v1", "Deployment", "web"))]
      const proposes: Action = {
        type: "ScaleWorkload",
        target: { namespace, kind: "Deployment", name: "web" },
        replicas: 3
      }
      const { remediation, writes } = yield* outcomeOf({ objects, proposes })
      assert.strictEqual(remediation.target.name, "web")
      assert.deepStrictEqual(writes, ["patch Deployment/web"])
    })
  )

  it.effect("of another controller is refused, with the owner's name, and nothing is written", () =>
    Effect.map(
      outcomeOf({
        objects: [replicaSet(controlledBy("argoproj.io/v1alpha1", "Rollout", "web"))],
        proposes: scaleOf("ReplicaSet")
      }),
      ({ remediation, writes }) => {
        assert.deepStrictEqual(writes, [])
        assert.strictEqual(remediation.state, "Escalated")
        const reasons = remediation.decision?.reasons ?? []
        assert.isTrue(reasons.some(({ rule }) => rule === "owner-kind"))
        assert.match(reasons.map(({ message }) => message).join(" "), /belongs to Rollout web.*Scale Rollout web/)
      }
    )
  )

  it.effect("of Kubernetes that a proposal names is neither the target nor a part of it", () =>
    Effect.map(
      outcomeOf({
        objects: [deployment(namespace, "web"), replicaSet(controlledBy("apps/v1", "Deployment", "web"))],
        proposes: scaleOf("ReplicaSet")
      }),
      ({ remediation, writes }) => {
        assert.deepStrictEqual(writes, [])
        assert.match(remediation.conclusion ?? "", /neither Deployment t4\/web nor a part of it/)
      }
    )
  )
})

describe("a ReplicationController", () => {
  it("is no kind that the catalogue scales, and the refusal names the kinds that it does", () => {
    const subject = { ...scaled(), kind: "ReplicationController" }
    assert.deepInclude(planOf(scaleOf("ReplicationController"), subject), {
      rule: "wrong-kind",
      message:
        "ScaleWorkload does not apply to ReplicationController t4/edge; it applies to Deployment, StatefulSet, ReplicaSet."
    })
  })
})
