import { assert, describe, it } from "@effect/vitest"
import type { ObjectChange, WatchGap } from "../../src/domain/ObjectChange.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { followed, made, planBack, recorded, rulesOf } from "./restoring.ts"

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
const among = (...values: ReadonlyArray<string>) => [
  { podSelector: { matchExpressions: [{ key: "app", operator: "In", values }] } }
]
const block = (cidr: string) => [{ ipBlock: { cidr } }]
const unlike = (key: string, operator: string, values?: ReadonlyArray<string>) => [
  { podSelector: { matchExpressions: [{ key, operator, values }] } }
]
const labelled = (labels: object) => [{ podSelector: { matchLabels: labels } }]
const within = (labels: object, more: object = {}) => [{ namespaceSelector: { matchLabels: labels }, ...more }]
/** The pods with a label, wherever they are. */
const anywhere = (labels: object) => within({}, { podSelector: { matchLabels: labels } })
const byName = (name: string) => ({ "app.kubernetes.io/name": name })
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
    ["one rule of two", { ingress: [...narrow.ingress, { from: from("api") }] }, narrow],
    ["all pods of the namespace", { ingress: [{ from: [{ podSelector: {} }] }] }, narrow],
    ["all namespaces", { ingress: [{ from: [{ namespaceSelector: {} }] }] }, narrow],
    ["one of several apps", { ingress: [{ from: among("web", "api") }] }, narrow],
    ["fewer of several apps", { ingress: [{ from: among("web", "api") }] }, { ingress: [{ from: among("web") }] }],
    ["a wider network", { ingress: [{ from: block("10.0.0.0/8") }] }, { ingress: [{ from: block("10.1.0.0/16") }] }],
    ["all addresses", { ingress: [{ from: block("0.0.0.0/0") }] }, narrow],
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

  it("asks where the younger one says in other words who may come, as somebody who tightens it may", () => {
    const halves = [...block("0.0.0.0/1"), ...block("128.0.0.0/1")]
    const rows: ReadonlyArray<readonly [wide: ReadonlyArray<object>, narrow: ReadonlyArray<object>]> = [
      [block("10.0.0.0/8"), from("web")],
      [block("10.128.3.0/24"), from("web")],
      [block("100.64.0.0/10"), from("web")],
      [block("240.0.0.0/8"), from("web")],
      [block("32.0.0.0/3"), from("web")],
      [block("fd00::/8"), from("web")],
      [halves, from("web")],
      [from("web"), block("172.16.0.0/12")],
      [within({ team: "shop" }), within({ "kubernetes.io/metadata.name": "shop-web" })],
      [within({ team: "shop" }), from("web")],
      [anywhere({ app: "web" }), anywhere(byName("web"))],
      [from("web"), labelled(byName("web"))],
      [from("web"), [{ podSelector: { matchExpressions: [{ key: "tier", operator: "Exists" }] } }]]
    ]
    for (const [deleted, younger] of rows)
      assert.deepStrictEqual(
        again(
          policy("a", { ingress: [{ from: deleted }] }, longAgo),
          policy("b", { ingress: [{ from: younger, ports: tcp(5432) }] }, lately)
        ),
        asks,
        JSON.stringify([deleted, younger])
      )
  })

  const workload = (name: string, labels: object) =>
    deployment({ template: template(`${name}:1`, {}, { app: name, ...labels }) }, { name, uid: `uid-${name}` })

  it("asks where the younger one selects its pods by other labels, unless all workloads show that those are others", () => {
    const other = policy("b", { ...narrow, podSelector: { matchLabels: { tier: "data" } } }, lately)
    const queue = workload("queue", { tier: "data" })
    assert.deepStrictEqual(again(wide, other), asks)
    assert.deepStrictEqual(again(wide, other, workload("db", { tier: "data" }), queue), asks)
    assert.deepStrictEqual(again(wide, other, queue), asks)
    const all = [other, workload("db", {}), queue]
    assert.deepStrictEqual(again(wide, ...all), [])
    const unread = ["StatefulSet"] as const
    const emptied = policy("wide", { ingress: [] }, longAgo)
    assert.deepStrictEqual(rulesOf(recorded(wide, emptied), emptied, { related: all, unread }), ["unread"])
  })

  it("asks where the peers of both have other labels, unless all workloads show that those are others", () => {
    const monitoring = (peers: ReadonlyArray<object>) => policy("b", { ingress: [{ from: peers }] }, lately)
    const known = [workload("web", byName("web")), workload("prometheus", byName("prometheus"))]
    assert.deepStrictEqual(again(wide, monitoring(labelled(byName("prometheus"))), ...known), [])
    assert.deepStrictEqual(again(wide, monitoring(labelled(byName("web"))), ...known), asks)
    // Those are the workloads of one namespace.
    assert.deepStrictEqual(again(wide, monitoring(anywhere(byName("prometheus"))), ...known), asks)
  })

  it("asks where both select a pod that no workload owns, such as one of an operator", () => {
    const other = policy("b", { ...narrow, podSelector: { matchLabels: { tier: "data" } } }, lately)
    const all = [other, workload("db", {}), workload("queue", { tier: "data" })]
    const pod = made("Pod", { spec: {} }, { name: "pg-1", labels: { app: "db", tier: "data" } })
    assert.deepStrictEqual(again(wide, ...all), [])
    assert.deepStrictEqual(again(wide, ...all, pod), asks)
  })

  it("asks where a pod that was read has an address in a block, also where that is a public one", () => {
    const pods = [{ podIP: "203.0.113.7" }, { podIPs: [{ ip: "fd00::7" }, { ip: "203.0.113.7" }] }].map((status) =>
      made("Pod", { spec: {}, status })
    )
    const beside = (cidr: string, ...related: ReadonlyArray<KubernetesObject>) =>
      again(
        policy("a", { ingress: [{ from: block(cidr) }] }, longAgo),
        policy("b", { ingress: [{ from: from("web") }] }, lately),
        ...related
      )
    for (const cidr of ["203.0.113.0/24", "203.0.113.7/32", "203.0.0.0/9"]) {
      for (const pod of pods) assert.deepStrictEqual(beside(cidr, pod), asks, cidr)
      for (const status of [{}, { podIP: "10.4.1.7" }, { podIP: "198.51.100.7" }, { podIP: "x" }])
        assert.deepStrictEqual(beside(cidr, made("Pod", { spec: {}, status })), [], cidr)
    }
    assert.deepStrictEqual(beside("203.0.114.0/24", ...pods), [])
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

/** Writes of the fields of a policy. */
const written = (manager: string, time: string) => ({
  managedFields: [{ manager, time, fieldsV1: { "f:spec": { "f:ingress": {} } } }]
})

describe("a policy that was deleted by mistake", () => {
  const monitoring = { podSelector: {}, ingress: [{ from: from("prometheus") }] }

  it("is created again beside one of other peers, however old that is, and where that was released lately", () => {
    for (const created of ["2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z", lately])
      assert.deepStrictEqual(again(wide, policy("b", monitoring, created, written("helm", lately))), [])
  })

  const rows: ReadonlyArray<readonly [what: string, deleted: object, younger: object]> = [
    ["other ports", { ports: tcp(22) }, { ports: tcp(5432) }],
    ["ports of another protocol", { ports: tcp(53) }, { ports: [{ protocol: "UDP", port: 53 }] }],
    ["a range of other ports", { ports: tcp(5000, { endPort: 6000 }) }, { ports: tcp(8000, { endPort: 9000 }) }],
    ["other apps", { from: from("web") }, { from: among("prometheus", "grafana") }],
    ["another network", { from: block("10.1.0.0/16") }, { from: block("10.2.0.0/16") }],
    ["another namespace", { from: from("web") }, { from: within({ "kubernetes.io/metadata.name": "ops" }) }],
    ["namespaces of another team", { from: within({ team: "shop" }) }, { from: within({ team: "ops" }) }],
    ["all other apps", { from: from("web") }, { from: unlike("app", "NotIn", ["web"]) }],
    ["pods without its label", { from: from("web") }, { from: unlike("app", "DoesNotExist") }],
    ["addresses outside", { from: from("web") }, { from: block("203.0.113.0/24") }]
  ]
  it.each(rows)("is created again beside a younger one of %s", (_, deleted, younger) => {
    const both = [policy("a", { ingress: [deleted] }, longAgo), policy("b", { ingress: [younger] }, lately)] as const
    assert.deepStrictEqual(again(...both), [])
  })

  it("is created again beside an older one that denies, and was released days before", () => {
    const denying = (time: string) => policy("b", { ingress: [] }, "2026-01-01T00:00:00Z", written("helm", time))
    assert.deepStrictEqual(again(wide, denying("2026-11-21T10:00:00Z")), [])
    assert.deepStrictEqual(again(wide, denying(lately)), asks)
  })

  it("is created again beside an older one that Kubernaut has put back since, and asks where that was before", () => {
    const denying = (time: string) => policy("b", { ingress: [] }, time, written("kubernaut", time))
    const beside = (time: string, ...born: ReadonlyArray<string>) =>
      rulesOf(recorded(wide, undefined), undefined, {
        related: [denying(time)],
        history: born.map((created) => followed(policy("b", { ingress: [] }, created), undefined))
      })
    const since = "2026-11-24T10:05:00Z"
    assert.deepStrictEqual(beside(since, "2026-01-01T00:00:00Z"), [])
    assert.deepStrictEqual(beside(lately, "2026-01-01T00:00:00Z"), asks)
    // What was its successor is that again, and where nobody knows, it may have been.
    assert.deepStrictEqual(beside(since, lastMonth), asks)
    assert.deepStrictEqual(beside(since), asks)
  })

  it("asks beside an older one that somebody has tightened, also where Kubernaut has undone a later change of that", () => {
    const [tightened, undone] = ["2026-11-23T00:00:00.000Z", "2026-11-25T00:00:00Z"]
    const other = (spec: object, metadata: object = {}) => policy("b", spec, "2026-01-01T00:00:00Z", metadata)
    const open = { ingress: [{}] }
    const beside = (...history: ReadonlyArray<ObjectChange>) =>
      rulesOf(recorded(wide, undefined), undefined, { related: [other(narrow, written("kubernaut", undone))], history })
    const mistake = followed(other(narrow), other(open))
    const tightening = (at: string, change: object = {}) => followed(other(open), other(narrow), { at, ...change })
    assert.deepStrictEqual(beside(tightening(tightened), mistake), asks)
    assert.deepStrictEqual(beside(tightening("2026-11-10T00:00:00.000Z"), mistake), [])
    assert.deepStrictEqual(beside(tightening(tightened, { by: { kind: "controller", name: "x" } }), mistake), [])
    assert.deepStrictEqual(beside(mistake), [])
    assert.deepStrictEqual(beside(), asks)
  })

  it("asks beside an older one that Kubernaut has put back, where the journal may not know who has tightened it", () => {
    const undone = "2026-11-24T10:10:00Z"
    const b = (time: string, spec: object = narrow) => policy("b", spec, time, written("kubernaut", undone))
    const born = "2026-01-01T00:00:00Z"
    const beside = (gap: Partial<WatchGap>, other = b(born), after?: KubernetesObject) =>
      rulesOf(recorded(wide, undefined), undefined, {
        related: [other],
        history: [followed(b(born), after)],
        historyGaps: [{ kind: "NetworkPolicy", from: null, to: "2026-11-22T00:00:00.000Z", reason: "dropped", ...gap }]
      })
    const edited = policy("b", { ingress: [{}] }, born)
    for (const [other, after] of [[b(born), edited] as const, [b(undone), undefined] as const]) {
      assert.deepStrictEqual(beside({}, other, after), asks)
      assert.deepStrictEqual(beside({ to: null, reason: "not-started" }, other, after), asks)
      // The journal keeps a week, and the change was within the last day.
      assert.deepStrictEqual(beside({ to: "2026-11-18T09:00:00.000Z" }, other, after), [])
      // The list after it has shown what was different.
      assert.deepStrictEqual(beside({ from: "2026-11-21T00:00:00.000Z", reason: "expired" }, other, after), [])
      assert.deepStrictEqual(beside({ kind: "Ingress" }, other, after), [])
      for (const [name, expected] of [["b", asks] as const, ["c", []] as const])
        assert.deepStrictEqual(
          beside({ object: { namespace: "shop", kind: "NetworkPolicy", name } }, other, after),
          expected
        )
    }
  })

  it("asks beside one that somebody has created as its successor, also where Kubernaut has put that back, and not where that was older", () => {
    const [first, second, ours] = ["2026-01-01T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-24T10:02:00Z"]
    const time = "2026-11-24T10:10:00Z"
    const id = (digit: number) => `chg-01CRZ3NDEKTSV4RRFFQ69G5F0${digit}`
    const gone = (uid: string, created: string, digit: number) =>
      followed(policy("b", narrow, created, { uid }), undefined, { id: id(digit) })
    const born = (uid: string, created: string, digit: number, kind: "person" | "kubernaut") =>
      followed(undefined, policy("b", narrow, created, { uid }), {
        id: id(digit),
        at: new Date(created).toISOString(),
        by: { kind, name: kind }
      })
    const beside = (...history: ReadonlyArray<ObjectChange>) =>
      rulesOf(recorded(wide, undefined), undefined, {
        related: [policy("b", narrow, time, written("kubernaut", time))],
        history
      })
    const replaced = [gone("1", first, 1), born("2", second, 2, "person")]
    assert.deepStrictEqual(beside(...replaced, gone("2", second, 3)), asks)
    assert.deepStrictEqual(beside(...replaced), asks)
    assert.deepStrictEqual(beside(gone("1", first, 1), gone("2", second, 3)), asks)
    // One that we have put back ourselves leads to the one before it.
    const again = [born("3", ours, 4, "kubernaut"), gone("3", ours, 5), born("uid-b", time, 6, "kubernaut")]
    assert.deepStrictEqual(beside(...replaced, gone("2", second, 3), ...again), asks)
    assert.deepStrictEqual(beside(gone("1", first, 1), ...again), [])
    assert.deepStrictEqual(beside(...again), asks)
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

  const typo = policy("wide", { ingress: [{ from: from("wbe") }] }, longAgo)
  const touched = (manager: string, time: string) => policy("b", narrow, "2026-01-01T00:00:00Z", written(manager, time))

  it("are put back beside what was there days before the mistake: the undo makes just that", () => {
    const days = "2026-11-21T10:00:00Z"
    for (const other of [{ ingress: [{ from: from("prometheus") }] }, { podSelector: {}, ingress: [] }, narrow])
      assert.deepStrictEqual(back(typo, policy("b", other, days)), [])
    assert.deepStrictEqual(back(typo, touched("kubectl", days)), [])
  })

  it("are put back beside what Kubernaut, a controller or the same apply has changed, and nobody else", () => {
    const [at, soon] = ["2026-11-24T10:00:00Z", "2026-11-24T10:05:00Z"]
    const before = policy("b", narrow, "2026-01-01T00:00:00Z")
    const history = [followed(before, policy("b", { ingress: [{}] }, "2026-01-01T00:00:00Z"))]
    const beside = (other: KubernetesObject) => rulesOf(recorded(wide, typo), typo, { related: [other], history })
    for (const [manager, time] of [
      ["kubernaut", soon],
      ["kube-controller-manager", soon],
      ["kubectl-edit", at]
    ] as const)
      assert.deepStrictEqual(beside(touched(manager, time)), [], manager)
    assert.deepStrictEqual(back(typo, touched("kubectl-edit", soon)), asks)
    assert.deepStrictEqual(back(typo, touched("helm", at)), asks)
  })

  it("ask where the same apply has created the narrower one, which was not there with the earlier state", () => {
    const at = "2026-11-24T10:00:00Z"
    assert.deepStrictEqual(back(typo, policy("b", narrow, at, written("kubectl-edit", at))), asks)
  })
})

describe("the person who is asked", () => {
  const sentence = (now: KubernetesObject | undefined, other: KubernetesObject) => {
    const history = [followed(policy("b", narrow, lastMonth), undefined)]
    const result = planBack(recorded(wide, now), now, { related: [other], history })
    return /and ((was|has) [^,]*),/.exec((result._tag === "Plan" && result.asks[0]?.message) || "")?.[1]
  }

  it("is told whether the other policy was created later, changed later, or since when it is beside it", () => {
    const old = "2026-01-01T00:00:00Z"
    const [later, sooner] = ["2026-11-24T10:05:00Z", lately]
    assert.strictEqual(sentence(undefined, policy("b", narrow, later)), "was created later")
    assert.strictEqual(
      sentence(undefined, policy("b", narrow, later, written("kubernaut", later))),
      `has been beside it since ${new Date(lastMonth).toISOString()}`
    )
    assert.strictEqual(sentence(undefined, policy("b", narrow, lastMonth)), `has been beside it since ${lastMonth}`)
    assert.strictEqual(sentence(undefined, policy("b", narrow, old, written("helm", later))), "was changed later")
    assert.strictEqual(
      sentence(undefined, policy("b", narrow, old, written("helm", sooner))),
      `was changed at ${sooner}`
    )
  })
})
