/** One of three pods is OOM-killed, and a LimitRange allows no more memory. The strategy is Recreate. */

import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import { until } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import * as LiveCase from "./LiveCase.ts"

const plane = await controlPlane()
afterAll(plane.stop)

describe.skipIf(!plane.available)(`more memory than admission allows${plane.note}`, () => {
  it.live(
    "is not written: the pods that serve go on serving, and a person learns which LimitRange is in the way",
    () =>
      Effect.gen(function* () {
        const live = yield* LiveCase.make({
          folder: "more-memory-makes-an-outage",
          namespaceInFiles: "t4b",
          kubeconfig: plane.kubeconfig
        })
        const [killed] = yield* live.ready(3)
        yield* live.fail(killed!, "oom")
        yield* until("an OOM kill", live.pods, (pods) =>
          pods.some((pod) => JSON.stringify(pod.status?.containerStatuses ?? []).includes("OOMKilled"))
        )
        const remediation = yield* live.handle({ "THE-KILLED-POD": killed!.metadata.name })
        assert.strictEqual(remediation.state, "Escalated", remediation.conclusion)
        assert.match(remediation.conclusion ?? "", /FailedCreate.*LimitRange mem allows at most 256Mi of memory/)
        assert.deepStrictEqual(remediation.executions, [])
        const deployment = (yield* live.get("Deployment", "api")) as Deployment
        assert.strictEqual(deployment.spec.template.spec.containers[0]?.resources?.limits?.["memory"], "256Mi")
        assert.isAtLeast((yield* live.readyPods).length, 2)
      }).pipe(Effect.scoped),
    180_000
  )
})
