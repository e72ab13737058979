/** Policies that Kubernaut has put back, beside one that an undo would create again. */

import { assert, describe, it } from "@effect/vitest"
import type { ObjectChange, WatchGap } from "../../src/domain/ObjectChange.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { followed, made, planBack, recorded } from "./restoring.ts"

/** The wide policy was deleted at 10:00 on 24 November, and Kubernaut has put back the other one at 10:05. */
const [old, back] = ["2026-01-01T00:00:00Z", "2026-11-24T10:05:00Z"]
const policy = (name: string, rule: object, creationTimestamp: string, metadata: object = {}): KubernetesObject =>
  made(
    "NetworkPolicy",
    { spec: { podSelector: { matchLabels: { app: "db" } }, policyTypes: ["Ingress"], ingress: [rule] } },
    { name, uid: `uid-${name}`, creationTimestamp, ...metadata }
  )
const web = { from: [{ podSelector: { matchLabels: { app: "web" } } }] }
const narrow = { ...web, ports: [{ protocol: "TCP", port: 5432 }] }
const wide = policy("wide", web, "2026-06-01T00:00:00Z")
const b = policy("b", narrow, old)

const written = (manager: string, time: string) => ({
  managedFields: [{ manager, time, fieldsV1: { "f:spec": { "f:ingress": {} } } }]
})
const gap: WatchGap = { kind: "NetworkPolicy", from: null, to: "2026-11-22T00:00:00.000Z", reason: "dropped" }

/** What a person is told who is asked about the wide policy beside the other one, which Kubernaut has written. */
const beside = (created: string, history: ReadonlyArray<ObjectChange>, historyGaps: ReadonlyArray<WatchGap> = []) => {
  const related = [policy("b", narrow, created, { uid: "uid-back", ...written("kubernaut", back) })]
  const result = planBack(recorded(wide, undefined), undefined, { related, history, historyGaps })
  return result._tag === "Plan" ? result.asks.map(({ message }) => message).join("\n") : result.message
}

describe("the person who is asked", () => {
  it("is told that Kubernaut has put the other policy back, and not that somebody has made or changed it", () => {
    const opened = followed(b, policy("b", {}, old))
    const known = "and was put back by Kubernaut, which may have no record of who created or changed it before"
    for (const message of [
      beside(back, [followed(b, undefined)], [gap]),
      beside(old, [opened], [gap]),
      beside(back, [])
    ]) {
      assert.include(message, known)
      assert.notInclude(message, "later")
    }
  })

  it("is told who is known to have changed it, also where Kubernaut has written it since", () => {
    const tightened = followed(policy("b", {}, old), b, { at: "2026-11-23T00:00:00.000Z" })
    assert.include(beside(old, [tightened], [gap]), "was changed at 2026-11-23T00:00:00.000Z")
  })
})
