/** What shows that taking a change back has helped. */

import { assert, describe, it } from "@effect/vitest"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { AlertStatus } from "../../src/verification/AlertEvidence.ts"
import { bare, evidence, healthy, intent, said, seen } from "./evidence.ts"

const target: ResourceRef = { namespace: "shop", kind: "Deployment", name: "checkout" }
const service: ResourceRef = { namespace: "shop", kind: "Service", name: "checkout" }
const config: ResourceRef = { namespace: "shop", kind: "ConfigMap", name: "checkout" }

/** A field that a restoration writes, and the object that has it. */
const field = (ref: ResourceRef, ...path: readonly [string, ...Array<string>]) =>
  ({
    change: { _tag: "Patch", ref, patch: [{ op: "replace", path: `/${path.join("/")}`, value: 3 }] },
    written: { apiVersion: "v1", kind: ref.kind, metadata: { name: ref.name, uid: "o", resourceVersion: "9" } },
    fields: { ref, fields: [{ path, before: 0, after: 3 }] },
    path
  }) as const

type Field = ReturnType<typeof field>

const object = ({ path, written }: Field) => ({
  ...written,
  ...(path.reduceRight((value: unknown, name) => ({ [name]: value }), 3) as object)
})

const replicas = field(target, "spec", "replicas")
const pause = field(target, "spec", "minReadySeconds")
const selector = field(service, "spec", "selector", "app")
const data = field(config, "data", "url")

const restored = (ref: ResourceRef, baseline: WorkloadState, change: Partial<Intent>): Intent =>
  intent({
    action: { type: "RestoreObject", target: ref, change: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV" },
    baseline,
    ...change
  })

const patched = (each: Field, baseline: WorkloadState): Intent =>
  restored(each.change.ref, baseline, { changes: [each.change as Change], fields: [each.fields] })

const created = (ref: ResourceRef, baseline: WorkloadState): Intent => {
  const manifest = { apiVersion: "v1", kind: ref.kind, metadata: { name: ref.name } }
  return restored(ref, baseline, { changes: [{ _tag: "Create", ref, manifest }] })
}

/** The verdict on a target that has been in this state for ten minutes since. */
const after = (before: Intent, written: ReadonlyArray<object>, alert: AlertStatus, now = healthy()) =>
  said(
    evidence(
      Array.from({ length: 301 }, (_, index) => seen(index * 2, now, { written: written as never })),
      { intent: before, alert }
    )
  )

const none = { readyReplicas: 0, updatedReplicas: 0, availableReplicas: 0, pods: [] }
const atZero = healthy({ ...none, desiredReplicas: 0, endpoints: 0 })
const unselected = healthy({ endpoints: null })
const gone = healthy({ ...none, exists: false, uid: null, desiredReplicas: null, endpoints: null })

const fixed = "fixed settled problem-gone"
const unknown = "unknown nothing-was-wrong"

const rows: ReadonlyArray<readonly [what: string, verdict: string, before: Intent, written: ReadonlyArray<object>]> = [
  ["its replicas were put back from 0", fixed, patched(replicas, atZero), [object(replicas)]],
  ["a Service selects its pods again", fixed, patched(selector, unselected), [object(selector)]],
  ["a deleted Service selects its pods again", fixed, created(service, unselected), [selector.written]],
  ["it was created again", fixed, created(target, gone), [replicas.written]],
  ["its replicas were put back, and it had some", unknown, patched(replicas, healthy()), [object(replicas)]],
  ["another field was put back, and it was at 0", unknown, patched(pause, atZero), [object(pause)]],
  ["a ConfigMap was put back, and no Service had selected it", unknown, patched(data, unselected), [object(data)]],
  ["a ConfigMap was put back, and it was at 0", unknown, patched(data, atZero), [object(data)]],
  ["a ConfigMap was created again, and it did not exist", unknown, created(config, gone), [data.written]]
]

describe("a target that is healthy after a restoration", () => {
  for (const [what, verdict, before, written] of rows) {
    it(`is ${verdict.split(" ")[0]} if ${what}`, () => {
      assert.strictEqual(after(before, written, "unknown"), verdict)
    })

    it(`is never fixed while its alert fires, although ${what}`, () => {
      assert.strictEqual(after(before, written, "firing"), "not-fixed alert-firing settled")
      assert.match(after(before, written, "was-firing"), /^unknown/)
      assert.match(after(before, written, "flapping"), /^unknown/)
    })
  }

  it("is unknown if a Service was put back, and none selects its pods", () => {
    const before = patched(selector, unselected)
    assert.strictEqual(after(before, [object(selector)], "unknown", unselected), unknown)
  })
})

describe("a target that is not healthy after a restoration", () => {
  it("is not fixed if its replicas were put back from 0, and none becomes ready", () => {
    const now = healthy({ readyReplicas: 0, availableReplicas: 0, endpoints: 0 })
    assert.match(after(patched(replicas, atZero), [object(replicas)], "unknown", now), /^not-fixed/)
  })

  it("is not fixed if the written count is no longer there", () => {
    const now = { ...object(replicas), spec: { replicas: 0 } }
    assert.match(after(patched(replicas, atZero), [now], "unknown", atZero), /^not-fixed .*reverted/)
  })

  it("is not fixed if it was created again, and does not exist", () => {
    assert.match(after(created(target, gone), [], "unknown", gone), /^not-fixed target-gone/)
  })
})

describe("a Service that is the target", () => {
  const behind = (endpoints: number) => bare("Service", { endpoints })
  const before = patched(selector, behind(0))

  it("is fixed once pods behind it are ready again", () => {
    assert.strictEqual(after(before, [object(selector)], "unknown", behind(2)), fixed)
  })

  it("is not fixed while no pod behind it is ready, whatever was written", () => {
    assert.match(after(before, [object(selector)], "unknown", behind(0)), /^not-fixed endpoints-missing/)
  })

  it("had nothing wrong that can be seen, if there were pods behind it", () => {
    assert.strictEqual(after(patched(selector, behind(2)), [object(selector)], "unknown", behind(2)), unknown)
  })
})

describe("a target whose autoscaler gets its bounds back", () => {
  const autoscaler: ResourceRef = { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "checkout" }
  const maximum = field(autoscaler, "spec", "maxReplicas")
  const maxed = healthy({ autoscaler: "checkout", autoscalerAtMaximum: true })
  const grown = { desiredReplicas: 5, readyReplicas: 5, updatedReplicas: 5, availableReplicas: 5, endpoints: 5 }

  it("is fixed once it has more replicas that are ready, if it was at its maximum", () => {
    const now = healthy({ ...maxed, ...grown, autoscalerAtMaximum: false })
    assert.strictEqual(after(patched(maximum, maxed), [object(maximum)], "unknown", now), fixed)
  })

  it("is not known to be fixed while it has as many as before, or if it was not at its maximum", () => {
    assert.strictEqual(after(patched(maximum, maxed), [object(maximum)], "unknown", maxed), unknown)
    const other = healthy({ autoscaler: "checkout", autoscalerAtMaximum: false })
    const now = healthy({ ...other, ...grown })
    assert.strictEqual(after(patched(maximum, other), [object(maximum)], "unknown", now), unknown)
  })
})
