/** Pods that the sandbox refuses to controllers, and creates once what refused them has gone. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Change } from "../../../src/domain/Change.ts"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { type PodRefusal, podRefusal } from "../../../src/simulation/farEnds/PodRefusals.ts"

const app = { namespace: "prod", kind: "Deployment", name: "app" }
const sandbox = Sandbox.layer({
  shop: false,
  deployments: [{ name: "app", namespace: "prod", behaviour: "healthy", replicas: 2 }]
})

const refusals: ReadonlyArray<readonly [how: PodRefusal, message: string]> = [
  ["quota", "exceeded quota: late-refusal"],
  ["limit-range", "maximum memory usage per Container is 1Mi"],
  ["pod-security", 'violates PodSecurity "restricted:latest": runAsNonRoot != true']
]

describe("pods that are refused", () => {
  it.effect.each(refusals)("by %s are created once it has gone", ([how, message]) =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const { begin, end } = podRefusal("prod", how, 2)
      for (const change of begin) yield* client.apply(change)
      const scaled: Change = { _tag: "Patch", ref: app, patch: [{ op: "replace", path: "/spec/replicas", value: 3 }] }
      yield* client.apply(scaled)
      yield* TestClock.adjust("1 minute")
      const refused = yield* readWorkload(app)
      assert.deepStrictEqual([refused.readyReplicas, refused.failedCreate?.includes(message)], [2, true])
      if (end !== undefined) yield* client.apply(end)
      else
        for (const { ref } of begin) {
          const { metadata } = yield* client.get(ref)
          yield* client.apply({ _tag: "Delete", ref, uid: metadata.uid })
        }
      yield* TestClock.adjust("1 minute")
      const created = yield* readWorkload(app)
      assert.deepStrictEqual([created.readyReplicas, created.failedCreate], [3, null])
    }).pipe(Effect.provide(sandbox))
  )
})
