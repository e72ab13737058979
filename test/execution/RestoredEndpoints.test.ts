import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { followed, made, planBack, podOf, recorded, rulesOf } from "./restoring.ts"

const refused = ["refused not-restorable"]
const asked = ["fewer-endpoints"]

const selecting = (selector: object | undefined, more: object = {}, name = "x") =>
  made(
    "Service",
    { spec: { ...(selector === undefined ? {} : { selector }), ports: [{ port: 80 }], ...more } },
    { name }
  )
const blue = { app: "web", color: "blue" }
const green = { app: "web", color: "green" }
const pods = (labels: { readonly color: string }, ready: number, unready = 0) => [
  ...Array.from({ length: ready }, (_, index) => podOf(`${labels.color}-${index}`, labels)),
  ...Array.from({ length: unready }, (_, index) => podOf(`${labels.color}-not-${index}`, labels, {}, "False"))
]
const workload = (labels: object) => deployment({ template: template("app:3", {}, labels as never) })

describe("the earlier selector of a Service", () => {
  const change = recorded(selecting(blue), selecting(green))
  const rules = (related: ReadonlyArray<KubernetesObject>, more: object = {}) =>
    rulesOf(change, selecting(green), { related, ...more })

  it("is not put back where it selects no ready pod, and the present one selects some", () => {
    assert.deepStrictEqual(rules(pods(green, 2)), refused)
    assert.deepStrictEqual(rules([...pods(green, 1), ...pods(blue, 0, 3)], { target: workload(green) }), refused)
    const result = planBack(change, selecting(green), { related: pods(green, 2) })
    assert.include(result._tag === "PlanRefusal" ? result.message : "", "leads to 2 ready pods now")
  })

  it("asks where its pods may be those of the alert, which are not ready because of the incident", () => {
    const unready = [...pods(green, 1), ...pods(blue, 0, 3)]
    assert.deepStrictEqual(rules(unready, { target: workload(blue) }), asked)
    assert.deepStrictEqual(rules(unready), asked)
  })

  it("is put back where the present one selects no ready pod", () => {
    assert.deepStrictEqual(rules(pods(blue, 2)), [])
    assert.deepStrictEqual(rules([...pods(blue, 1), ...pods(green, 0, 2)]), [])
    assert.deepStrictEqual(rules([]), [])
  })

  it("is put back where it selects as many ready pods, also if they are not all there are", () => {
    assert.deepStrictEqual(rules([...pods(blue, 2), ...pods(green, 2)], { target: workload(green) }), [])
    assert.deepStrictEqual(rules([...pods(blue, 2, 1), ...pods(green, 2)]), [])
  })

  it("is put back where a mistake has sent the Service to a larger workload", () => {
    assert.deepStrictEqual(rules([...pods(blue, 2), ...pods(green, 9)], { target: workload(blue) }), [])
    assert.deepStrictEqual(rules([...pods(blue, 2), ...pods(green, 9)]), [])
  })

  it("asks where fewer pods would serve the target of the alert, or not all of them are ready", () => {
    assert.deepStrictEqual(rules([...pods(blue, 1), ...pods(green, 2)], { target: workload(green) }), asked)
    assert.deepStrictEqual(rules([...pods(blue, 1, 1), ...pods(green, 2)]), asked)
  })

  it("asks where fewer pods would serve, and somebody has changed their workload since", () => {
    const around = [...pods(blue, 1), ...pods(green, 2)]
    const scaled = { ...workload(blue), metadata: { ...workload(blue).metadata, name: "blue" } }
    const later = [followed(scaled, scaled)]
    assert.deepStrictEqual(rules([...around, scaled], { later }), asked)
    assert.deepStrictEqual(rules([...around, scaled]), [])
  })

  it("counts neither pods of another namespace, nor those that have ended or are being deleted", () => {
    const [ended, leaving, elsewhere] = pods(blue, 3) as [KubernetesObject, KubernetesObject, KubernetesObject]
    const others = [
      { ...ended, status: { ...(ended["status"] as object), phase: "Succeeded" } },
      { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: "2026-11-24T10:00:00Z" } },
      { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: "other" } }
    ]
    assert.deepStrictEqual(rules([...others, ...pods(green, 1)]), refused)
  })

  it("asks where the pods may not be read", () => {
    assert.deepStrictEqual(rules([], { unread: ["Pod"] }), ["unread"])
  })

  it.each([
    ["had none", selecting(undefined)],
    ["led to a host", selecting(undefined, { type: "ExternalName", externalName: "web.example" })]
  ])("asks where the Service %s, and leads to ready pods now", (_, before) => {
    const now = selecting(green)
    assert.deepStrictEqual(rulesOf(recorded(before, now), now, { related: pods(green, 1) }), asked)
    assert.deepStrictEqual(rulesOf(recorded(before, now), now, { related: pods(green, 0, 1) }), [])
  })
})

describe("the earlier port of a Service", () => {
  const to = (targetPort: unknown) => selecting(blue, { ports: [{ name: "http", port: 80, targetPort }] })
  const listening = (...ports: ReadonlyArray<object>) => [
    podOf("a", blue, { containers: [{ name: "app", ...(ports.length === 0 ? {} : { ports }) }] })
  ]
  const rules = (before: unknown, now: unknown, ...ports: ReadonlyArray<object>) =>
    rulesOf(recorded(to(before), to(now)), to(now), { related: listening(...ports) })

  it("is not put back by a name that no pod has any more", () => {
    assert.deepStrictEqual(rules("web", "http", { name: "http", containerPort: 8080 }), refused)
    assert.deepStrictEqual(rules("web", 8080, { name: "http", containerPort: 8080 }), refused)
  })

  it("asks about a number that no pod declares any more", () => {
    assert.deepStrictEqual(rules(8080, 9090, { containerPort: 9090 }), asked)
  })

  it("is put back where the pods have it, or the present one is not theirs either", () => {
    assert.deepStrictEqual(rules(8080, 9999, { containerPort: 8080 }), [])
    assert.deepStrictEqual(rules("http", "htpp", { name: "http", containerPort: 8080 }), [])
    assert.deepStrictEqual(rules(8080, 9999, { containerPort: 7000 }), [])
    assert.deepStrictEqual(rules(8080, 9999), [])
    assert.deepStrictEqual(rules("http", "htpp"), [])
  })
})

const ingress = (service: string, port: object = { number: 80 }) =>
  made("Ingress", {
    spec: { rules: [{ host: "a", http: { paths: [{ path: "/", backend: { service: { name: service, port } } }] } }] }
  })
const ingressOf = (...names: ReadonlyArray<string>) =>
  made("Ingress", {
    spec: {
      rules: names.map((name, index) => ({
        host: `h${index}`,
        http: { paths: [{ path: "/", backend: { service: { name, port: { number: 80 } } } }] }
      }))
    }
  })
const route = (...backends: ReadonlyArray<readonly [service: string, weight: number]>) =>
  made("HTTPRoute", {
    spec: { rules: [{ backendRefs: backends.map(([name, weight]) => ({ name, port: 80, weight })) }] }
  })
const services = [selecting(blue, {}, "blue"), selecting(green, {}, "green")]

describe.each([
  ["an Ingress", ingress("blue"), ingress("green")],
  ["an HTTPRoute", route(["blue", 1]), route(["green", 1])],
  ["an HTTPRoute, by weights", route(["blue", 100], ["green", 0]), route(["blue", 0], ["green", 100])]
])("the earlier Service of %s", (_, before, now) => {
  const rules = (...related: ReadonlyArray<KubernetesObject>) => rulesOf(recorded(before, now), now, { related })

  it("is not put back where it does not exist", () => {
    assert.deepStrictEqual(rules(services[1]!, ...pods(green, 1)), refused)
    assert.deepStrictEqual(rules(services[1]!), refused)
  })

  it("is not put back where no ready pod is behind it, and some are behind the present one", () => {
    assert.deepStrictEqual(rules(...services, ...pods(green, 1)), refused)
  })

  it("is put back where it has ready pods, or the present one has none either", () => {
    assert.deepStrictEqual(rules(...services, ...pods(blue, 1), ...pods(green, 1)), [])
    assert.deepStrictEqual(rules(services[0]!, ...pods(blue, 1)), [])
    assert.deepStrictEqual(rules(...services), [])
  })
})

const custom = (kind: string, spec: object) => ({ ...made(kind, { spec }), apiVersion: "example.com/v1" })
const virtual = (...to: ReadonlyArray<readonly [host: string, weight: number]>) =>
  custom("VirtualService", {
    hosts: ["web"],
    http: [{ route: to.map(([host, weight]) => ({ destination: { host }, weight })) }]
  })
const traefik = (name: string) =>
  custom("IngressRoute", { routes: [{ match: "Host(`a.example`)", services: [{ name, port: 80 }] }] })
const external = (name: string) =>
  selecting(undefined, { type: "ExternalName", externalName: `${name}.shop.svc.cluster.local` })
const config = (name: string) => made("ConfigMap", { data: { "app.yaml": `log: info\nbackend: http://${name}:80\n` } })
const variable = (name: string) =>
  deployment({ template: template("app:3", { containers: [{ name: "app", env: [{ name: "URL", value: name }] }] }) })

describe.each([
  ["a weighted HTTPRoute", route(["blue", 95], ["green", 5]), route(["blue", 5], ["green", 95])],
  ["an Ingress, at one of its paths", ingressOf("blue", "blue"), ingressOf("blue", "green")],
  ["a VirtualService", virtual(["blue", 1]), virtual(["green", 1])],
  ["a weighted VirtualService", virtual(["blue", 95], ["green", 5]), virtual(["blue", 5], ["green", 95])],
  ["an IngressRoute of Traefik", traefik("blue"), traefik("green")],
  ["a Service of type ExternalName", external("blue"), external("green")],
  ["a ConfigMap", config("blue"), config("green")],
  ["a workload, by a variable", variable("http://blue"), variable("http://green:80/")]
])("what %s led to", (_, before, now) => {
  const rules = (related: ReadonlyArray<KubernetesObject>, more: object = {}) =>
    rulesOf(recorded(before, now), now, { related, ...more })

  it("is not put back where no ready pod is behind it, and some are behind the present Service", () => {
    assert.deepStrictEqual(rules([...services, ...pods(green, 3)]), refused)
    assert.deepStrictEqual(rules([...services, ...pods(green, 3), ...pods(blue, 0, 3)]), refused)
  })

  it("asks where fewer pods are behind it, and not all of them are ready", () => {
    assert.deepStrictEqual(rules([...services, ...pods(green, 3), ...pods(blue, 2, 1)]), asked)
  })

  it("is put back where it serves, or neither does", () => {
    assert.deepStrictEqual(rules([...services, ...pods(green, 3), ...pods(blue, 3)]), [])
    assert.deepStrictEqual(rules([...services, ...pods(blue, 1)]), [])
    assert.deepStrictEqual(rules(services), [])
  })

  it("asks where the pods may not be read", () => {
    assert.deepStrictEqual(rules(services, { unread: ["Pod"] }), ["unread"])
  })
})

describe("an earlier host", () => {
  const rules = (before: KubernetesObject, now: KubernetesObject, objects: object = {}) =>
    rulesOf(recorded(before, now), now, objects)
  const workloadOf = (replicas: number): KubernetesObject => {
    const object = deployment({ replicas, template: template("app:3", {}, blue as never) })
    return { ...object, metadata: { ...object.metadata, name: "blue", uid: "uid-blue" } }
  }
  const later = [followed(workloadOf(3), workloadOf(0))]

  it("is put back in place of a name that no Service has", () => {
    assert.deepStrictEqual(rules(config("blue"), config("bleu"), { related: [...services, ...pods(blue, 1)] }), [])
    assert.deepStrictEqual(
      rules(virtual(["blue", 1]), virtual(["bleu", 1]), { related: [...services, ...pods(blue, 1)] }),
      []
    )
  })

  it("asks where it has no ready pod, and what serves now is no known Service, whenever the pods went", () => {
    const related = [...services, workloadOf(0)]
    for (const [before, now] of [
      [config("blue"), config("web.example.com")],
      [variable("blue"), variable("db.abc.eu-west-1.rds.amazonaws.com")]
    ] as const) {
      assert.deepStrictEqual(rules(before, now, { related, later }), asked)
      assert.deepStrictEqual(rules(before, now, { related }), asked)
      assert.deepStrictEqual(rules(before, now, { related: [...related, ...pods(blue, 1)], later }), [])
    }
  })

  it("is not put back by any object once its Service was deleted", () => {
    const gone = [followed(services[0], undefined)]
    for (const [before, now] of [
      [virtual(["blue", 1]), virtual(["green", 1])],
      [external("blue"), external("green")]
    ] as const)
      assert.deepStrictEqual(rules(before, now, { related: [services[1]!, ...pods(green, 1)], later: gone }), refused)
  })

  it("is put back once its Service is there again, also where Kubernaut has created it", () => {
    const later = [followed(services[0], undefined)]
    const related = [...services, ...pods(blue, 1)]
    assert.deepStrictEqual(rules(config("blue"), config("green"), { related, later }), [])
    assert.deepStrictEqual(rules(config("blue"), config("green"), { related: [services[1]!], later }), refused)
  })

  it("is no word that is the same before and after, or that selects objects", () => {
    const text = (level: string) => made("ConfigMap", { data: { conf: `name: blue\nlevel: ${level}` } })
    const related = [...services, ...pods(green, 3)]
    assert.deepStrictEqual(rules(text("info"), text("green"), { related }), [])
    const guard = (app: string) => custom("AuthorizationPolicy", { selector: { matchLabels: { app } } })
    assert.deepStrictEqual(rules(guard("blue"), guard("green"), { related }), [])
    assert.deepStrictEqual(rules(config("blue"), config("red"), { unread: ["Service"] }), ["unread"])
    assert.deepStrictEqual(
      rules(made("ConfigMap", { data: { pool: "5" } }), made("ConfigMap", { data: { pool: "50" } }), {
        unread: ["Service"]
      }),
      []
    )
  })

  it("is one of a subset of pods as well, by its name, and asks where no label of a pod has that", () => {
    const subset = (...to: ReadonlyArray<readonly [subset: string, weight: number]>) =>
      custom("VirtualService", {
        http: [{ route: to.map(([name, weight]) => ({ destination: { host: "web", subset: name }, weight })) }]
      })
    const web = selecting({ app: "web" }, {}, "web")
    for (const [before, now] of [
      [subset(["blue", 1]), subset(["green", 1])],
      [subset(["blue", 95], ["green", 5]), subset(["blue", 5], ["green", 95])]
    ] as const) {
      assert.deepStrictEqual(rules(before, now, { related: [web, ...pods(green, 2)] }), asked)
      assert.deepStrictEqual(rules(before, now, { related: [web, ...pods(green, 2), ...pods(blue, 0, 1)] }), refused)
      assert.deepStrictEqual(rules(before, now, { related: [web, ...pods(green, 2), ...pods(blue, 1, 1)] }), asked)
      assert.deepStrictEqual(rules(before, now, { related: [web, ...pods(green, 2), ...pods(blue, 2)] }), [])
    }
    const [typo, stable] = [subset(["bleu", 1]), subset(["stable", 1])]
    assert.deepStrictEqual(rules(subset(["blue", 1]), typo, { related: [web, ...pods(blue, 1)] }), [])
    assert.deepStrictEqual(rules(stable, typo, { related: [web, ...pods(blue, 1)] }), asked)
    const result = planBack(recorded(stable, subset(["green", 1])), subset(["green", 1]), {
      related: [web, ...pods(green, 2), podOf("p", { app: "web", track: "prod" })]
    })
    assert.include(
      result._tag === "Plan" ? result.asks[0]!.message : "",
      "leads to subset stable of Service shop/web. Which pods those are is unknown"
    )
  })

  it("asks where one of several Services has no ready pod", () => {
    const red = selecting({ app: "red" }, {}, "red")
    const [before, now] = [route(["blue", 1], ["red", 1]), route(["green", 1])]
    const related = [...services, red, ...pods(green, 1), ...pods(blue, 3)]
    assert.deepStrictEqual(rules(before, now, { related }), asked)
    assert.deepStrictEqual(rules(before, now, { related: [...related, podOf("red", { app: "red" })] }), [])
  })
})

describe("the earlier port of an Ingress", () => {
  it("is not put back where the Service does not have it any more", () => {
    const rules = (before: object, now: object) =>
      rulesOf(recorded(ingress("blue", before), ingress("blue", now)), ingress("blue", now), { related: services })
    assert.deepStrictEqual(rules({ number: 8080 }, { number: 80 }), refused)
    assert.deepStrictEqual(rules({ name: "web" }, { number: 80 }), refused)
    assert.deepStrictEqual(rules({ number: 80 }, { number: 8080 }), [])
  })
})

describe("the earlier labels of pods", () => {
  it("ask where a Service selects the pods by the present ones only", () => {
    const [before, now] = [workload({ color: "blue" }), workload({ color: "green" })]
    const rules = (...related: ReadonlyArray<KubernetesObject>) => rulesOf(recorded(before, now), now, { related })
    assert.deepStrictEqual(rules(selecting({ color: "green" })), asked)
    assert.deepStrictEqual(rules(selecting({ color: "blue" }), selecting({ app: "checkout" })), [])
  })
})
