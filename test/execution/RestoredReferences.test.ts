import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, statefulSet, template } from "./objects.ts"
import { followed, made, planBack, recorded, rulesOf } from "./restoring.ts"

const refused = ["refused not-restorable"]
const named = (kind: string, name: string, rest: object = {}, namespace = "shop") =>
  made(kind, rest, { name, uid: `uid-${name}` }, namespace)
const running = (spec: object, container: object = {}) =>
  deployment({ template: template("app:3", { containers: [{ name: "app", ...container }], ...spec }) })
const mounting = (config: object) => running({ volumes: [{ name: "files", configMap: config }] })
const reading = (name: string, key: string) =>
  running({}, { env: [{ name: "A", valueFrom: { configMapKeyRef: { name, key } } }] })
const scaling = (name: string) =>
  made("HorizontalPodAutoscaler", { spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name } } })
const routed = (spec: object) => made("HTTPRoute", { spec })

type Row = readonly [
  what: string,
  before: KubernetesObject,
  now: KubernetesObject,
  missing: KubernetesObject,
  others: ReadonlyArray<KubernetesObject>
]

const rows: ReadonlyArray<Row> = [
  ["a ConfigMap", mounting({ name: "old" }), mounting({ name: "new" }), named("ConfigMap", "old"), []],
  ["a ServiceAccount", running({ serviceAccountName: "old" }), running({}), named("ServiceAccount", "old"), []],
  ["a PriorityClass", running({ priorityClassName: "old" }), running({}), named("PriorityClass", "old", {}, ""), []],
  [
    "a claim",
    running({ volumes: [{ name: "a", persistentVolumeClaim: { claimName: "old" } }] }),
    running({ volumes: [{ name: "a", emptyDir: {} }] }),
    named("PersistentVolumeClaim", "old"),
    []
  ],
  [
    "the workload of an autoscaler",
    scaling("old"),
    scaling("new"),
    { ...deployment(), metadata: named("", "old").metadata },
    []
  ],
  [
    "the class of an Ingress",
    made("Ingress", { spec: { ingressClassName: "old" } }),
    made("Ingress", { spec: { ingressClassName: "new" } }),
    named("IngressClass", "old", {}, ""),
    [named("IngressClass", "new", {}, "")]
  ],
  [
    "the Gateway of a route",
    routed({ parentRefs: [{ name: "old" }] }),
    routed({ parentRefs: [{ name: "new" }] }),
    named("Gateway", "old"),
    []
  ],
  [
    "a key of a ConfigMap",
    reading("config", "old"),
    reading("config", "new"),
    named("ConfigMap", "config", { data: { old: "" } }),
    [named("ConfigMap", "config", { data: { new: "" } })]
  ]
]

describe("an earlier state that names", () => {
  it.each(rows)("%s is put back only if it exists", (_, before, now, missing, others) => {
    const change = recorded(before, now)
    assert.deepStrictEqual(rulesOf(change, now, { related: others }), refused)
    assert.deepStrictEqual(rulesOf(change, now, { related: [missing] }), [])
  })

  it("the class of an Ingress is put back where classes are no objects, or the present one is none", () => {
    const [before, now, none] = [{ ingressClassName: "old" }, { ingressClassName: "odl" }, {}].map((spec) =>
      made("Ingress", { spec })
    ) as [KubernetesObject, KubernetesObject, KubernetesObject]
    const [other, byDefault] = [{}, { "ingressclass.kubernetes.io/is-default-class": "true" }].map((annotations) =>
      made("IngressClass", {}, { name: "other", annotations }, "")
    ) as [KubernetesObject, KubernetesObject]
    assert.deepStrictEqual(rulesOf(recorded(before, now), now), [])
    assert.deepStrictEqual(rulesOf(recorded(before, now), now, { related: [byDefault] }), [])
    assert.deepStrictEqual(rulesOf(recorded(before, none), none, { related: [other] }), [])
    assert.deepStrictEqual(rulesOf(recorded(before, none), none, { related: [byDefault] }), refused)
  })

  it("what the present state names as well is put back whatever it names", () => {
    const [before, now] = [mounting({ name: "a" }), mounting({ name: "a", defaultMode: 256 })]
    assert.deepStrictEqual(rulesOf(recorded(before, now), now), [])
  })

  it("what it can do without, what every namespace has, or a Secret, is put back", () => {
    for (const before of [
      mounting({ name: "old", optional: true }),
      running({ serviceAccountName: "default" }),
      running({ priorityClassName: "system-node-critical" }),
      running({ imagePullSecrets: [{ name: "old" }] })
    ])
      assert.deepStrictEqual(rulesOf(recorded(before, mounting({ name: "new" })), mounting({ name: "new" })), [])
  })

  it("what may not be read asks", () => {
    const change = recorded(mounting({ name: "old" }), mounting({ name: "new" }))
    assert.deepStrictEqual(rulesOf(change, mounting({ name: "new" }), { unread: ["ConfigMap" as never] }), ["unread"])
  })

  it("what somebody has changed since asks, and what was only labelled or scaled does not", () => {
    const change = recorded(mounting({ name: "old" }), mounting({ name: "new" }))
    const old = (data: object, labels: object = {}) =>
      made("ConfigMap", { data }, { name: "old", uid: "uid-old", labels })
    const rules = (before: KubernetesObject, after: KubernetesObject) =>
      rulesOf(change, mounting({ name: "new" }), { related: [after], later: [followed(before, after)] })
    assert.deepStrictEqual(rules(old({ a: "1" }), old({ a: "2" })), ["overtaken"])
    assert.deepStrictEqual(rules(old({ a: "1" }), old({ a: "1" }, { team: "a" })), [])
  })
})

describe("an earlier node selector", () => {
  const node = (labels: object) => made("Node", {}, { labels, name: "n" }, "")
  const [before, now] = [running({ nodeSelector: { pool: "old" } }), running({ nodeSelector: { pool: "new" } })]
  const rules = (...related: ReadonlyArray<KubernetesObject>) => rulesOf(recorded(before, now), now, { related })

  it("asks where no node fits it now, and some fit the present one: its pool may get some again", () => {
    assert.deepStrictEqual(rules(node({ pool: "new" })), ["fits-no-node"])
  })

  it("asks nothing for a workload that was deleted: it has no pods to lose", () => {
    const related = [node({ pool: "new" })]
    assert.deepStrictEqual(rulesOf(recorded(before, undefined), undefined, { related }), [])
  })

  it("is put back where a node fits it, or none fits the present one either", () => {
    assert.deepStrictEqual(rules(node({ pool: "new" }), node({ pool: "old" })), [])
    assert.deepStrictEqual(rules(node({ pool: "other" })), [])
  })

  it("asks where nodes may not be read", () => {
    assert.deepStrictEqual(rulesOf(recorded(before, now), now, { unread: ["Node"] }), ["unread"])
  })
})

describe("an earlier host", () => {
  const db = made("Service", { spec: {} }, { name: "db-1" })
  const config = (url: string) => made("ConfigMap", { data: { url } })
  const variable = (value: string) => running({}, { env: [{ name: "DB", value }] })

  it.each([
    ["a ConfigMap", config("postgres://db-1:5432/a"), config("postgres://db-2:5432/a")],
    ["a variable", variable("db-1.shop.svc"), variable("db-2.shop.svc")]
  ])("of %s is not put back once its Service was deleted", (_, before, now) => {
    const change = recorded(before, now)
    const deleted = followed(db, undefined)
    const again = followed(undefined, db, { id: "chg-01CRZ3NDEKTSV4RRFFQ69G5FAV" })
    assert.deepStrictEqual(rulesOf(change, now, { later: [deleted] }), refused)
    assert.deepStrictEqual(rulesOf(change, now, { later: [again, deleted] }), [])
    assert.deepStrictEqual(
      rulesOf(change, now, { later: [followed({ ...db, metadata: { ...db.metadata, name: "db-2" } }, undefined)] }),
      []
    )
    assert.deepStrictEqual(rulesOf(change, now), [])
  })
})

describe("a workload that was deleted", () => {
  it.each([
    ["a Deployment", mounting({ name: "old" })],
    ["a StatefulSet", statefulSet({ template: template("db:1", { serviceAccountName: "old" }) })]
  ])("such as %s is created again only if what it names exists", (_, object) => {
    const change = recorded(object, undefined)
    assert.deepStrictEqual(rulesOf(change, undefined), refused)
    const related = [named("ConfigMap", "old"), named("ServiceAccount", "old")]
    assert.deepStrictEqual(rulesOf(change, undefined, { related }), [])
    const result = planBack(change, undefined)
    assert.include(result._tag === "PlanRefusal" ? result.message : "", "shop/old, which does not exist")
  })
})
