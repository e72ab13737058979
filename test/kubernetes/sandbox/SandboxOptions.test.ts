/** The options of the sandbox: fault injection, generated Deployments and pace. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient, KubernetesError } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { apply, read, ref, replace } from "./ShopRequests.ts"

const failure = (reason: KubernetesError["reason"], operation: string, applied: KubernetesError["applied"]) =>
  new KubernetesError({ reason, operation, applied, retryable: applied === "no" })

describe("the sandbox", () => {
  it.effect("lets intercept refuse a request, or discard the result of one that was carried out", () => {
    const broken = Sandbox.layer({
      intercept: ({ verb, dryRun }, request) => {
        if (verb === "probe") return Effect.fail(failure({ _tag: "Unavailable" }, "probe", "no"))
        return verb === "patch" && !dryRun
          ? Effect.andThen(request, Effect.fail(failure({ _tag: "Timeout" }, "patch", "unknown")))
          : request
      }
    })
    return Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      assert.strictEqual((yield* Effect.flip(kubernetes.probe)).reason._tag, "Unavailable")
      assert.strictEqual(
        (yield* Effect.flip(apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 5)))).applied,
        "unknown"
      )
      assert.strictEqual((yield* read("Deployment", "catalog")).desiredReplicas, 5)
    }).pipe(Effect.provide(broken))
  })

  it.effect("runs generated Deployments as configured, and at instant pace completes an undo with its write", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* read("Deployment", "bad-7", "load"), {
        desiredReplicas: 2,
        readyReplicas: 2,
        updatedReplicas: 1,
        endpoints: 2
      })
      assert.isAbove((yield* read("Deployment", "bad-7", "load")).restarts!, 0)
      assert.deepInclude(yield* read("Deployment", "oom", "load"), { readyReplicas: 0, endpoints: 0 })
      assert.deepInclude(yield* read("Deployment", "good", "load"), { readyReplicas: 5, endpoints: 5 })
      yield* apply(
        replace(
          ref("Deployment", "bad-7", "load"),
          "/spec/template/spec/containers/0/image",
          "registry.example/load/bad-7:v1.0.0"
        )
      )
      assert.deepInclude(yield* read("Deployment", "bad-7", "load"), {
        readyReplicas: 2,
        updatedReplicas: 2,
        restarts: 0,
        revision: 3
      })
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          pace: Sandbox.instantPace,
          deployments: [
            ...Array.from({ length: 200 }, (_, index) => ({
              namespace: "load",
              name: `bad-${index}`,
              behaviour: "bad-rollout" as const
            })),
            { namespace: "load", name: "oom", behaviour: "oom" },
            { namespace: "load", name: "good", behaviour: "healthy", replicas: 5 }
          ]
        })
      )
    )
  )
})
