import { assert, describe, it } from "@effect/vitest"
import type { WatchGap } from "../../../src/domain/ObjectChange.ts"
import { byChange } from "../../../src/investigation/rules/SuspectedChange.ts"
import { alert, at, container, modified, pod, ref, state, target } from "../../changes/scenes.ts"
import { requestOf } from "../fixtures/ChangedScenes.ts"

/** An innocent change, five minutes before the alert. */
const change = modified(target, -300, container("env", { by: "name", value: "LOG_LEVEL" }, "value"))

const ruleWith = (gap: Omit<WatchGap, "kind">) =>
  byChange(
    requestOf({
      alert: alert("CheckoutErrorRateHigh"),
      observed: state({ pods: [pod("checkout-1"), pod("checkout-2")] }),
      candidates: [{ change, distance: 0, relation: "is the target" }],
      gaps: [{ kind: "NetworkPolicy", ...gap }]
    })
  )

const days = (count: number): number => -86_400 * count

describe("a clear suspect", () => {
  it.each<[what: string, gap: Omit<WatchGap, "kind">]>([
    ["the API server has not responded", { from: at(-600), to: null, reason: "unavailable" }],
    ["the right to watch was taken away", { from: at(-600), to: null, reason: "forbidden" }],
    ["the right to watch was taken away, and given back", { from: at(-600), to: at(-60), reason: "forbidden" }],
    ["the right to watch was first given", { from: null, to: at(-60), reason: "forbidden" }],
    ["the kind went, with its objects", { from: at(-200), to: null, reason: "not-served" }],
    ["the kind came", { from: null, to: at(-60), reason: "not-served" }],
    ["not all changes of the kind are kept", { from: null, to: at(-60), reason: "dropped" }],
    [
      "not all changes of an object are kept",
      { from: null, to: at(-60), reason: "dropped", object: ref("NetworkPolicy", "busy") }
    ],
    ["the watch had to begin again", { from: at(-250), to: at(-200), reason: "expired" }]
  ])("needs a person where, between it and the symptom, %s", (_what, gap) => {
    const found = ruleWith(gap)
    assert.strictEqual(found?.rule, "suspect-needs-person")
    assert.include(found?.cause ?? "", "another change may be the cause")
  })

  it.each<[what: string, gap: Omit<WatchGap, "kind">]>([
    ["RBAC never allowed it", { from: null, to: null, reason: "forbidden" }],
    ["RBAC has not allowed it for a week", { from: at(days(8)), to: null, reason: "forbidden" }],
    ["the cluster never had it", { from: null, to: null, reason: "not-served" }],
    ["what is not kept is older than the suspect", { from: null, to: at(-400), reason: "dropped" }],
    ["it was watched again before the suspect", { from: at(-900), to: at(-400), reason: "stopped" }],
    ["it went unwatched after the symptom", { from: at(2), to: null, reason: "forbidden" }]
  ])("is undone although a kind is not watched, where %s", (_what, gap) => {
    assert.strictEqual(ruleWith(gap)?.rule, "undo-suspected-change")
  })
})
