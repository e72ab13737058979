import { assert, describe, it } from "@effect/vitest"
import { orderInDoubt } from "../../src/changes/OrderInDoubt.ts"
import { Recorder } from "../../src/changes/Recorder.ts"
import { ChangeId } from "../../src/domain/ObjectChange.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, service } from "./objects.ts"
import { at, minutes, startsMs } from "./scenes.ts"

/** A state that was written at this time by the clock of the API server. */
const written = (object: KubernetesObject, seconds: number, resourceVersion: string): KubernetesObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    resourceVersion,
    managedFields: [{ manager: "kube-controller-manager", time: at(seconds).replace(".000Z", "Z"), fieldsV1: {} }]
  }
})

/**
 * What is recorded of a change of a Service that we see ten seconds before the symptom, 30 s after a status was
 * written.
 */
const recorded = (leadSeconds: number, change: "deleted" | "removed", sinceSeconds = 30, isGap = false) => {
  const recorder = new Recorder(() => ChangeId.make("chg-01KB00000000000000000000AA"))
  const see = (object: KubernetesObject, seconds: number, type: "ADDED" | "MODIFIED" | "DELETED", notBefore?: string) =>
    recorder.observe({ type, object } as never, {
      seenAt: at(seconds),
      isFirst: type === "ADDED",
      ...(notBefore === undefined ? {} : { notBefore })
    })
  const before = service("checkout", { app: "checkout", tier: "a" })
  const old = -minutes(600)
  see(written(before, old, "1"), -minutes(60), "ADDED")
  see(written(deployment("checkout"), old, "1"), -minutes(60), "ADDED")
  const seen = -10 - sinceSeconds
  see(written(deployment("checkout"), seen + leadSeconds, "2"), seen, "MODIFIED")
  const after = change === "deleted" ? before : service("checkout", { app: "checkout" })
  see(written(after, old, "3"), -10, change === "deleted" ? "DELETED" : "MODIFIED", isGap ? at(-60) : undefined)
  const found = recorder.unstored
  assert.lengthOf(found, 1)
  return found[0]!
}

describe("a change that the API server does not date", () => {
  const doubt = (...given: Parameters<typeof recorded>) => orderInDoubt(recorded(...given), { latestMs: startsMs })

  it("may have followed the symptom where other writes are dated ahead of us", () => {
    for (const change of ["deleted", "removed"] as const) {
      const found = recorded(30, change)
      assert.deepStrictEqual([found.at, found.statedAt], [at(-10), at(20)])
      assert.include(doubt(30, change), `By the clock of the API server it was made at ${at(20)}`)
    }
  })

  it("came first where the clocks agree, or the lead is shorter than the time up to the symptom", () => {
    for (const lead of [-30, 0, 2, 8]) assert.isUndefined(doubt(lead, "deleted"))
    assert.isUndefined(recorded(2, "deleted").statedAt)
  })

  it("is not judged by a lead of long ago, by one that no clock has, or in a gap", () => {
    assert.isUndefined(recorded(30, "deleted", minutes(11)).statedAt)
    assert.isUndefined(recorded(minutes(16), "deleted").statedAt)
    assert.isUndefined(recorded(30, "deleted", 30, true).statedAt)
  })
})
