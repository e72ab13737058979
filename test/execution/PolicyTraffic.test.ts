import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { made, planBack, recorded, rulesOf } from "./restoring.ts"

/** Changes are recorded at 10:00 on 24 November. */
const [longAgo, lastMonth, lately] = ["2026-06-01T00:00:00Z", "2026-10-20T00:00:00Z", "2026-11-24T09:58:00Z"]

const db = { matchLabels: { app: "db" } }
const policy = (name: string, spec: object, creationTimestamp: string, metadata: object = {}): KubernetesObject =>
  made(
    "NetworkPolicy",
    { spec: { podSelector: db, policyTypes: ["Ingress"], ...spec } },
    { name, uid: `uid-${name}`, creationTimestamp, ...metadata }
  )
const from = (app: string) => [{ podSelector: { matchLabels: { app } } }]
const tcp = (port: unknown, more: object = {}) => [{ protocol: "TCP", port, ...more }]
const narrow = { ingress: [{ from: from("web"), ports: tcp(5432) }] }
const wide = policy("wide", { ingress: [{ from: from("web") }] }, longAgo)

const again = (deleted: KubernetesObject, ...related: ReadonlyArray<KubernetesObject>) =>
  rulesOf(recorded(deleted, undefined), undefined, { related })

const asks = ["opens-network"]

describe("a policy that was deleted, and would let more through than a younger one of its pods,", () => {
  const rows: ReadonlyArray<readonly [what: string, deleted: object, younger: object]> = [
    ["all ports of its peers", { ingress: [{ from: from("web") }] }, narrow],
    ["everybody on its port", { ingress: [{ ports: tcp(5432) }] }, narrow],
    ["everybody", { ingress: [{}] }, narrow],
    ["a port by its name", { ingress: [{ ports: tcp("pg") }] }, narrow],
    ["a range of ports", { ingress: [{ ports: tcp(5000, { endPort: 6000 }) }] }, { ingress: [{ ports: tcp(5432) }] }],
    ["another port", { ingress: [{ ports: tcp(22) }] }, { ingress: [{ ports: tcp(5432) }] }],
    ["another peer", { ingress: [{ from: from("api") }] }, { ingress: [{ from: from("web") }] }],
    ["one rule of two", { ingress: [...narrow.ingress, { from: from("api") }] }, narrow],
    ["what the younger one denies", { ingress: [{}] }, { ingress: [] }],
    ["what another one denies to all pods", { ingress: [{}] }, { podSelector: {}, ingress: [] }],
    [
      "what leaves the pods",
      { policyTypes: ["Egress"], egress: [{}] },
      { policyTypes: ["Egress"], egress: [{ to: from("dns") }] }
    ]
  ]
  it.each(rows)("is created again after an approval: %s", (_, deleted, younger) => {
    assert.deepStrictEqual(again(policy("a", deleted, longAgo), policy("b", younger, lately)), asks)
  })

  it("asks however long somebody has watched the younger one, and where that was edited lately", () => {
    assert.deepStrictEqual(again(wide, policy("b", narrow, lastMonth)), asks)
    const managedFields = [{ manager: "kubectl", time: lately, fieldsV1: { "f:spec": {} } }]
    assert.deepStrictEqual(again(wide, policy("b", narrow, "2026-01-01T00:00:00Z", { managedFields })), asks)
  })

  it("asks where the younger one selects pods of the same workload by other labels", () => {
    const other = policy("b", { ...narrow, podSelector: { matchLabels: { tier: "data" } } }, lately)
    assert.deepStrictEqual(again(wide, other), [])
    const workload = deployment({ template: template("db:1", {}, { app: "db", tier: "data" }) })
    assert.deepStrictEqual(again(wide, other, workload), asks)
  })

  it("names the younger one to the person who is asked", () => {
    const result = planBack(recorded(wide, undefined), undefined, { related: [policy("b", narrow, lately)] })
    const [first] = result._tag === "Plan" ? result.asks : []
    assert.deepStrictEqual(first?.figures, { successor: "NetworkPolicy shop/b" })
    assert.include(first?.message ?? "", "may let traffic through that NetworkPolicy shop/b does not")
  })
})

describe("a policy that was deleted", () => {
  it("asks as a rival of a younger one that lets no less through", () => {
    for (const younger of [{ ingress: [{}] }, { ingress: [{ from: [...from("web"), ...from("api")] }] }])
      assert.deepStrictEqual(again(wide, policy("b", younger, lately)), ["replaced"])
  })

  it("is created again where its pods were opened, or are closed, by its deletion alone", () => {
    assert.deepStrictEqual(again(wide), [])
    const older = "2026-01-01T00:00:00Z"
    for (const denying of [{ ingress: [] }, { podSelector: {}, ingress: [] }, narrow])
      assert.deepStrictEqual(again(wide, policy("b", denying, older)), [])
  })

  it("is created again beside a younger one of other pods, of another direction, or that lets through what it denies", () => {
    const denying = policy("a", { ingress: [] }, longAgo)
    const other = { podSelector: { matchLabels: { app: "web" } } }
    assert.deepStrictEqual(again(wide, policy("b", { ...narrow, ...other }, lately)), [])
    assert.deepStrictEqual(again(wide, policy("b", { policyTypes: ["Egress"], egress: [] }, lately)), [])
    assert.deepStrictEqual(again(denying, policy("b", narrow, lately)), [])
  })
})

describe("rules of a policy that are put back", () => {
  const emptied = policy("wide", { ingress: [] }, longAgo)
  const back = (now: KubernetesObject, ...related: ReadonlyArray<KubernetesObject>) =>
    rulesOf(recorded(wide, now), now, { related })

  it("ask where a younger policy of the same pods does not let through what they do", () => {
    assert.deepStrictEqual(back(emptied, policy("b", narrow, lately)), asks)
    assert.deepStrictEqual(back(policy("wide", narrow, longAgo), policy("b", narrow, lately)), asks)
  })

  it("are put back beside an older policy, one that lets the same through, and where they close", () => {
    assert.deepStrictEqual(back(emptied, policy("b", narrow, lastMonth)), [])
    assert.deepStrictEqual(back(emptied, policy("b", { ingress: [{}] }, lately)), [])
    assert.deepStrictEqual(back(policy("wide", { ingress: [{}] }, longAgo), policy("b", narrow, lately)), [])
  })
})
