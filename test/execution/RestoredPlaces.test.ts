/** Each place of an object is compared by itself, and a word is a host by where it stands. */

import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { made, planBack, podOf, recorded } from "./restoring.ts"

const refused = ["refused not-restorable"]
const asked = ["fewer-endpoints"]

const service = (name: string, spec: object = { selector: { app: name } }) =>
  made("Service", { spec: { ports: [{ port: 80 }], ...spec } }, { name, uid: `uid-service-${name}` })
const external = (name: string, externalName: string) => service(name, { type: "ExternalName", externalName })
const workload = (name: string, change: object = {}): KubernetesObject => {
  const object = deployment({ template: template("app:3", change, { app: name }) })
  return { ...object, metadata: { ...object.metadata, name, uid: `uid-${name}` } }
}
const unready = (name: string) => podOf(`${name}-unready`, { app: name }, {}, "False")

/** Service green has two ready pods, and blue has none any more. */
const moved = [service("blue"), service("green"), podOf("g1", { app: "green" }), podOf("g2", { app: "green" })]

const says = (before: KubernetesObject, now: KubernetesObject, objects: object = { related: moved }) => {
  const result = planBack(recorded(before, now), now, objects)
  return result._tag === "PlanRefusal"
    ? { rules: [`refused ${result.rule}`], message: result.message }
    : { rules: result.asks.map(({ rule }) => rule as string), message: result.asks[0]?.message ?? "" }
}

const config = (text: string, key = "app.yaml") => made("ConfigMap", { data: { [key]: text } })
const variables = (values: Readonly<Record<string, string>>) =>
  deployment({
    template: template("app:3", {
      containers: [{ name: "app", env: Object.entries(values).map(([name, value]) => ({ name, value })) }]
    })
  })
const custom = (kind: string, spec: object): KubernetesObject => ({
  ...made(kind, { spec }),
  apiVersion: "example.com/v1"
})
const backend = (name: string) => ({ service: { name, port: { number: 80 } } })
const ingress = (root: string, beta: string) =>
  made("Ingress", {
    spec: {
      rules: [
        {
          host: "a",
          http: {
            paths: [
              { path: "/", backend: backend(root) },
              { path: "/beta", backend: backend(beta) }
            ]
          }
        }
      ]
    }
  })
const httpRoute = (root: string, beta: string) =>
  made("HTTPRoute", {
    spec: {
      rules: [
        { matches: [{ path: { value: "/beta" } }], backendRefs: [{ name: beta, port: 80 }] },
        { matches: [{ path: { value: "/" } }], backendRefs: [{ name: root, port: 80 }] }
      ]
    }
  })
const virtual = (root: string, beta: string) =>
  custom("VirtualService", {
    http: [
      { match: [{ uri: { prefix: "/beta" } }], route: [{ destination: { host: beta } }] },
      { route: [{ destination: { host: root } }] }
    ]
  })

describe.each<readonly [string, (one: string, other: string) => KubernetesObject]>([
  ["the paths of an Ingress", ingress],
  ["the matches of an HTTPRoute", httpRoute],
  ["the matches of a VirtualService", virtual],
  [
    "the routes of an IngressRoute",
    (one, other) =>
      custom("IngressRoute", {
        routes: [one, other].map((name, index) => ({ match: `Host(${index})`, services: [{ name, port: 80 }] }))
      })
  ],
  ["variables", (one, other) => variables({ WRITE_HOST: one, READ_HOST: other })],
  ["lines of a ConfigMap", (one, other) => config(`primary: ${one}\nreplica: ${other}\n`)],
  ["equal lines of two sections", (one, other) => config(`primary:\n  host: ${one}\nreplica:\n  host: ${other}\n`)],
  ["equal lines of two sections of an ini", (one, other) => config(`[primary]\nhost=${one}\n[replica]\nhost=${other}`)],
  ["items of a list", (one, other) => config(`- name: a\n  host: ${one}\n- name: b\n  host: ${other}\n`)],
  ["values of one line", (one, other) => config(`log: info\ndsn: write_host=${one} read_host=${other}\n`)],
  ["fields of JSON in one line", (primary, replica) => config(JSON.stringify({ primary, replica }), "app.json")],
  ["keys of a ConfigMap", (primary, replica) => made("ConfigMap", { data: { "primary.host": primary, replica } })]
])("two hosts that somebody has swapped in %s", (_, object) => {
  it("are not swapped back, where the earlier one has no ready pod any more", () => {
    const { message, rules } = says(object("blue", "green"), object("green", "blue"))
    assert.deepStrictEqual(rules, refused)
    assert.include(message, "A part of")
    assert.include(message, "leads to 2 ready pods now, and its earlier state would lead to 0 (app=blue)")
  })

  it("are swapped back where both serve", () => {
    const related = [...moved, podOf("b1", { app: "blue" }), podOf("b2", { app: "blue" })]
    assert.deepStrictEqual(says(object("blue", "green"), object("green", "blue"), { related }).rules, [])
  })
})

describe("a place", () => {
  it("asks where the order of its hosts differs, and one has no ready pod", () => {
    const list = (one: string, other: string) => config(`hosts: http://${one}:80,http://${other}:80\n`)
    const { message, rules } = says(list("blue", "green"), list("green", "blue"))
    assert.deepStrictEqual(rules, asked)
    assert.include(message, "its earlier state also leads to Service shop/blue, which has none")
    assert.deepStrictEqual(says(list("blue", "green"), list("blue", "gren")).rules, [])
  })

  it("may get another name, or another rule before it", () => {
    assert.deepStrictEqual(says(config("db: blue\nlog: a"), config("database_host: blue\nlog: b")).rules, [])
    const rule = { match: [{ uri: { prefix: "/x" } }], route: [{ destination: { host: "green" } }] }
    const blue = { route: [{ destination: { host: "blue" } }] }
    const [before, now] = [[blue], [rule, blue]].map((http) => custom("VirtualService", { http }))
    assert.deepStrictEqual(says(before!, now!).rules, [])
    assert.deepStrictEqual(says(config('{"host":"blue"}'), config('{"host":"blue"')).rules, [])
  })

  it("is the same where an item was added before it", () => {
    const hosts = (...names: ReadonlyArray<string>) => names.map((name) => `- host: ${name}\n  port: 80`).join("\n")
    assert.deepStrictEqual(says(config(hosts("blue", "green")), config(hosts("green", "blue", "green"))).rules, [])
    const items = (...names: ReadonlyArray<string>) =>
      custom("Pool", { servers: names.map((host) => ({ host, port: 80 })) })
    assert.deepStrictEqual(says(items("blue", "green"), items("green", "blue", "green")).rules, [])
  })

  it("says of shares what differs", () => {
    const split = (one: number, other: number) =>
      custom("VirtualService", {
        http: [
          {
            route: [
              { destination: { host: "blue" }, weight: one },
              { destination: { host: "green" }, weight: other }
            ]
          }
        ]
      })
    const { message, rules } = says(split(95, 5), split(5, 95))
    assert.deepStrictEqual(rules, refused)
    assert.include(message, "sends a larger share to 2 ready pods now, and its earlier state would send it to 0")
  })

  it("asks where a canary of NGINX would get requests again, and has no ready pod", () => {
    const canary = (weight: string): KubernetesObject => {
      const object = ingress("blue", "blue")
      const prefix = "nginx.ingress.kubernetes.io/canary"
      return {
        ...object,
        metadata: { ...object.metadata, annotations: { [prefix]: "true", [`${prefix}-weight`]: weight } }
      }
    }
    assert.deepStrictEqual(says(canary("100"), canary("0")).rules, asked)
    assert.deepStrictEqual(says(canary("0"), canary("100")).rules, [])
  })

  it("is read also behind the first 2000 characters of a line", () => {
    for (const text of [
      (name: string) => JSON.stringify({ pad: "x ".repeat(1100), primary: name }),
      (name: string) => `pad="${"x ".repeat(1100)}" primary=${name}`
    ])
      assert.deepStrictEqual(says(config(text("blue"), "a"), config(text("green"), "a")).rules, refused)
  })
})

describe("a Service that selects pods", () => {
  it("is not put back in place of a host whose Service serves", () => {
    const now = external("blue", "green.shop.svc.cluster.local")
    assert.deepStrictEqual(says(service("blue"), now).rules, refused)
    assert.deepStrictEqual(says(service("blue"), now, { related: [...moved, podOf("b", { app: "blue" })] }).rules, [])
  })

  it("asks to be put back in place of a host elsewhere, where it has no ready pod", () => {
    const now = external("blue", "prod.abc.rds.amazonaws.com")
    assert.deepStrictEqual(says(service("blue"), now).rules, asked)
    assert.deepStrictEqual(says(service("blue"), now, { related: [podOf("b", { app: "blue" })] }).rules, [])
  })
})

describe("a word that is the name of a Service", () => {
  const name = (value: string) => config(`spring:\n  application:\n    name: ${value}\n`)
  const reading = { volumes: [{ name: "config", configMap: { name: "x" } }] }

  it("is no host in the fields of its own workload, or in the ConfigMap that it reads", () => {
    const [before, now] = [variables({ SERVICE_NAME: "checkout" }), variables({ SERVICE_NAME: "green" })]
    const related = [...moved, service("checkout"), unready("checkout")]
    assert.deepStrictEqual(says(before, now, { related }).rules, [])
    const target = workload("blue", reading)
    assert.deepStrictEqual(
      says(name("blue"), name("green"), { related: [...moved, unready("blue")], target }).rules,
      []
    )
  })

  it("asks where it may be no host", () => {
    const { message, rules } = says(name("blue"), name("green"))
    assert.deepStrictEqual(rules, asked)
    assert.include(message, "names Services with 2 ready pods now, and its earlier state those with 0 (app=blue)")
    for (const text of [
      (value: string) => `name: ${value}`,
      (value: string) => `server.name: ${value}`,
      (value: string) => `DB_USER: ${value}`,
      (value: string) => `security: ${value}`,
      (value: string) => `image: ${value}:12`,
      (value: string) => `tag: ${value}:1`,
      (value: string) => `tracing:\n  service: ${value}`
    ])
      assert.deepStrictEqual(says(config(`${text("blue")}\n`), config(`${text("green")}\n`)).rules, asked)
  })

  it("is a host by its key, or as a part of an address", () => {
    for (const text of [
      (value: string) => `host: ${value}`,
      (value: string) => `a: http://${value}`,
      (value: string) => `a: ${value}:80`,
      (value: string) => `a: user@${value}/orders`,
      (value: string) => `a: ${value}.shop.svc.cluster.local`,
      (value: string) => `server ${value};`,
      (value: string) => `hostname: ${value}`,
      (value: string) => `dbHost1 = "${value}"`,
      (value: string) => `KAFKA_BOOTSTRAP_SERVERS=${value}`
    ])
      assert.deepStrictEqual(says(config(`${text("blue")}\n`), config(`${text("green")}\n`)).rules, refused)
  })

  it("is none in a path, a comment, or a policy", () => {
    for (const text of [
      (value: string) => `url: http://localhost/${value}`,
      (value: string) => `# it was ${value}`,
      (value: string) => `file: /etc/${value}/x`
    ])
      assert.deepStrictEqual(says(config(`${text("blue")}\na: 1`), config(`${text("green")}\na: 2`)).rules, [])
    const policy = (account: string) => ({
      ...custom("AuthorizationPolicy", {
        rules: [{ from: [{ source: { principals: [`cluster.local/ns/shop/sa/${account}`], hosts: [account] } }] }]
      }),
      apiVersion: "security.istio.io/v1"
    })
    assert.deepStrictEqual(says(policy("blue"), policy("green")).rules, [])
  })

  it("asks where it is one of the target of the alert, which is not ready because of the incident", () => {
    const [before, now] = [ingress("blue", "blue"), ingress("green", "blue")]
    const related = [...moved, unready("blue")]
    const { message, rules } = says(before, now, { related, target: workload("blue") })
    assert.deepStrictEqual(rules, asked)
    assert.include(message, "which may be because of the incident")
    assert.deepStrictEqual(says(before, now, { related, target: workload("green") }).rules, refused)
  })
})
