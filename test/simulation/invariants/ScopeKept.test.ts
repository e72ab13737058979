import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import { scopeKept } from "../../../src/simulation/invariants/ScopeKept.ts"
import { app, committed, other } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const identity = { fingerprint: "f", startsAt: "2026-11-24T03:00:00.000Z" }
const autoscaler = { namespace: "prod", kind: "HorizontalPodAutoscaler", name: "scaler" }

/** What is reported when the service takes an action on that object, for an alert about `app`. */
const taking = (
  target: ResourceRef,
  { investigator = "llm", type = "RestartWorkload" } = {}
): ReadonlyArray<string> => {
  const read = (ref: ResourceRef) =>
    Result.succeed(
      ref.name === "scaler" ? { spec: { scaleTargetRef: { kind: "Deployment", name: app.name } } } : undefined
    )
  const { at, reports } = watch(scopeKept, undefined, { farEnds: { cluster: { read } } })
  at(0, { _tag: "AlertSent", alert: identity, firing: true, about: app })
  at(1, committed("rem-1", { _tag: "Accepted", alert: identity } as never))
  at(
    2,
    committed("rem-1", { _tag: "Investigated", investigation: { investigator, action: { type, target } } } as never)
  )
  return reports
}

describe("scope-kept", () => {
  it("accepts the workload itself, its pods and its autoscaler", () => {
    for (const target of [app, { ...app, kind: "Pod", name: "app-1-7d9f-x" }, autoscaler])
      assert.deepStrictEqual(taking(target), [])
  })

  it("reports another workload, another namespace, and pods and autoscalers of others", () => {
    for (const target of [
      other,
      { ...app, namespace: "kube-system" },
      { ...app, kind: "Pod", name: "app-2-7d9f-x" },
      { ...autoscaler, name: "of-others" },
      { namespace: "", kind: "Node", name: "node-1" }
    ])
      assert.lengthOf(taking(target), 1)
    assert.deepStrictEqual(taking(other), [
      "rem-1 about Deployment prod/app-1 took RestartWorkload on Deployment prod/app-2 from llm"
    ])
  })

  it("leaves restorations and rules to others", () => {
    assert.deepStrictEqual(taking(other, { type: "RestoreObject" }), [])
    assert.deepStrictEqual(taking(other, { investigator: "rules" }), [])
  })
})
