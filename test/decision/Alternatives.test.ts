import { assert, describe, it } from "@effect/vitest"
import { catalog } from "../../src/decision/ActionCatalog.ts"
import { alternativesTo } from "../../src/decision/Alternatives.ts"
import type { Action } from "../../src/domain/Action.ts"
import type { ResourceBounds, Room } from "../../src/domain/Room.ts"

const target = { namespace: "shop", kind: "Deployment", name: "checkout" }
const scale = (replicas: number): Action => ({ type: "ScaleWorkload", target, replicas })
const adjust = (
  requests: Readonly<Record<string, string>> | undefined,
  limits: Readonly<Record<string, string>> | undefined
): Action => ({
  type: "AdjustResources",
  target,
  container: "app",
  ...(requests === undefined ? {} : { requests }),
  ...(limits === undefined ? {} : { limits })
})

const shortage = { quota: "compute", resource: "pods", requested: "8", used: "2", hard: "6" }
const replicas = (now: number, most: number): Room => ({ shortages: [shortage], replicas: { now, most } })
const bounds = (...resources: ReadonlyArray<ResourceBounds>): Room => ({ shortages: [], resources })
const memory = (
  list: ResourceBounds["list"],
  more: Pick<ResourceBounds, "from" | "least" | "most">
): ResourceBounds => ({ list, resource: "memory", ...more })

const only = (action: Action, room: Room, tried: ReadonlyArray<Action> = []) =>
  alternativesTo(action, room, tried).map((alternative) => alternative.action)

describe("alternatives to an action that does not fit", () => {
  const rows: ReadonlyArray<readonly [what: string, action: Action, room: Room, instead: Action | undefined]> = [
    ["a scale: the largest count that fits", scale(10), replicas(2, 6), scale(6)],
    ["a scale when nothing more fits", scale(10), replicas(2, 2), undefined],
    ["a scale when not even the present pods fit", scale(10), replicas(4, 2), undefined],
    [
      "a limit above the range: the range's maximum",
      adjust(undefined, { memory: "2Gi" }),
      bounds(memory("limits", { from: "256Mi", most: "1Gi" })),
      adjust(undefined, { memory: "1Gi" })
    ],
    [
      "a limit when the present one is all that fits",
      adjust(undefined, { memory: "2Gi" }),
      bounds(memory("limits", { from: "1Gi", most: "1Gi" })),
      undefined
    ],
    [
      "a request below the range's minimum: the minimum",
      adjust({ memory: "128Mi" }, undefined),
      bounds(memory("requests", { from: "64Mi", least: "256Mi", most: "1Gi" })),
      adjust({ memory: "256Mi" }, undefined)
    ],
    [
      "a request when the minimum does not fit into the quota",
      adjust({ memory: "128Mi" }, undefined),
      bounds(memory("requests", { from: "64Mi", least: "256Mi", most: "192Mi" })),
      undefined
    ],
    [
      "a request above the limit that fits: both the limit",
      adjust({ memory: "2Gi" }, { memory: "2Gi" }),
      bounds(memory("requests", { from: "1Gi", most: "2Gi" }), memory("limits", { from: "1Gi", most: "1536Mi" })),
      adjust({ memory: "1536Mi" }, { memory: "1536Mi" })
    ],
    [
      "a change of two resources of which one does not fit at all: the other one",
      adjust({ cpu: "2", memory: "2Gi" }, undefined),
      bounds({ list: "requests", resource: "cpu", from: "1", most: "1" }, memory("requests", { from: "1Gi" })),
      adjust({ memory: "2Gi" }, undefined)
    ]
  ]
  for (const [what, action, room, instead] of rows) {
    it(`${what}${instead === undefined ? ": none" : ""}`, () => {
      assert.deepStrictEqual(only(action, room), instead === undefined ? [] : [instead])
    })
  }

  it("names what was proposed, what is done instead, and the quota with its figures", () => {
    const [alternative] = alternativesTo(scale(10), replicas(2, 6), [])
    assert.deepStrictEqual(alternative?.reason, {
      rule: "alternative",
      message:
        "ScaleWorkload to 10 replicas does not fit (pods: requested 8, used 2 of 6 by quota compute), so it is 6 replicas instead.",
      figures: { alternative: "fewer-replicas", proposed: "10 replicas", instead: "6 replicas" }
    })
  })

  it("none is tried a second time", () => {
    assert.deepStrictEqual(only(scale(10), replicas(2, 6), [scale(6)]), [])
    assert.deepStrictEqual(only(scale(6), replicas(2, 6)), [])
  })

  it("an action without a smaller form has none", () => {
    for (const { type } of catalog.filter((entry) => !["ScaleWorkload", "AdjustResources"].includes(entry.type)))
      assert.deepStrictEqual(only({ type, target } as Action, replicas(2, 6)), [], type)
  })
})
