/** How large policies and selectors are compared. Those who may write to a namespace decide on their sizes. */

import { assert, describe, it } from "@effect/vitest"
import { effortOf } from "../../src/execution/actions/Effort.ts"
import { excludeEachOther, requirementsOf, selectedPods } from "../../src/execution/actions/SelectedPods.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Kind } from "../../src/kubernetes/ObjectModel.ts"
import { deployment, template } from "./objects.ts"
import { made, podOf, recorded, rulesOf } from "./restoring.ts"

/** Changes are recorded at 10:00 on 24 November. */
const [longAgo, lately] = ["2026-10-01T00:00:00Z", "2026-11-24T09:50:00Z"]

const policy = (name: string, ingress: ReadonlyArray<object>, creationTimestamp = lately, podSelector: object = {}) =>
  made(
    "NetworkPolicy",
    { spec: { podSelector, policyTypes: ["Ingress"], ingress } },
    { name, uid: `uid-${name}`, creationTimestamp }
  )
const again = (deleted: KubernetesObject, related: ReadonlyArray<KubernetesObject>, unread: ReadonlyArray<Kind> = []) =>
  rulesOf(recorded(deleted, undefined), undefined, { related, unread })

const times = <A>(count: number, each: (index: number) => A) => Array.from({ length: count }, (_, index) => each(index))
const block = (first: number, index: number) => ({
  ipBlock: { cidr: `${first}.${index >> 8}.${index & 255}.0/24` }
})
const blocks = (first: number, count: number) => [{ from: times(count, (index) => block(first, index)) }]
const apps = (name: string, count: number) => [
  { from: times(count, (index) => ({ podSelector: { matchLabels: { app: `${name}-${index}` } } })) }
]
const ports = (first: number, count: number) => [
  { ports: times(count, (index) => ({ protocol: "TCP", port: first + index })) }
]
const rules = (name: string, count: number) => apps(name, count)[0]!.from.map((peer) => ({ from: [peer] }))
const asks = ["opens-network"]

type Rules = (which: "wide" | "narrow", count: number) => ReadonlyArray<object>
const forms: ReadonlyArray<readonly [what: string, rules: Rules, some: number, most: number]> = [
  ["blocks of addresses", (which, count) => blocks(which === "wide" ? 52 : 140, count), 1700, 4000],
  ["selectors of pods", apps, 1200, 4000],
  ["ports", (which, count) => ports(which === "wide" ? 1 : 30_000, count), 1700, 4000],
  ["rules", rules, 800, 4000]
]

describe("a deleted policy and a younger one", () => {
  it.each(forms)("of some thousand %s are compared as small ones are", (_, rulesFor, some) => {
    const [wide, narrow] = [rulesFor("wide", some), rulesFor("narrow", some)]
    assert.deepStrictEqual(again(policy("wide", wide, longAgo), [policy("narrow", narrow)]), [])
    const shared = rulesFor("narrow", 1)
    assert.deepStrictEqual(again(policy("wide", [...wide, ...shared], longAgo), [policy("narrow", narrow)]), asks)
    assert.deepStrictEqual(again(policy("wide", wide, longAgo), [policy("same", wide)]), ["replaced"])
  })

  it.each(forms)("of more %s than can be compared ask, as what is unknown does", (_, rulesFor, __, most) => {
    const [wide, narrow] = [rulesFor("wide", most), rulesFor("narrow", most)]
    assert.deepStrictEqual(again(policy("wide", wide, longAgo), [policy("narrow", narrow)]), asks)
  })

  it("of any size do not ask where a label shows that they are about other pods", () => {
    const other = (app: string) => ({ matchLabels: { app } })
    const related = [policy("narrow", blocks(140, 4000), lately, other("b"))]
    assert.deepStrictEqual(again(policy("wide", blocks(52, 4000), longAgo, other("a")), related), [])
  })

  it("ask where there are more policies of that size than can be compared in one plan", () => {
    const wide = policy("wide", blocks(52, 300), longAgo)
    const beside = (count: number) => times(count, (index) => policy(`n${index}`, blocks(100 + index, 300)))
    assert.deepStrictEqual(again(wide, beside(30)), [])
    assert.deepStrictEqual(again(wide, beside(60)), asks)
  })

  it("ask where the selectors of their pods are too long to be compared", () => {
    const among = (name: string, count: number) => ({
      matchExpressions: [{ key: "app", operator: "In", values: times(count, (index) => `${name}-${index}`) }]
    })
    const beside = (count: number) =>
      again(policy("wide", [{}], longAgo, among("a", count)), [
        policy("narrow", apps("web", 1), lately, among("b", count))
      ])
    assert.deepStrictEqual(beside(1000), [])
    assert.deepStrictEqual(beside(4000), asks)
  })

  it("ask where the labels of too many workloads would have to be compared with their peers", () => {
    const workloads = (key: string, count: number) =>
      times(count, (index) =>
        deployment({ template: template("a:1", {}, { [key]: `${key}-${index}` }) }, { name: `${key}-${index}` })
      )
    const peers = (key: string, count: number) => [
      { from: times(count, (index) => ({ podSelector: { matchLabels: { [key]: `${key}-${index}` } } })) }
    ]
    const beside = (count: number) =>
      again(policy("wide", peers("app", count), longAgo), [
        policy("narrow", peers("tier", count)),
        ...workloads("app", count),
        ...workloads("tier", count)
      ])
    assert.deepStrictEqual(beside(200), [])
    assert.deepStrictEqual(beside(1500), asks)
  })
})

describe("selectors that take too long to be compared", () => {
  const [one, other] = [{ matchLabels: { app: "a" } }, { matchLabels: { app: "b" } }]

  it("may select the same, and are not shown to be apart or to meet", () => {
    const [workloads, pods] = [
      [deployment({ template: template("a:1", {}, { app: "a" }) })],
      [podOf("b", { app: "b" })]
    ]
    const excluded = (steps: number) => excludeEachOther(requirementsOf(one), requirementsOf(other), effortOf(steps))
    assert.deepStrictEqual([excluded(1), excluded(0)], [true, false])
    const selected = (steps: number) => selectedPods(workloads, pods, [one, other], effortOf(steps))
    assert.isFalse(selected(100).meet(one, other))
    assert.isUndefined(selected(3).meet(one, other))
    assert.isFalse(selected(3).areApart(one, other))
  })

  it("make a deleted budget ask", () => {
    const budget = (name: string, app: string) =>
      made("PodDisruptionBudget", { spec: { selector: { matchLabels: { app } } } }, { name, uid: `uid-${name}` })
    const beside = (count: number) =>
      again(budget("wide", "w"), [
        ...times(count, (index) => podOf(`p${index}`, { app: `p${index}` })),
        ...times(count, (index) => budget(`b${index}`, `b${index}`))
      ])
    assert.deepStrictEqual(beside(100), [])
    assert.deepStrictEqual(beside(2000), ["replaced"])
  })
})
