import { assert, describe, it } from "@effect/vitest"
import type { ObjectChange, WatchGap } from "../../src/domain/ObjectChange.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { followed, made, planBack, recorded, rulesOf } from "./restoring.ts"

/** Changes are recorded at 10:00 on 24 November. */
const lately = "2026-11-24T09:58:00Z"
const longAgo = "2026-11-01T00:00:00Z"

const again = (object: KubernetesObject, ...related: ReadonlyArray<KubernetesObject>) =>
  rulesOf(recorded(object, undefined), undefined, { related })

/** The object under another name. */
const successor = (object: KubernetesObject, creationTimestamp = lately, metadata: object = {}): KubernetesObject => ({
  ...object,
  metadata: { ...object.metadata, name: "web-v2", uid: "uid-v2", creationTimestamp, ...metadata }
})

describe("a workload", () => {
  const web = deployment()
  const v2 = (spec: object = {}, creationTimestamp = lately) => successor(deployment(spec), creationTimestamp)
  const other = {
    template: { ...template("app:3"), metadata: { labels: { part: "web" } } },
    selector: { matchLabels: { part: "web" } }
  }
  const service = (selector: object) => made("Service", { spec: { selector } })
  const shared = {
    template: template("app:3", {}, { part: "web" }),
    selector: { matchLabels: { app: "checkout", part: "web" } }
  }

  it("that was deleted asks where one of another name has pods of its selector or its Service", () => {
    assert.deepStrictEqual(again(web, v2()), ["replaced"])
    assert.deepStrictEqual(again(deployment(shared), v2(other), service({ part: "web" })), ["replaced"])
    const set = { ...v2(), kind: "StatefulSet" }
    assert.deepStrictEqual(again(web, set), ["replaced"])
  })

  it("that was deleted is created again beside a companion, a workload without pods, or one of another Service", () => {
    assert.deepStrictEqual(again(web, v2({}, longAgo)), [])
    assert.deepStrictEqual(again(web, v2({ replicas: 0 })), [])
    assert.deepStrictEqual(again(web, v2(other), service({ app: "checkout" })), [])
    assert.deepStrictEqual(again(web), [])
  })

  it("that was deleted is created again beside what belongs to another, is being deleted, or is elsewhere", () => {
    const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "x", uid: "x", controller: true }
    for (const metadata of [{ ownerReferences: [owner] }, { deletionTimestamp: lately }, { namespace: "other" }])
      assert.deepStrictEqual(again(web, successor(web, lately, metadata)), [])
  })

  it("that was scaled to zero asks where another one has taken its place, and one that has pods does not", () => {
    const scaled = (before: number, now: number, ...related: ReadonlyArray<KubernetesObject>) =>
      rulesOf(
        recorded(deployment({ replicas: before }), deployment({ replicas: now })),
        deployment({ replicas: now }),
        {
          related
        }
      )
    assert.deepStrictEqual(scaled(3, 0, v2()), ["replaced"])
    assert.deepStrictEqual(scaled(3, 0, v2({}, longAgo)), [])
    assert.deepStrictEqual(scaled(3, 0), [])
    assert.deepStrictEqual(scaled(3, 1, v2()), [])
  })

  it("that was scaled to zero has pods again beside a canary of its own setup", () => {
    const born = { creationTimestamp: "2026-11-22T08:00:00Z" }
    const sized = (replicas: number): KubernetesObject => {
      const object = deployment({ replicas })
      return { ...object, metadata: { ...object.metadata, ...born } }
    }
    const beside = (created: string) => rulesOf(recorded(sized(3), sized(0)), sized(0), { related: [v2({}, created)] })
    assert.deepStrictEqual(beside("2026-11-22T08:01:00Z"), [])
    assert.deepStrictEqual(beside("2026-11-23T08:00:00Z"), ["replaced"])
  })

  it("that was scaled to zero asks where somebody has sized another one in its place, and no controller did", () => {
    const [before, now] = [deployment({ replicas: 3 }), deployment({ replicas: 0 })]
    const sized = (time: string, manager = "kubectl", fields: object = { "f:replicas": {} }) =>
      rulesOf(recorded(before, now), now, {
        related: [successor(web, longAgo, { managedFields: [{ manager, time, fieldsV1: { "f:spec": fields } }] })]
      })
    assert.deepStrictEqual(sized("2026-11-24T09:59:30Z"), ["replaced"])
    assert.deepStrictEqual(sized("2026-11-24T10:00:30Z"), ["replaced"])
    assert.deepStrictEqual(sized("2026-11-23T08:00:00Z"), [])
    assert.deepStrictEqual(sized(lately, "kubectl", { "f:template": {} }), [])
    for (const manager of ["kube-controller-manager", "kubernaut"]) assert.deepStrictEqual(sized(lately, manager), [])
  })

  it("that was scaled to zero asks where somebody has sized another one, also where Kubernaut has put that size back", () => {
    const [before, now] = [deployment({ replicas: 3 }), deployment({ replicas: 0 })]
    const managedFields = [
      { manager: "kubernaut", time: "2026-11-24T10:05:00Z", fieldsV1: { "f:spec": { "f:replicas": {} } } }
    ]
    const sized = (replicas: number) => successor(deployment({ replicas }), longAgo, { managedFields })
    const beside = (from: number, to: number) =>
      rulesOf(recorded(before, now), now, {
        related: [sized(3)],
        history: [followed(sized(from), sized(to), { at: "2026-11-24T09:00:00.000Z" })]
      })
    assert.deepStrictEqual(beside(1, 3), ["replaced"])
    assert.deepStrictEqual(beside(3, 1), [])
  })

  /** Somebody has sized the other one at 8:00, and Kubernaut has written that size since. */
  const besideOurs = (ours: object, mistake: ObjectChange, gap?: Partial<WatchGap>, isRecorded = gap === undefined) => {
    const [before, now] = [deployment({ replicas: 3 }), deployment({ replicas: 0 })]
    const sized = (replicas: number) => successor(deployment({ replicas }), longAgo)
    const sizing = followed(sized(0), sized(3), {
      id: "chg-01ARZ3NDEKTSV4RRFFQ69G5F00",
      at: "2026-11-24T08:00:00.000Z"
    })
    const known: WatchGap = { kind: "Deployment", from: null, to: "2026-11-24T08:30:00.000Z", reason: "dropped" }
    return rulesOf(recorded(before, now), now, {
      related: [successor(deployment({ replicas: 3 }), longAgo, ours)],
      history: [...(isRecorded ? [sizing] : []), mistake],
      historyGaps: gap === undefined ? [] : [{ ...known, ...gap }]
    })
  }
  const writtenByUs = (time: string, fields?: object) => ({
    managedFields: [{ manager: "kubernaut", time, ...(fields === undefined ? {} : { fieldsV1: { "f:spec": fields } }) }]
  })

  it("that was scaled to zero asks where Kubernaut has put back the size of another one, and it is not known who had set that", () => {
    const size = (replicas: number) => successor(deployment({ replicas }), longAgo)
    const mistake = followed(size(3), size(1), { at: "2026-11-24T09:40:00.000Z" })
    const beside = (gap?: Partial<WatchGap>, time = "2026-11-24T09:50:00Z") =>
      besideOurs(writtenByUs(time, { "f:replicas": {} }), mistake, gap)
    assert.deepStrictEqual(beside(), ["replaced"])
    assert.deepStrictEqual(beside({}), ["replaced"])
    assert.deepStrictEqual(beside({ to: null, reason: "not-started" }), ["replaced"])
    // What was set a day before is a companion, and the list after the gap has shown what was different.
    assert.deepStrictEqual(beside({ to: "2026-11-23T09:00:00.000Z" }), [])
    assert.deepStrictEqual(beside({}, "2026-11-22T09:50:00Z"), [])
    assert.deepStrictEqual(beside({ from: "2026-11-24T07:00:00.000Z", reason: "expired" }), [])
    assert.deepStrictEqual(beside({ kind: "StatefulSet" }), [])
  })

  it("that was scaled to zero asks where the write of Kubernaut has the size of another one together with its template", () => {
    const size = (replicas: number) => successor(deployment({ replicas }), longAgo)
    const template = { "f:replicas": {}, "f:template": { "f:spec": {} } }
    const undone = followed(size(3), size(1), { at: "2026-11-24T09:40:00.000Z" })
    const deleted = followed(size(3), undefined, { at: "2026-11-24T10:05:00.000Z" })
    const [sooner, since] = ["2026-11-24T09:50:00Z", "2026-11-24T10:07:00Z"]
    const rows: ReadonlyArray<readonly [object, ObjectChange]> = [
      // It has undone the mistake, and a release after that: the API server keeps one entry.
      [writtenByUs(sooner, template), undone],
      // It has created the other one again, which is as old as the one that was deleted.
      [{ ...writtenByUs(since, template), creationTimestamp: since }, deleted],
      [{ ...writtenByUs(since), creationTimestamp: since }, deleted]
    ]
    for (const [ours, mistake] of rows) {
      assert.deepStrictEqual(besideOurs(ours, mistake), ["replaced"])
      assert.deepStrictEqual(besideOurs(ours, mistake, {}), ["replaced"])
      assert.deepStrictEqual(besideOurs(ours, mistake, { to: "2026-11-23T09:00:00.000Z" }), [])
    }
    // A release of its template alone says nothing about the size.
    const released = writtenByUs(sooner, { "f:template": {} })
    assert.deepStrictEqual(besideOurs(released, undone, {}), [])
  })

  it("that was scaled to zero or deleted is back beside a canary that was released lately, and asks where its size was changed", () => {
    const [before, now] = [deployment({ replicas: 3 }), deployment({ replicas: 0 })]
    const fieldsV1 = { "f:spec": { "f:replicas": {}, "f:template": { "f:spec": {} } } }
    for (const manager of ["helm", "argocd-controller", "kubectl-client-side-apply"]) {
      const canary = successor(web, longAgo, { managedFields: [{ manager, time: lately, fieldsV1 }] })
      const size = (replicas: number) => ({ ...canary, spec: deployment({ replicas })["spec"] })
      const scaled = (later: ReadonlyArray<ObjectChange>) =>
        rulesOf(recorded(before, now), now, { related: [canary], later })
      const by = (kind: "person" | "controller") => followed(size(1), size(3), { by: { kind, name: "x" } })
      assert.deepStrictEqual(scaled([]), [], manager)
      assert.deepStrictEqual(again(web, canary), [], manager)
      assert.deepStrictEqual(scaled([by("controller")]), [], manager)
      assert.deepStrictEqual(scaled([by("person")]), ["replaced"], manager)
    }
  })

  it("that was created again before it was deleted asks where another one is younger than the first of its name", () => {
    const deleted = deployment({}, { creationTimestamp: "2026-11-24T09:30:00Z" })
    const beside = (bornAt?: "2026-06-01T00:00:00.000Z") =>
      rulesOf(recorded(deleted, undefined), undefined, {
        related: [v2({}, "2026-11-23T08:00:00Z")],
        ...(bornAt === undefined ? {} : { bornAt })
      })
    assert.deepStrictEqual(beside("2026-06-01T00:00:00.000Z"), ["replaced"])
    assert.deepStrictEqual(beside(), [])
  })

  it("says of one that Kubernaut has put back or scaled only that it may be the successor", () => {
    const [before, now] = [deployment({ replicas: 3 }), deployment({ replicas: 0 })]
    const ours = writtenByUs("2026-11-24T09:50:00Z", { "f:replicas": {} })
    const result = planBack(recorded(before, now), now, {
      related: [successor(deployment({ replicas: 3 }), longAgo, ours)],
      historyGaps: [{ kind: "Deployment", from: null, to: null, reason: "not-started" }]
    })
    assert.include(
      result._tag === "Plan" ? result.asks[0]?.message : "",
      "Deployment shop/web-v2 may have taken the place of Deployment shop/checkout, and was put back or scaled by Kubernaut, which may have no record of who created or changed it before"
    )
  })

  it("names its successor to the person who is asked", () => {
    const result = planBack(recorded(web, undefined), undefined, { related: [v2()] })
    assert.deepStrictEqual(result._tag === "Plan" ? result.asks[0]?.figures : undefined, {
      successor: "Deployment shop/web-v2"
    })
  })

  it("asks where what may have replaced it may not be read", () => {
    assert.deepStrictEqual(rulesOf(recorded(web, undefined), undefined, { unread: ["DaemonSet"] }), ["unread"])
  })
})

const ingress = (host: string, path = "/", annotations: object = {}) =>
  made("Ingress", { spec: { rules: [{ host, http: { paths: [{ path }] } }] } }, { annotations })
const route = (host: string, value = "/") =>
  made("HTTPRoute", {
    spec: { hostnames: [host], parentRefs: [{ name: "edge" }], rules: [{ matches: [{ path: { value } }] }] }
  })
const budget = (selector: object) => made("PodDisruptionBudget", { spec: { selector: { matchLabels: selector } } })
const policy = (selector: object) => made("NetworkPolicy", { spec: { podSelector: { matchLabels: selector } } })
const policed = (spec: object) => {
  const types = Object.keys(spec).map((direction) => (direction === "egress" ? "Egress" : "Ingress"))
  return made("NetworkPolicy", { spec: { podSelector: {}, policyTypes: types, ...spec } })
}
const quota = (line: string) => made("ResourceQuota", { spec: { hard: { [line]: "9" } } })
const range = (type: string) => made("LimitRange", { spec: { limits: [{ type }] } })
const cron = (schedule: string, image: string, ...args: ReadonlyArray<string>) =>
  made("CronJob", {
    spec: { schedule, jobTemplate: { spec: { template: { spec: { containers: [{ name: "a", image, args }] } } } } }
  })

const rows: ReadonlyArray<
  readonly [kind: string, deleted: KubernetesObject, rival: KubernetesObject, other: KubernetesObject]
> = [
  ["Ingress of a host and path", ingress("a"), ingress("a"), ingress("a", "/other")],
  [
    "Ingress of a host, and not a canary",
    ingress("a"),
    ingress("a"),
    ingress("a", "/", { "nginx.ingress.kubernetes.io/canary": "true" })
  ],
  [
    "Ingress of a host in one class",
    ingress("a", "/", { "kubernetes.io/ingress.class": "public" }),
    ingress("a", "/", { "kubernetes.io/ingress.class": "public" }),
    ingress("a", "/", { "kubernetes.io/ingress.class": "internal" })
  ],
  ["route of a host and path", route("a"), route("a"), route("b")],
  ["route of a path", route("a"), route("a"), route("a", "/other")],
  ["disruption budget of the same pods", budget({ app: "a" }), budget({ app: "a" }), budget({ app: "b" })],
  ["policy of the same pods", policy({ app: "a" }), policy({ app: "a" }), policy({ app: "b" })],
  ["policy of the same direction", policed({ egress: [{}] }), policed({ egress: [{}] }), policed({ ingress: [{}] })],
  [
    "policy that denies the same",
    policed({ policyTypes: ["Ingress", "Egress"] }),
    policed({ policyTypes: ["Egress"] }),
    policed({ policyTypes: ["Egress"], egress: [{ ports: [{ port: 53 }] }] })
  ],
  ["quota of the same line", quota("pods"), quota("pods"), quota("services")],
  ["quota of the same line by its other name", quota("cpu"), quota("requests.cpu"), quota("limits.cpu")],
  ["quota of the same count", quota("pods"), quota("count/pods"), quota("count/pods.metrics.k8s.io")],
  ["range of the same type", range("Pod"), range("Pod"), range("Container")],
  ["CronJob of the same work", cron("@daily", "r:1", "a"), cron("@daily", "r:2", "a"), cron("@daily", "r:1", "b")],
  ["CronJob of the same time", cron("@daily", "r:1"), cron("@daily", "r:1"), cron("@hourly", "r:1")]
]

describe("an object that was deleted", () => {
  it.each(rows)("asks where there is another %s", (_, deleted, rival, other) => {
    assert.deepStrictEqual(again(deleted, successor(rival)), ["replaced"])
    assert.deepStrictEqual(again(deleted, successor(other)), [])
  })

  const together = rows.filter(([, { kind }]) => kind !== "PodDisruptionBudget")

  it.each(together)("is created again beside an older %s: they were there together", (_, deleted, rival) => {
    assert.deepStrictEqual(again(deleted, successor(rival, longAgo)), [])
  })

  it.each(together)(
    "is created again beside another %s of the same setup, and asks beside a later one",
    (_, ...both) => {
      const deleted = { ...both[0], metadata: { ...both[0].metadata, creationTimestamp: "2026-11-22T08:00:00Z" } }
      for (const time of ["2026-11-21T08:00:00Z", "2026-11-22T07:59:00Z", "2026-11-22T08:01:00Z"])
        assert.deepStrictEqual(again(deleted, successor(both[1], time)), [])
      for (const time of ["2026-11-22T08:02:00Z", "2026-11-22T08:09:00Z", "2026-11-23T08:00:00Z"])
        assert.deepStrictEqual(again(deleted, successor(both[1], time)), ["replaced"])
    }
  )

  it.each(together.filter(([, { kind }]) => kind !== "NetworkPolicy"))(
    "asks beside another %s that Kubernaut has put back since, as before that",
    (_, deleted, rival) => {
      const time = "2026-11-24T10:05:00Z"
      const back = successor(rival, time, { managedFields: [{ manager: "kubernaut", time }] })
      const beside = (...born: ReadonlyArray<string>) =>
        rulesOf(recorded(deleted, undefined), undefined, {
          related: [back],
          history: born.map((created) => followed(successor(rival, created), undefined))
        })
      assert.deepStrictEqual(beside("2026-11-20T00:00:00Z"), ["replaced"])
      assert.deepStrictEqual(beside(longAgo), [])
      assert.deepStrictEqual(beside(), ["replaced"])
    }
  )

  it("asks where another budget is about pods of the same workload, whatever their selectors are", () => {
    const both = [
      successor(budget({ tier: "front" }), longAgo),
      deployment({ template: template("a", {}, { tier: "front" }) })
    ]
    assert.deepStrictEqual(again(budget({ app: "checkout" }), ...both), ["replaced"])
    assert.deepStrictEqual(again(budget({ app: "checkout" }), both[0]!), [])
  })

  it.each(["Service", "ConfigMap", "ServiceAccount"])(
    "such as a %s is created again beside one of another name",
    (kind) => {
      const object = made(kind, { spec: { selector: { app: "checkout" } } })
      assert.deepStrictEqual(again(object, successor(object)), [])
    }
  )
})

describe("fields that are put back", () => {
  const [before, now] = [ingress("a"), ingress("b")]
  const rules = (...related: ReadonlyArray<KubernetesObject>) => rulesOf(recorded(before, now), now, { related })

  it("ask where another Ingress was given a host that was given up, at its creation or since", () => {
    const changed = (field: string) => ({
      managedFields: [{ manager: "kubectl", time: lately, fieldsV1: { [field]: {} } }]
    })
    assert.deepStrictEqual(rules(successor(ingress("a"))), ["replaced"])
    assert.deepStrictEqual(rules(successor(ingress("a"), longAgo, changed("f:spec"))), ["replaced"])
    assert.deepStrictEqual(rules(successor(ingress("b"))), [])
  })

  it("do not ask about an Ingress of the same host that was there with the earlier state", () => {
    const managedFields = [
      { manager: "nginx", subresource: "status", time: lately, fieldsV1: { "f:status": {} } },
      { manager: "cert-manager", time: lately, fieldsV1: { "f:metadata": {} } },
      { manager: "kubectl", time: longAgo, fieldsV1: { "f:spec": {} } }
    ]
    assert.deepStrictEqual(rules(successor(ingress("a"), longAgo)), [])
    assert.deepStrictEqual(rules(successor(ingress("a"), longAgo, { managedFields })), [])
  })

  it("do not ask about an Ingress of the same host that Kubernaut or a controller has written", () => {
    const [other, broken] = [successor(ingress("a"), longAgo), successor(ingress("c"), longAgo)]
    const beside = (manager: string, ...history: ReadonlyArray<ObjectChange>) => {
      const managedFields = [{ manager, time: lately, fieldsV1: { "f:spec": {} } }]
      const related = [successor(ingress("a"), longAgo, { managedFields })]
      return rulesOf(recorded(before, now), now, { related, history })
    }
    for (const manager of ["kubernaut", "kube-controller-manager"])
      assert.deepStrictEqual(beside(manager, followed(other, broken)), [])
    // It was given the host before it was broken.
    const given = followed(broken, other, { at: "2026-11-24T09:00:00.000Z" })
    assert.deepStrictEqual(beside("kubernaut", given, followed(other, broken)), ["replaced"])
    assert.deepStrictEqual(beside("kubernaut"), ["replaced"])
  })

  it("are not those of an autoscaler whose earlier workload another one scales", () => {
    const scaling = (name: string) =>
      made("HorizontalPodAutoscaler", { spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name } } })
    const related = [deployment(), successor(scaling("checkout"), longAgo)]
    assert.deepStrictEqual(rulesOf(recorded(scaling("checkout"), scaling("y")), scaling("y"), { related }), [
      "refused autoscaler-owned"
    ])
  })
})
