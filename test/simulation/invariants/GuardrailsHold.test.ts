import { assert, describe, it } from "@effect/vitest"
import { guardrailsHold } from "../../../src/simulation/invariants/GuardrailsHold.ts"
import {
  app,
  committed,
  evicted,
  executed,
  intended,
  intendedEviction,
  reviewed,
  verified,
  written
} from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const minuteMs = 60_000
const named = (name: string, namespace = "prod") => ({ ...app, name, namespace })

const start = () => {
  const ownership = (ref: { readonly name: string }) => ({ helm: "helm", scaled: "autoscaler" })[ref.name]
  const seen = watch(guardrailsHold, undefined, { farEnds: { cluster: { ownership } } })
  return {
    ...seen,
    act: (id: string, ref = app, { atMs = 0, path = "/spec/template" } = {}) =>
      seen.at(atMs, intended(id, ref, { atMs, path }), written(ref, `${id}-1`, { path }))
  }
}

describe("guardrails-hold", () => {
  it("reports even a refused write to a protected namespace, approved or not", () => {
    const seen = start()
    const target = named("coredns", "kube-system")
    seen.at(0, reviewed("rem-1", "approved"), intended("rem-1", target), written(target, "rem-1-1", { applied: "no" }))
    assert.deepStrictEqual(seen.reports, ["Patch of Deployment kube-system/coredns was sent, in a protected namespace"])
  })

  it("reports unapproved writes to Helm's fields and an autoscaler's replica count, and no others", () => {
    const seen = start()
    seen.act("rem-1", named("helm"))
    seen.act("rem-2", named("scaled"), { path: "/spec/replicas" })
    seen.act("rem-3", named("scaled-too"), { path: "/spec/replicas" })
    assert.deepStrictEqual(seen.reports, [
      "rem-1-1 wrote fields of helm that Helm declares",
      "rem-2-1 wrote the replica count of scaled, which an autoscaler owns"
    ])
  })

  it("accepts that what somebody has changed of Helm's fields is put back", () => {
    const seen = start()
    const ref = named("helm")
    seen.at(0, intended("rem-1", ref, { type: "RestoreObject" }), written(ref, "rem-1-1"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("accepts a restart of a Helm workload, and reports one that also changes its template", () => {
    const restart = { "kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00.000Z" }
    const annotations = "/spec/template/metadata/annotations"
    for (const [operations, expected] of [
      [[{ op: "add", path: annotations, value: restart }], 0],
      [
        [{ op: "add", path: `${annotations}/kubectl.kubernetes.io~1restartedAt`, value: "2026-11-24T03:00:00.000Z" }],
        0
      ],
      [[{ op: "add", path: annotations, value: { ...restart, "sidecar.istio.io/inject": "false" } }], 1],
      [[{ op: "replace", path: annotations, value: restart }], 1],
      [
        [
          { op: "add", path: annotations, value: restart },
          { op: "replace", path: "/spec/template/spec/containers/0/image", value: "app:2" }
        ],
        1
      ]
    ] as const) {
      const { at, reports } = start()
      const helm = named("helm")
      at(0, intended("rem-1", helm), {
        _tag: "ClusterWrite",
        by: "kubernaut",
        change: { _tag: "Patch", ref: helm, patch: operations },
        executionId: "rem-1-1",
        applied: "yes"
      })
      assert.strictEqual(reports.length, expected, JSON.stringify(operations))
    }
  })

  it("reports a repeated action on an object within its cooldown, and accepts it later or with approval", () => {
    const early = start()
    early.act("rem-1")
    early.act("rem-2", app, { atMs: 9 * minuteMs })
    assert.deepStrictEqual(early.reports, [
      "rem-2-1 did RollbackDeployment on Deployment prod/app-1 540000 ms after rem-1-1 had"
    ])
    const late = start()
    late.act("rem-1")
    late.act("rem-2", app, { atMs: 10 * minuteMs })
    assert.deepStrictEqual(late.reports, [])
    const approved = start()
    approved.act("rem-1")
    approved.at(1, reviewed("rem-2", "approved"))
    approved.act("rem-2", app, { atMs: 9 * minuteMs })
    assert.deepStrictEqual(approved.reports, [])
  })

  it("counts the cooldown from the wall clock at which an action was planned, also if it was set before the write", () => {
    for (const [slowMs, expected] of [
      [3 * minuteMs, []],
      [minuteMs, ["rem-2-1 did RollbackDeployment on Deployment prod/app-1 480000 ms after rem-1-1 had"]]
    ] as const) {
      const seen = start()
      seen.at(0, intended("rem-1", app, { atMs: -slowMs }), written(app, "rem-1-1"))
      seen.act("rem-2", app, { atMs: 8 * minuteMs })
      assert.deepStrictEqual(seen.reports, expected)
    }
  })

  it("counts the cooldown up to the latest time that was read for the decision, also if the clock was set back since", () => {
    const seen = start()
    seen.act("rem-1")
    seen.at(minuteMs, committed("rem-2", { _tag: "Investigated" }, 11 * minuteMs))
    seen.act("rem-2", app, { atMs: 2 * minuteMs })
    assert.deepStrictEqual(seen.reports, [])
  })

  it("counts the cooldown from the record of an execution, which may be minutes after its plan", () => {
    for (const [minutes, expected] of [
      [18, ["rem-2-1 did RollbackDeployment on Deployment prod/app-1 540000 ms after rem-1-1 had"]],
      [19, []]
    ] as const) {
      const seen = start()
      seen.at(0, intended("rem-1", app))
      seen.at(9 * minuteMs, written(app, "rem-1-1"), executed("rem-1", { applied: "yes" }, "rem-1-1", 9 * minuteMs))
      seen.act("rem-2", app, { atMs: minutes * minuteMs })
      assert.deepStrictEqual(seen.reports, expected)
    }
  })

  it("counts evictions, which have no annotation: two of one workload within the cooldown are reported", () => {
    const seen = start()
    seen.at(0, intendedEviction("rem-1", app), evicted(app))
    seen.at(minuteMs, intendedEviction("rem-2", app, { atMs: minuteMs }), evicted(app))
    assert.deepStrictEqual(seen.reports, ["rem-2-1 did EvictPod on Deployment prod/app-1 60000 ms after rem-1-1 had"])
  })

  it.each([
    [["not-fixed", "unknown", "not-fixed"], ["rem-4-1 began on Deployment prod/app-1 after 3 actions without effect"]],
    [["not-fixed", "not-fixed", "fixed"], []],
    [["fixed", "not-fixed", "not-fixed"], []]
  ])("reports after verdicts of %j: %j", (verdicts, reports) => {
    const seen = start()
    verdicts.forEach((verdict, index) => {
      seen.act(`rem-${index + 1}`, app, { atMs: index * 11 * minuteMs })
      seen.at(index * 11 * minuteMs + 1, verified(`rem-${index + 1}`, verdict))
    })
    seen.act("rem-4", app, { atMs: 40 * minuteMs })
    assert.deepStrictEqual(seen.reports, reports)
  })
})
