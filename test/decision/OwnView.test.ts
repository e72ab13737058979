import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { doubtOf, type SeenNode } from "../../src/decision/OwnView.ts"
import type { EndedAction } from "../../src/domain/PastAction.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import { failedOn, nowMs } from "./situations.ts"

const minuteMs = 60_000

const nodes = (ready: number, unready: number, minutes = 1): ReadonlyArray<SeenNode> => [
  ...Array.from({ length: ready }, (_, index) => ({ name: `r${index}`, ready: true, unreadyForMs: 0 })),
  ...Array.from({ length: unready }, (_, index) => ({
    name: `u${index}`,
    ready: false,
    unreadyForMs: minutes * minuteMs
  }))
]

/** Nodes that have not been ready since they were created. */
const created = (count: number, minutes: number): ReadonlyArray<SeenNode> =>
  Array.from({ length: count }, (_, index) => ({
    name: `new${index}`,
    ready: false,
    unreadyForMs: Math.min(minutes, 1) * minuteMs,
    neverReadyForMs: minutes * minuteMs
  }))

/** Newest first, each on a target of its own: `f` failed, `+` helped, `?` unknown, `r` refused, `d` only read. */
const actions = (outcomes: string, minutesAgo = 1): ReadonlyArray<EndedAction> =>
  [...outcomes].map((outcome, index) => {
    const ended = failedOn(`a${index}`, { at: fromMillis(nowMs - minutesAgo * minuteMs) })
    if (outcome === "+") return { ...ended, verdict: "fixed", symptoms: [] }
    if (outcome === "?") return { ...ended, verdict: "unknown", symptoms: [] }
    if (outcome === "f") return ended
    const { verdict: _none, ...refused } = ended
    return { ...refused, symptoms: ["refused:forbidden"], ...(outcome === "d" ? { action: "CollectDiagnostics" } : {}) }
  })

describe("our own view is in doubt", () => {
  const table: ReadonlyArray<readonly [claim: string, inDoubt: boolean, doubt: string | undefined]> = [
    ["all nodes at once", true, doubtOf(nodes(0, 10), [], nowMs)],
    ["55 % of the nodes", true, doubtOf(nodes(9, 11), [], nowMs)],
    ["half of the nodes are a zone or two", false, doubtOf(nodes(10, 10), [], nowMs)],
    ["two of three nodes", false, doubtOf(nodes(1, 2), [], nowMs)],
    ["both of two nodes", true, doubtOf(nodes(0, 2), [], nowMs)],
    ["the only node is a broken node", false, doubtOf(nodes(0, 1), [], nowMs)],
    ["all nodes, for ten minutes: a fact", false, doubtOf(nodes(0, 10, 10), [], nowMs)],
    ["a group of nodes that more than doubles", false, doubtOf([...nodes(9, 0), ...created(11, 1)], [], nowMs)],
    ["new nodes only, as in a cluster that is set up", false, doubtOf(created(5, 14), [], nowMs)],
    ["new nodes that do not start within 15 minutes", true, doubtOf([...nodes(9, 0), ...created(11, 15)], [], nowMs)],
    ["all others, while ten new ones start", true, doubtOf([...nodes(0, 3), ...created(10, 1)], [], nowMs)],
    ["half of the others, while ten new ones start", false, doubtOf([...nodes(3, 3), ...created(10, 1)], [], nowMs)],
    ["the nodes could not be read", false, doubtOf(undefined, [], nowMs)],
    ["no node", false, doubtOf([], [], nowMs)],
    ["five actions failed", true, doubtOf(nodes(3, 0), actions("fffff"), nowMs)],
    ["five, some of them refused", true, doubtOf(nodes(3, 0), actions("frfrf"), nowMs)],
    ["five, of which two have read only", false, doubtOf(nodes(3, 0), actions("dfdff"), nowMs)],
    [
      "ten that have read only, such as without the right to read events",
      false,
      doubtOf(nodes(3, 0), actions("dddddddddd"), nowMs)
    ],
    ["four failed", false, doubtOf(nodes(3, 0), actions("ffff"), nowMs)],
    ["unknown is not failed", false, doubtOf(nodes(3, 0), actions("f?f?ff?"), nowMs)],
    ["the newest has helped", false, doubtOf(nodes(3, 0), actions("+fffff"), nowMs)],
    ["one before them has helped", true, doubtOf(nodes(3, 0), actions("fffff+"), nowMs)],
    [
      "five failures of one target",
      false,
      doubtOf(
        nodes(3, 0),
        actions("fffff").map((each) => ({ ...each, target: actions("f")[0]!.target })),
        nowMs
      )
    ],
    ["after five minutes the next one may try", false, doubtOf(nodes(3, 0), actions("fffff", 5), nowMs)],
    [
      "its failure begins the five minutes again",
      true,
      doubtOf(nodes(3, 0), [...actions("f"), ...actions("fffff", 6)], nowMs)
    ],
    [
      "failures of a time to which the clock has not come again",
      false,
      doubtOf(nodes(3, 0), actions("fffff", -60), nowMs)
    ],
    [
      "failures of a quarter of an hour ago are over",
      false,
      doubtOf(nodes(3, 0), [...actions("f"), ...actions("ffff", 15)], nowMs)
    ]
  ]
  it.each(table)("%s: %s", (_claim, inDoubt, doubt) => {
    assert.strictEqual(doubt !== undefined, inDoubt)
  })

  const Any = Schema.Struct({
    ready: Schema.Literals([0, 1, 2, 5, 20]),
    unready: Schema.Literals([0, 1, 2, 3, 5, 20]),
    outcomes: Schema.Array(Schema.Literals(["f", "+", "?", "r"])).check(Schema.isMaxLength(12))
  })

  it.prop("never for longer than ten minutes after the last change", [Any], ([{ outcomes, ready, unready }]) => {
    const later = nowMs + 10 * minuteMs
    const aged = nodes(ready, unready).map((node) => ({
      ...node,
      unreadyForMs: node.ready ? 0 : node.unreadyForMs + 10 * minuteMs
    }))
    assert.isUndefined(doubtOf(aged, actions(outcomes.join("")), later))
  })
})
